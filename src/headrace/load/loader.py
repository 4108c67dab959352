"""A landed package into its table, with the ledger's row and the cursor, in one transaction.

The load id is the package's, so loading a package again does nothing. Where there is no table yet, the staged rows *are* the table.

A stream whose SQL runs after the load (`transform: {when: after_load}`) keeps its rows as they arrived in `<table>__raw`, and the
table's own name is a view: that SQL over the raw rows. See docs/decisions/0004-elt-transform.md.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from headrace import quarantine
from headrace.batch import FileChanged
from headrace.errors import ChangeLossy, HeadraceError, TransformInvalid, did_you_mean
from headrace.events import RowsLoaded, Warned, emit
from headrace.landing import ORIGIN
from headrace.load import apply, children, inflight, nested, staging
from headrace.load.advancing import told
from headrace.load.asking import asking
from headrace.load.called import as_columns
from headrace.load.changed import record_changes, suggest_columns, suggest_renames
from headrace.load.counts import Counts
from headrace.load.evolve import make_room
from headrace.load.extras import ROW, cursor_column, extras, growth, same, validity
from headrace.load.job import Job
from headrace.load.loading import Loading
from headrace.load.partitioning import check_split, partitioning
from headrace.load.parts import FilesUnfit, declared_part, files, gone, parts_of, proving, with_kin
from headrace.load.refusing import refuse, refuse_lacking, refuse_table, require
from headrace.schema import Schema
from headrace.sql.dialect import name, relation, timestamp
from headrace.sql.operations import CreateSchema, Drop, SetView
from headrace.state import files as ledger_of_files
from headrace.state import ledger
from headrace.state.ledger import Entry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from headrace.landing import Package
    from headrace.load.parts import Part
    from headrace.project.sources import Stream
    from headrace.table import Table
    from headrace.warehouse.base import Connection, Relation


_SKEW = 60.0
"""Seconds by which the clocks of machines may differ without a word."""


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

    Raises FilesUnfit, with nothing changed, where a file does not fit what its Scan says of it, and FileChanged where one is gone or
    another; the package is then to be gone on with.
    """
    ledger.ensure(connection)
    quarantine.ensure(connection)
    entry = ledger.has(connection, package.id, stream.label)
    if entry is None:
        if not connection.inspect(table.schema):
            connection.run(CreateSchema(table.schema))
        previous = ledger.last_load(connection, stream.label)
        stream = as_columns(stream, package, previous)
        with _watching(package), proving(package), connection.transaction():
            loading = Loading(connection, stream, table, package, run, now, previous, full_refresh, Counts(), [])
            _tell_of_clock(loading)
            # Before anything is kept: what is refused once more is then open again.
            quarantine.settle(
                connection, package.settles, "replayed", loading.at - timedelta(microseconds=1), package.id
            )
            entry = _load(loading)
            for each in (entry, *_of_lists(loading, entry)):
                ledger.record(connection, each)
            _record_files(loading)
            if lost := gone(package):
                raise FilesUnfit(lost)
        for event in loading.events:
            emit(event)
    package.discard()
    return entry


def _tell_of_clock(loading: Loading) -> None:
    """A clock that was put back is worth a word: what the load writes is dated after the load before it."""
    back = (loading.at - loading.now).total_seconds()
    if back > _SKEW:
        said = f"{loading.stream.label}: the clock is {back:.0f} s behind the last load's, so this load is dated after that one"
        loading.events.append(Warned(said))


@contextmanager
def _watching(package: Package) -> Iterator[None]:
    """Whatever fails because a file became another one or went away is told as that; the package is then to be gone on with."""
    try:
        yield
    except (HeadraceError, FilesUnfit, OSError) as error:
        lost = gone(package)
        if not lost:
            raise
        package.reopen(with_kin(package, lost))
        raise FileChanged(min(lost)) from error


def _load(loading: Loading) -> Entry:
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
    if not parts and stream.spec.sweeps:
        _is_whole(loading, 0, 0)
    if parts and target not in there and stream.spec.schema_contract.tables != "evolve":
        refuse_table(loading, target, parts)
        parts = []
    elif not parts and target not in there and stream.spec.schema_contract.tables == "evolve":
        parts = declared_part(connection.local, stream)
    if parts:
        schema = _bring_in(loading, target, there, parts)
        if after:
            query = inflight.wrap(after, f"SELECT * FROM {relation(target)}")
            carried = connection.carried(loading.table, "view")
            connection.run(SetView(loading.table, query, connection.dependents(loading.table), carried))
    elif target in there and (loading.anew or stream.disposition == "replace"):
        connection.execute(f"DELETE FROM {relation(target)}")
        children.empty(loading, there)
    if loading.anew:
        children.forget(loading, there)
    known = bool(parts) or target in there
    rows = connection.size(target) if known else None
    return _entry(loading, schema, rows)


def _make_way(loading: Loading, held: Relation | None) -> None:
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


