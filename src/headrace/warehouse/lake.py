"""Files as a warehouse: DuckDB does the work in memory, and what a transaction changed goes to a store in one commit.

A store keeps tables as files. Its tables stand in the session as views over them; one that a statement is about to change is brought in
first. Appended rows are never read again: they wait beside the view. At the end of a transaction the store takes all changes, the
ledger's among them, at once: before its commit nothing of them is there, after it all of it, whenever the process ends.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Literal, Protocol

from headrace.errors import NotSupported
from headrace.sql.dialect import name, names, relation
from headrace.sql.operations import AddPartitions, Append, Overwrite, Publish, SetView
from headrace.table import Table
from headrace.warehouse.duckdb import DuckDBConnection
from headrace.warehouse.embedded import CAPABILITIES, Embedded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from headrace.sql.operations import Operation, Partitioning
    from headrace.warehouse.base import Relation

HOME = "headrace"
"""The schema of what headrace remembers: small tables, which are held in the session."""
_CHANGES = ("DELETE FROM", "INSERT INTO", "UPDATE", "ALTER TABLE", "MERGE INTO")
_TABLES = (
    "SELECT schema_name, table_name FROM duckdb_tables() "
    "WHERE database_name = current_database() AND NOT temporary AND NOT internal ORDER BY ALL"
)


@dataclass(frozen=True, slots=True)
class Change:
    """Rows of a DuckDB query that are added to a table, or that are all it has from now on; `by` is how the table is split."""

    table: Table
    kind: Literal["append", "replace"]
    query: str
    by: Partitioning | None = None


class Store(Protocol):
    """Where the tables are kept."""

    @property
    def splits(self) -> bool:
        """Whether a table can be in partitions."""

    def tables(self) -> Mapping[Table, str]:
        """For each table a DuckDB query for its rows, as they were last committed."""

    def commit(self, changes: Sequence[Change], gone: Sequence[Table], local: Embedded) -> None:
        """All changes, or none. Raises StatementFailed, transient where another process was faster."""


class LakeConnection(DuckDBConnection):
    """A session over a store. Transactions of all sessions follow each other."""

    def __init__(self, local: Embedded, warehouse: LakeWarehouse) -> None:
        super().__init__(local)
        self._warehouse = warehouse

    def execute(self, sql: str) -> int:
        """Run one statement; a table that it changes is brought in first."""
        for table in tuple(self._warehouse.kept):
            if sql.startswith(tuple(f"{verb} {relation(table)}" for verb in _CHANGES)):
                self._bring_in(table)
        return super().execute(sql)

    def run(self, operation: Operation) -> int:
        """Do the operation. What is appended to a stored table waits beside it; any other change needs its rows here."""
        if isinstance(operation, SetView):
            raise NotSupported(
                f"{operation.view}: files hold tables, no views", hint="views and models need a database as the target"
            )
        split = self._warehouse.split
        if isinstance(operation, AddPartitions):
            if not self._warehouse.store.splits:
                raise NotSupported(
                    f"{operation.table}: partitions are made in a folder of files or a database, not in this target",
                    hint="leave `partition_by` out, or load into parquet:///FOLDER",
                )
            split[operation.table] = operation.by
            return 0
        if isinstance(operation, Publish) and operation.built in split:
            split[operation.target] = split.pop(operation.built)
        touched = [table for table in self._warehouse.kept if _touches(operation, table)]
        if isinstance(operation, Append) and touched == [operation.target]:
            return self._add(operation)
        for table in touched:
            self._bring_in(table, empty=isinstance(operation, Overwrite))
        return super().run(operation)

    def inspect(self, *schemas: str, database: str | None = None) -> dict[Table, Relation]:
        """All relations of the schemas; what the store keeps are tables."""
        found = super().inspect(*schemas, database=database)
        return {
            table: replace(one, kind="table") if table in self._warehouse.kept else one for table, one in found.items()
        }

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, in the session and in the store."""
        with self._warehouse.guard:
            before = dict(self._warehouse.kept), dict(self._warehouse.added)
            try:
                with super().transaction():
                    self._warehouse.split.clear()
                    yield
                    self._commit()
            except BaseException:
                self._warehouse.kept, self._warehouse.added = before
                raise

    def _commit(self) -> None:
        here = [Table(*row) for row in self.local.rows(_TABLES)]
        waiting, split = set(self._warehouse.added.values()), self._warehouse.split
        changes = [
            Change(table, "replace", f"SELECT * FROM {relation(table)}", split.get(table))
            for table in here
            if table not in waiting
        ]
        changes += [
            Change(table, "append", f"SELECT * FROM {relation(beside)}", split.get(table))
            for table, beside in self._warehouse.added.items()
        ]
        known = {*here, *self._warehouse.kept}
        gone = [table for table in self._warehouse.store.tables() if table not in known]
        self._warehouse.store.commit(changes, gone, self.local)
        for table in here:
            if table.schema != HOME:
                self.local.execute(f"DROP TABLE {relation(table)}")
        self._warehouse.show(self.local, {change.table for change in changes if change.table.schema != HOME})

    def _add(self, operation: Append) -> int:
        target, added = operation.target, self._warehouse.added
        beside = target.beside("added", max_name=CAPABILITIES.max_name)
        columns = names(operation.columns)
        if target not in added:
            self.local.execute(f"CREATE TABLE {relation(beside)} AS SELECT * FROM {relation(target)} LIMIT 0")
            added[target] = beside
        rows = self.local.execute(
            f"INSERT INTO {relation(beside)} ({columns}) SELECT {columns} FROM {relation(operation.staged)}"
        )
        kept = self._warehouse.kept[target]
        self.local.execute(
            f"CREATE OR REPLACE VIEW {relation(target)} AS\n{kept}\nUNION ALL BY NAME SELECT * FROM {relation(beside)}"
        )
        return rows

    def _bring_in(self, table: Table, *, empty: bool = False) -> None:
        if self._warehouse.kept.pop(table, None) is None:
            return
        here = table.beside("here", max_name=CAPABILITIES.max_name)
        self.local.execute(
            f"CREATE TABLE {relation(here)} AS SELECT * FROM {relation(table)}" + (" LIMIT 0" if empty else "")
        )
        self.local.execute(f"DROP VIEW {relation(table)}")
        self.local.execute(f"ALTER TABLE {relation(here)} RENAME TO {name(table.name)}")
        if beside := self._warehouse.added.pop(table, None):
            self.local.execute(f"DROP TABLE {relation(beside)}")


