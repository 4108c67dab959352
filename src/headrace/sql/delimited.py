"""The query of the embedded DuckDB that reads a CSV file in one pass and fails where a value is not as it was expected.

Every cell is read as text, cast, and held against its text: a typed read of DuckDB's own would make 2 of 1.5 and 7 of 007.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.schema import VARCHAR, Kind, Type
from headrace.sql.dialect import name as quoted
from headrace.sql.dialect import text as literal
from headrace.sql.exact import exact, spelled
from headrace.sql.lines import UNFIT

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

NUMBER = r"-?(0|[1-9][0-9]*)(\.[0-9]+)?"
"""A number as it is written where nothing was lost or added."""

_MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
NUMERIC = (Kind.SMALLINT, Kind.INTEGER, Kind.BIGINT, Kind.HUGEINT, Kind.DECIMAL, Kind.FLOAT, Kind.DOUBLE)
"""The kinds of types whose values are numbers."""


def delimited_query(
    texts: str,
    columns: Mapping[str, Type],
    declared: Collection[str],
    notation: tuple[str, str],
    origins: tuple[str, str],
    empty: Collection[str] = (),
) -> str:
    """A query for the rows of `texts`, a table function or a table of text columns: whoever reads the column of the origin proves them.

    `notation` is how numbers are written: the sign before the fraction, and the one between thousands or nothing. `origins` are an
    expression for what the file is called, and the name of the column that holds it. A column that is `empty` must hold nothing.
    """
    origin, column = origins
    inner, outer, fits = [], [], []
    for at, (name, of) in enumerate(columns.items()):
        held, value = quoted(name), f"v{at}"
        text = numeral(held, notation) if of.kind in NUMERIC else held
        if name in empty:
            fits.append(f"{held} IS NULL")
        if of == VARCHAR:
            outer.append(held)
            continue
        inner.append(f"{exact(text, of) if name in declared else f'try_cast({text} AS {spelled(of)})'} AS {value}")
        outer.append(f"{value} AS {held}")
        test = f"{value} IS NOT NULL" if name in declared else survives(text, of, value)
        fits.append(f"({held} IS NULL OR coalesce({test}, FALSE))")
    # As a column and not as a filter: a filter would be moved below the casts and do them once more.
    proof = (
        f"CASE WHEN {' AND '.join(fits)} THEN {origin} ELSE error({origin} || {literal(f' {UNFIT}')}) END"
        if fits
        else origin
    )
    source = f"(SELECT *, {', '.join(inner)} FROM {texts}) AS cells" if inner else texts
    return f"SELECT {', '.join([*outer, f'{proof} AS {quoted(column)}'])} FROM {source}"


def numeral(text: str, notation: tuple[str, str]) -> str:
    """An expression: a text that is a number in this notation as one with a point, and what is none as NULL."""
    point, between = notation
    if point == "." and not between:
        return text
    mark = rf"[{point}]"
    grouped = rf"[+-]?[0-9]{{1,3}}([{between}][0-9]{{3}})+({mark}[0-9]+)?|" if between else ""
    shape = rf"{grouped}[+-]?[0-9]+({mark}[0-9]+)?"
    plain = f"replace({text}, {literal(between)}, '')" if between else text
    return f"CASE WHEN regexp_full_match({text}, {literal(shape)}) THEN replace({plain}, {literal(point)}, '.') END"


def survives(text: str, of: Type, value: str | None = None) -> str:
    """A condition: the text says no more and no less than its value of the type, which is computed already where `value` is given."""
    held = value or f"try_cast({text} AS {spelled(of)})"
    same = f"CAST({held} AS VARCHAR) = {text}"
    match of.kind:
        case Kind.BOOLEAN:
            return f"lower({text}) IN ('true', 'false')"
        case Kind.DECIMAL:
            limit = (of.precision or 0) - (of.scale or 0)
            shape = rf"-?(0|[1-9][0-9]{{0,{limit - 1}}})" if limit > 0 else "-?0"
            shape += rf"(\.[0-9]{{1,{of.scale}}})?" if of.scale else ""
            return f"CASE WHEN {same} THEN TRUE ELSE regexp_full_match({text}, '{shape}') END"
        case Kind.TIMESTAMP:
            return f"CASE WHEN {same} THEN TRUE ELSE regexp_full_match({text}, '{_MOMENT}') AND {held} IS NOT NULL END"
        case Kind.TIMESTAMPTZ:
            return rf"regexp_full_match({text}, '{_MOMENT}(Z|\+00:?00)') AND {held} IS NOT NULL"
        case Kind.VARCHAR:
            return "TRUE"
        case _:
            return same
