"""DuckDB as a warehouse: one database for the process, a session for each thread."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import duckdb

from headrace.errors import StatementFailed, WarehouseUnavailable
from headrace.project.setup import Setup
from headrace.schema import Column, Schema
from headrace.sql.dialect import name, read_type, relation, spell, text
from headrace.sql.operations import CreateSchema
from headrace.sql.render import render
from headrace.table import Table
from headrace.warehouse.base import Relation
from headrace.warehouse.bound import Bound, unbounded
from headrace.warehouse.embedded import CAPABILITIES, Embedded
from headrace.warehouse.noting import Noting
from headrace.warehouse.preparing import connect, prepare, set_up

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from types import TracebackType

    from headrace.arrow import pa
    from headrace.sql.operations import DependentView, Operation

__all__ = ["CAPABILITIES", "DuckDBConnection", "DuckDBWarehouse", "open_duckdb"]

# DuckDB lets one of two sessions fail that make the same schema at the same moment.
_SCHEMAS = threading.Lock()

_INSPECT = """
SELECT t.schema_name, t.name, t.kind, c.column_name, c.data_type, c.is_nullable
FROM (
    SELECT schema_name, table_name AS name, 'table' AS kind, table_oid AS oid
    FROM duckdb_tables() WHERE database_name = coalesce($2, current_database()) AND NOT temporary
    UNION ALL
    SELECT schema_name, view_name, 'view', view_oid
    FROM duckdb_views() WHERE database_name = coalesce($2, current_database()) AND NOT temporary AND NOT internal
) AS t
JOIN duckdb_columns() AS c
    ON c.database_name = coalesce($2, current_database()) AND c.schema_name = t.schema_name AND c.table_name = t.name
WHERE list_contains($1, t.schema_name)
ORDER BY t.schema_name, t.name, c.column_index
"""


class DuckDBConnection(Noting):
    """A session of the database."""

    capabilities = CAPABILITIES

    def __init__(self, local: Embedded) -> None:
        self.local = local
        self._inside = False

    def close(self) -> None:
        """End the session; an open transaction is rolled back."""
        self.local.close()

    def __enter__(self) -> Self:
        """The session, to be closed at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the session."""
        self.close()

    def execute(self, sql: str) -> int:
        """Run one statement; how many rows it changed, or -1 where that means nothing."""
        self.note(sql)
        return self.local.execute(sql)

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """A small result as Python rows."""
        return self.local.rows(sql, values)

    def size(self, table: Table) -> int:
        """How many rows a table has."""
        return int(self.rows(f"SELECT count(*) FROM {relation(table)}")[0][0])

    def query(self, sql: str) -> pa.RecordBatchReader:
        """A result of any size as Arrow batches."""
        from headrace.arrow import pa

        reader = self.local.query(sql)
        return pa.RecordBatchReader.from_batches(reader.schema, _told(sql, reader))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing."""
        self.local.execute("BEGIN TRANSACTION")
        self._inside, self.local.doubtful = True, False
        try:
            yield
            if self.local.doubtful:
                # DuckDB 2 answers the commit of an aborted transaction by rolling back, and calls that a success; it only
                # refuses other statements.
                self.local.rows("SELECT 1")
            self.local.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise
        finally:
            self._inside = False

    def _roll_back(self) -> None:
        try:
            self.local.execute("ROLLBACK")
        except StatementFailed as error:
            # A commit that failed has ended the transaction by itself; the reason is already on its way up.
            if "no transaction is active" not in error.what:
                raise

    def run(self, operation: Operation) -> int:
        """Each statement that `render` gives for the operation, in a transaction of their own if none is open."""
        statements = render(operation, self.capabilities)
        if isinstance(operation, CreateSchema):
            with _SCHEMAS:
                return self.execute(statements[0])
        with nullcontext() if self._inside or len(statements) < 2 else self.transaction():
            return [-1, *(self.execute(statement) for statement in statements)][-1]

    def load(self, table: Table, data: pa.RecordBatchReader, schema: Schema | None = None) -> int:
        """Arrow rows into a fresh table, read by DuckDB where they lie."""
        arrived = f"arrived {table}"
        self.local.register(arrived, data)
        try:
            return self.load_local(table, f"SELECT {_selected(schema)} FROM {name(arrived)}")
        finally:
            self.local.unregister(arrived)

    def load_local(self, table: Table, query: str, same: Mapping[str, str] | None = None) -> int:  # noqa: ARG002 - the protocol's
        """The result of a query of this session into a fresh table."""
        word = "TEMPORARY TABLE" if table.database == "temp" else "TABLE"
        return self.execute(f"CREATE {word} {relation(table)} AS\n{query}")

    def inspect(self, *schemas: str, database: str | None = None) -> dict[Table, Relation]:
        """All relations of the schemas."""
        kinds: dict[Table, Any] = {}
        columns: dict[Table, list[Column]] = {}
        for schema, relation_name, kind, column, word, nullable in self.rows(_INSPECT, [list(schemas), database]):
            table = Table(schema, relation_name, database)
            kinds[table] = kind
            columns.setdefault(table, []).append(Column(column, read_type(word), nullable))
        return {table: Relation(table, kind, Schema(tuple(columns[table]))) for table, kind in kinds.items()}

    def dependents(self, table: Table) -> tuple[DependentView, ...]:  # noqa: ARG002 - what the protocol asks
        """None: a view of DuckDB finds its tables by name."""
        return ()

    def carried(self, table: Table, kind: str) -> tuple[str, ...]:  # noqa: ARG002 - what the protocol asks
        """Nothing: a file has neither users nor grants, and descriptions are set with each build."""
        return ()

    def cancel(self) -> None:
        """Stop the statement that runs now."""
        self.local.interrupt()


