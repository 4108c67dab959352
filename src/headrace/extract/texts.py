"""Rows of texts, each with the line it was read from, as a Batch of typed values; those with a value that does not fit are rejected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace.batch import Batch
from headrace.schema import VARCHAR, Kind, Type
from headrace.sql.delimited import NUMERIC, numeral, survives
from headrace.sql.dialect import name as quoted
from headrace.sql.dialect import text as literal
from headrace.sql.exact import exact, spelled

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from headrace.arrow import pa
    from headrace.warehouse.embedded import Embedded

LINE = "headrace_line"
"""The column that says at which line, or in which row, a row of texts begins."""

_MARKED = (Kind.JSON, Kind.UUID, Kind.INTERVAL, Kind.HUGEINT)
_LONGEST_DETAIL = 100


@dataclass(frozen=True, slots=True)
class Torn:
    """A line that is no row: where it is, what is wrong with it, and what stands there."""

    line: int
    detail: str
    raw: str
    column: str | None = None
    reason: str = "malformed"


@dataclass(frozen=True, slots=True)
class Columns:
    """What texts are to become: the type of each column, which of them were declared, and how numbers are written."""

    types: Mapping[str, Type]
    declared: Collection[str] = ()
    notation: tuple[str, str] = (".", "")

    def value(self, name: str) -> str:
        """An expression: the text as its value, NULL where it is none or would not survive."""
        of = self.types[name]
        text = numeral(quoted(name), self.notation) if of.kind in NUMERIC else quoted(name)
        if name in self.declared or of == VARCHAR:
            return exact(text, of)
        return f"CASE WHEN {survives(text, of)} THEN try_cast({text} AS {spelled(of)}) END"

    def raw(self, name: str) -> str:
        """The text, with numbers as the engine reads them, so that it can be read again by itself."""
        if self.types[name].kind not in NUMERIC or self.notation == (".", ""):
            return quoted(name)
        return f"coalesce({numeral(quoted(name), self.notation)}, {quoted(name)})"


def batch_of(
    texts: pa.Table, columns: Columns, torn: Sequence[Torn], origin: str, resume: Mapping[str, Any], local: Embedded
) -> Batch:
    """The rows of a table with text columns and LINE; `torn` are rejected as they stand."""
    from headrace.arrow import pa

    values = {name: columns.value(name) for name in columns.types}
    tests = [f"WHEN {quoted(n)} IS NOT NULL AND ({v}) IS NULL THEN {literal(n)}" for n, v in values.items()]
    culprit = f"CASE {' '.join(tests)} END" if tests else "NULL"
    local.register("headrace_cells", texts)
    try:
        source = f"(SELECT *, {culprit} AS headrace_culprit FROM headrace_cells)"
        listed = ", ".join(f"{values[n]} AS {quoted(n)}" for n in columns.types)
        rows = landed(f"SELECT {listed} FROM {source} WHERE headrace_culprit IS NULL", columns.types, local)
        rejected = [_torn(torn, origin)]
        if rows.num_rows < texts.num_rows:
            rejected.append(local.table(_rejected_sql(columns, source, origin)).cast(rejected[0].schema))
    finally:
        local.unregister("headrace_cells")
    refused = pa.concat_tables(rejected)
    return Batch(
        rows, rows.num_rows + refused.num_rows, refused if refused.num_rows else None, None,
        resume, origin,
    )  # fmt: skip


def landed(query: str, types: Mapping[str, Type], local: Embedded) -> pa.Table:
    """The rows of a query in columns that Parquet has; text that stands for another type says so."""
    from headrace.arrow import under

    marked = {name: of.kind.value.encode() for name, of in types.items() if of.kind in _MARKED}
    cast = ", ".join(f"CAST({quoted(name)} AS VARCHAR) AS {quoted(name)}" for name in marked)
    rows = local.table(f"SELECT * REPLACE ({cast}) FROM ({query})" if cast else query)
    fields = [
        field.with_metadata({b"headrace": marked[field.name]}) if field.name in marked else field
        for field in rows.schema
    ]
    return under(rows, fields)


def _torn(torn: Sequence[Torn], origin: str) -> pa.Table:
    from headrace.arrow import pa

    return pa.table(
        {
            "reason": pa.array([one.reason for one in torn], pa.string()),
            "column": pa.array([one.column for one in torn], pa.string()),
            "detail": pa.array([one.detail for one in torn], pa.string()),
            "raw": pa.array([one.raw for one in torn], pa.string()),
            "origin": pa.array([f"{origin}:{one.line}" for one in torn], pa.string()),
        }
    )


def _rejected_sql(columns: Columns, source: str, origin: str) -> str:
    which = " ".join(f"WHEN {literal(n)} THEN {quoted(n)}" for n in columns.types)
    wanted = " ".join(f"WHEN {literal(n)} THEN {literal(str(of))}" for n, of in columns.types.items())
    detail = (
        f"'''' || left(CASE headrace_culprit {which} END, {_LONGEST_DETAIL}) || ''' is not '"
        f" || CASE headrace_culprit {wanted} END"
    )
    raw = "to_json({" + ", ".join(f"{literal(n)}: {columns.raw(n)}" for n in columns.types) + "})"
    return (
        f"SELECT 'type' AS reason, headrace_culprit AS \"column\", {detail} AS detail, CAST({raw} AS VARCHAR) AS raw,"
        f" {literal(origin + ':')} || {LINE} AS origin FROM {source} WHERE headrace_culprit IS NOT NULL ORDER BY {LINE}"
    )
