"""From the staged rows into the table: append, replace or merge, and what became of each row."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from headrace.landing import ORIGIN
from headrace.load.staging import DELETED, HASH
from headrace.schema import Kind, Schema
from headrace.sql.dialect import name, names, relation, spell, text
from headrace.sql.merge import count_verdicts
from headrace.sql.operations import (
    AlterColumns,
    Append,
    CreateTable,
    Drop,
    Merge,
    Overwrite,
    Publish,
)

if TYPE_CHECKING:
    from headrace.cursor import Cursor
    from headrace.project.sources import Stream
    from headrace.schema import Change
    from headrace.table import Table
    from headrace.warehouse.base import Connection, Relation


@dataclass(slots=True)
class Counts:
    """What became of the rows of a load."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    duplicate: int = 0
    filtered: int = 0
    quarantined: int = 0

    def as_dict(self) -> dict[str, int]:
        """By name, as the ledger has them."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done to one table. `held` is what has its name now; with `anew`, nothing of it is kept.

    `schema` has the columns that the table gets, `cursor` is how far the load before this one came.
    """

    connection: Connection
    stream: Stream
    table: Table
    held: Relation | None
    schema: Schema
    changes: tuple[Change, ...]
    cursor: Cursor | None
    anew: bool

    @property
    def staged(self) -> Table:
        """Where rows are staged that have to be compared or moved."""
        return self.beside("staged")

    @property
    def build(self) -> Table:
        """Where the rows are loaded to first: into the table itself where there is none."""
        if self.held is None:
            return self.table
        return self.beside("built") if self.anew else self.staged

    @property
    def hard(self) -> bool:
        """Whether rows that are deleted at the source go."""
        deletes = self.stream.spec.deletes
        return deletes is not None and deletes.mode == "hard"

    @property
    def tombstones(self) -> Table | None:
        """Where deleted keys are remembered, if a row that comes late can be told from a new one."""
        return self.beside("tombstones") if self.hard and self.order else None

    @property
    def order(self) -> tuple[str, ...]:
        """The column that says which version of a row is newer: the cursor's, if the rows have it."""
        incremental = self.stream.spec.incremental
        column = cursor_column(incremental.cursor_path, self.schema) if incremental else None
        return (column,) if column else ()

    @property
    def texts(self) -> tuple[str, ...]:
        """The order columns that are text."""
        found = (column for one in self.order if (column := self.schema.get(one)))
        return tuple(column.name for column in found if column.type.kind is Kind.VARCHAR)

    def beside(self, suffix: str) -> Table:
        """A table of headrace's beside this one."""
        return self.table.beside(suffix, max_name=self.connection.capabilities.max_name)


def cursor_column(path: str, schema: Schema) -> str | None:
    """The column that holds a cursor path: itself, or flattened."""
    spelled = (path, path.replace(".", "__"), path.lower(), path.lower().replace(".", "__"))
    return next((each for each in spelled if schema.get(each)), None)


def apply(job: Job, rows: int, counts: Counts) -> None:
    """Let the rows that were loaded into `job.build` become the table's."""
    if job.held is None or job.anew:
        _fresh(job, rows, counts)
        return
    if job.changes:
        job.connection.run(AlterColumns(job.table, job.changes, job.connection.dependents(job.table)))
    if job.stream.disposition == "merge":
        _merge(job, job.table, counts)
    elif job.stream.disposition == "replace":
        job.connection.run(Overwrite(job.table, job.staged, job.schema.names))
        counts.inserted += rows
    else:
        duplicates = _drop_duplicates(job, job.cursor) if job.cursor else 0
        job.connection.run(Append(job.table, job.staged, job.schema.names))
        counts.duplicate += duplicates
        counts.inserted += rows - duplicates
    job.connection.run(Drop(job.staged))


def _fresh(job: Job, rows: int, counts: Counts) -> None:
    connection, build = job.connection, job.build
    if job.anew and job.stream.disposition == "merge":
        connection.run(Drop(job.beside("tombstones")))
    if job.stream.disposition == "merge" and (job.hard or _repeats(job)):
        connection.run(Publish(job.staged, build))
        connection.run(CreateTable(build, job.schema))
        _merge(job, build, counts)
        connection.run(Drop(job.staged))
    else:
        counts.inserted += rows
    if job.held is not None:
        carried = connection.carried(job.table, "table")
        connection.run(Publish(job.table, build, job.held.kind, connection.dependents(job.table), carried))


def _repeats(job: Job) -> bool:
    key = names(job.stream.spec.primary_key)
    return bool(job.connection.rows(f"SELECT 1 FROM {relation(job.build)} GROUP BY {key} HAVING count(*) > 1 LIMIT 1"))


def _merge(job: Job, target: Table, counts: Counts) -> None:
    connection = job.connection
    if job.tombstones:
        columns = [job.schema.get(column) for column in dict.fromkeys((*job.stream.spec.primary_key, *job.order))]
        schema = Schema(tuple(column for column in columns if column))
        connection.run(CreateTable(job.tombstones, schema, if_absent=True))
    operation = Merge(
        target=target,
        staged=job.staged,
        verdicts=job.beside("verdicts"),
        columns=job.schema.names,
        key=job.stream.spec.primary_key,
        order=job.order,
        hash=HASH,
        deleted=DELETED if job.hard else None,
        tombstones=job.tombstones,
        texts=job.texts,
    )
    connection.run(operation)
    found = dict(connection.rows(count_verdicts(operation, connection.capabilities)))
    counts.inserted += found.get("insert", 0)
    counts.updated += found.get("update", 0) + found.get("delete", 0)
    counts.deleted += found.get("delete", 0)
    counts.unchanged += found.get("unchanged", 0)
    counts.duplicate += found.get("duplicate", 0)


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


def without_audit(schema: Schema) -> Schema:
    """The table's own columns."""
    added = {ORIGIN} | {column for column in schema.names if column.startswith("_headrace_")}
    return Schema(tuple(column for column in schema if column.name not in added))
