"""A real HTTP server on loopback that misbehaves as it is told, and keeps a journal of what it was asked."""

import gzip
import json
import threading
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from headrace.retry import Clock


class FakeClock:
    """Time that passes only when somebody sleeps."""

    def __init__(self):
        self.seconds = 0.0
        self.lock = threading.Lock()
        self.slept = []

    def sleep(self, seconds):
        with self.lock:
            self.seconds += seconds
            self.slept.append(seconds)

    def now(self):
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def clock(self):
        return Clock(self.now, lambda: self.seconds, self.sleep, lambda: 0.5)


@dataclass
class Asked:
    """A line of the journal."""

    at: float
    method: str
    path: str
    params: dict
    headers: dict
    body: object = None


@dataclass
class Api:
    """The server's records, its faults (a list of answers to give before the true one, by the page's key), and its journal."""

    url: str
    clock: FakeClock
    records: list = field(default_factory=lambda: [{"id": n, "name": f"n{n}"} for n in range(1, 26)])
    size: int = 5
    faults: dict = field(default_factory=lambda: defaultdict(list))
    always: dict = field(default_factory=dict)
    journal: list = field(default_factory=list)
    routes: dict = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def keys(self):
        return [key_of(asked) for asked in self.journal]


def key_of(asked):
    """What a page is called in the journal: the parameter that tells it from the others."""
    for name in ("page", "offset", "cursor", "after"):
        if name in asked.params:
            return asked.params[name]
    return (asked.body or {}).get("cursor", "first") if isinstance(asked.body, dict) else "first"


@contextmanager
def serving():
    """An API at `api.url` while the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_POST(self):
            self.do_GET()

        def do_GET(self):
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(length)
            form = "form" in (self.headers.get("Content-Type") or "")
            fields = {name: values[-1] for name, values in parse_qs(raw.decode()).items()} if form else None
            body = fields if form else json.loads(raw) if raw else None
            params = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(api.clock.seconds, self.command, parts.path, params, headers, body)
            with api.lock:
                api.journal.append(asked)
                key = key_of(asked)
                fault = api.faults[key].pop(0) if api.faults[key] else api.always.get(key)
            if fault is not None:
                self.misbehave(fault)
                return
            route = api.routes.get(parts.path) or ROUTES[parts.path]
            self.answer(*route(api, asked))  # data, headers and, unless it is 200, the status

        def misbehave(self, fault):
            match fault:
                case "drop":
                    self.connection.close()
                    self.close_connection = True
                case "hang":
                    time.sleep(0.6)
                    self.close_connection = True
                case "cut":
                    self.send_response(200)
                    self.send_header("Content-Length", "1000")
                    self.end_headers()
                    self.wfile.write(b'[{"id": 1}')
                    self.wfile.flush()
                    self.close_connection = True
                case str():
                    self.answer(fault.encode())
                case (status, *rest):
                    self.answer(b'{"error": "try later"}', rest[0] if rest else {}, status)

        def answer(self, data, headers=None, status=200):
            data = data if isinstance(data, bytes) else json.dumps(data).encode()
            self.send_response(status)
            if "gzip" in self.headers.get("Accept-Encoding", "") and len(data) > 50:
                data = gzip.compress(data)
                self.send_header("Content-Encoding", "gzip")
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    api = Api(f"http://127.0.0.1:{server.server_port}", FakeClock())
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _cut(api, start):
    return api.records[start : start + api.size]


def numbered(api, asked):
    page = int(asked.params["page"])
    pages = -(-len(api.records) // api.size)
    return {"data": _cut(api, (page - 1) * api.size), "total": pages}, {}


def offsets(api, asked):
    start, limit = int(asked.params["offset"]), int(asked.params["limit"])
    return {"data": api.records[start : start + limit], "total": len(api.records)}, {}


def linked(api, asked):
    start = int(asked.params.get("after", 0))
    more = start + api.size < len(api.records)
    return {"data": _cut(api, start), "next": f"/json_link?after={start + api.size}" if more else None}, {}


def headed(api, asked):
    start = int(asked.params.get("after", 0))
    more = start + api.size < len(api.records)
    link = f'<{api.url}/header_link?after={start + api.size}>; rel="next", <{api.url}/header_link>; rel="first"'
    return _cut(api, start), {"Link": link if more else f'<{api.url}/header_link>; rel="first"'}


def tokens(api, asked):
    start = int(asked.params.get("cursor") or (asked.body or {}).get("cursor") or 0)
    more = start + api.size < len(api.records)
    return {"data": _cut(api, start), "cursors": {"next": str(start + api.size) if more else None}}, {}


def single(api, asked):
    return api.records, {}


ROUTES = {
    "/page_number": numbered,
    "/offset": offsets,
    "/json_link": linked,
    "/header_link": headed,
    "/cursor": tokens,
    "/single_page": single,
}
