"""A landed package into its table, with the ledger's row and the cursor, in one transaction.

The load id is the package's, so loading a package again does nothing. Where there is no table yet, the staged rows *are* the table.

A stream whose SQL runs after the load (`transform: {when: after_load}`) keeps its rows as they arrived in `<table>__raw`, and the
table's own name is a view: that SQL over the raw rows. See docs/decisions/0004-elt-transform.md.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from headrace import quarantine
from headrace.errors import FileVanished, HeadraceError, TransformInvalid
from headrace.events import RowsLoaded, RowsQuarantined, SchemaChanged, Warned, emit
from headrace.landing import ORIGIN
from headrace.load import apply, inflight, staging
from headrace.load.apply import Counts, Job
from headrace.load.evolve import Asking, Fit, Refusal, Room, make_room
from headrace.load.parts import FilesUnfit, files, gone, parts_of, proving
from headrace.schema import Added, Column, Kind, Schema, Type, Widened
from headrace.sql.dialect import name, relation, spell
from headrace.sql.operations import CreateSchema, Drop, SetView
from headrace.state import files as ledger_of_files
from headrace.state import ledger
from headrace.state.ledger import Entry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from headrace.events import Event
    from headrace.landing import Package
    from headrace.load.parts import Part
    from headrace.project.sources import Stream
    from headrace.table import Table
    from headrace.warehouse.base import Connection, Relation


def load(
    connection: Connection,
    stream: Stream,
    table: Table,
    package: Package,
    *,
    run: str,
    now: datetime,
    full_refresh: bool = False,
) -> Entry:
    """Load a complete package and say what became of its rows. Loading it again gives the entry of the first time.

    Raises FilesUnfit, with nothing changed, where a file does not fit what its Scan says of it, and FileVanished where one is gone or
    another; the package is then to be gone on with.
    """
    ledger.ensure(connection)
    quarantine.ensure(connection)
    entry = ledger.has(connection, package.id)
    if entry is None:
        if not connection.inspect(table.schema):
            connection.run(CreateSchema(table.schema))
        previous = ledger.last_load(connection, stream.label)
        with _watching(package), proving(package), connection.transaction():
            # Before anything is kept: what is refused once more is then open again.
            quarantine.settle(connection, package.settles, "replayed", now - timedelta(microseconds=1), package.id)
            loading = _Loading(connection, stream, table, package, run, now, previous, full_refresh, Counts(), [])
            entry = _load(loading)
            ledger.record(connection, entry)
            _record_files(loading)
            if lost := gone(package):
                raise FilesUnfit(lost)
        for event in loading.events:
            emit(event)
    package.discard()
    return entry


@contextmanager
def _watching(package: Package) -> Iterator[None]:
    """Whatever fails because a file went away is told as that."""
    try:
        yield
    except (HeadraceError, FilesUnfit, OSError) as error:
        lost = gone(package)
        if not lost:
            raise
        package.reopen(lost)
        more = f" and {len(lost) - 1} others were" if len(lost) > 1 else " was"
        raise FileVanished(
            f"{package.label}: {min(lost)}{more} changed or removed while being loaded; nothing of the load was kept",
            hint="run it again: the files are listed anew",
        ) from error


@dataclass(frozen=True, slots=True)
class _Loading:
    """One load: what it has, what it counts, and the events that are told once it is committed."""

    connection: Connection
    stream: Stream
    table: Table
    package: Package
    run: str
    now: datetime
    previous: Entry | None
    anew: bool
    counts: Counts
    events: list[Event]
    origins: dict[str, int] = field(default_factory=dict)
    """How many rows were staged of each file."""

    def keep(self, query: str, kind: quarantine.Kind = "row") -> int:
        """Rows of the query, each with its `reason`, into quarantine; how many."""
        rows = quarantine.keep(self.connection, self.stream.label, self.package.id, self.now, query, kind)
        if rows:
            self.counts.quarantined += rows
            reasons = self.connection.local.rows(
                f"SELECT reason, count(*) FROM ({query}) AS kept GROUP BY 1 ORDER BY 1"
            )
            self.events.extend(RowsQuarantined(self.stream.label, str(reason), number) for reason, number in reasons)
        return rows


def _load(loading: _Loading) -> Entry:
    connection, stream, package = loading.connection, loading.stream, loading.package
    transform = stream.spec.transform
    after = transform.sql if transform and transform.when == "after_load" else None
    target = loading.table.beside("raw", max_name=connection.capabilities.max_name) if after else loading.table
    there = connection.inspect(target.schema)
    if after:
        _make_way(loading, there.get(loading.table))
    _count_arrived(loading)
    parts = parts_of(connection.local, stream, package)
    schema = Schema(())
    if parts:
        schema = _bring_in(loading, target, there.get(target), parts)
        if after:
            query = inflight.wrap(after, f"SELECT * FROM {relation(target)}")
            connection.run(SetView(loading.table, query, connection.dependents(loading.table)))
    elif target in there and (loading.anew or stream.disposition == "replace"):
        connection.execute(f"DELETE FROM {relation(target)}")
    known = bool(parts) or target in there
    rows = int(connection.rows(f"SELECT count(*) FROM {relation(target)}")[0][0]) if known else None
    return _entry(loading, schema, rows)


def _make_way(loading: _Loading, held: Relation | None) -> None:
    """The stream's own name is to be a view."""
    if held is None or held.kind == "view":
        return
    if not loading.anew:
        raise TransformInvalid(
            f"{loading.stream.label}: {loading.table} holds rows, and `when: after_load` makes it a view",
            where=loading.stream.place,
            hint="load the stream anew with --full-refresh",
        )
    loading.connection.run(Drop(loading.table))