def _count_arrived(loading: Loading) -> None:
    """What was settled before the load: rows filtered in flight, records that could not be read, requests that died."""
    package, counts = loading.package, loading.counts
    counts.read += sum(segment.read for segment in package.segments)
    counts.filtered += sum(segment.filtered for segment in package.segments)
    _keep_rejected(loading, [str(segment.rejected) for segment in package.segments if segment.rejected])
    counts.read += _keep_rejected(loading, [scan.rejected for scan in package.scans if scan.rejected])
    quarantine.keep_dead(loading.connection, loading.stream.label, package.id, loading.at, package.dead)


def _keep_rejected(loading: Loading, paths: list[str]) -> int:
    """The records that could not be read, of files of Parquet, into quarantine; how many."""
    if not paths:
        return 0
    return loading.keep(f'SELECT reason, "column", detail, raw, origin FROM ({files(paths)}) AS rejected', "record")


def _bring_in(loading: Loading, target: Table, there: Mapping[Table, Relation], parts: list[Part]) -> Schema:
    """The parts into the table; the schema it has then, without the columns that headrace adds."""
    connection, stream, counts, held = loading.connection, loading.stream, loading.counts, there.get(target)
    stored = None if held is None or loading.anew else apply.without_extras(held.schema, stream)
    nest = nested.opened(loading, target, there, parts) if stream.spec.nested == "tables" else None
    rows = nest.parts if nest else parts
    room = make_room(stream, stored, rows, asking(connection, target, rows, stored))
    lists = nest.lists if nest else Schema(())
    added = extras(stream, room.schema, loading.package.id, loading.at, lists)
    if nest:
        room = nested.unfolded(nest, room)
        loading.branches.extend(nest.branches.values())
    changes = room.changes
    if held and not loading.anew:
        _check_kind(loading, held)
        changes = (*changes, *growth(stream, held.schema, added))
    previous = loading.previous
    cursor = previous.cursor if previous and not loading.anew else None
    staged_columns = (*room.schema.columns, *(extra.column for extra in added if extra.value is not None))
    by, at, branches = partitioning(stream, staged_columns), timestamp(loading.at), tuple(loading.branches)
    job = Job(connection, stream, target, held, room.schema, added, changes, cursor, at, loading.anew, by, branches)
    check_split(job)
    refused = sum(refuse(loading, fit) for fit in room.fits)
    if nest:
        nested.leave_out(nest, room)
    record_changes(loading, stream.label, target, room, created=stored is None)
    with told(stream.label, connection.local):
        query = staging.stage_query(room.fits, room.schema, added, lists)
        staged = connection.load_local(job.build, query, same(added))
    counts.read += sum(part.filtered for part in parts)
    counts.filtered += sum(part.filtered for part in parts)
    landed = sum(segment.rows for segment in loading.package.segments)
    counts.read += staged + refused - landed  # the rest came from files that were read in place
    lacking = refuse_lacking(loading, job, room)
    if loading.package.resume.get("files"):
        of = name(ORIGIN)
        loading.origins.update(connection.rows(f"SELECT {of}, count(*) FROM {relation(job.build)} GROUP BY 1"))
    if nest:
        children.stage(loading, job, nest, lacking=lacking > 0)
    if held and not loading.anew:
        suggest_renames(loading, job, parts)
    else:
        suggest_columns(loading, job)
    whole = stream.spec.sweeps and _is_whole(loading, staged, refused + lacking)
    apply.apply(job, staged - lacking, counts, sweep=whole)
    require(loading, job)
    if nest:
        nested.closed(nest)
    return room.schema


def _check_kind(loading: Loading, held: Relation) -> None:
    """A table that keeps versions and one that does not cannot become each other."""
    stream, previous = loading.stream, loading.previous
    if held.schema.get(ROW) and stream.spec.nested != "tables":
        raise ChangeLossy(
            f"{stream.label}: the lists of {loading.table} are tables, and `nested: {stream.spec.nested}` would leave them behind",
            where=stream.place,
            hint="load the stream anew with --full-refresh",
        )
    end = validity(stream)[1]
    now, was = stream.disposition == "scd2", previous is not None and previous.disposition == "scd2"
    if (now and held.schema.get(end) is None) or (was and stream.disposition not in ("scd2", "replace")):
        what = f"does not say in '{end}' until when its rows were valid" if now else "holds every version of its rows"
        raise ChangeLossy(
            f"{stream.label}: {loading.table} {what}, so {stream.disposition} cannot go on with it",
            where=stream.place,
            hint="load the stream anew with --full-refresh",
        )


def _is_whole(loading: Loading, rows: int, refused: int) -> bool:
    """Whether what is missing from this load is missing at the source: not where something arrived that could not be kept."""
    why = None
    if refused or loading.counts.quarantined or loading.package.dead:
        why = "something of it is in quarantine, or was left out"
    elif not rows:
        why = "nothing arrived"
    if why:
        said = f"{loading.stream.label}: no row counts as missing from this load, because {why}"
        loading.events.append(Warned(said, where=str(loading.stream.place or "")))
    return why is None


