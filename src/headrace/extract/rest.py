"""Streams of an API: pages are fetched ahead by threads and handed over in order, as batches that say where to go on."""

from __future__ import annotations

import contextvars
import json
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from headrace.batch import Batch, Dead
from headrace.errors import PagingStuck, RecordsNotFound, StatementFailed
from headrace.events import PageFetched, Warned, emit
from headrace.extract.http import Http, PageFailed, Policy, Request
from headrace.extract.paging import AUTO_PATHS, Page, Paging, State, detected, fingerprint, paging
from headrace.extract.paths import duckdb_path, literal_path
from headrace.extract.records import Shape, find_selector, records_sql, rows_of
from headrace.extract.shared import shared
from headrace.extract.windows import Window, filled, parameters, window
from headrace.project.apis import SinglePage
from headrace.project.sources import RestStream
from headrace.schema import parse_type
from headrace.sql.exact import literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from headrace.batch import Arrived
    from headrace.cursor import Cursor
    from headrace.project.apis import Client, Paginator
    from headrace.project.sources import Stream
    from headrace.retry import Clock
    from headrace.warehouse.embedded import Embedded

_PAGES, _BYTES, _SECONDS = 50, 8_000_000, 2.0
_DEAD_IN_A_ROW = 3
_FORBIDDEN = (401, 403)


def read(
    stream: Stream, *, cursor: Cursor | None, resume: Mapping[str, Any], local: Embedded, clock: Clock
) -> Iterator[Arrived]:
    """What a stream has past the cursor, or after `resume`, the value of the last batch that is safe.

    Raises RequestFailed, RecordsNotFound or PagingStuck.
    """
    if resume.get("done"):
        return
    api = _Api.of(stream, window(stream.spec.incremental, cursor), local, clock, resume)
    try:
        yield from _batches(api, local, resume)
    finally:
        api.close()


def read_request(stream: Stream, request: Mapping[str, Any], *, local: Embedded, clock: Clock) -> Batch:
    """One dead request again, as the batch it should have been; it moves no cursor. Raises RequestFailed."""
    api = _Api.of(stream, Window(**request["window"]), local, clock, request)
    try:
        page = api.fetch(request["state"])
        rows = rows_of([(api.origin(request["state"]), page.body)], api.shape, local)
    finally:
        api.close()
    return Batch(rows.rows, rows.read, rows.rejected, origin=api.origin(request["state"]))


@dataclass(slots=True)
class _Api:
    """What one reading of a stream holds: the connections, the threads, and what the first page showed."""

    label: str
    spec: RestStream
    http: Http
    policy: Policy
    window: Window
    base: Request
    paginator: Paginator | None
    selector: str | None
    local: Embedded
    threads: ThreadPoolExecutor
    probes: SimpleQueue[Embedded]
    width: int
    all_probes: list[Embedded] = field(default_factory=list)

    @classmethod
    def of(cls, stream: Stream, part: Window, local: Embedded, clock: Clock, resume: Mapping[str, Any]) -> _Api:
        spec, client = stream.spec, stream.client
        if not isinstance(spec, RestStream) or client is None:
            raise TypeError(f"{stream.label} is not a stream of an API")
        width, common = max(1, stream.parallel_requests), shared(client, clock)
        probes = [local.cursor() for _ in range(width)]
        waiting: SimpleQueue[Embedded] = SimpleQueue()
        for probe in probes:
            waiting.put(probe)
        return cls(
            label=stream.label,
            spec=spec,
            http=Http(client, common, common.gates(stream.label, spec.rate_limit), clock, width),
            policy=Policy(spec.retry or client.retry, spec.response_actions),
            window=part,
            base=_request(spec, part),
            paginator=_paginator(spec, client, resume),
            selector=spec.data_selector or resume.get("selector"),
            local=local,
            threads=ThreadPoolExecutor(width, thread_name_prefix=stream.label),
            probes=waiting,
            width=width,
            all_probes=probes,
        )

    def close(self) -> None:
        """End pauses, threads and connections; a request that is under way is waited for."""
        self.http.close()
        self.threads.shutdown(wait=True, cancel_futures=True)
        for probe in self.all_probes:
            probe.close()

    @property
    def paging(self) -> Paging:
        """The paginator; before the first page of an `auto` one, that of a single page."""
        return paging(self.paginator or SinglePage(type="single_page"))

    @property
    def shape(self) -> Shape:
        """Where the records are and what they are."""
        incremental = self.spec.incremental
        return Shape(
            self.selector or "$",
            {name: parse_type(column.type) for name, column in self.spec.columns.items() if column.type},
            self.spec.nested == "flatten",
            incremental.cursor_path if incremental else None,
            incremental.on_cursor_value_missing if incremental else "include",
        )

    def origin(self, state: State) -> str:
        """The URL of a page, without secrets."""
        return self.http.shown_url(self.paging.apply(state, self.base))

    def submit(self, state: State) -> Future[Page]:
        """Fetch a page in a thread that has this one's listeners."""
        return self.threads.submit(contextvars.copy_context().run, self.fetch, state)

    def fetch(self, state: State) -> Page:
        """A page, with what the paginator has to know of it. Raises RequestFailed or RecordsNotFound."""
        known: list[tuple[int, dict[str, Any]]] = []

        def check(body: str) -> str | None:
            known.clear()
            try:
                known.append(self.look(body))
            except StatementFailed:
                return "the body is not JSON"
            return None

        response = self.http.fetch(self.paging.apply(state, self.base), self.policy, self.label, check)
        rows, values = known[-1] if known and not response.ignored else (0, {})
        return Page(response.url, response.headers, response.body, rows, values, response.ignored)

    def look(self, body: str) -> tuple[int, dict[str, Any]]:
        """How many records a body has, and its values at the paginator's paths."""
        probe = self.probes.get()
        try:
            paths = self.paging.paths if self.paginator else AUTO_PATHS
            selector = self.selector or find_selector(probe, body)
            ((kind, length, found),) = probe.rows(_look_sql(selector, paths), [body])
        finally:
            self.probes.put(probe)
        self.selector = selector
        rows = length if kind == "ARRAY" else 0 if kind == "NULL" else 1
        if kind is None:
            raise RecordsNotFound(
                f"{self.label}: the response has nothing at '{selector}'", hint=f"it begins with {body[:100]!r}"
            )
        # Of each path, as one key with dots in its name and as steps, the first that is there.
        pairs = zip(paths, found[::2], found[1::2], strict=True)
        texts = {path: step if whole is None else whole for path, whole, step in pairs}
        return rows, {path: json.loads(text) for path, text in texts.items() if text is not None}


