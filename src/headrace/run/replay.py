"""What is in quarantine, tried again under what the project says now; what is let in and what is refused commit together."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from headrace import quarantine
from headrace.errors import RequestFailed
from headrace.events import SegmentDied, emit
from headrace.extract.again import read_again
from headrace.extract.rest import read_request
from headrace.load import inflight
from headrace.naming import Names, naming
from headrace.run.plan import Plan
from headrace.run.session import Done
from headrace.run.steps import ReplayStream
from headrace.run.streams import REPLAY, load_package, names_of
from headrace.state import ledger
from headrace.state.fence import fenced
from headrace.state.ledger import NAMES

_NOTHING = "nothing is open in quarantine"

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.landing import Package
    from headrace.project.nodes import SourceTable
    from headrace.project.sources import Stream
    from headrace.quarantine import Kept
    from headrace.run.session import Session
    from headrace.warehouse.embedded import Embedded


def replay_plan(node: SourceTable, ids: Sequence[str] = ()) -> Plan:
    """The plan of a replay: one step. `ids` are beginnings of ids; none means all that is open."""
    one = node.unique_id
    return Plan({one: ReplayStream(node, tuple(ids))}, {one: frozenset()}, {one: frozenset()})


def replay_stream(session: Session, step: ReplayStream) -> Done:
    """Ask again for dead requests, read kept records again, and load them in one transaction that settles them."""
    node, connection = step.node, session.connection()
    stream = node.stream
    quarantine.ensure(connection)
    if stream is None:
        return Done("success", 0, _NOTHING)
    stream.ready()
    session.relations.open(connection, [node.table.space])
    with fenced(connection, node.table):
        finished = _finished(session, node, stream)
        kept = [row for row in quarantine.open_rows(connection, stream.label) if _chosen(row, step.ids)]
        if not kept:
            return Done("success", finished, None if finished else _NOTHING)
        done = _replayed(session, node, stream, kept)
        return replace(done, rows=(done.rows or 0) + finished)


def _finished(session: Session, node: SourceTable, stream: Stream) -> int:
    """How many rows a replay that died had read: they are loaded first, so that what it replayed is not replayed again."""
    rows = 0
    for package in session.landing.pending(stream.label):
        if package.signature == REPLAY and package.complete:
            rows += load_package(session, node, stream, package).read
        elif package.signature == REPLAY:
            package.discard()
    return rows


def _replayed(session: Session, node: SourceTable, stream: Stream, kept: Sequence[Kept]) -> Done:
    connection = session.connection()
    last = ledger.last_load(connection, stream.label)
    package = session.landing.beside(stream.label, last.cursor if last else None, REPLAY)
    local = connection.local.cursor()
    try:
        names = names_of(stream, last)
        with naming(names):
            tried = _segments(session, stream, package, local, kept, names) + _records(
                stream, package, local, kept, names
            )
    finally:
        local.close()
    package.finish(settles=tried)
    entry = load_package(session, node, stream, package)
    dead = len(kept) - len(tried)
    failed = [(dead, "request", "failed"), (entry.quarantined, "row", "refused")]
    said = [f"{count} {what}{'s' * (count > 1)} {how} again" for count, what, how in failed if count]
    return Done("warn" if said else "success", entry.read, ", ".join(said) or None)


def _chosen(row: Kept, ids: Sequence[str]) -> bool:
    return not ids or any(row.id.startswith(one) for one in ids)


def _segments(
    session: Session, stream: Stream, package: Package, local: Embedded, kept: Sequence[Kept], names: Names
) -> list[str]:
    """Each dead request once more; the ids of those that were answered."""
    answered: list[str] = []
    for row in kept:
        if row.kind != "segment" or row.request is None:
            continue
        try:
            batch = read_request(stream, json.loads(row.request), local=local, clock=session.clock)
        except RequestFailed as error:
            emit(SegmentDied(stream.label, row.id[:12], error.what))
            continue
        ready, filtered = inflight.transform(local, stream, batch)
        package.write(replace(ready, resume={**ready.resume, NAMES: names.known}), filtered)
        answered.append(row.id)
    return answered


def _records(stream: Stream, package: Package, local: Embedded, kept: Sequence[Kept], names: Names) -> list[str]:
    """Kept records through the in-flight SQL, and kept rows, which it left, past it; the ids of all of them."""
    for kind in ("record", "row"):
        chosen = [(row.origin or "", row.raw or "") for row in kept if row.kind == kind]
        if not chosen:
            continue
        # A row has the names of its columns already.
        with naming(names if kind == "record" else Names("direct")):
            batch, filtered = read_again(stream, chosen, local), 0
        batch = replace(batch, resume={NAMES: names.known})
        if kind == "record":
            batch, filtered = inflight.transform(local, stream, batch)
        package.write(batch, filtered)
    return [row.id for row in kept if row.kind != "segment"]
