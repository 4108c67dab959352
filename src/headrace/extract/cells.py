"""Cells as a database writes them into text, as Arrow columns of their exact types; rows with a cell that fits none are split off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow.csv as pacsv

from headrace.arrow import pa
from headrace.schema import Kind, Type
from headrace.sql.dialect import spell
from headrace.sql.dialect import text as literal
from headrace.warehouse.embedded import CAPABILITIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.warehouse.embedded import Embedded

_DIRECT = {
    Kind.BOOLEAN: pa.bool_(),
    Kind.SMALLINT: pa.int16(),
    Kind.INTEGER: pa.int32(),
    Kind.BIGINT: pa.int64(),
    Kind.FLOAT: pa.float32(),
    Kind.DOUBLE: pa.float64(),
    Kind.VARCHAR: pa.string(),
    Kind.UUID: pa.string(),  # a database that has the type writes nothing else
    Kind.DATE: pa.date32(),
    Kind.TIME: pa.time64("us"),
    Kind.TIMESTAMP: pa.timestamp("us"),
    Kind.TIMESTAMPTZ: pa.timestamp("us", "UTC"),
}
_MARKED = (Kind.JSON, Kind.UUID, Kind.INTERVAL, Kind.HUGEINT)
"""Types that Parquet has no column for, or none that DuckDB reads back: they land as text that says what it is."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A column that arrives: its name in the table and at its source, its type, and whether NULL may stand in it."""

    name: str
    original: str
    type: Type
    nullable: bool = True
    unbound: bool = False
    """Whether it holds numbers of so many digits that no number type here has room for all of them."""
    loose: bool = False
    """Whether its database lets any value stand in it, whatever it was declared as."""
    counting: bool = False
    """Whether the database itself moves it on with every change of a row, by a count of its own."""


def decode(
    page: bytes | bytearray | memoryview, cells: Sequence[Cell], local: Embedded, origin: str
) -> tuple[pa.Table, pa.Table | None]:
    """Rows of CSV in which NULL is nothing and text is in quotes, and those rows that have a cell of no value here."""
    try:
        arrived = _parsed(page, [_direct(cell.type) or pa.string() for cell in cells])
    except pa.ArrowInvalid:
        # A date that is infinite or before Christ, the time 24:00: DuckDB knows them, Arrow's reader does not.
        return cast(_parsed(page, [pa.string()] * len(cells)), cells, local, origin)
    if all(_direct(cell.type) for cell in cells):
        return labelled(arrived, cells), None
    return cast(arrived, cells, local, origin)


def cast(arrived: pa.Table, cells: Sequence[Cell], local: Embedded, origin: str) -> tuple[pa.Table, pa.Table | None]:
    """Columns c0, c1, … in the types of the cells, from text where they are text; rows with a value that does not cast, apart."""
    texts = [
        pa.types.is_string(arrived.schema.field(at).type) and cell.type.kind is not Kind.VARCHAR
        for at, cell in enumerate(cells)
    ]
    values = [
        _value(f"c{at}", cell.type) if text else f"c{at}"
        for at, (cell, text) in enumerate(zip(cells, texts, strict=True))
    ]
    wrong = [f"WHEN c{at} IS NOT NULL AND v{at} IS NULL THEN {at}" for at, text in enumerate(texts) if text]
    bad = f"CASE {' '.join(wrong)} END" if wrong else "NULL"
    listed = ", ".join(f"{value} AS v{at}" for at, value in enumerate(values))
    inner = f"SELECT *, {bad} AS bad FROM (SELECT *, {listed} FROM arrived)"
    outward = ", ".join(
        f"CAST(v{at} AS VARCHAR) AS v{at}" if cell.type.kind in _MARKED else f"v{at}" for at, cell in enumerate(cells)
    )
    local.register("arrived", arrived)
    try:
        rows = local.table(f"SELECT {outward} FROM ({inner}) WHERE bad IS NULL")
        rejected = local.table(_rejected(inner, cells, origin)) if rows.num_rows < arrived.num_rows else None
    finally:
        local.unregister("arrived")
    return labelled(rows, cells), rejected


def labelled(rows: pa.Table, cells: Sequence[Cell]) -> pa.Table:
    """The columns under their names; text says which type it stands for, and a column whether it may be NULL."""
    fields = [
        pa.field(
            cell.name,
            rows.schema.field(at).type,
            nullable=cell.nullable,
            metadata={b"headrace": cell.type.kind.value.encode()} if cell.type.kind in _MARKED else None,
        )
        for at, cell in enumerate(cells)
    ]
    return pa.Table.from_arrays(rows.columns, schema=pa.schema(fields))