def _request(spec: RestStream, part: Window) -> Request:
    params = {**filled(spec.params, part), **parameters(spec.incremental, part)}
    return Request(
        filled(spec.path, part) or "",
        spec.method,
        params,
        filled(spec.json_body, part),
        filled(spec.headers, part),
        filled(spec.data, part),
    )


def _paginator(spec: RestStream, client: Client, resume: Mapping[str, Any]) -> Paginator | None:
    if "paginator" in resume:
        return type(spec).model_validate({"paginator": resume["paginator"]}).paginator
    declared = spec.paginator or client.paginator
    return None if declared is None or declared.type == "auto" else declared


def _look_sql(selector: str, paths: Sequence[str]) -> str:
    """A query of a body, $1: what is at the selector (as JSON names types), how long, and two values for each path.

    It is asked of every page, and costs as many parsings of the page as it calls functions: hence so few.
    """
    asked = [literal(place) for path in paths for place in (literal_path(path) or duckdb_path(path), duckdb_path(path))]
    values = f"json_extract($1, [{', '.join(asked)}])" if asked else "[]"
    at = duckdb_path(selector).removesuffix("[*]")
    if "[*]" in at:
        return f"SELECT 'ARRAY', len({records_sql('CAST($1 AS JSON)', selector)}), {values}"
    place = literal(at)
    return f"SELECT json_type($1, {place}), json_array_length($1, {place}), {values}"


@dataclass(slots=True)
class _Turn:
    """A page that arrived, or the failure that stands for it, and the state after it."""

    state: State
    following: State | None
    page: Page | None = None
    failure: PageFailed | None = None


def _batches(api: _Api, local: Embedded, resume: Mapping[str, Any]) -> Iterator[Arrived]:
    number, held, size = int(resume.get("page", 0)), list[_Turn](), 0
    began = api.http.clock.monotonic()
    for turn in _turns(api, resume, fresh=number == 0):
        number += 1
        if turn.page is None:
            yield from _batch(api, local, held, number - 1)
            held, size = [], 0
            yield _dead(api, turn, number)
            continue
        if not held:
            began = api.http.clock.monotonic()
        held.append(turn)
        size += len(turn.page.body)
        emit(PageFetched(api.label, number, turn.page.rows, len(turn.page.body)))
        if len(held) >= _PAGES or size >= _BYTES or api.http.clock.monotonic() - began >= _SECONDS:
            yield from _batch(api, local, held, number)
            held, size = [], 0
    yield from _batch(api, local, held, number)


def _batch(api: _Api, local: Embedded, held: list[_Turn], number: int) -> Iterator[Batch]:
    pages = [(api.origin(turn.state), turn.page.body) for turn in held if turn.page and turn.page.rows]
    if pages:
        rows = rows_of(pages, api.shape, local)
        after = _resume(api, held[-1].following, number)
        yield Batch(rows.rows, rows.read, rows.rejected, rows.cursor, after, pages[0][0])