def _entry(loading: Loading, schema: Schema, rows: int | None) -> Entry:
    package, stream = loading.package, loading.stream
    reached = package.reached
    resume = {key: value for key, value in package.resume.items() if key not in ("files", "sizes")}
    if ledger.NAMES in resume:
        # Those that are called as at the source are the table's other columns.
        resume[ledger.NAMES] = {key: column for key, column in resume[ledger.NAMES].items() if key != column}
    entry = Entry(
        load_id=package.id,
        run_id=loading.run,
        stream=stream.label,
        target=str(loading.table),
        disposition=stream.disposition,
        source=stream.source,
        started_at=loading.now,
        committed_at=loading.at,
        cursor_field=reached.field if reached else None,
        cursor_value=reached.value if reached else None,
        schema={column.name: str(column.type) for column in schema},
        state={"resume": {**_carried(loading), **resume}, **_nested(loading)},
        rows_after=rows,
        **loading.counts.as_dict(),
    )
    _warn_of_no_cursor(loading, schema)
    _warn_of_no_mark(loading, schema)
    counts = {key: value for key, value in loading.counts.as_dict().items() if key != "deleted"}
    loading.events.append(RowsLoaded(stream.label, str(loading.table), package.id, **counts))
    return entry


def _warn_of_no_cursor(loading: Loading, schema: Schema) -> None:
    """Say that no row had the cursor: each load would read everything, as if no `incremental:` were there."""
    stream, counts, reached = loading.stream, loading.counts, loading.package.reached
    incremental = stream.spec.incremental
    if (
        incremental is None
        or reached is None
        or reached.value is not None
        or counts.read == counts.filtered + counts.quarantined
    ):
        return
    path = incremental.cursor_path.removeprefix("$.")
    first = path.partition(".")[0]
    known = {
        **((loading.previous.names if loading.previous else None) or {}),
        **loading.package.resume.get(ledger.NAMES, {}),
    }
    # The records of an API are asked by the names that it uses, and all else by the columns'.
    asked = known if stream.spec.kind == "rest" else schema.names
    if first in asked or (stream.spec.kind != "rest" and any(cursor_column(one, schema) for one in (path, first))):
        return
    close = did_you_mean(path, asked)
    said = f"{stream.label}: no row has a value at its cursor '{path}', so that each load reads everything"
    loading.events.append(Warned(f"{said}; {close}" if close else said, where=str(stream.place or "")))


def _warn_of_no_mark(loading: Loading, schema: Schema) -> None:
    """Say that no row had the column that marks deleted rows: it may be that none is, or that it is called otherwise."""
    stream, deletes = loading.stream, loading.stream.spec.deletes
    if deletes and deletes.column and schema.columns and schema.get(deletes.column) is None:
        close = did_you_mean(deletes.column, schema.names)
        said = f"{stream.label}: no row has a value in '{deletes.column}', so none counts as deleted"
        loading.events.append(Warned(f"{said}; {close}" if close else said, where=str(stream.place or "")))


def _nested(loading: Loading) -> dict[str, Any]:
    """Which tables the stream's lists are, for the loads that come."""
    found = {path: (table, nested.renamed_in(loading, path)) for path, table in nested.known(loading).items()}
    found |= {branch.path: (branch.table, branch.renamed) for branch in loading.branches}
    lists = [[list(path), table.name, renamed] for path, (table, renamed) in found.items()]
    return {"nested": lists} if lists else {}


def _of_lists(loading: Loading, entry: Entry) -> Iterator[Entry]:
    """An entry for each table of lists that something arrived for, or went from."""
    for branch in loading.branches:
        counts = branch.counts.as_dict()
        if branch.room is None and not any(counts.values()):
            continue
        columns = branch.room.schema if branch.room else ()
        size = loading.connection.size(branch.table)
        made = replace(
            entry,
            stream=branch.stream.label,
            target=str(branch.table),
            cursor_field=None,
            cursor_value=None,
            schema={column.name: str(column.type) for column in columns},
            state={},
            rows_after=size,
        )
        yield replace(made, **counts)  # type: ignore[arg-type]


def _record_files(loading: Loading) -> None:
    connection, stream, package = loading.connection, loading.stream, loading.package
    if loading.anew or stream.whole:
        ledger_of_files.forget(connection, stream.label)
    read, sizes = package.resume.get("files", {}), package.resume.get("sizes", {})
    rows = {one: (loading.origins.get(one, 0), loading.refused[one]) for one in read}
    ledger_of_files.record(connection, (stream.label, package.id, loading.at), read, sizes, rows)


def _carried(loading: Loading) -> dict[str, Any]:
    previous = loading.previous
    if previous is None or loading.anew:
        return {}
    names = {} if previous.names is None else {ledger.NAMES: previous.names}
    return {**names, **({} if loading.stream.whole else previous.carried)}
