"""From the staged rows into the table, in the stream's way, and what became of each row."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from headrace.load import children
from headrace.load.extras import DELETED, HASH, LOADED_AT, names_added, previous_names, since, surrogate, validity
from headrace.load.partitioning import add_partitions, within
from headrace.schema import Added, Schema
from headrace.sql.dialect import name, names, relation, spell, text
from headrace.sql.merge import count_verdicts, in_layers
from headrace.sql.operations import (
    AlterColumns,
    Append,
    Before,
    CreateTable,
    CreateTableAs,
    DeleteInsert,
    Distinct,
    Drop,
    Merge,
    Overwrite,
    Publish,
    Scd2,
    Sweep,
)
from headrace.sql.partitioned import inside
from headrace.sql.write import same_key

if TYPE_CHECKING:
    from headrace.cursor import Cursor
    from headrace.load.counts import Counts
    from headrace.load.job import Job
    from headrace.project.sources import Stream
    from headrace.table import Table


def apply(job: Job, rows: int, counts: Counts, *, sweep: bool) -> None:
    """Let the rows that were loaded into `job.build` become the table's; with `sweep`, keys that are not among them are gone."""
    if job.held is None or job.anew:
        _fresh(job, rows, counts)
        return
    if job.changes:
        job.connection.run(AlterColumns(job.table, job.changes, job.connection.dependents(job.table)))
        _fill(job)
    add_partitions(job, job.table)
    if job.keyed:
        _join(job, job.table, rows, counts)
    elif job.stream.disposition == "replace":
        job.connection.run(Overwrite(job.table, job.staged, job.schema.names))
        counts.inserted += rows
    else:
        duplicates = _drop_duplicates(job, job.cursor) if job.cursor else 0
        job.connection.run(Append(job.table, job.staged, job.schema.names))
        counts.duplicate += duplicates
        counts.inserted += rows - duplicates
    if sweep:
        counts.deleted += _sweep(job)
    children.let_in(job, job.table if job.keyed else job.staged, gone=job.keyed, swept=sweep)
    job.connection.run(Drop(job.staged))


def _fresh(job: Job, rows: int, counts: Counts) -> None:
    connection, build = job.connection, job.build
    split = job.by is not None and connection.capabilities.partitions
    if job.anew and job.keyed:
        connection.run(Drop(job.beside("tombstones")))
    joined = job.keyed and (job.hard or job.stream.disposition in ("scd2", "scd3") or _repeats(job))
    if joined or split:
        connection.run(Publish(job.staged, build))
        connection.run(CreateTable(build, job.schema, by=job.by))
    parts = add_partitions(job, build)
    if joined:
        _join(job, build, rows, counts)
    else:
        counts.inserted += rows
        if split:
            connection.run(Append(build, job.staged, job.schema.names))
    children.let_in(job, build, gone=False)
    if joined or split:
        connection.run(Drop(job.staged))
    if job.held is not None:
        carried, kept = connection.carried(job.table, "table"), connection.dependents(job.table)
        connection.run(Publish(job.table, build, job.held.kind, kept, carried, parts))


def _repeats(job: Job) -> bool:
    key = job.stream.spec.primary_key
    again = f"SELECT 1 FROM {relation(job.build)} GROUP BY {names(key)} HAVING count(*) > 1 LIMIT 1"
    return bool(key) and bool(job.connection.rows(again))


def _fill(job: Job) -> None:
    """Rows that are there get the surrogate key that their table had not."""
    key = job.stream.spec.surrogate_key
    if key and any(isinstance(change, Added) and change.column.name == key.name for change in job.changes):
        made = surrogate(job.stream, key, job.own)
        job.connection.execute(f"UPDATE {relation(job.table)} SET {name(key.name)} = {made}")


def _join(job: Job, target: Table, rows: int, counts: Counts) -> None:
    """Staged rows meet those of the same key."""
    connection, way = job.connection, job.stream.disposition
    buried = job.tombstones
    if buried:
        connection.run(CreateTable(job.beside("tombstones"), buried, if_absent=True))
    if way == "delete_insert":
        _replace_keys(job, target, rows, counts)
    elif way == "scd2":
        _judge(job, _history(job, target), counts)
    elif way == "scd3":
        _in_turn(job, _merging(job, target), counts)
    else:
        _judge(job, _merging(job, target), counts)


def _merging(job: Job, target: Table) -> Merge:
    history, soft = job.stream.spec.history, job.schema.get(DELETED) is not None
    changed = since(job.stream, job.own) if history else None
    before = [
        Before(column, *previous_names(column), changed.name if changed else LOADED_AT)
        for column in (history.previous if history else ())
    ]
    return Merge(
        target=target,
        staged=job.staged,
        verdicts=job.beside("verdicts"),
        columns=job.schema.names,
        key=job.stream.spec.primary_key,
        order=job.order,
        hash=HASH,
        deleted=DELETED if job.hard else None,
        tombstones=job.beside("tombstones") if job.tombstones else None,
        texts=job.texts,
        mark=DELETED if soft else None,
        only_new=job.stream.disposition == "insert_only",
        before=tuple(before),
        within=within(job),
        partitioned=job.by is not None and job.connection.capabilities.partitions,
    )


