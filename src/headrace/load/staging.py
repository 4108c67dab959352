"""Queries of the embedded DuckDB: what is let in, with the columns headrace adds, and what is refused, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.landing import ORIGIN
from headrace.load.exact import NUMBERS, fits, word
from headrace.schema import BIGINT, BOOLEAN, TIMESTAMPTZ, VARCHAR, Column
from headrace.sql.dialect import name, text, timestamp

if TYPE_CHECKING:
    from datetime import datetime

    from headrace.load.evolve import Fit, Refusal
    from headrace.load.parts import Part
    from headrace.project.stream_keys import Deletes
    from headrace.schema import Schema, Type

LOAD_ID = "_headrace_load_id"
LOADED_AT = "_headrace_loaded_at"
HASH = "_headrace_row_hash"
DELETED = "_headrace_deleted"
AUDIT = (Column(LOAD_ID, VARCHAR), Column(LOADED_AT, TIMESTAMPTZ), Column(ORIGIN, VARCHAR), Column(HASH, BIGINT))
"""The columns that every loaded table has after its own."""
MARK = Column(DELETED, BOOLEAN)
"""The column that says whether a row was deleted at its source; in the table where deletes are soft, in the staged rows always."""


def stage_query(fits: tuple[Fit, ...], schema: Schema, load_id: str, now: datetime, deletes: Deletes | None) -> str:
    """All rows that are let in, in the order of arrival, typed as the table is."""
    selects = [_admitted(fit, schema) for fit in fits]
    deleted = [f"{_deleted(deletes)} AS {name(DELETED)}"] if deletes else []
    columns = [
        *(name(column.name) for column in schema),
        f"{text(load_id)} AS {name(LOAD_ID)}",
        f"{timestamp(now)} AS {name(LOADED_AT)}",
        name(ORIGIN),
        f"{_hash(schema)} AS {name(HASH)}",
        *deleted,
    ]
    return f"SELECT {', '.join(columns)}\nFROM (\n" + "\nUNION ALL\n".join(selects) + "\n) AS admitted"


def count_query(fit: Fit) -> str:
    """How many rows a part has, how many of them go to quarantine, and how many are left out by the contract."""
    kept, left = fit.refused("quarantine") or "FALSE", fit.refused("discard_row") or "FALSE"
    return (
        f"SELECT count(*), count(*) FILTER (WHERE {kept}), count(*) FILTER (WHERE ({left}) AND NOT ({kept})) "
        f"FROM (\n{fit.part.query}\n) AS part"
    )


def lossy_queries(parts: list[Part], column: str, to: Type) -> list[str]:
    """For each part that has numbers in the column: a query that has a row if one would change by a cast to the type."""
    return [
        f"SELECT 1 FROM (\n{part.query}\n) AS part WHERE NOT {fits(column, known.type, to)} LIMIT 1"
        for part in parts
        if (known := part.schema.get(column)) and known.type != to and known.type.kind in NUMBERS
    ]


def refused_query(fit: Fit) -> str:
    """The rows that go to quarantine, each once, with the first of the reasons."""
    refusals = [refusal for refusal in fit.refusals if refusal.mode == "quarantine"]
    return _described(fit, refusals, f"{fit.refused('quarantine')}")


def keyless_query(fit: Fit, key: tuple[str, ...], refusal: Refusal) -> str:
    """The rows that are let in but for a key that is NULL."""
    outside = fit.refused("quarantine", "discard_row")
    keyless = " OR ".join(f"{fit.columns.get(column, 'NULL')} IS NULL" for column in key)
    return _described(fit, [refusal], f"({keyless})" + (f" AND NOT ({outside})" if outside else ""))


def _described(fit: Fit, refusals: list[Refusal], where: str) -> str:
    def case(values: list[str]) -> str:
        whens = " ".join(f"WHEN {each.condition} THEN {value}" for each, value in zip(refusals, values, strict=True))
        return f"CASE {whens} END"

    fields = ", ".join(f"{text(column)}: {name(column)}" for column in fit.part.schema.names)
    return (
        f"SELECT {case([text(each.reason) for each in refusals])} AS reason, "
        f'{case([text(each.column) for each in refusals])} AS "column", '
        f"{case([text(each.detail) for each in refusals])} AS detail, "
        f"CAST(to_json({{{fields}}}) AS VARCHAR) AS raw, {name(ORIGIN)} AS origin "
        f"FROM (\n{fit.part.query}\n) AS part WHERE {where}"
    )


def _admitted(fit: Fit, schema: Schema) -> str:
    columns = [
        f"{fit.columns.get(column.name, f'CAST(NULL AS {word(column.type)})')} AS {name(column.name)}"
        for column in schema
    ]
    refused = fit.refused("quarantine", "discard_row")
    where = f"\nWHERE NOT ({refused})" if refused else ""
    return f"SELECT {', '.join([*columns, name(ORIGIN)])}\nFROM (\n{fit.part.query}\n) AS part{where}"


def _hash(schema: Schema) -> str:
    """Of the values and their columns' names, whatever the columns' order; a column that is NULL does not count.

    So a row keeps its hash when a column is added to its table. One bit is given up, because engines' integers have a sign.
    """
    terms = [
        f"CASE WHEN {name(column.name)} IS NULL THEN 0::UBIGINT ELSE hash({text(column.name)}, {name(column.name)}) END"
        for column in sorted(schema, key=lambda column: column.name)
    ]
    return f"CAST({_xor(terms)} >> 1 AS BIGINT)"


def _xor(terms: list[str]) -> str:
    # As a balanced tree: a chain of some hundred columns would be too deep for the parser.
    if len(terms) <= 1:
        return terms[0] if terms else "0::UBIGINT"
    half = len(terms) // 2
    return f"xor({_xor(terms[:half])}, {_xor(terms[half:])})"


def _deleted(deletes: Deletes) -> str:
    held = name(deletes.column)
    if deletes.value is not None:
        return f"COALESCE(CAST({held} AS VARCHAR) = {text(deletes.value)}, FALSE)"
    return f"COALESCE(TRY_CAST({held} AS BOOLEAN), FALSE)"
