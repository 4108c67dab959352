"""Streams of an API: pages are fetched ahead by threads and handed over in order, as batches that say where to go on."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headrace.batch import Batch, Dead
from headrace.cursor import Cursor
from headrace.events import PageFetched, emit
from headrace.extract.alike import Pages
from headrace.extract.api import Api
from headrace.extract.paging import fingerprint
from headrace.extract.parts import Part, parts
from headrace.extract.records import rows_of
from headrace.extract.spool import Spool
from headrace.extract.turns import Turn, turns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from headrace.batch import Arrived
    from headrace.extract.paging import State
    from headrace.project.rest_sources import RestStream
    from headrace.project.sources import Stream
    from headrace.retry import Clock
    from headrace.warehouse.embedded import Embedded

_FIRST, _PAGES, _BYTES, _SECONDS = 25, 1000, 8_000_000, 2.0
"""A batch ends with so many pages, bytes, or seconds: a small one first, by which the others are read."""
_MOST_CURSORS = 10_000


def read(
    stream: Stream,
    *,
    cursor: Cursor | None,
    resume: Mapping[str, Any],
    local: Embedded,
    clock: Clock,
    scratch: Path | None = None,
    parents: Sequence[Mapping[str, Any]] = (),
) -> Iterator[Arrived]:
    """What a stream has past the cursor, or after `resume`, the value of the last batch that is safe.

    Pages that arrived but are in no batch yet are kept in `scratch`, unless SQL in flight must see the records before any disk does:
    then each page is a batch. `parents` are the rows of the parent stream, by the fields the requests name.
    Raises RequestFailed, RecordsNotFound or PagingStuck.
    """
    if resume.get("done"):
        return
    in_flight = stream.spec.transform is not None and stream.spec.transform.when == "in_flight"
    spool = Spool(scratch) if scratch is not None and not in_flight else None
    api = Api.of(stream, local, clock, resume, spool, scratch)
    done = False
    try:
        begun = resume if "part" in resume else None
        todo = parts(api.spec, cursor, parents, resume.get("cursors", {}), clock.now(), begun)
        reading = _Reading(
            api, Pages(local), int(resume.get("page", 0)), dict(resume.get("cursors", {})), each=in_flight
        )
        yield from reading.batches(turns(api, todo, {} if resume.get("ended") else resume))
        done = True
    finally:
        api.close()
        if spool is not None:
            spool.close(done=done)


def read_request(stream: Stream, request: Mapping[str, Any], *, local: Embedded, clock: Clock) -> Batch:
    """One dead request again, as the batch it should have been; it moves no cursor. Raises RequestFailed."""
    api = Api.of(stream, local, clock, request)
    part = Part.of(request["part"])
    try:
        page = api.fetch(part, request["state"])
        origin = api.origin(part, request["state"])
        rows = rows_of([(origin, page.body)], api.shape, local, [_added(part)])
    finally:
        api.close()
    return Batch(rows.rows, rows.read, rows.rejected, origin=origin)


@dataclass(slots=True)
class _Reading:
    """Pages on their way to batches: those that are held, how many there have been, and the cursors of the parts that ended."""

    api: Api
    pages: Pages
    number: int
    cursors: dict[str, str]
    each: bool
    held: list[Turn] = field(default_factory=list)
    size: int = 0
    going: bool = False
    began: float = 0.0
    highest: Cursor = field(default_factory=lambda: Cursor(""))

    def batches(self, arriving: Iterator[Turn]) -> Iterator[Arrived]:
        """The pages in batches. A page's state after it is what the batch says to go on with."""
        api, last = self.api, None
        self.began = api.http.clock.monotonic()
        for turn in arriving:
            self.number += 1
            if turn.page is None:
                yield from self._batch(last, self.number - 1)
                yield self._dead(turn)
            else:
                self._hold(turn)
                if self._full():
                    yield from self._batch(turn, self.number)
            last = turn
        yield from self._batch(None, self.number)

    def _hold(self, turn: Turn) -> None:
        page = turn.page
        if page is None:
            return
        if not self.held:
            self.began = self.api.http.clock.monotonic()
        self.held.append(turn)
        self.size += len(page.body)
        self._note_cursor(turn, page.reached)
        emit(PageFetched(self.api.label, self.number, page.rows, len(page.body)))

    def _full(self) -> bool:
        waited = self.api.http.clock.monotonic() - self.began
        most = _PAGES if self.going else min(_FIRST, _PAGES)
        return self.each or len(self.held) >= most or self.size >= _BYTES or waited >= _SECONDS

    def _note_cursor(self, turn: Turn, reached: str | None) -> None:
        """A part's own cursor counts when the part has ended: going on in its middle asks for the range it began with."""
        incremental = self.api.spec.incremental
        if incremental is None or incremental.scope != "parent":
            return
        self.highest = self.highest.past(reached)
        if turn.following is None:
            known = Cursor("", self.cursors.pop(turn.part.slot, None)).past(self.highest.value).value
            if known is not None:
                self.cursors[turn.part.slot] = known  # at the end of the order: the longest unread go first
            self.highest = Cursor("")
            if len(self.cursors) > _MOST_CURSORS:
                del self.cursors[next(iter(self.cursors))]

    def _batch(self, last: Turn | None, number: int) -> Iterator[Batch]:
        """What is held, as a batch after which `last` is safe; None where all is."""
        held, self.held, self.size = self.held, [], 0
        if self.api.spool and held:
            self.api.spool.begin()
        pages = [turn for turn in held if turn.page and turn.page.rows]
        if pages:
            self.going = True
            bodies = [(self.api.origin(turn.part, turn.state), turn.page.body) for turn in pages if turn.page]
            added = [_added(turn.part) for turn in pages]
            rows = self.pages.rows_of(bodies, self.api.shape, added)
            after = self._resume(last, number)
            yield Batch(rows.rows, rows.read, rows.rejected, rows.cursor, after, bodies[0][0], rows.origins)
        if self.api.spool and held and pages:
            self.api.spool.landed(f"{turn.part.key} {fingerprint(turn.state)}" for turn in held)

    def _resume(self, last: Turn | None, number: int) -> dict[str, Any]:
        kept = {"cursors": dict(self.cursors)} if self.cursors else {}
        if last is None or (last.following is None and self._alone(last)):
            return {"done": True, **kept}
        spec = {"paginator": self.api.paginator.model_dump(mode="json")} if self.api.paginator else {}
        at = {"ended": True} if last.following is None else {"state": dict(last.following)}
        return {"part": last.part.stored(), **at, "page": number, **self.api.found, **spec, **kept}

    def _alone(self, last: Turn) -> bool:
        """Whether the part is the only one, so that its end is the end of all."""
        spec: RestStream = self.api.spec
        stepped = spec.incremental is not None and spec.incremental.step is not None
        return not last.part.slot and not stepped

    def _dead(self, turn: Turn) -> Dead:
        spec = {"paginator": self.api.paginator.model_dump(mode="json")} if self.api.paginator else {}
        state: State = turn.state
        origin = self.api.origin(turn.part, state)
        request = {
            "method": self.api.base(turn.part).method,
            "url": origin,
            "state": dict(state),
            "part": turn.part.stored(),
            **self.api.found,
            **spec,
        }
        return Dead(request, str(turn.failure), self._resume(turn, self.number))


def _added(part: Part) -> str | None:
    return json.dumps(part.added, default=str) if part.added else None
