"""The shop's API on loopback: five tables, five ways of paging, and faults that can be relied upon.

| path | pages by | parameters | records at |
|---|---|---|---|
| `/orders` | number | `page`, `page_size` | `data` |
| `/items` | a link in the body, `next` | `limit` | `results` |
| `/customers` | a token, `next_cursor` | `cursor`, `limit` | `customers` |
| `/products` | a Link header | `page`, `limit` | the body |
| `/refunds` | offset | `offset`, `limit` | `refunds` |

Each takes `updated_since` (at or after) and answers in the order of `updated_at` and key.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from headrace.labs.misbehaviour import Misbehaviour
from headrace.labs.shop import TABLES, Row, Shop

if TYPE_CHECKING:
    from types import TracebackType

PAGE = 100
LARGEST_PAGE = 500
BAD_TOTAL = "12,50 EUR"


class Request(NamedTuple):
    """A line of the journal: seconds since the API started, the path with its query, and the status it was answered with."""

    at: float
    path: str
    status: int


class Answer(NamedTuple):
    """What goes back; a broken answer ends before all of its body is sent."""

    status: int
    body: Any
    headers: tuple[tuple[str, str], ...] = ()
    broken: bool = False


class Api:
    """Serves a shop while the `with` block runs; set `day` to move the data on."""

    def __init__(
        self,
        shop: Shop,
        misbehaviour: Misbehaviour | None = None,
        *,
        token: str = "open-sesame",  # noqa: S107 - guards nothing
    ) -> None:
        self.shop = shop
        self.faults = Misbehaviour() if misbehaviour is None else misbehaviour
        self.token = token
        self.journal: list[Request] = []
        self._lock = threading.Lock()
        self._asked: Counter[str] = Counter()
        self._numbered = self._refused = 0
        self._healed = False
        self._day = 1
        self._tables: dict[str, list[Row]] = {}
        self._started = time.monotonic()
        self._server = _Server(("127.0.0.1", 0), _Conversation)
        self._server.api = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self.day = self._day
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Where it listens, `http://127.0.0.1:PORT`."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def day(self) -> int:
        """The day of the shop that is served."""
        return self._day

    @day.setter
    def day(self, day: int) -> None:
        tables = self.shop.snapshot(day)
        for table, rows in tables.items():
            rows.sort(key=lambda row, key=TABLES[table]: (row["updated_at"], row[key]))  # type: ignore[misc]
        with self._lock:
            self._day, self._tables = day, tables
            self._asked.clear()
            self._numbered = self._refused = 0

    @property
    def bad_order(self) -> int | None:
        """The key of the order whose total is no number."""
        return max(1, self.shop.orders // 2) if self.faults.bad_record else None

    def expected(self, table: str) -> list[Row]:
        """The oracle for what is served now: the rows that can be loaded, by key."""
        rows = [row for row in self._tables[table] if table != "orders" or row["order_id"] != self.bad_order]
        return sorted(rows, key=lambda row: int(row[TABLES[table]]))

    def heal(self) -> None:
        """From now on the dead page answers."""
        self._healed = True

    def answer(self, target: str, authorization: str | None) -> Answer:
        """What a GET of the path and query comes to, faults included; noted in the journal."""
        url = urlsplit(target)
        table = url.path.strip("/")
        with self._lock:
            answer = self._answer(table, dict(parse_qsl(url.query)), authorization)
            self.journal.append(Request(time.monotonic() - self._started, target, answer.status))
        return answer

    def _answer(self, table: str, query: dict[str, str], authorization: str | None) -> Answer:
        if authorization != f"Bearer {self.token}":
            return Answer(401, {"error": "a bearer token is needed"}, (("WWW-Authenticate", "Bearer"),))
        if table not in TABLES or table == "stores":
            return Answer(404, {"error": f"there is no /{table}"})
        try:
            page = _page(table, query)
        except ValueError:
            return Answer(400, {"error": "a parameter is not a whole number, or too small"})
        return self._fault(table, page) or self._serve(table, page, query)

    def _fault(self, table: str, page: _Page) -> Answer | None:
        """The fault that is due, if one is."""
        faults = self.faults
        number = page.start // page.size + 1
        self._numbered += 1
        refuse = faults.too_many_every and self._numbered % faults.too_many_every == 0
        if refuse and self._refused < faults.too_many_at_most:
            self._refused += 1
            return Answer(429, {"error": "too many requests"}, (("Retry-After", "1"),))
        if faults.dead_page == (table, number) and not self._healed:
            return Answer(500, {"error": "this page cannot be read"})
        self._asked[f"{table}/{number}"] += 1
        if faults.error_every and number % faults.error_every == 0 and self._asked[f"{table}/{number}"] == 1:
            return Answer(500, {"error": "try again"})
        return None

    def _serve(self, table: str, page: _Page, query: dict[str, str]) -> Answer:
        since = query.get("updated_since", "")
        rows = [row for row in self._tables[table] if row["updated_at"] >= since]
        total, end = len(rows), page.start + page.size
        first = page.start - (1 if table == "orders" and self.faults.repeated_row and 0 < page.start < total else 0)
        shown = [self._told(table, row) for row in rows[first:end]]
        more = {"updated_since": since} if since else {}
        further = end < total
        if table == "orders":
            body = {"data": shown, "page": page.start // page.size + 1, "pages": -(-total // page.size), "total": total}
            broken = self.faults.truncated and page.start == 2 * page.size and self._asked["orders/3"] == 1
            return Answer(200, body, broken=broken)
        if table == "customers":
            return Answer(200, {"customers": shown, "next_cursor": _token(end) if further else None})
        if table == "refunds":
            return Answer(200, {"refunds": shown, "offset": page.start, "total": total})
        number = page.start // page.size + 1
        link = f"{self.url}/{table}?{urlencode({**more, 'limit': page.size, 'page': number + 1})}" if further else None
        if table == "items":
            return Answer(200, {"results": shown, "next": link})
        return Answer(200, shown, (("Link", f'<{link}>; rel="next"'),) if link else ())

    def _told(self, table: str, row: Row) -> Row:
        return {**row, "total": BAD_TOTAL} if table == "orders" and row["order_id"] == self.bad_order else row


class _Page(NamedTuple):
    start: int
    size: int


def _page(table: str, query: dict[str, str]) -> _Page:
    size = min(LARGEST_PAGE, int(query.get("page_size" if table == "orders" else "limit", PAGE)))
    if table == "customers":
        start = int(query["cursor"].removeprefix("after-")) if query.get("cursor") else 0
    elif table == "refunds":
        start = int(query.get("offset", 0))
    else:
        start = (int(query.get("page", 1)) - 1) * size
    if size < 1 or start < 0:
        raise ValueError(table)
    return _Page(start, size)


def _token(end: int) -> str:
    return f"after-{end}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    api: Api

    def server_bind(self) -> None:
        # Not HTTPServer's, which asks a name server who 127.0.0.1 is.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])


class _Conversation(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    timeout = 30

    def do_GET(self) -> None:
        assert isinstance(self.server, _Server)  # noqa: S101 - for the type checker: only _Server makes conversations
        answer = self.server.api.answer(self.path, self.headers.get("Authorization"))
        body = json.dumps(answer.body, ensure_ascii=False).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in answer.headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if answer.broken else body)
        self.close_connection = self.close_connection or answer.broken

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name for it
        """Nothing: the journal is the log."""
