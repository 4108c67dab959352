"""PostgreSQL as a warehouse, from version 15 on, which has MERGE."""

from __future__ import annotations

import re
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Self

import psycopg
from psycopg.types.string import TextLoader

from headrace.errors import StatementFailed, WarehouseUnavailable
from headrace.project.urls import split
from headrace.schema import Column, Kind, Schema
from headrace.sql.capabilities import Capabilities
from headrace.sql.dialect import name, names, read_type, relation
from headrace.sql.operations import CreateTable, DependentView
from headrace.sql.render import render
from headrace.table import Table
from headrace.warehouse import pgtext
from headrace.warehouse.base import Relation
from headrace.warehouse.embedded import Embedded
from headrace.warehouse.noting import Noting
from headrace.warehouse.pgcarried import CARRIED
from headrace.warehouse.pgfailed import fail

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

    from headrace.arrow import pa
    from headrace.sql.operations import Operation

CAPABILITIES = Capabilities(
    dialect="postgres",
    default_schema="public",
    transactions="ddl",
    merge="update",
    view_replace="drop_create",
    views_follow_names=False,
    retypes_gone=False,
    max_name=63,
    partitions=True,
    types={
        Kind.BOOLEAN: "boolean",
        Kind.SMALLINT: "smallint",
        Kind.INTEGER: "integer",
        Kind.BIGINT: "bigint",
        Kind.HUGEINT: "numeric(39,0)",
        Kind.DECIMAL: "numeric({precision},{scale})",
        Kind.FLOAT: "real",
        Kind.DOUBLE: "double precision",
        Kind.VARCHAR: "text",
        Kind.DATE: "date",
        Kind.TIME: "time",
        Kind.TIMESTAMP: "timestamp",
        Kind.TIMESTAMPTZ: "timestamp with time zone",
        Kind.INTERVAL: "interval",
        Kind.UUID: "uuid",
        # jsonb can be compared and grouped, and keeps every digit of a number; the order of keys it does not keep.
        Kind.JSON: "jsonb",
        Kind.BLOB: "bytea",
        Kind.LIST: "jsonb",
        Kind.STRUCT: "jsonb",
    },
)

DIALLING: Mapping[str, Any] = {
    "application_name": "headrace",
    "connect_timeout": 10,
    "keepalives_idle": 60,
    "keepalives_interval": 10,
    "keepalives_count": 5,
}
"""What every connection asks of the system: a server that vanished without a word is noticed in two minutes, not in two hours."""
_SESSION = "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'; SET bytea_output = 'hex'"

_WORDS = """
SELECT format_type(of, modifier) FROM unnest(?::oid[], ?::integer[]) WITH ORDINALITY AS t(of, modifier, at) ORDER BY at
"""

_INSPECT = """
SELECT n.nspname, c.relname, CASE WHEN c.relkind IN ('v', 'm') THEN 'view' ELSE 'table' END,
    a.attname, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull, pg_get_partkeydef(c.oid)
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND n.nspname = ANY(?)
ORDER BY n.nspname, c.relname, a.attnum
"""

_DEPENDENTS = """
WITH RECURSIVE needs AS (
    SELECT DISTINCT r.ev_class AS view, d.refobjid AS needed
    FROM pg_depend AS d
    JOIN pg_rewrite AS r ON r.oid = d.objid
    WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND r.ev_class <> d.refobjid
), found AS (
    SELECT c.oid AS view, 0 AS depth
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = ? AND c.relname = ?
    UNION
    SELECT needs.view, found.depth + 1
    FROM found JOIN needs ON needs.needed = found.view
)
SELECT n.nspname, c.relname, pg_get_viewdef(c.oid)
FROM found
JOIN pg_class AS c ON c.oid = found.view AND c.relkind = 'v'
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE found.depth > 0
GROUP BY n.nspname, c.relname, c.oid
ORDER BY max(found.depth), c.oid
"""


