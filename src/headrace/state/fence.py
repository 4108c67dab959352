"""One load of a table at a time, whichever machine it runs on."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from headrace.errors import HeadraceError
from headrace.events import Warned, emit
from headrace.sql.dialect import text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headrace.table import Table
    from headrace.warehouse.base import Connection


@contextmanager
def fenced(connection: Connection, table: Table) -> Iterator[None]:
    """Hold the table's lock in the warehouse inside the block; who comes second says so and waits.

    A DuckDB file belongs to one process anyway. PostgreSQL lets go of the lock when the session ends, however it ends.
    """
    if connection.capabilities.dialect == "duckdb":
        yield
        return
    key = f"hashtextextended({text(f'headrace load {table}')}, 0)"
    ((free,),) = connection.rows(f"SELECT pg_try_advisory_lock({key})")
    if not free:
        emit(Warned(f"{table} is being loaded by another run; waiting for it"))
        # Without a result, because PostgreSQL answers void, which not every driver reads.
        connection.rows(f"SELECT 1 FROM (SELECT pg_advisory_lock({key})) AS held")
    try:
        yield
    finally:
        with suppress(HeadraceError):  # a session that was lost holds nothing
            connection.rows(f"SELECT pg_advisory_unlock({key})")