def _touches(operation: Operation, table: Table) -> bool:
    return any(getattr(operation, each.name) == table for each in fields(operation))


class LakeWarehouse:
    """A store, and the session that works on it. `kept` are the tables that stand as views, `added` what waits beside them.

    `split` says how tables of the open transaction are in partitions.
    """

    capabilities = CAPABILITIES

    def __init__(self, url: str, store: Store, root: Embedded) -> None:
        self.url = url
        self.store = store
        self.root = root
        self.guard = threading.RLock()
        self.kept: dict[Table, str] = {}
        self.added: dict[Table, Table] = {}
        self.split: dict[Table, Partitioning] = {}
        stored = store.tables()
        for schema in {table.schema for table in stored}:
            root.execute(f"CREATE SCHEMA IF NOT EXISTS {name(schema)}")
        for table, query in stored.items():
            if table.schema == HOME:
                root.execute(f"CREATE TABLE {relation(table)} AS\n{query}")
        self.show(root, {table for table in stored if table.schema != HOME})

    def show(self, local: Embedded, tables: set[Table]) -> None:
        """Have tables stand as views over what the store keeps of them."""
        stored = self.store.tables()
        for table in tables:
            local.execute(f"CREATE OR REPLACE VIEW {relation(table)} AS\n{stored[table]}")
            self.kept[table] = stored[table]
            self.added.pop(table, None)

    def connect(self) -> LakeConnection:
        """A new session, whose time zone is UTC."""
        local = self.root.cursor()
        local.execute("SET TimeZone = 'UTC'")
        return LakeConnection(local, self)

    def close(self) -> None:
        """Forget what is in memory; the store has all of it."""
        self.root.close()
