"""What one reading of an API holds: its connections and threads, what the first page showed, and how a page is fetched."""

from __future__ import annotations

import contextvars
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from headrace.cursor import Cursor
from headrace.errors import RecordsNotFound, StatementFailed
from headrace.extract import csv_bodies
from headrace.extract.bodies import DECODERS
from headrace.extract.dialects import Signs
from headrace.extract.expressions import addressed, filled
from headrace.extract.http import Http, Policy, Request
from headrace.extract.jobs import prepared
from headrace.extract.nesting import DEEPEST, too_deep
from headrace.extract.paging import AUTO_PATHS, Page, Paging, State, fingerprint, paging
from headrace.extract.paths import keys_of
from headrace.extract.records import Shape
from headrace.extract.selecting import find_selector, looked, records_sql
from headrace.extract.shared import shared
from headrace.extract.windows import parameters
from headrace.project.apis import SinglePage
from headrace.project.rest_sources import RestStream
from headrace.project.urls import web
from headrace.sql.dialect import text as literal
from headrace.warehouse.inference import pointer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from headrace.extract.parts import Part
    from headrace.extract.spool import Spool
    from headrace.project.apis import Client, Paginator
    from headrace.project.sources import Stream
    from headrace.retry import Clock
    from headrace.warehouse.embedded import Embedded


