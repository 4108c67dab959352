"""Pages whose records are like those before them: one statement reads and proves what the first batch took several to find out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.errors import StatementFailed
from headrace.extract.paths import keys_of
from headrace.extract.records import Rows, apart, arrived, highest, labelled, rows_of
from headrace.schema import BIGINT, VARCHAR, Kind
from headrace.sql.dialect import name as quoted
from headrace.sql.lines import UNFIT, proven_query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.extract.records import Known, Shape
    from headrace.warehouse.embedded import Embedded

_MOST_MISSES = 3
_WORTH = 2_000_000
"""Characters of pages: to plan the one statement costs more than the several do for fewer."""
_ORIGIN = "headrace_origin"


@dataclass(slots=True)
class Pages:
    """Pages to rows, batch after batch: each is read as the one before it was, and by itself where it does not fit that.

    `known` is what the records of the last batch were; None where nothing was found that could be gone by, or too often in vain.
    """

    local: Embedded
    known: list[Known] | None = None
    misses: int = 0

    def rows_of(self, pages: Sequence[tuple[str, str]], shape: Shape, added: Sequence[str | None] = ()) -> Rows:
        """As `records.rows_of`, with the same values, but a column that only earlier batches had is there too, full of nulls."""
        if self.known is not None and sum(len(body) for _, body in pages) >= _WORTH:
            rows = _alike(self.known, pages, shape, self.local, added)
            if rows is not None:
                return rows
            self.misses += 1
        rows = rows_of(pages, shape, self.local, added)
        self.known = rows.known if self.misses < _MOST_MISSES else None
        return rows


def _alike(
    known: Sequence[Known], pages: Sequence[tuple[str, str]], shape: Shape, local: Embedded, added: Sequence[str | None]
) -> Rows | None:
    cursor = _cursor(known, shape)
    if cursor is None:
        return None
    fields = [one.told() for one in known]
    types = {one.name: one.type for one in known if one.type}
    # JSON in Arrow is a type of its own, which segments do not have.
    texts = [f"CAST({quoted(name)} AS VARCHAR) AS {quoted(name)}" for name, of in types.items() if of.kind is Kind.JSON]
    with arrived(pages, shape, local, added) as (records, long):
        if long:
            return None
        lines = f"(SELECT origin AS {_ORIGIN}, CAST(r AS VARCHAR) AS line FROM ({records}) AS records) AS texts"
        compact = not any(one.declared for one in known)
        query = proven_query(lines, fields, (_ORIGIN, "headrace_proof"), file=_ORIGIN, compact=compact, short=True)
        chosen = f"* REPLACE ({', '.join(texts)})" if texts else "*"
        try:
            rows = local.table(f"SELECT {chosen} FROM ({query}) AS proven")
        except StatementFailed as error:
            if UNFIT not in str(error):
                raise
            return None
    rows, origins = apart(rows)
    rows = labelled(rows, types)
    if not cursor:
        return Rows(rows, rows.num_rows, None, None, origins=origins)
    if shape.missing != "include" and rows.column(cursor).null_count:
        return None
    local.register("headrace_alike", rows)
    try:
        reached = highest(local, shape.cursor_path, f"CAST({quoted(cursor)} AS VARCHAR)", "headrace_alike")
    finally:
        local.unregister("headrace_alike")
    return Rows(rows, rows.num_rows, None, reached, origins=origins)


def _cursor(known: Sequence[Known], shape: Shape) -> str | None:
    """The column whose text is the cursor's, "" where there is no cursor, and None where there is one but no such column."""
    if shape.cursor_path is None:
        return ""
    keys = keys_of(shape.cursor_path)
    return next((one.name for one in known if (one.key,) == keys and one.type in (VARCHAR, BIGINT)), None)