def _told(sql: str, reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    """The reader's batches; what fails while they are made is Arrow's error, told as DuckDB's."""
    from headrace.arrow import pa

    try:
        yield from reader
    except (pa.ArrowException, OSError) as error:
        told = StatementFailed(str(error).strip())
        told.add_note(sql)
        raise told from error


def _selected(schema: Schema | None) -> str:
    if schema is None:
        return "*"
    return ", ".join(
        f"CAST({name(column.name)} AS {spell(column.type, CAPABILITIES)}) AS {name(column.name)}" for column in schema
    )


class DuckDBWarehouse:
    """A database file, or one in memory, opened once for the process. `catalog` is its name where it was given one."""

    capabilities = CAPABILITIES

    def __init__(self, url: str, root: Embedded, catalog: str | None = None, setup: Setup | None = None) -> None:
        self.url = url
        self.root = root
        self.catalog = catalog
        self.setup = setup or Setup()

    def connect(self) -> DuckDBConnection:
        """A new session, whose time zone is UTC."""
        local = self.root.cursor()
        local.execute("SET TimeZone = 'UTC'")
        set_up(local.session, self.setup)
        if self.catalog:
            local.execute(f"USE {name(self.catalog)}")
        return DuckDBConnection(local)

    def close(self) -> None:
        """Close the database, so that other processes may open it."""
        self.root.close()


_CATALOG = "headrace_warehouse"
_BARE = Setup()


def open_duckdb(
    url: str, path: str, schemas: Collection[str] = (), setup: Setup = _BARE, *, little: bool = False
) -> DuckDBWarehouse:
    """The database at a path (`:memory:` for none); the folder of a new file is made. Raises WarehouseUnavailable.

    With `little` it is to hold little memory, if the setup says nothing of that.

    DuckDB calls a database as its file is called, and then cannot tell `lake.orders` in a schema `lake` from a table of the database
    `lake`. Where it has such a schema, or is to have one of the `schemas`, the database goes by another name.
    """
    try:
        if path != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        session = connect(path, setup)
        held = "SELECT lower(schema_name), lower(current_database()) FROM duckdb_schemas() WHERE database_name = current_database()"
        found = session.execute(held).fetchall()
        catalog = setup.catalog
        if path != ":memory:" and found[0][1] in {*map(str.lower, schemas), *(schema for schema, _ in found)}:
            session.close()
            session = connect(":memory:", setup)
            session.execute(f"ATTACH {text(path)} AS {name(_CATALOG)}")
            catalog = catalog or _CATALOG
        prepare(session, setup)
    except (duckdb.Error, OSError) as error:
        raise _unavailable(path, error) from error
    bound = Bound(session.cursor()) if little and path != ":memory:" and unbounded(setup) else None
    if bound:
        bound.set()
    return DuckDBWarehouse(url, Embedded(session, bound), catalog, setup)


def _unavailable(path: str, error: duckdb.Error | OSError) -> WarehouseUnavailable:
    text = (isinstance(error, OSError) and error.strerror) or str(error).strip()
    if "lock" not in text:
        return WarehouseUnavailable(f"DuckDB cannot open '{path}': {text.splitlines()[0]}")
    holder = re.search(r"held in (.+?) \(PID (\d+)\)", text)
    who = f"process {holder[2]} ({holder[1]})" if holder else "another process"
    return WarehouseUnavailable(
        f"'{path}' is open in {who}",
        hint="DuckDB lets one process write to a file: end the other one, or let it open the file read-only",
    )