@dataclass(slots=True)
class Api:
    """One reading of a stream. `spool` keeps pages until they are landed; without it, or a place for it, nothing is kept."""

    label: str
    spec: RestStream
    http: Http
    policy: Policy
    paginator: Paginator | None
    selector: str | None
    local: Embedded
    threads: ThreadPoolExecutor
    probes: SimpleQueue[Embedded]
    width: int
    spool: Spool | None = None
    scratch: Path | None = None
    all_probes: list[Embedded] = field(default_factory=list)
    bases: dict[str, Request] = field(default_factory=dict)
    preparing: threading.Lock = field(default_factory=threading.Lock)
    signs: Signs | None = None
    """By which answers of CSV are read."""
    said: set[str] = field(default_factory=set)
    """What of its totals was warned of already."""

    @classmethod
    def of(
        cls,
        stream: Stream,
        local: Embedded,
        clock: Clock,
        resume: Mapping[str, Any],
        spool: Spool | None = None,
        scratch: Path | None = None,
    ) -> Api:
        """A reading that goes on where `resume` says."""
        spec, client = stream.spec, stream.client
        if not isinstance(spec, RestStream) or client is None:
            raise TypeError(f"{stream.label} is not a stream of an API")
        web(client.base_url, f"{stream.label}: its `base_url`", stream.place)
        width, common = max(1, stream.parallel_requests), shared(client, clock)
        probes = [local.cursor() for _ in range(width)]
        for probe in probes:
            # A query of one body has nothing that could be made better.
            probe.execute("PRAGMA disable_optimizer")
        waiting: SimpleQueue[Embedded] = SimpleQueue()
        for probe in probes:
            waiting.put(probe)
        made = cls(
            label=stream.label,
            spec=spec,
            http=Http(client, common.identity(spec.auth), common.gates(stream.label, spec.rate_limit), clock, width),
            policy=Policy(
                spec.retry or client.retry, spec.response_actions, spec.encoding, guesses=spec.decoder == "csv"
            ),
            paginator=_paginator(spec, client, resume),
            selector=spec.data_selector,
            local=local,
            threads=ThreadPoolExecutor(width, thread_name_prefix=stream.label),
            probes=waiting,
            width=width,
            spool=spool,
            scratch=scratch,
            all_probes=probes,
        )
        made._take(resume)
        return made

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
            self.spec.column_types,
            self.spec.flattens,
            incremental.cursor_path if incremental else None,
            incremental.on_cursor_value_missing if incremental else "include",
        )

    def base(self, part: Part) -> Request:
        """The request for the first page of a part; where a job has to be done first, after that. Raises RequestFailed."""
        if part.key not in self.bases:
            made = self._job(part) if self.spec.job else _request(self.spec, part)
            self.bases[part.key] = made
        return self.bases[part.key]

    def _job(self, part: Part) -> Request:
        job = self.spec.job
        with self.preparing:
            if job is None or part.key in self.bases:
                return self.bases[part.key]
            return prepared(job, part, self.http, self.policy, self.label, self.scratch)[0]

    def origin(self, part: Part, state: State) -> str:
        """The URL of a page, without secrets."""
        return self.http.shown_url(self.paging.apply(state, self.base(part)))

    def submit(self, part: Part, state: State) -> Future[Page]:
        """Fetch a page in a thread that has this one's listeners."""
        return self.threads.submit(contextvars.copy_context().run, self.fetch, part, state)

    def fetch(self, part: Part, state: State) -> Page:
        """A page, with what the paginator has to know of it. Raises RequestFailed or RecordsNotFound."""
        key = f"{part.key} {fingerprint(state)}"
        kept = self.spool.take(key) if self.spool else None
        if kept is not None:
            self._take(kept[1])
            return kept[0]
        known: list[tuple[str, int, dict[str, Any], str | None]] = []

        def check(body: str) -> str | None:
            known.clear()
            try:
                known.append(self.look(body))
            except ValueError as error:
                return str(error)
            except StatementFailed:
                return "the body is not JSON"
            except RecordsNotFound as error:
                raise RecordsNotFound(f"{self.origin(part, state)}: {error.what}", hint=error.hint) from None
            return None

        response = self.http.fetch(self.paging.apply(state, self.base(part)), self.policy, self.label, check)
        body, rows, values, reached = known[-1] if known and not response.ignored else (response.body, 0, {}, None)
        wanted = {"link", getattr(self.paginator, "cursor_key", "link").lower()}
        headers = {name: value for name, value in response.headers.items() if name in wanted}
        page = Page(self.http.bare(response.url), headers, body, rows, values, response.ignored, reached)
        if self.spool:
            self.spool.add(key, page, self.found)
        return page

    def look(self, body: str) -> tuple[str, int, dict[str, Any], str | None]:
        """The body as JSON, how many records it has, its values at the paginator's paths, and its highest cursor where that is asked.

        Raises ValueError or StatementFailed where the body is not what it should be, and RecordsNotFound.
        """
        probe = self.probes.get()
        try:
            body = self._as_json(body, probe)
            if too_deep(body):
                raise ValueError(f"the body is nested deeper than {DEEPEST} levels")
            paths = self.paging.paths if self.paginator else AUTO_PATHS
            selector = self.selector or find_selector(probe, body)
            rows, values = looked(probe, body, selector, paths)
            reached = self._highest(probe, body, selector)
        finally:
            self.probes.put(probe)
        self.selector = selector
        if rows is None:
            raise RecordsNotFound(
                f"the response has nothing at '{selector}'", hint=f"it begins with {body[:100]!r}; see `data_selector:`"
            )
        return body, rows, values, reached

    @property
    def found(self) -> dict[str, Any]:
        """What the first page showed, for those who go on."""
        selector = {"selector": self.selector} if self.selector else {}
        return {**selector, "signs": self.signs.written()} if self.signs else selector

    def _take(self, found: Mapping[str, Any]) -> None:
        self.selector = self.selector or found.get("selector")
        self.signs = self.signs or (Signs(**found["signs"]) if "signs" in found else None)

    def _as_json(self, body: str, probe: Embedded) -> str:
        if self.spec.decoder != "csv":
            return DECODERS[self.spec.decoder](body)
        text, self.signs = csv_bodies.decoded(body, self.spec, self.signs, probe)
        return text

    def records(self, body: str) -> str:
        """The records of a body that was looked at, as text without what stands around them."""
        probe = self.probes.get()
        try:
            ((found,),) = probe.rows(
                f"SELECT CAST({records_sql('CAST($1 AS JSON)', self.selector or '$')} AS VARCHAR)", [body]
            )
        finally:
            self.probes.put(probe)
        return str(found)

    def _highest(self, probe: Embedded, body: str, selector: str) -> str | None:
        incremental = self.spec.incremental
        resets = any(action.action == "reset_pagination" for action in self.policy.actions)
        if incremental is None or not (incremental.scope == "parent" or resets):
            return None
        place = literal(pointer(keys_of(incremental.cursor_path)))
        records = records_sql("CAST($1 AS JSON)", selector)
        ((values,),) = probe.rows(
            f"SELECT list_distinct(list_transform({records}, lambda r: json_extract_string(r, {place})))", [body]
        )
        highest = Cursor(incremental.cursor_path)
        for value in values or ():
            highest = highest.past(value)
        return highest.value


def _request(spec: RestStream, part: Part) -> Request:
    values = part.values
    each = spec.for_each
    own = {each.param: values["for_each.value"]} if each and each.param else {}
    path, params = addressed(spec.path, {**spec.params, **own}, values)
    params |= parameters(spec.incremental, part.window)
    body, data = filled(spec.json_body, values), filled(spec.data, values)
    return Request(path, spec.method, params, body, filled(spec.headers, values), data)


def _paginator(spec: RestStream, client: Client, resume: Mapping[str, Any]) -> Paginator | None:
    if "paginator" in resume:
        return type(spec).model_validate({"paginator": resume["paginator"]}).paginator
    declared = spec.paginator or client.paginator
    return None if declared is None or declared.type == "auto" else declared
