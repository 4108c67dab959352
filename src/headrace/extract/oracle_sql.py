"""Oracle's SQL as text: what each type arrives as, how its values are written exactly, and how a value is compared."""

from __future__ import annotations

import re
from dataclasses import dataclass

from headrace.schema import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    JSON,
    TIMESTAMP,
    TIMESTAMPTZ,
    VARCHAR,
    Kind,
    Type,
    decimal,
)

_TEXTS = ("VARCHAR", "NVARCHAR", "CHAR", "NCHAR", "CLOB", "NCLOB", "LONG", "ROWID", "UROWID")
_PLAIN = {
    "BINARY_FLOAT": Type(Kind.FLOAT),
    "BINARY_DOUBLE": DOUBLE,
    "DATE": TIMESTAMP,
    "TIMESTAMP": TIMESTAMP,
    "TIMESTAMP_TZ": TIMESTAMPTZ,
    "TIMESTAMP_LTZ": TIMESTAMPTZ,
    "INTERVAL_YM": VARCHAR,
    "INTERVAL_DS": VARCHAR,
    "RAW": Type(Kind.BLOB),
    "BLOB": Type(Kind.BLOB),
    "XMLTYPE": VARCHAR,
    "JSON": JSON,
    "BOOLEAN": BOOLEAN,
}
_UNBOUND = -127
"""The scale that the server tells of a NUMBER without digits, and of a FLOAT."""
LARGE = ("CLOB", "NCLOB", "BLOB", "LONG", "XMLTYPE", "JSON")
"""Types whose values can be of any length."""


@dataclass(frozen=True, slots=True)
class Column:
    """What a column is at the server: its name in quotes, its type as the driver calls it, and its digits."""

    held: str
    word: str
    precision: int
    scale: int

    @property
    def unbound(self) -> bool:
        """Whether it holds numbers of any length."""
        return self.word == "NUMBER" and type_of(self) == VARCHAR


def quoted(text: str) -> str:
    """An identifier as it is."""
    return '"' + text.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text of any characters."""
    return "'" + text.replace("'", "''") + "'"


def type_of(column: Column) -> Type | None:
    """What it arrives as; None for a type whose values have no exact text, or that is not known."""
    if column.word != "NUMBER":
        return VARCHAR if column.word in _TEXTS else _PLAIN.get(column.word)
    # INTEGER, which has no digits of its own, is told to have one more than any number can.
    precision, scale = min(column.precision or 38, 38), column.scale
    if scale == _UNBOUND:
        return VARCHAR
    if scale == 0 and precision <= 18:
        return BIGINT if precision > 9 else Type(Kind.INTEGER if precision > 4 else Kind.SMALLINT)
    # NUMBER(5,-2) counts hundreds, NUMBER(2,5) has three zeros first.
    digits = max(precision - min(scale, 0), scale)
    return decimal(digits, max(scale, 0)) if digits <= 38 else VARCHAR


def written(column: Column, kind: Type) -> str:
    """The expression that is selected for a column: the driver's own value where that is exact, and else the whole of it as text."""
    held, declared = column.held, kind.kind is Kind.VARCHAR
    match column.word:
        case "NUMBER" if kind.kind in (Kind.SMALLINT, Kind.INTEGER, Kind.BIGINT):
            return held
        case "BINARY_FLOAT" | "BINARY_DOUBLE" | "RAW" | "BLOB" if not declared:
            return held
        case "RAW" | "BLOB":
            return f"RAWTOHEX({held})"
        case word if word in _TEXTS and word not in ("ROWID", "UROWID"):
            return held
        case _:
            return text(column, kind)


def text(column: Column, kind: Type) -> str:
    """The expression of a value's exact text. As varchar, the whole of it: with its zone and its ninth digit."""
    held, declared = column.held, kind.kind is Kind.VARCHAR
    match column.word:
        case "NUMBER":
            return f"TO_CHAR({held}, 'TM9', 'NLS_NUMERIC_CHARACTERS=''.,''')"
        case "DATE":
            return f"LTRIM(TO_CHAR({held}, 'SYYYY-MM-DD HH24:MI:SS'))"
        case "TIMESTAMP":
            return _short(held)
        case "TIMESTAMP_TZ" | "TIMESTAMP_LTZ" if declared:
            return f"LTRIM(TO_CHAR({held}, 'SYYYY-MM-DD HH24:MI:SS.FF9 TZR'))"
        case "TIMESTAMP_TZ" | "TIMESTAMP_LTZ":
            return f"{_short(f'SYS_EXTRACT_UTC({held})')} || NVL2({held}, '+00', NULL)"
        case "ROWID" | "UROWID":
            return f"CAST({held} AS VARCHAR2(4000))"
        case "XMLTYPE":
            return f"XMLSERIALIZE(CONTENT {held} AS CLOB)"
        case "JSON":
            return f"JSON_SERIALIZE({held} RETURNING CLOB)"
        case "BOOLEAN":
            return f"CASE WHEN {held} THEN 'true' WHEN NOT {held} THEN 'false' END"
        case "VARCHAR" | "NVARCHAR" | "CHAR" | "NCHAR":
            return held
        case _:
            return f"TO_CHAR({held})"


def value(column: Column, text: str) -> str:
    """A literal of the column's own type."""
    if column.word == "NUMBER" and re.fullmatch(r"[+-]?\d*\.?\d+", text):
        return text
    found = re.fullmatch(r"(\d{4,}-\d\d-\d\d)(?:[ T](\d\d:\d\d:\d\d)(\.\d{1,9})?)?\s*(Z|[+-]\d\d(?::?\d\d)?)?", text)
    if not found or column.word not in ("DATE", "TIMESTAMP", "TIMESTAMP_TZ", "TIMESTAMP_LTZ"):
        return literal(text)
    day, hour, fraction, zone = found[1], found[2] or "00:00:00", found[3] or ".0", found[4]
    if column.word == "DATE":
        return f"TO_DATE('{day} {hour}', 'YYYY-MM-DD HH24:MI:SS')"
    if column.word == "TIMESTAMP":
        return f"TO_TIMESTAMP('{day} {hour}{fraction}', 'YYYY-MM-DD HH24:MI:SS.FF')"
    offset = "+00:00" if zone in (None, "Z") else f"{zone[:3]}:{zone[-2:] if len(zone) > 3 else '00'}"
    return f"TO_TIMESTAMP_TZ('{day} {hour}{fraction} {offset}', 'YYYY-MM-DD HH24:MI:SS.FF TZH:TZM')"


def _short(held: str) -> str:
    """A time without the zeros at its end, of which the server writes nine digits."""
    return f"LTRIM(RTRIM(RTRIM(TO_CHAR({held}, 'SYYYY-MM-DD HH24:MI:SS.FF9'), '0'), '.'))"
