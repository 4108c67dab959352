"""Casts of the embedded DuckDB that keep every digit: a text becomes a value of a type, or NULL where it would lose something."""

from __future__ import annotations

from headrace.schema import Kind, Type
from headrace.sql.dialect import name as quoted


def spelled(of: Type) -> str:
    """The type as DuckDB writes it."""
    if of.kind is Kind.DECIMAL:
        return f"DECIMAL({of.precision},{of.scale})"
    if of.kind is Kind.LIST and of.item:
        return f"{spelled(of.item)}[]"
    if of.kind is Kind.STRUCT:
        return "STRUCT(" + ", ".join(f"{quoted(name)} {spelled(inner)}" for name, inner in of.fields) + ")"
    return {Kind.TIMESTAMPTZ: "TIMESTAMP WITH TIME ZONE"}.get(of.kind, of.kind.value.upper())


_INTEGER_TEXT = r"'\s*[+-]?[0-9]+(\.0*)?\s*'"


def exact(text: str, to: Type) -> str:
    """An expression that is the text (an expression too) as a value of the type, and NULL where it is none or would lose a digit."""
    cast = f"try_cast({text} AS {spelled(to)})"
    match to.kind:
        case Kind.VARCHAR:
            return text
        case Kind.SMALLINT | Kind.INTEGER | Kind.BIGINT | Kind.HUGEINT:
            return f"CASE WHEN regexp_full_match({text}, {_INTEGER_TEXT}) THEN {cast} END"
        case Kind.DECIMAL:
            return _exact_decimal(text, to, cast)
        case Kind.FLOAT | Kind.DOUBLE:
            whole = f"try_cast({text} AS HUGEINT)"
            kept = f"NOT regexp_full_match({text}, {_INTEGER_TEXT}) OR {whole} = try_cast({cast} AS HUGEINT)"
            # What is written in digits is not infinite, and not nought where one of them is not.
            beyond = f"isinf({cast}) OR {cast} = 0 THEN NOT regexp_matches({text}, '^[^eE]*[1-9]')"
            return f"CASE WHEN CASE WHEN {beyond} ELSE {kept} END THEN {cast} END"
        case Kind.DATE:
            return f"CASE WHEN try_cast({text} AS TIMESTAMP) = CAST({cast} AS TIMESTAMP) THEN {cast} END"
        case Kind.TIMESTAMP:
            # A time zone other than UTC would be dropped, and so would digits below the microsecond.
            offset = r"'.*:[0-9.]+\s*[+-](0[1-9]|1|00:?0?[1-9]|00:?[1-9]).*'"
            return f"CASE WHEN NOT regexp_full_match({text}, {offset}) AND {_microseconds(text)} THEN {cast} END"
        case Kind.TIMESTAMPTZ:
            return f"CASE WHEN {_microseconds(text)} THEN {cast} END"
        case Kind.LIST | Kind.STRUCT:
            return f"try_cast(CASE WHEN json_valid({text}) THEN CAST({text} AS JSON) END AS {spelled(to)})"
        case Kind.JSON:
            return f"CASE WHEN json_valid({text}) THEN {text} END"
        case _:
            return cast


def _exact_decimal(text: str, to: Type, cast: str) -> str:
    plain = rf"'\s*[+-]?[0-9]*\.?[0-9]{{0,{to.scale}}}0*\s*'"
    scientific = f"contains(lower({text}), 'e') AND CAST({cast} AS DOUBLE) = try_cast({text} AS DOUBLE)"
    return f"CASE WHEN regexp_full_match({text}, {plain}) OR ({scientific}) THEN {cast} END"


def _microseconds(text: str) -> str:
    return rf"NOT regexp_matches({text}, '\.[0-9]{{6}}0*[1-9]')"
