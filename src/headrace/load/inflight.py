"""The SQL that a stream's rows pass before they land: it may change and drop rows, never multiply them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from headrace.counting import count
from headrace.errors import RowsMultiplied, StatementFailed, TransformInvalid

if TYPE_CHECKING:
    from headrace.batch import Batch
    from headrace.project.sources import Stream
    from headrace.warehouse.embedded import Embedded

INPUT = "input"
"""What a stream's SQL calls its rows."""


def sql_of(stream: Stream) -> str | None:
    """The stream's in-flight SQL, if it has one."""
    transform = stream.spec.transform
    return _bare(transform.sql) if transform and transform.when == "in_flight" else None


def transform(local: Embedded, stream: Stream, batch: Batch) -> tuple[Batch, int]:
    """The batch after the stream's in-flight SQL, and how many rows that took out. Raises RowsMultiplied, TransformInvalid."""
    sql = sql_of(stream)
    if sql is None:
        return batch, 0
    local.register(INPUT, batch.rows)
    try:
        rows = local.table(sql)
    except StatementFailed as error:
        raise invalid(stream, error) from error
    finally:
        local.unregister(INPUT)
    filtered = dropped(stream, batch.rows.num_rows, rows.num_rows)
    return replace(batch, rows=rows, origins=None), filtered  # which row is which, only the SQL knows


def wrap(sql: str, query: str) -> str:
    """The same over a query, as a query."""
    return f"WITH {INPUT} AS (\n{query}\n)\nSELECT * FROM (\n{_bare(sql)}\n) AS transformed"


def dropped(stream: Stream, before: int, after: int) -> int:
    """How many rows the SQL took out. Raises RowsMultiplied where it made more."""
    if after > before:
        raise RowsMultiplied(
            f"{stream.label}: the transform made {count(after, 'row')} of {before}",
            where=stream.place,
            hint="join to what has one row for each of yours, or do it in a model",
        )
    return before - after


def invalid(stream: Stream, error: StatementFailed) -> TransformInvalid:
    """What the engine said of the stream's SQL, as an error of the stream."""
    return TransformInvalid(f"{stream.label}: {error.what}", where=stream.place, hint="the SQL calls its rows `input`")


def _bare(sql: str) -> str:
    return sql.strip().rstrip(";")
