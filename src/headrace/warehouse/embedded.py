"""The DuckDB inside headrace: it reads files, runs in-flight SQL, and is a warehouse of its own where the target says so.

DuckDB 1.5 and 2.0 differ in small ways; this module is the one that knows.
"""

from __future__ import annotations

import re
import threading
import warnings
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Self

import duckdb

from headrace.errors import HeadraceError, MemoryExhausted, StatementFailed
from headrace.schema import Kind
from headrace.sql.capabilities import Capabilities
from headrace.warehouse.emptied import Emptied

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from headrace.arrow import pa
    from headrace.warehouse.bound import Bound

CAPABILITIES = Capabilities(
    dialect="duckdb",
    default_schema="main",
    transactions="ddl",
    merge="delete_insert",
    view_replace="any",
    views_follow_names=True,
    retypes_gone=True,
    max_name=63,
    partitions=False,
    types={
        Kind.BOOLEAN: "BOOLEAN",
        Kind.SMALLINT: "SMALLINT",
        Kind.INTEGER: "INTEGER",
        Kind.BIGINT: "BIGINT",
        Kind.HUGEINT: "HUGEINT",
        Kind.DECIMAL: "DECIMAL({precision},{scale})",
        Kind.FLOAT: "FLOAT",
        Kind.DOUBLE: "DOUBLE",
        Kind.VARCHAR: "VARCHAR",
        Kind.DATE: "DATE",
        Kind.TIME: "TIME",
        Kind.TIMESTAMP: "TIMESTAMP",
        Kind.TIMESTAMPTZ: "TIMESTAMP WITH TIME ZONE",
        Kind.INTERVAL: "INTERVAL",
        Kind.UUID: "UUID",
        Kind.JSON: "JSON",
        Kind.BLOB: "BLOB",
        Kind.LIST: "{item}[]",
        Kind.STRUCT: "STRUCT({fields})",
    },
)


_EXCERPT = re.compile(
    r"^(?P<label>LINE (?P<number>\d+): )(?P<line>.*)$(?:\n(?P<before> *)\^)?",
    re.MULTILINE,
)
"""The part of a complaint that quotes the statement, with a caret below."""


