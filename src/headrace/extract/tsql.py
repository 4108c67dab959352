"""T-SQL as text: what each type of SQL Server arrives as, how its values are written exactly, and how a value is compared."""

from __future__ import annotations

import re
from dataclasses import dataclass

from headrace.schema import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    JSON,
    TIMESTAMP,
    TIMESTAMPTZ,
    VARCHAR,
    Kind,
    Type,
    decimal,
)

_BINARY = "Latin1_General_BIN2"
_AT_ONCE = 90
_TEXTS = ("char", "varchar", "text", "nchar", "nvarchar", "ntext", "sysname", "xml", "hierarchyid")
_BYTES = ("binary", "varbinary", "image", "geography", "geometry")
_COUNTS = ("timestamp", "rowversion")
_PLAIN = {
    "bit": BOOLEAN,
    "tinyint": Type(Kind.SMALLINT),
    "smallint": Type(Kind.SMALLINT),
    "int": Type(Kind.INTEGER),
    "bigint": BIGINT,
    "real": Type(Kind.FLOAT),
    "float": DOUBLE,
    "money": decimal(19, 4),
    "smallmoney": decimal(10, 4),
    "date": DATE,
    "time": Type(Kind.TIME),
    "datetime": TIMESTAMP,
    "smalldatetime": TIMESTAMP,
    "datetime2": TIMESTAMP,
    "datetimeoffset": TIMESTAMPTZ,
    "uniqueidentifier": Type(Kind.UUID),
    "json": JSON,
}
_NUMBERS = (Kind.SMALLINT, Kind.INTEGER, Kind.BIGINT, Kind.DECIMAL)


@dataclass(frozen=True, slots=True)
class Column:
    """What a column is at the server: its name in brackets, its type's word without and with arguments, and its collation."""

    held: str
    word: str
    whole: str
    collation: str | None = None

    @property
    def seven(self) -> bool:
        """Whether its times have a seventh digit."""
        return "(" not in self.whole or "(7)" in self.whole

    @property
    def counts(self) -> bool:
        """Whether the server moves it on with every change of its row."""
        return self.word in _COUNTS


def bracketed(text: str) -> str:
    """An identifier, whatever characters it has."""
    return "[" + text.replace("]", "]]") + "]"


def literal(text: str) -> str:
    """A text of any characters."""
    return "N'" + text.replace("'", "''") + "'"


def type_of(column: Column) -> Type | None:
    """What it arrives as; None for a type whose values have no exact text, or that is not known."""
    if column.word in ("decimal", "numeric"):
        found = re.search(r"\((\d+),\s*(\d+)\)", column.whole)
        return decimal(int(found[1]), int(found[2])) if found else decimal(18, 0)
    if column.counts:
        return BIGINT
    if column.word in _TEXTS:
        return VARCHAR
    return Type(Kind.BLOB) if column.word in _BYTES else _PLAIN.get(column.word)


def text(column: Column, held: str, kind: Type) -> str:
    """The expression of a value's exact text. As varchar, the whole of it: with its offset, its seventh digit, its 0x."""
    declared = kind.kind is Kind.VARCHAR
    match column.word:
        case "real" | "float":
            # Style 3 has 17 digits, which give every value back; a real is a float exactly.
            return f"CONVERT(nvarchar(40), CONVERT(float, {held}), 3)"
        case "money" | "smallmoney":
            return f"CONVERT(nvarchar(40), {held}, 2)"
        case "date":
            return f"CONVERT(nvarchar(10), {held}, 23)"
        case "datetime" | "smalldatetime":
            return f"CONVERT(nvarchar(30), {held}, 121)"
        case "datetime2" | "time" | "datetimeoffset" if declared or (
            column.word != "datetimeoffset" and not column.seven
        ):
            return f"CONVERT(nvarchar(40), {held}, 121)"
        case "datetime2" | "time":
            return _six(f"CONVERT(nvarchar(40), {held}, 121)")
        case "datetimeoffset":
            moment = f"CONVERT(datetime2(7), SWITCHOFFSET({held}, N'+00:00'))"
            return f"CONCAT({_six(f'CONVERT(nvarchar(40), {moment}, 121)')}, N'+00')"
        case "uniqueidentifier":
            return f"LOWER(CONVERT(nvarchar(36), {held}))"
        case "timestamp" | "rowversion":
            return f"CONVERT(nvarchar(20), CONVERT(bigint, CONVERT(binary(8), {held})))"
        case word if word in _BYTES:
            written = f"CONVERT(nvarchar(max), CONVERT(varbinary(max), {held}), {1 if declared else 2})"
            return written if declared else f"CONCAT(N'\\x', {written})"
        case _:
            return f"CONVERT(nvarchar(max), {held})"


def written(column: Column, kind: Type) -> str:
    """The expression of a value as a cell of CSV: nothing for NULL, and text in quotes."""
    cell = text(column, column.held, kind)
    if kind.kind in (Kind.VARCHAR, Kind.JSON, Kind.UUID):
        # By their numbers: to a collation that knows no widths, a wide quotation mark would be one, too.
        cell = f"""CONCAT(N'"', REPLACE({cell} COLLATE {_BINARY}, N'"', N'""'), N'"')"""
    return f"CASE WHEN {column.held} IS NULL THEN N'' ELSE {cell} END"


def line(cells: list[str]) -> str:
    """Cells as one text. CONCAT does not take any number of them, and makes long texts only if one of them is of a type without end."""
    parts = [part for cell in cells for part in (cell, "N','")][:-1]
    while len(parts) > _AT_ONCE:
        parts = [_concat(parts[at : at + _AT_ONCE]) for at in range(0, len(parts), _AT_ONCE)]
    return _concat(parts)


def comparable(column: Column, kind: Type) -> str:
    """A column as its cursor compares it: text by its numbers, whatever its language."""
    return f"{column.held} COLLATE {_BINARY}" if kind.kind is Kind.VARCHAR and column.collation else column.held


def value(column: Column, kind: Type, text: str) -> str:
    """A literal of the column's own type, so that it is compared as the column's index is ordered."""
    match column.word:
        case "timestamp" | "rowversion":
            return f"CONVERT(binary(8), CONVERT(bigint, {int(text)}))"
        case "datetime" | "smalldatetime":
            return f"CAST(CAST({literal(_iso(text))} AS datetime2(3)) AS datetime)"
        case "datetime2":
            return f"CAST({literal(_iso(text))} AS datetime2(7))"
        case "datetimeoffset":
            return f"CAST({literal(_iso(text))} AS datetimeoffset(7))"
        case "date" | "uniqueidentifier":
            return f"CAST({literal(text)} AS {column.word})"
        case "char" | "varchar" if column.collation:
            # Between nvarchar and varchar the server would compare as nvarchar, which can have another order.
            return f"CAST({literal(text)} COLLATE {column.collation} AS varchar(8000))"
    bare = kind.kind in _NUMBERS and re.fullmatch(r"[+-]?\d+(\.\d+)?", text)
    return text if bare else literal(text)


def _concat(parts: list[str]) -> str:
    return f"CONCAT(CONVERT(nvarchar(max), N''), {', '.join(parts)})"


def _six(written: str) -> str:
    """A time of seven digits without a last one that is 0; another one stays, and does not fit."""
    return f"REPLACE(REPLACE(CONCAT({written}, N'|'), N'0|', N''), N'|', N'')"


def _iso(text: str) -> str:
    """In the form that every language of the server reads alike."""
    moment = text.strip().replace(" ", "T", 1)
    return re.sub(r"([+-]\d\d)$", r"\1:00", moment) if "T" in moment else moment
