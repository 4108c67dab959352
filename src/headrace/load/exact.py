"""Casts that change no value, as DuckDB expressions, and the conditions under which they do not."""

from __future__ import annotations

from headrace.schema import Kind, Type, join
from headrace.sql.dialect import name, spell
from headrace.warehouse.duckdb import CAPABILITIES

NUMBERS = frozenset({Kind.SMALLINT, Kind.INTEGER, Kind.BIGINT, Kind.HUGEINT, Kind.DECIMAL, Kind.FLOAT, Kind.DOUBLE})
"""The kinds of types whose values are numbers."""

_WHOLE = (Kind.SMALLINT, Kind.INTEGER, Kind.BIGINT, Kind.HUGEINT)
_UNLIKE = ((Kind.TIMESTAMPTZ, Kind.TIMESTAMP), (Kind.TIMESTAMPTZ, Kind.DATE))
"""Types of which the second has no place for a part of the first, though a cast there and back would give the same value: the zone."""
_INTEGER = r"[+-]?\d+"
_FLOATING = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?([nN]a[nN]|[iI]nf(inity)?)"
_DAY = r"\d{4,}-\d\d-\d\d"
_ZONE = r"([zZ]|[+-]\d\d(:?\d\d)?)"


def word(kind: Type) -> str:
    """DuckDB's word for a type."""
    return spell(kind, CAPABILITIES)


def widens(held: Type, arrived: Type) -> Type | None:
    """The type a stored column grows to by itself so that what arrives fits, or None where it would turn into text."""
    joined = join(held, arrived)
    if joined is None or (joined.kind is Kind.VARCHAR and held.kind is not Kind.VARCHAR):
        return None
    if joined.kind is Kind.JSON and held.kind not in (Kind.JSON, Kind.LIST, Kind.STRUCT):
        return None
    return joined


def cast(column: str, arrived: Type, to: Type) -> str:
    """A value in a type that holds all values of its own."""
    if arrived == to:
        return name(column)
    if to.kind is Kind.JSON:
        return f"to_json({name(column)})"
    return f"CAST({name(column)} AS {word(to)})"


def try_cast(column: str, arrived: Type, to: Type) -> str:
    """A value in a type that may not hold it: NULL where it does not, exactly."""
    return f"CASE WHEN {fits(column, arrived, to)} THEN TRY_CAST({_bare(column, arrived, to)} AS {word(to)}) END"


def _bare(column: str, arrived: Type, to: Type) -> str:
    """The value as it is to be cast: of JSON that is a text, the text itself, and else what is written, with all its digits."""
    if arrived.kind is not Kind.JSON or to.kind in (Kind.JSON, Kind.LIST, Kind.STRUCT):
        return name(column)
    raw = f"CAST({name(column)} AS VARCHAR)"
    return f"(CASE WHEN starts_with({raw}, '\"') THEN {name(column)} ->> '$' ELSE nullif({raw}, 'null') END)"


def fits(column: str, arrived: Type, to: Type) -> str:
    """A condition: the value is NULL, or casting it changes nothing. Never NULL itself."""
    held = _bare(column, arrived, to)
    target = f"TRY_CAST({held} AS {word(to)})"
    numbers = (arrived.kind in NUMBERS) + (to.kind in NUMBERS)
    if arrived.kind is Kind.VARCHAR or held != name(column):
        same = f"COALESCE({target} IS NOT NULL AND {_written(held, to)}, FALSE)"
    elif (numbers == 1 and to.kind is not Kind.VARCHAR) or (arrived.kind, to.kind) in _UNLIKE:
        same = "FALSE"
    else:
        back = f"TRY_CAST({target} AS {word(arrived)})"
        same = f"COALESCE({back} = {held}, FALSE)"
    return f"({held} IS NULL OR {same})"


def _written(held: str, to: Type) -> str:
    """How a text has to look for its cast to be its value: DuckDB would round 1.5 to an integer, or drop an hour from a date."""
    text = f"trim({held})"
    if to.kind in _WHOLE:
        return f"regexp_full_match({text}, '{_INTEGER}')"
    if to.kind is Kind.DECIMAL:
        return rf"regexp_full_match({text}, '[+-]?\d*(\.\d{{0,{to.scale or 0}}}0*)?')"
    if to.kind in (Kind.FLOAT, Kind.DOUBLE):
        # Digits that count: a double keeps 15 of a whole number, and 17 name any other; one that is too large or small for it has none.
        digits = f"length(trim(regexp_replace({text}, '[eE].*|[^0-9]', '', 'g'), '0'))"
        whole = f"regexp_full_match({text}, '{_INTEGER}') AND length(regexp_replace({text}, '[^0-9]', '', 'g')) > 15"
        kept = (
            f"(TRY_CAST({held} AS {word(to)}) NOT IN (0, 'inf', '-inf') OR NOT regexp_matches({text}, '^[^eE]*[1-9]'))"
        )
        return f"regexp_full_match({text}, '{_FLOATING}') AND {digits} <= 17 AND NOT ({whole}) AND {kept}"
    if to.kind is Kind.BOOLEAN:
        return f"lower({text}) IN ('true', 'false')"
    if to.kind is Kind.DATE:
        return f"regexp_full_match({text}, '{_DAY}')"
    if to.kind is Kind.TIMESTAMP:
        return f"NOT regexp_matches({text}, ':.*{_ZONE}$')"
    if to.kind is Kind.BLOB:
        return f"CAST(TRY_CAST({held} AS BLOB) AS VARCHAR) = {held}"
    return "TRUE"
