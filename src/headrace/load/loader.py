"""A landed package into its table, with the ledger's row and the cursor, in one transaction.

The load id is the package's, so loading a package again does nothing. Where there is no table yet, the staged rows *are* the table.

A stream whose SQL runs after the load (`transform: {when: after_load}`) keeps its rows as they arrived in `<table>__raw`, and the
table's own name is a view: that SQL over the raw rows. See docs/decisions/0004-elt-transform.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headrace import quarantine
from headrace.errors import TransformInvalid
from headrace.events import RowsLoaded, RowsQuarantined, SchemaChanged, Warned, emit
from headrace.load import apply, inflight
from headrace.load.apply import Counts, Job
from headrace.load.evolve import Asking, Room, make_room
from headrace.load.parts import parts_of
from headrace.load.refuse import keep_refused, keep_rejected, uncounted
from headrace.load.staging import AUDIT, stage_query
from headrace.schema import Added, Column, Schema, Type, Widened
from headrace.sql.dialect import name, relation, spell
from headrace.sql.operations import CreateSchema, Drop, SetView
from headrace.state import ledger

if TYPE_CHECKING:
    from datetime import datetime

    from headrace.landing import Package
    from headrace.load.parts import Part
    from headrace.project.sources import Stream
    from headrace.state.ledger import Entry
    from headrace.table import Table
    from headrace.warehouse.base import Connection, Relation


def load(  # noqa: PLR0913 - a load's whole context
    connection: Connection,
    stream: Stream,
    table: Table,
    package: Package,
    *,
    run: str,
    now: datetime,
    full_refresh: bool = False,
) -> Entry:
    """Load a complete package and say what became of its rows. Loading it again gives the entry of the first time."""
    ledger.ensure(connection)
    quarantine.ensure(connection)
    known = ledger.has(connection, package.id)
    if known is None:
        if not connection.inspect(table.schema):
            connection.run(CreateSchema(table.schema))
        previous = ledger.last_load(connection, stream.label)
        with connection.transaction():
            known = _load(connection, stream, table, package, Context(run, now, previous, full_refresh))
            ledger.record(connection, known)
        _announce(known)
    package.discard()
    return known


@dataclass(frozen=True, slots=True)
class Context:
    """What a load knows beside its stream and package: the run, the time, the stream's last load."""

    run: str
    now: datetime
    previous: Entry | None
    full_refresh: bool


def _load(connection: Connection, stream: Stream, table: Table, package: Package, context: Context) -> Entry:
    after = _after_load(stream)
    target = table.beside("raw", max_name=connection.capabilities.max_name) if after else table
    there = connection.inspect(table.schema)
    if after:
        _make_way_for_view(connection, stream, there.get(table), full_refresh=context.full_refresh)
    parts = parts_of(connection.local, stream, package)
    counts = Counts(
        read=sum(segment.read for segment in package.segments) + sum(part.filtered for part in parts),
        filtered=sum(segment.filtered for segment in package.segments) + sum(part.filtered for part in parts),
    )
    counts.quarantined += keep_rejected(connection, stream, package, context.now)
    quarantine.keep_dead(connection, stream.label, package.id, context.now, package.dead)
    schema = Schema(())
    if parts:
        held = there.get(target)
        known = None if held is None or context.full_refresh else _without_audit(held.schema)
        room = make_room(stream, known, parts, _asking(connection, target, parts, stored=known is not None))
        job = Job(connection, stream, target, held, room, package, context.now, context.previous, context.full_refresh)
        _stage_and_apply(job, counts)
        schema = room.schema
        if after:
            view = inflight.wrap(after, f"SELECT * FROM {relation(target)}")
            connection.run(SetView(table, view))
    elif stream.disposition == "replace" and target in there:
        connection.execute(f"DELETE FROM {relation(target)}")
    return _entry(connection, stream, target, package, context, counts, schema)


def _stage_and_apply(job: Job, counts: Counts) -> None:
    """Rows refused are kept and counted, all others are staged and go into the table."""
    for fit in job.room.fits:
        refused = keep_refused(job.connection, job.stream, job.package, fit, job.now)
        counts.quarantined += refused.quarantined
        counts.filtered += refused.filtered
    build = apply.place_to_build(job)
    staged = job.connection.load_local(build, stage_query(job, job.room))
    staged_and_refused = staged + counts.quarantined_of_parts(job)
    counts.read += uncounted(job.connection.local, job.room.fits, staged_and_refused)
    apply.apply(job, build, staged, counts)


def _after_load(stream: Stream) -> str | None:
    transform = stream.spec.transform
    return transform.sql if transform and transform.when == "after_load" else None