def _resume(api: _Api, following: State | None, number: int) -> dict[str, Any]:
    if following is None:
        return {"done": True}
    known = {"selector": api.selector} if api.selector else {}
    spec = {"paginator": api.paginator.model_dump(mode="json")} if api.paginator else {}
    return {"state": dict(following), "page": number, **known, **spec}


def _dead(api: _Api, turn: _Turn, number: int) -> Dead:
    request = {
        "method": api.base.method,
        "url": api.origin(turn.state),
        "state": dict(turn.state),
        "window": asdict(api.window),
        **{key: value for key, value in _resume(api, turn.state, number).items() if key in ("selector", "paginator")},
    }
    return Dead(request, str(turn.failure), _resume(api, turn.following, number))


def _turns(api: _Api, resume: Mapping[str, Any], *, fresh: bool) -> Iterator[_Turn]:
    first = resume.get("state") or api.paging.first()
    seen, previous, dead_in_a_row, arrived = {fingerprint(first)}, "", 0, not fresh
    ahead: deque[tuple[State, Future[Page]]] = deque([(first, api.submit(first))])
    end: State | None = None
    while ahead:
        state, future = ahead.popleft()
        try:
            page = future.result()
        except PageFailed as failure:
            turn = _Turn(state, api.paging.after(state), failure=failure)
            dead_in_a_row += 1
            _raise_unless_kept(api, turn, arrived=arrived, too_many=dead_in_a_row > _DEAD_IN_A_ROW and end is None)
        else:
            turn = _arrived(api, state, page)
            _raise_if_repeated(api, turn, previous)
            previous, dead_in_a_row, arrived = page.body if page.rows else "", 0, True
            end = end or _end(api, page)
        if turn.failure and end is not None and turn.following and not _before(turn.following, end):
            turn.following = None
        if turn.following is None:
            for _, one in ahead:
                one.cancel()
            ahead.clear()
        elif not ahead:
            _raise_if_seen(api, turn.following, seen)
            ahead.append((turn.following, api.submit(turn.following)))
        _fill(api, ahead, end, seen)
        yield turn


def _arrived(api: _Api, state: State, page: Page) -> _Turn:
    if api.paginator is None:
        api.paginator = _chosen(api, page)
        state = state or api.paging.first()
    following = None if page.ignored else api.paging.next(state, page)
    if following and "url" in following:
        following = {**following, "url": api.http.bare(following["url"])}
    return _Turn(state, following, page)


def _chosen(api: _Api, page: Page) -> Paginator:
    found = detected(page)
    if found is None and page.rows > 1:
        emit(
            Warned(
                f"{api.label}: no paginator fits the first response, so it is read as the only page",
                api.http.shown_url(api.base),
            )
        )
    return found or SinglePage(type="single_page")


def _end(api: _Api, page: Page) -> State | None:
    return api.paging.last(page) if getattr(api.paginator, "parallel", 1) > 1 else None


def _before(state: State, end: State) -> bool:
    return all(state[key] < end[key] for key in end)


def _fill(api: _Api, ahead: deque[tuple[State, Future[Page]]], end: State | None, seen: set[str]) -> None:
    """Have as many pages on their way as the paginator and the source allow, where the end is known."""
    width = min(getattr(api.paginator, "parallel", 1), api.width)
    while end is not None and ahead and len(ahead) < width:
        following = api.paging.after(ahead[-1][0])
        if following is None or not _before(following, end):
            return
        seen.add(fingerprint(following))
        ahead.append((following, api.submit(following)))


def _raise_unless_kept(api: _Api, turn: _Turn, *, arrived: bool, too_many: bool) -> None:
    """A page may be done without if the next is known, others came through, and the server did not refuse us altogether."""
    failure = turn.failure
    if failure is None or failure.kept:
        return
    wanted = api.spec.on_page_error == "quarantine" and failure.status not in _FORBIDDEN
    if not (wanted and arrived and turn.following is not None) or too_many:
        raise failure


def _raise_if_seen(api: _Api, state: State, seen: set[str]) -> None:
    mark = fingerprint(state)
    if mark in seen:
        raise PagingStuck(f"{api.label}: the paginator was led to the same page twice, {api.origin(state)}")
    seen.add(mark)


def _raise_if_repeated(api: _Api, turn: _Turn, previous: str) -> None:
    if turn.page and turn.page.rows and turn.page.body == previous and api.paging.after(turn.state) is not None:
        raise PagingStuck(
            f"{api.label}: {api.origin(turn.state)} is the page before it once more",
            hint="does the API know the paginator's parameter?",
        )