def _count_arrived(loading: _Loading) -> None:
    """What was settled before the load: rows filtered in flight, records that could not be read, requests that died."""
    package, counts = loading.package, loading.counts
    counts.read += sum(segment.read for segment in package.segments)
    counts.filtered += sum(segment.filtered for segment in package.segments)
    rejected = [str(segment.rejected) for segment in package.segments if segment.rejected]
    if rejected:
        loading.keep(f'SELECT reason, "column", detail, raw, origin FROM ({files(rejected)}) AS rejected', "record")
    quarantine.keep_dead(loading.connection, loading.stream.label, package.id, loading.now, package.dead)


def _bring_in(loading: _Loading, target: Table, held: Relation | None, parts: list[Part]) -> Schema:
    """The parts into the table; the schema it has then, without the columns that headrace adds."""
    connection, stream, counts = loading.connection, loading.stream, loading.counts
    stored = None if held is None or loading.anew else apply.without_audit(held.schema)
    room = make_room(stream, stored, parts, _asking(loading, target, parts, stored))
    added: tuple[Column, ...] = staging.AUDIT
    if stream.spec.deletes and stream.spec.deletes.mode == "soft":
        added = (*added, staging.MARK)
    lacking = tuple(Added(column) for column in added if held and held.schema.get(column.name) is None)
    schema = Schema((*room.schema.columns, *added))
    previous = loading.previous
    cursor = previous.cursor if previous and not loading.anew else None
    job = Job(connection, stream, target, held, schema, (*room.changes, *lacking), cursor, loading.anew)
    refused = sum(_refuse(loading, fit) for fit in room.fits)
    _tell_of_changes(loading, target, room)
    query = staging.stage_query(room.fits, room.schema, loading.package.id, loading.now, stream.spec.deletes)
    staged = connection.load_local(job.build, query)
    if loading.package.resume.get("files"):
        of = name(ORIGIN)
        loading.origins.update(connection.rows(f"SELECT {of}, count(*) FROM {relation(job.build)} GROUP BY 1"))
    counts.read += sum(part.filtered for part in parts)
    counts.filtered += sum(part.filtered for part in parts)
    landed = sum(segment.rows for segment in loading.package.segments)
    counts.read += staged + refused - landed  # the rest came from files that were read in place
    staged -= _refuse_keyless(loading, job, room) if stream.disposition == "merge" else 0
    apply.apply(job, staged, counts)
    return room.schema


def _refuse(loading: _Loading, fit: Fit) -> int:
    """Rows that the contract keeps out, quarantined or left out; how many."""
    if not fit.refusals:
        return 0
    local = loading.connection.local
    _, kept, left = local.rows(staging.count_query(fit))[0]
    if kept:
        loading.keep(staging.refused_query(fit))
    loading.counts.filtered += left
    for refusal in fit.refusals:
        if refusal.mode == "discard_value":
            lost = local.rows(f"SELECT count(*) FROM (\n{fit.part.query}\n) AS part WHERE {refusal.condition}")[0][0]
            if lost:
                what = f"{loading.stream.label}: {lost} values of column '{refusal.column}' were left out"
                loading.events.append(Warned(f"{what}: {refusal.detail}", details={"rows": lost}))
    return int(kept) + int(left)


