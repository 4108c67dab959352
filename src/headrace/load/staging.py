"""Queries of the embedded DuckDB: what is let in, with the columns headrace adds, and what is refused, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.landing import ORIGIN
from headrace.load.exact import NUMBERS, fits, word
from headrace.schema import Schema
from headrace.sql.dialect import name, text

if TYPE_CHECKING:
    from headrace.load.evolve import Fit, Refusal
    from headrace.load.extras import Extra
    from headrace.load.parts import Part
    from headrace.schema import Type


def stage_query(fits: tuple[Fit, ...], schema: Schema, extras: tuple[Extra, ...], unseen: Schema | None = None) -> str:
    """All rows that are let in, in the order of arrival, typed as the table is, with what headrace adds.

    Of columns that are `unseen` only what is added is made.
    """
    passed = [name(extra.column.name) for extra in extras if extra.value == name(extra.column.name)]
    selects = [_admitted(fit, Schema((*schema, *(unseen or ()))), passed) for fit in fits]
    columns = [
        *(name(column.name) for column in schema),
        *(
            name(extra.column.name)
            if name(extra.column.name) in passed
            else f"{extra.value} AS {name(extra.column.name)}"
            for extra in extras
            if extra.value is not None
        ),
    ]
    return f"SELECT {', '.join(columns)}\nFROM (\n" + "\nUNION ALL\n".join(selects) + "\n) AS admitted"


def count_query(fit: Fit) -> str:
    """How many rows a part has, how many of them go to quarantine, and how many are left out by the contract."""
    kept, left = fit.refused("quarantine") or "FALSE", fit.refused("discard_row") or "FALSE"
    return (
        f"SELECT count(*), count(*) FILTER (WHERE {kept}), count(*) FILTER (WHERE ({left}) AND NOT ({kept})) "
        f"FROM (\n{fit.part.query}\n) AS part"
    )


def breaking_query(fit: Fit, refusal: Refusal) -> str:
    """A query that has a row if a row of the part is refused so."""
    return f"SELECT 1 FROM (\n{fit.part.query}\n) AS part WHERE {refusal.condition} LIMIT 1"


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


def lacking_query(fit: Fit, refusals: list[Refusal]) -> str:
    """The rows that are let in but for a value that they lack."""
    outside = fit.refused("quarantine", "discard_row")
    lacking = " OR ".join(f"({refusal.condition})" for refusal in refusals)
    return _described(fit, refusals, f"({lacking})" + (f" AND NOT ({outside})" if outside else ""))


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


def _admitted(fit: Fit, schema: Schema, passed: list[str]) -> str:
    columns = [
        f"{fit.columns.get(column.name, f'CAST(NULL AS {word(column.type)})')} AS {name(column.name)}"
        for column in schema
    ]
    refused = fit.refused("quarantine", "discard_row")
    where = f"\nWHERE NOT ({refused})" if refused else ""
    return f"SELECT {', '.join([*columns, *passed])}\nFROM (\n{fit.part.query}\n) AS part{where}"
