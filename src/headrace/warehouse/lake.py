"""Files as a warehouse: DuckDB does the work in memory, and what a transaction changed goes to a store in one commit.

A store keeps tables as files. Its tables stand in the session as views over them; one that a statement is about to change is brought in
first. Appended rows are never read again: they wait beside the view. Where the store can replace parts of a table, only those come in
that hold rows which an operation reads, and the view shows them and the others. Columns that come or grow do so in what waits, and the view
shows the stored rows with them too, which the store makes true of its files, or has no need to. At the end of a transaction the store takes all changes, the
ledger's among them, at once: before its commit nothing of them is there, after it all of it, whenever the process ends.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from headrace.errors import NotSupported
from headrace.schema import Added
from headrace.sql.dialect import name, relation
from headrace.sql.operations import AddPartitions, AlterColumns, Append, Overwrite, Publish, Require, SetView
from headrace.sql.reach import Reaching, changes, reached
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
    """Rows of a DuckDB query that a table has in place of some of its parts: all if `parts` is None, none of them if they are added.

    `by` is how the table is split. `fit` lists its columns as expressions over a stored row, where the parts that stay have others.
    """

    table: Table
    query: str
    by: Partitioning | None = None
    parts: tuple[str, ...] | None = None
    fit: str = "*"


@dataclass(frozen=True, slots=True)
class Opened:
    """What a transaction changes of a stored table: `rows` has those of the `parts` that it took, and new ones.

    `changed` says whether a statement has changed anything there. `fit` lists the columns as expressions over a stored row.
    """

    rows: Table
    parts: tuple[str, ...] = ()
    changed: bool = False
    fit: str = "*"


class Parted(Protocol):
    """A store whose tables are in parts, each of which can be replaced."""

    def parts(self, table: Table) -> Sequence[str]:
        """The parts of a table, as they were last committed."""

    def query(self, parts: Sequence[str]) -> str:
        """A DuckDB query for the rows of some parts of a table; there is at least one."""

    def worth_opening(self, parts: Sequence[str], where: str, local: Embedded, fit: str) -> Sequence[str]:
        """Those of the parts that hold a row, called t, which meets the condition; and those that had better become one.

        The row has the columns that `fit` lists.
        """


class Store(Protocol):
    """Where the tables are kept."""

    @property
    def splits(self) -> bool:
        """Whether a table can be in partitions."""

    @property
    def retypes(self) -> bool:
        """Whether a commit can give stored rows a column of another type: a new column it always can."""

    @property
    def parted(self) -> Parted | None:
        """The store, if parts of its tables can be replaced."""

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
        rows = super().execute(sql)
        for table, opened in self._warehouse.opened.items():
            if rows > 0 and sql.startswith(tuple(f"{verb} {relation(opened.rows)}" for verb in _CHANGES)):
                self._warehouse.opened[table] = replace(opened, changed=True)
        return rows

    def run(self, operation: Operation) -> int:
        """Do the operation. What is appended to a stored table waits beside it; any other change needs rows of it here."""
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
        changed = [table for table in self._warehouse.kept if changes(operation, table)]
        if isinstance(operation, Require) and operation.table in changed:
            return 0  # A file does not say it; a row that would break it is refused before.
        if isinstance(operation, AlterColumns) and operation.table in changed and self._fits(operation):
            self._reshape(operation)
            return 0
        if isinstance(operation, Append) and operation.target in changed:
            return super().run(replace(operation, target=self._open(operation.target).rows))
        parted = self._warehouse.store.parted
        if isinstance(operation, Reaching) and operation.target in changed and parted:
            where = reached(operation, self.capabilities)
            changed.remove(operation.target)
            operation = replace(operation, target=self._open(operation.target, parted, where).rows)
        for table in changed:
            self._bring_in(table, empty=isinstance(operation, Overwrite))
        return super().run(operation)

    def size(self, table: Table) -> int:
        """How many rows a table has. Each Parquet file says that of itself, if it is asked for nothing else."""
        opened = self._warehouse.opened.get(table)
        if opened is None:
            return super().size(table)
        stays = self._warehouse.kept[table]
        others = int(self.rows(f"SELECT count(*) FROM ({stays})")[0][0]) if stays else 0
        return super().size(opened.rows) + others

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
            before = dict(self._warehouse.kept), dict(self._warehouse.opened)
            try:
                with super().transaction():
                    self._warehouse.split.clear()
                    yield
                    self._commit()
            except BaseException:
                self._warehouse.kept, self._warehouse.opened = before
                raise

    def _commit(self) -> None:
        here = [Table(*row) for row in self.local.rows(_TABLES)]
        opened, split = self._warehouse.opened, self._warehouse.split
        waiting = {one.rows for one in opened.values()}
        whole = [
            Change(table, f"SELECT * FROM {relation(table)}", split.get(table))
            for table in here
            if table not in waiting
        ]
        partly = [
            Change(table, f"SELECT * FROM {relation(one.rows)}", split.get(table), one.parts, one.fit)
            for table, one in opened.items()
            if one.changed
        ]
        known = {*here, *self._warehouse.kept}
        gone = [table for table in self._warehouse.store.tables() if table not in known]
        self._warehouse.store.commit([*whole, *partly], gone, self.local)
        for table in here:
            if table.schema != HOME:
                self.local.execute(f"DROP TABLE {relation(table)}")
        self._warehouse.show(self.local, {*opened, *(one.table for one in whole if one.table.schema != HOME)})

    def _open(self, table: Table, parted: Parted | None = None, where: str = "") -> Opened:
        """A table beside the stored one for what changes of it, with the rows of the parts that hold one which meets the condition."""
        opened = self._warehouse.opened.get(table)
        if opened is None:
            opened = Opened(table.beside("added", max_name=CAPABILITIES.max_name))
            self._shape(opened.rows, table)
        stays = self._warehouse.kept[table]
        if parted:
            rest = [part for part in parted.parts(table) if part not in opened.parts]
            found = parted.worth_opening(rest, where, self.local, opened.fit)
            if found:
                held = fitted(parted.query(found), opened.fit)
                self.local.execute(f"INSERT INTO {relation(opened.rows)} BY NAME {held}")
            opened = replace(opened, parts=(*opened.parts, *found))
            rest = [part for part in rest if part not in found]
            stays = fitted(parted.query(rest), opened.fit) if rest else ""
        self._show(table, opened, stays)
        return opened

    def _show(self, table: Table, opened: Opened, stays: str) -> None:
        """Have the table stand as a view over what of it is opened and what stays in the store."""
        self._warehouse.opened[table] = opened
        self._warehouse.kept[table] = stays
        both = "\nUNION ALL BY NAME ".join(each for each in (f"SELECT * FROM {relation(opened.rows)}", stays) if each)
        self.local.execute(f"CREATE OR REPLACE VIEW {relation(table)} AS\n{both}")

    def _fits(self, operation: AlterColumns) -> bool:
        return self._warehouse.store.retypes or all(isinstance(change, Added) for change in operation.changes)

    def _reshape(self, operation: AlterColumns) -> None:
        """The columns change in what is opened of the table, and stored rows are shown with them."""
        table = operation.table
        opened, before = self._open(table), self._described(table)
        super().run(replace(operation, table=opened.rows))
        listed = ", ".join(
            name(column)
            if before.get(column) == kind
            else f"CAST({name(column) if column in before else 'NULL'} AS {kind}) AS {name(column)}"
            for column, kind in self._described(opened.rows).items()
        )
        stays = self._warehouse.kept[table]
        self._show(table, replace(opened, changed=True, fit=listed), stays and fitted(stays, listed))

    def _described(self, table: Table) -> dict[str, str]:
        return {str(row[0]): str(row[1]) for row in self.local.rows(f"DESCRIBE {relation(table)}")}

    def _shape(self, made: Table, like: Table) -> None:
        """An empty table with the columns of another one; not from a query without rows, after which inserts have one thread."""
        columns = ", ".join(f"{name(column)} {kind}" for column, kind in self._described(like).items())
        self.local.execute(f"CREATE TABLE {relation(made)} ({columns})")

    def _bring_in(self, table: Table, *, empty: bool = False) -> None:
        if self._warehouse.kept.pop(table, None) is None:
            return
        here = table.beside("here", max_name=CAPABILITIES.max_name)
        if empty:
            self._shape(here, table)
        else:
            self.local.execute(f"CREATE TABLE {relation(here)} AS SELECT * FROM {relation(table)}")
        self.local.execute(f"DROP VIEW {relation(table)}")
        self.local.execute(f"ALTER TABLE {relation(here)} RENAME TO {name(table.name)}")
        if opened := self._warehouse.opened.pop(table, None):
            self.local.execute(f"DROP TABLE {relation(opened.rows)}")


def fitted(query: str, fit: str) -> str:
    """The query with other columns, which are listed as expressions over its rows."""
    return query if fit == "*" else f"SELECT {fit} FROM (\n{query}\n)"


class LakeWarehouse:
    """A store, and the session that works on it.

    `kept` are the tables that stand as views, with the query for what of them is in the store only; `opened` are those of them of which a
    transaction changes a part. `split` says how tables of the open transaction are in partitions.
    """

    capabilities = CAPABILITIES

    def __init__(self, url: str, store: Store, root: Embedded) -> None:
        self.url = url
        self.store = store
        self.root = root
        self.guard = threading.RLock()
        self.kept: dict[Table, str] = {}
        self.opened: dict[Table, Opened] = {}
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
            self.opened.pop(table, None)

    def connect(self) -> LakeConnection:
        """A new session, whose time zone is UTC."""
        local = self.root.cursor()
        local.execute("SET TimeZone = 'UTC'")
        return LakeConnection(local, self)

    def close(self) -> None:
        """Forget what is in memory; the store has all of it."""
        self.root.close()