class Embedded:
    """A DuckDB session. One thread uses it at a time; `cursor()` gives another session of the same database."""

    def __init__(self, session: duckdb.DuckDBPyConnection, bound: Bound | None = None) -> None:
        self.session = session
        self._bound = bound
        self.doubtful = False
        """Whether a statement failed, or one was begun whose failure only reading shows; reset by whoever asks."""
        self._parsed: dict[str, duckdb.Statement] = {}
        self._emptied = Emptied()

    @classmethod
    def in_memory(cls) -> Self:
        """A database that is gone when it is closed. Its time zone is UTC, so that reading does not depend on the machine."""
        session = duckdb.connect(":memory:")
        session.execute("SET TimeZone = 'UTC'")
        return cls(session)

    def cursor(self) -> Embedded:
        """Another session of the same database, for another thread."""
        return Embedded(self.session.cursor(), self._bound)

    def close(self) -> None:
        """End the session."""
        self.session.close()

    @contextmanager
    def measured(self) -> Iterator[Callable[[], float | None]]:
        """What is called inside the block, from any thread, says how many percent are done of the statement that runs; None: unknown."""
        # In this order, or the engine draws a bar of its own.
        for setting in ("enable_progress_bar_print = false", "progress_bar_time = 0", "enable_progress_bar = true"):
            self.session.execute(f"SET {setting}")

        def percent() -> float | None:
            found = float(self.session.query_progress())
            return found if found >= 0 else None

        try:
            yield percent
        finally:
            with suppress(duckdb.Error):  # in a transaction that failed, the session takes no statement
                self.session.execute("SET enable_progress_bar = false")

    def execute(self, sql: str) -> int:
        """Run a statement; how many rows it changed, or -1 where that means nothing. Raises StatementFailed or MemoryExhausted."""
        return _count(self.rows(sql))

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """A small result as Python rows. Raises StatementFailed or MemoryExhausted."""
        return self._rows(sql, sql, values)

    def again(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """As `rows`, for a statement that is asked over and over with other values: it is parsed once. Raises StatementFailed or MemoryExhausted."""
        if sql not in self._parsed:
            try:
                (self._parsed[sql],) = self.session.extract_statements(sql)
            except duckdb.Error as error:
                raise failed(sql, error) from error
        return self._rows(sql, self._parsed[sql], values)

    def _rows(self, sql: str, query: str | duckdb.Statement, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        tight = self._tight()
        try:
            with self._emptied.minding(self.session, sql) as note:
                result = self.session.execute(query, values or None)
                if any("WITH TIME ZONE" in str(column[1]) for column in result.description or ()):
                    return _zoned(result)
                rows = result.fetchall()
                note(rows)
                return rows
        except duckdb.Error as error:
            self.doubtful = True
            raise _lifting(failed(sql, error), tight) from error

    def _tight(self) -> Bound | None:
        """The bound that a statement is under which begins now: another session may have lifted it when it fails."""
        return self._bound if self._bound and self._bound.holds else None

    def query(self, sql: str, batch_rows: int = 100_000) -> pa.RecordBatchReader:
        """A result of any size as Arrow batches; read it before the session's next statement. Raises StatementFailed or MemoryExhausted."""
        self.doubtful = True
        try:
            return self.session.sql(sql).to_arrow_reader(batch_rows)
        except duckdb.Error as error:
            raise failed(sql, error) from error

    def table(self, sql: str) -> pa.Table:
        """A result that fits into memory, as an Arrow table. Raises StatementFailed or MemoryExhausted."""
        self.doubtful = True
        tight = self._tight()
        try:
            return self.session.sql(sql).to_arrow_table()
        except duckdb.Error as error:
            raise _lifting(failed(sql, error), tight) from error

    def register(self, name: str, data: pa.Table | pa.RecordBatchReader) -> None:
        """Let statements of this session read Arrow data under a name, without copying it. Raises StatementFailed or MemoryExhausted."""
        try:
            self.session.register(name, data)
        except duckdb.Error as error:
            raise failed(f"-- Arrow data as {name}", error) from error

    def unregister(self, name: str) -> None:
        """Forget registered data."""
        self.session.unregister(name)

    def interrupt(self) -> None:
        """Stop the running statement; called from another thread."""
        self.session.interrupt()


# What catches warnings is one for all threads.
_WARNINGS = threading.Lock()


def _zoned(result: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    """Rows with zoned times, which DuckDB makes Python values of by a library that need not be there; Arrow does it without."""
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table: pa.Table = result.to_arrow_table()
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def _count(rows: list[tuple[Any, ...]]) -> int:
    # DuckDB answers a change with one row holding one number.
    match rows:
        case [(int() as count,)]:
            return count
        case _:
            return -1


def _lifting(error: HeadraceError, tight: Bound | None) -> HeadraceError:
    """The error, which the same statement need not have again without the bound that it was under."""
    if tight and isinstance(error, MemoryExhausted):
        tight.lift()
        error.transient = True
    return error


def failed(sql: str, error: duckdb.Error) -> StatementFailed | MemoryExhausted:
    """DuckDB's complaint as ours: its first line says what, the statement is kept for `--debug`.

    What memory does not suffice for says nothing of the statement, nor of the file that it reads.
    """
    text = str(error).strip()
    if isinstance(error, duckdb.OutOfMemoryException):
        hint = "raise `memory_limit` or lower `threads` in the target's `settings:`"
        return MemoryExhausted(text.partition("\n")[0], hint=hint)
    wrapped = StatementFailed(text)
    # Two transactions wanted to change the same thing: the one that comes later may have it when the other is done.
    wrapped.transient = isinstance(error, duckdb.TransactionException) and "onflict" in text
    excerpt = _EXCERPT.search(text)
    if excerpt is not None:
        # A long line is quoted in part, and then the caret says nothing of the column.
        whole = excerpt["before"] is not None and not excerpt["line"].startswith("...")
        column = len(excerpt["before"]) - len(excerpt["label"]) + 1 if whole else None
        wrapped.at = int(excerpt["number"]), column
    wrapped.add_note(sql if len(sql) < 4000 else sql[:4000] + " …")
    return wrapped