class PostgresConnection(Noting):
    """A session of the server, with a DuckDB beside it that reads files and converts values."""

    capabilities = CAPABILITIES

    def __init__(self, session: psycopg.Connection[tuple[Any, ...]], local: Embedded) -> None:
        self.session = session
        self.local = local
        self._inside = False

    def close(self) -> None:
        """End the session; an open transaction is rolled back."""
        self.session.close()
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
        try:
            return self.session.execute(sql.encode()).rowcount
        except psycopg.Error as error:
            fail(sql, error)

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """A small result as Python rows."""
        try:
            with psycopg.RawCursor(self.session) as cursor:
                cursor.execute(_numbered(sql).encode() if values else sql.encode(), values or None)
                return cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            fail(sql, error)

    def size(self, table: Table) -> int:
        """How many rows a table has."""
        return int(self.rows(f"SELECT count(*) FROM {relation(table)}")[0][0])

    def query(self, sql: str) -> pa.RecordBatchReader:
        """A result of any size as Arrow batches; the session is busy until it is read."""
        schema = self._described(sql)
        pages = self._copied_out(pgtext.selected(sql, schema))
        return pgtext.read_pages(pages, schema, self.local.cursor())

    def _described(self, sql: str) -> Schema:
        plain = sql.rstrip().rstrip(";")
        try:
            result = self.session.execute(f"SELECT * FROM (\n{plain}\n) AS q LIMIT 0".encode()).pgresult
        except psycopg.Error as error:
            fail(sql, error)
        if result is None:
            return Schema(())
        places = range(result.nfields)
        words = self.rows(_WORDS, ([result.ftype(at) for at in places], [result.fmod(at) for at in places]))
        return Schema(
            tuple(
                Column((result.fname(at) or b"").decode(), read_type(word))
                for at, (word,) in zip(places, words, strict=True)
            )
        )

    def _copied_out(self, sql: str) -> Iterator[bytes]:
        try:
            with (
                self.session.cursor() as cursor,
                cursor.copy(f"COPY (\n{sql}\n) TO STDOUT (FORMAT csv)".encode()) as copy,
            ):
                for page in copy:
                    yield bytes(page)
        except psycopg.Error as error:
            fail(sql, error)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing."""
        if self._inside:
            # PostgreSQL would only warn, and commit everything at the end of the inner block.
            raise StatementFailed("a transaction is open already")
        self.execute("BEGIN")
        self._inside = True
        try:
            yield
            self._commit()
        except BaseException:
            if not self.session.closed:
                self.execute("ROLLBACK")
            raise
        finally:
            self._inside = False

    def _commit(self) -> None:
        try:
            done = self.session.execute(b"COMMIT").statusmessage
        except psycopg.Error as error:
            fail("COMMIT", error)
        if done != "COMMIT":
            # After a statement that failed, PostgreSQL answers a commit by rolling back, and calls that a success.
            raise StatementFailed("nothing was kept, because a statement of the transaction had failed")

    def run(self, operation: Operation) -> int:
        """Each statement that `render` gives for the operation, in a transaction of their own if none is open."""
        statements = render(operation, self.capabilities)
        with nullcontext() if self._inside or len(statements) < 2 else self.transaction():
            return [-1, *(self.execute(statement) for statement in statements)][-1]

    def load(self, table: Table, data: pa.RecordBatchReader, schema: Schema | None = None) -> int:
        """Arrow rows into a fresh table by COPY, in the session's transaction."""
        # A cursor of its own, because the rows may come from an unfinished query of `local`.
        local = self.local.cursor()
        try:
            local.register("arrived", data)
            return self._copied_in(table, "SELECT * FROM arrived", local, schema, {})
        finally:
            local.close()

    def load_local(self, table: Table, query: str, same: Mapping[str, str] | None = None) -> int:
        """The result of a query of `local` into a fresh table by COPY, in the session's transaction.

        What is the same in each row is not sent with each: it is the columns' default meanwhile.
        """
        with nullcontext() if self._inside or not same else self.transaction():
            return self._copied_in(table, query, self.local, None, same or {})

    def _copied_in(
        self, table: Table, query: str, local: Embedded, schema: Schema | None, same: Mapping[str, str]
    ) -> int:
        target = schema or pgtext.described(local, query)
        self.run(CreateTable(table, target))
        for column, value in same.items():
            self.execute(f"ALTER TABLE {relation(table)} ALTER COLUMN {name(column)} SET DEFAULT {value}")
        sent = Schema(tuple(column for column in target if column.name not in same))
        rows = self._sent(table, pgtext.written(query, sent, cast=schema is not None), sent, local)
        for column in same:
            self.execute(f"ALTER TABLE {relation(table)} ALTER COLUMN {name(column)} DROP DEFAULT")
        return rows

    def _sent(self, table: Table, query: str, sent: Schema, local: Embedded) -> int:
        statement = f"COPY {relation(table)} ({names(sent.names)}) FROM STDIN (FORMAT csv)"
        try:
            # The reader is closed whatever happens: what comes after a failure needs `local`, too.
            with (
                local.query(query) as reader,
                self.session.cursor() as cursor,
            ):
                with cursor.copy(statement.encode()) as copy:
                    for page in pgtext.csv_pages(reader):
                        copy.write(page)
                return cursor.rowcount
        except psycopg.Error as error:
            fail(statement, error)

    def inspect(self, *schemas: str, database: str | None = None) -> dict[Table, Relation]:
        """All relations of the schemas; a session sees no other database than its own."""
        if database is not None:
            return {}
        kinds: dict[Table, Any] = {}
        columns: dict[Table, list[Column]] = {}
        split: dict[Table, str | None] = {}
        for schema, relation_name, kind, column, word, nullable, by in self.rows(_INSPECT, [list(schemas)]):
            table = Table(schema, relation_name)
            kinds[table], split[table] = kind, by
            held = columns.setdefault(table, [])
            if column is not None:
                held.append(Column(column, read_type(word), nullable))
        return {
            table: Relation(table, kind, Schema(tuple(columns[table])), split[table]) for table, kind in kinds.items()
        }

    def dependents(self, table: Table) -> tuple[DependentView, ...]:
        """The views over a table, and those over them, in the order in which they can be made."""
        found = self.rows(_DEPENDENTS, (table.schema, table.name))
        views = [(Table(schema, view), query.rstrip(" ;")) for schema, view, query in found]
        return tuple(DependentView(view, query, self.carried(view, "view")) for view, query in views)

    def carried(self, table: Table, kind: str) -> tuple[str, ...]:
        """Owner, grants, comments and a view's options, as statements."""
        word = kind.upper()
        found = self.rows(CARRIED, (table.schema, table.name, word, word))
        return tuple(statement for (statement,) in found)

    def cancel(self) -> None:
        """Stop the statement that runs now, and what `local` does for it."""
        self.local.interrupt()
        self.session.cancel_safe()