def _refuse_keyless(loading: _Loading, job: Job, room: Room) -> int:
    """Staged rows whose key is NULL go to quarantine; how many."""
    key = loading.stream.spec.primary_key
    keyless = " OR ".join(f"{name(column)} IS NULL" for column in key)
    where = f"FROM {relation(job.build)} WHERE {keyless}"
    found = int(job.connection.rows(f"SELECT count(*) {where}")[0][0])
    if not found:
        return 0
    refusal = Refusal("TRUE", "key", ", ".join(key), "the key is NULL", "quarantine")
    for fit in room.fits:
        loading.keep(staging.keyless_query(fit, key, refusal))
    job.connection.execute(f"DELETE {where}")
    return found


def _asking(loading: _Loading, target: Table, parts: list[Part], stored: Schema | None) -> Asking:
    connection = loading.connection

    def empty(column: str) -> bool:
        if stored is not None and stored.get(column):
            held = f"SELECT 1 FROM {relation(target)} WHERE {name(column)} IS NOT NULL LIMIT 1"
            if connection.rows(held):
                return False
        texts = [part.query for part in parts if (known := part.schema.get(column)) and known.type.kind is Kind.VARCHAR]
        held = f"SELECT 1 FROM (\n%s\n) AS part WHERE {name(column)} IS NOT NULL LIMIT 1"
        return not any(connection.local.rows(held % query) for query in texts)

    def survives(column: Column, to: Type) -> bool:
        if stored is None or stored.get(column.name) is None:
            return not any(connection.local.rows(query) for query in staging.lossy_queries(parts, column.name, to))
        held, capabilities = name(column.name), connection.capabilities
        if column.type.kind is Kind.DECIMAL:
            word = spell(column.type, capabilities)
            lost = f"CAST(CAST({held} AS {spell(to, capabilities)}) AS {word}) <> {held}"
        else:
            lost = f"abs({held}) > 9007199254740992"
        return not connection.rows(f"SELECT 1 FROM {relation(target)} WHERE {lost} LIMIT 1")

    return Asking(empty, survives)


def _tell_of_changes(loading: _Loading, target: Table, room: Room) -> None:
    for change in room.changes:
        if isinstance(change, Added):
            said = f"added column {change.column.name} {change.column.type}"
        elif isinstance(change, Widened):
            said = f"column {change.column.name} grew from {change.column.type} to {change.to}"
        else:
            continue
        loading.events.append(SchemaChanged(str(target), said))


def _entry(loading: _Loading, schema: Schema, rows: int | None) -> Entry:
    package, stream = loading.package, loading.stream
    reached = package.reached
    resume = {key: value for key, value in package.resume.items() if key not in ("files", "sizes")}
    entry = Entry(
        load_id=package.id,
        run_id=loading.run,
        stream=stream.label,
        target=str(loading.table),
        disposition=stream.disposition,
        source=stream.source,
        started_at=loading.now,
        committed_at=loading.now,
        cursor_field=reached.field if reached else None,
        cursor_value=reached.value if reached else None,
        schema={column.name: str(column.type) for column in schema},
        state={"resume": {**_cursors(loading), **resume}},
        rows_after=rows,
        **loading.counts.as_dict(),
    )
    counts = {key: value for key, value in loading.counts.as_dict().items() if key != "deleted"}
    loading.events.append(RowsLoaded(stream.label, str(loading.table), package.id, **counts))
    return entry


def _record_files(loading: _Loading) -> None:
    connection, stream, package = loading.connection, loading.stream, loading.package
    if loading.anew or stream.disposition == "replace":
        ledger_of_files.forget(connection, stream.label)
    read, sizes = package.resume.get("files", {}), package.resume.get("sizes", {})
    ledger_of_files.record(connection, (stream.label, package.id, loading.now), read, sizes, loading.origins)


def _cursors(loading: _Loading) -> dict[str, Any]:
    """The cursors of a stream's parents, and a tap's state, stay known after a load that had nothing to say of them."""
    previous = loading.previous
    if previous is None or loading.anew or loading.stream.disposition == "replace":
        return {}
    return ledger.kept(previous)