def _history(job: Job, target: Table) -> Scd2:
    start, end = validity(job.stream)
    return Scd2(
        target=target,
        staged=job.staged,
        verdicts=job.beside("verdicts"),
        versions=job.beside("versions"),
        columns=job.schema.names,
        key=job.stream.spec.primary_key,
        changed_at=start,
        hash=HASH,
        valid_from=start,
        valid_to=end,
        deleted=DELETED if job.hard else None,
        tombstones=job.beside("tombstones") if job.tombstones else None,
        within=within(job),
    )


def _judge(job: Job, operation: Merge | Scd2, counts: Counts) -> None:
    connection = job.connection
    connection.run(operation)
    children.judged(job, operation)
    found = dict(connection.rows(count_verdicts(operation, connection.capabilities)))
    counts.inserted += found.get("insert", 0)
    counts.updated += found.get("update", 0) + found.get("delete", 0)
    counts.deleted += found.get("delete", 0)
    counts.unchanged += found.get("unchanged", 0)
    counts.duplicate += found.get("duplicate", 0)


def _in_turn(job: Job, operation: Merge, counts: Counts) -> None:
    """A merge for the first version of each key, one for the second and so on: each has to see what was before it."""
    connection, layer = job.connection, job.beside("layer")
    query = in_layers(operation, connection.capabilities)
    (last,) = connection.rows(f"SELECT max(layer) FROM (\n{query}\n) AS layered")
    for number in range(1, (last[0] or 0) + 1):
        connection.run(
            CreateTableAs(
                layer, f"SELECT {names(job.staged_names)} FROM (\n{query}\n) AS layered WHERE layer = {number}"
            )
        )
        _judge(job, replace(operation, staged=layer), counts)
        connection.run(Drop(layer))


def _replace_keys(job: Job, target: Table, rows: int, counts: Counts) -> None:
    """All that the table has of the staged keys goes, and the staged rows come."""
    connection, spec = job.connection, job.stream.spec
    duplicates = 0
    if spec.primary_key:
        duplicates = connection.run(Distinct(job.staged, spec.primary_key, job.order, job.texts))
    held, staged = relation(target), relation(job.staged)
    there = within(job)
    both = same_key(spec.key, "t", "s") + inside(there, "t", connection.capabilities)
    known = connection.rows(f"SELECT count(*) FROM {staged} AS s WHERE EXISTS (SELECT 1 FROM {held} AS t WHERE {both})")
    gone = connection.rows(f"SELECT count(*) FROM {held} AS t WHERE EXISTS (SELECT 1 FROM {staged} AS s WHERE {both})")
    connection.run(DeleteInsert(target, job.staged, job.schema.names, spec.key, within=there))
    counts.duplicate += duplicates
    counts.updated += known[0][0]
    counts.deleted += max(0, gone[0][0] - known[0][0])
    counts.inserted += rows - duplicates - known[0][0]


def _sweep(job: Job) -> int:
    """What the load did not bring goes, is marked, or ends; how many rows."""
    spec, key = job.stream.spec, job.stream.spec.primary_key
    if job.stream.disposition == "scd2":
        return job.connection.run(Sweep(job.table, job.staged, key, "close", validity(job.stream)[1], job.now))
    if spec.deletes and spec.deletes.missing == "soft":
        return job.connection.run(Sweep(job.table, job.staged, key, "mark", DELETED))
    return job.connection.run(Sweep(job.table, job.staged, key, "remove"))


def _drop_duplicates(job: Job, cursor: Cursor) -> int:
    """Take out staged rows at or before the stored cursor that the table has already; a row it has once stands for one.

    Only that edge of the table is compared, so nothing has to be remembered of what was read. Rows without a cursor value come with
    every read and are compared too.
    """
    column = job.schema.get(job.order[0]) if job.order else None
    if column is None:
        return 0
    capabilities = job.connection.capabilities
    held, staged, table = name(column.name), relation(job.staged), relation(job.table)
    place = "rowid" if capabilities.dialect == "duckdb" else "ctid"
    # A source may hold its cursor back behind what it gave: up to the highest value that is stored, rows come again.
    last = (
        f"(SELECT greatest(max({held}), CAST({text(cursor.value)} AS {spell(column.type, capabilities)})) FROM {table})"
    )
    edge = f"({held} <= {last} OR {held} IS NULL)"
    since = f"({held} >= (SELECT min({held}) FROM {staged}) OR {held} IS NULL)"
    if job.texts:
        # Text of several formats has no edge that the engine could find by comparing; a row's hash has its cursor in it.
        edge = since = "TRUE"
    return job.connection.execute(
        f"DELETE FROM {staged} WHERE {place} IN (\n"
        f"SELECT s.place FROM (SELECT {place} AS place, {name(HASH)} AS hash, "
        f"row_number() OVER (PARTITION BY {name(HASH)}) AS nth FROM {staged} WHERE {edge}) AS s\n"
        f"JOIN (SELECT {name(HASH)} AS hash, count(*) AS held FROM {table} WHERE {edge} AND {since} GROUP BY 1) AS t "
        "ON t.hash = s.hash AND s.nth <= t.held)"
    )


def without_extras(schema: Schema, stream: Stream) -> Schema:
    """The table's own columns."""
    added = names_added(stream)
    return Schema(
        tuple(column for column in schema if column.name not in added and not column.name.startswith("_headrace_"))
    )