def _rejected(inner: str, cells: Sequence[Cell], origin: str) -> str:
    def case(values: list[str]) -> str:
        return "CASE bad " + " ".join(f"WHEN {at} THEN {value}" for at, value in enumerate(values)) + " END"

    details = [
        f"'''' || left(CAST(c{at} AS VARCHAR), 100) || {literal(f''' is no {cell.type}; to keep it as text, declare {cell.name}: varchar under columns''')}"
        for at, cell in enumerate(cells)
    ]
    fields = ", ".join(f"{literal(cell.name)}: c{at}" for at, cell in enumerate(cells))
    return (
        f"SELECT 'type' AS reason, {case([literal(cell.name) for cell in cells])} AS \"column\", {case(details)} AS detail, "
        f"CAST(to_json({{{fields}}}) AS VARCHAR) AS raw, {literal(origin)} AS origin FROM ({inner}) WHERE bad IS NOT NULL"
    )


def _direct(kind: Type) -> pa.DataType | None:
    if kind.kind is Kind.DECIMAL:
        return pa.decimal128(kind.precision or 38, kind.scale or 0)
    return _DIRECT.get(kind.kind)


def _parsed(page: bytes | bytearray | memoryview, types: Sequence[pa.DataType]) -> pa.Table:
    names = [f"c{at}" for at in range(len(types))]
    if not page:
        return pa.schema(list(zip(names, types, strict=True))).empty_table()
    return pacsv.read_csv(
        pa.BufferReader(page),
        pacsv.ReadOptions(column_names=names, block_size=len(page) + 1, use_threads=False),
        pacsv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        pacsv.ConvertOptions(
            column_types=dict(zip(names, types, strict=True)),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t", "true", "1"],
            false_values=["f", "false", "0"],
        ),
    )


_SHAPES = {
    Kind.BOOLEAN: "t|f|true|false|0|1",
    Kind.SMALLINT: r"[+-]?\d+",
    Kind.INTEGER: r"[+-]?\d+",
    Kind.BIGINT: r"[+-]?\d+",
    Kind.HUGEINT: r"[+-]?\d+",
    Kind.DATE: r"\d{4,}-\d\d-\d\d( BC)?|-?infinity",
    Kind.TIME: r"\d\d:\d\d(:\d\d(\.\d{1,6})?)?",
    Kind.TIMESTAMP: r"\d{4,}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?)?( BC)?|-?infinity",
    Kind.TIMESTAMPTZ: r"\d{4,}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d(:?\d\d(:\d\d)?)?)( BC)?|-?infinity",
}
"""How a text looks whose cast is its value: DuckDB would round 1.5 to an integer, drop an hour from a date or a zone from a time."""


def _value(held: str, kind: Type) -> str:
    """A text as a value of its type, or NULL where it is none."""
    word = spell(kind, CAPABILITIES)
    shape = _SHAPES.get(kind.kind)
    if kind.kind is Kind.DECIMAL:
        shape = rf"[+-]?\d*(\.\d{{0,{kind.scale or 0}}}0*)?"
    match kind.kind:
        case Kind.BLOB:
            value = f"CASE WHEN {held} LIKE '\\x%' THEN unhex(substr({held}, 3)) END"
        case Kind.DATE | Kind.TIMESTAMP | Kind.TIMESTAMPTZ:
            # PostgreSQL writes the era at the end, DuckDB after the day.
            before = f"regexp_replace({held}, '^(\\S+)(.*) BC$', '\\1 (BC)\\2')"
            value = f"TRY_CAST(CASE WHEN {held} LIKE '% BC' THEN {before} ELSE {held} END AS {word})"
        case Kind.LIST:
            value = f"TRY_CAST(TRY_CAST({held} AS JSON) AS {word})"
            if kind.item and kind.item.kind in (Kind.FLOAT, Kind.DOUBLE):
                # NaN and infinities, which are in quotes, and the negative zero would not survive where lists are JSON.
                value = f"CASE WHEN NOT regexp_matches({held}, '\"|-0([],]|$)') THEN {value} END"
        case Kind.INTERVAL:
            value = f"TRY_CAST(replace(replace({held}, 'mon', 'month'), '+', '') AS INTERVAL)"
        case _:
            value = f"TRY_CAST({held} AS {word})"
    return f"CASE WHEN regexp_full_match({held}, '{shape}') THEN {value} END" if shape else value
