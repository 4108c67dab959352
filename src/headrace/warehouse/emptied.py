"""Where DuckDB 2.0 would lose rows: a large insert into a table into which a statement of the same transaction has inserted none.

Such an insert, of a block of rows or more, by several threads and in order, leaves nothing behind and reports all of its rows. By one
thread it is right. So the tables are remembered into which nothing was inserted, and the next insert into one of them runs in one thread.
"""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import duckdb

_PART = r'(?:"(?:[^"]|"")+"|\w+)'
_WRITES = re.compile(
    rf"\s*(?:INSERT\s+INTO|CREATE\s+(?:OR\s+REPLACE\s+)?(?:TEMP(?:ORARY)?\s+)?TABLE(?:\s+IF\s+NOT\s+EXISTS)?)\s+"
    rf"(?P<table>{_PART}(?:\.{_PART})*)",
    re.IGNORECASE,
)
_ENDS = re.compile(r"\s*(?:BEGIN|COMMIT|ROLLBACK)\b", re.IGNORECASE)
# The number of threads is the database's, not the session's.
_THREADS = threading.Lock()


class Emptied:
    """The tables into which a session's transaction has inserted no row."""

    def __init__(self) -> None:
        self._tables: set[str] = set()

    @contextmanager
    def minding(
        self, session: duckdb.DuckDBPyConnection, sql: str
    ) -> Iterator[Callable[[list[tuple[Any, ...]]], None]]:
        """A block for a statement to run in, which is to call what it gets with the statement's result."""
        if _ENDS.match(sql):
            self._tables.clear()
        written = _WRITES.match(sql)
        table = written["table"].replace('"', "").lower() if written else ""

        def note(rows: list[tuple[Any, ...]]) -> None:
            if table and rows == [(0,)]:
                self._tables.add(table)

        with _one_thread(session) if table in self._tables else nullcontext():
            yield note


@contextmanager
def _one_thread(session: duckdb.DuckDBPyConnection) -> Iterator[None]:
    # In a session of its own, since one whose statement has failed takes no other.
    with _THREADS, session.cursor() as setting:
        [(threads,)] = setting.execute("SELECT current_setting('threads')").fetchall()
        setting.execute("SET threads = 1")
        try:
            yield
        finally:
            setting.execute(f"SET threads = {threads}")