def _numbered(sql: str) -> str:
    """The statement with `$1`, `$2`, … for each `?` outside of quotes and comments."""
    parts, at = [], 0
    for part in re.split(r"('(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|\?)", sql):
        if part == "?":
            at += 1
            parts.append(f"${at}")
        else:
            parts.append(part)
    return "".join(parts)


class PostgresWarehouse:
    """A database of a server; nothing is opened before the first session."""

    capabilities = CAPABILITIES

    def __init__(self, url: str) -> None:
        self.url = url
        self._root = Embedded.in_memory()

    def connect(self) -> PostgresConnection:
        """A new session, whose time zone is UTC. Raises WarehouseUnavailable."""
        try:
            # Statements are not prepared behind our back: a plan would outlive the table it was made for.
            session = psycopg.connect(self.url, autocommit=True, prepare_threshold=None, **DIALLING)
            try:
                session.execute(_SESSION)
            except psycopg.Error:
                session.close()
                raise
        except psycopg.Error as error:
            unavailable = WarehouseUnavailable(
                f"PostgreSQL at {_place(self.url)} cannot be reached: {last_word(error)}",
                hint="is the server up, and are host, user, password and database of the target right?",
            )
            unavailable.transient = unavailable.absent = True  # it may be starting again
            raise unavailable from error
        for kind in ("json", "jsonb"):
            # As text every digit stays.
            session.adapters.register_loader(kind, TextLoader)
        local = self._root.cursor()
        local.execute("SET TimeZone = 'UTC'")
        return PostgresConnection(session, local)

    def close(self) -> None:
        """Close the DuckDB that the sessions share."""
        self._root.close()


def last_word(error: psycopg.Error) -> str:
    """Of the lines that libpq says, those of several hosts among them, the last one that is no advice."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and not line.startswith("\t")]
    return lines[-1] if lines else type(error).__name__


def _place(url: str) -> str:
    """Host and database of a URL, without user and password."""
    parts = split(url, "the target's URL")
    return f"{parts.hostname or 'the local socket'}{f':{parts.port}' if parts.port else ''}{parts.path}"


def open_postgres(url: str) -> PostgresWarehouse:
    """The database of a URL as libpq reads it."""
    return PostgresWarehouse(url)
