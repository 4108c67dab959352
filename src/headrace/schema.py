"""Columns, types, and what changed between two schemas.

Types are logical: each engine spells them its own way through its capabilities, and reads its own spelling back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator


class Kind(StrEnum):
    """The families of types. A value is the word used in `columns:` and contracts."""

    BOOLEAN = "boolean"
    SMALLINT = "smallint"
    INTEGER = "integer"
    BIGINT = "bigint"
    HUGEINT = "hugeint"
    DECIMAL = "decimal"
    FLOAT = "float"
    DOUBLE = "double"
    VARCHAR = "varchar"
    DATE = "date"
    TIME = "time"
    TIMESTAMP = "timestamp"
    TIMESTAMPTZ = "timestamptz"
    INTERVAL = "interval"
    UUID = "uuid"
    JSON = "json"
    BLOB = "blob"
    LIST = "list"
    STRUCT = "struct"


@dataclass(frozen=True, slots=True)
class Type:
    """A logical type: precision and scale belong to decimal, `item` to list, `fields` to struct."""

    kind: Kind
    precision: int | None = None
    scale: int | None = None
    item: Type | None = None
    fields: tuple[tuple[str, Type], ...] = ()

    def __str__(self) -> str:
        """The type as it is written under `columns:`, such as `decimal(18,2)` or `list(varchar)`."""
        if self.kind is Kind.DECIMAL:
            return f"decimal({self.precision},{self.scale})"
        if self.kind is Kind.LIST:
            return f"list({self.item})"
        if self.kind is Kind.STRUCT:
            return "struct(" + ", ".join(f"{name} {kind}" for name, kind in self.fields) + ")"
        return self.kind.value


BOOLEAN = Type(Kind.BOOLEAN)
INTEGER = Type(Kind.INTEGER)
BIGINT = Type(Kind.BIGINT)
DOUBLE = Type(Kind.DOUBLE)
VARCHAR = Type(Kind.VARCHAR)
DATE = Type(Kind.DATE)
TIMESTAMP = Type(Kind.TIMESTAMP)
TIMESTAMPTZ = Type(Kind.TIMESTAMPTZ)
JSON = Type(Kind.JSON)


_WORDS = {
    "bool": Kind.BOOLEAN,
    "int2": Kind.SMALLINT,
    "int": Kind.INTEGER,
    "int4": Kind.INTEGER,
    "int8": Kind.BIGINT,
    "long": Kind.BIGINT,
    "numeric": Kind.DECIMAL,
    "real": Kind.FLOAT,
    "float4": Kind.FLOAT,
    "float8": Kind.DOUBLE,
    "double precision": Kind.DOUBLE,
    "text": Kind.VARCHAR,
    "string": Kind.VARCHAR,
    "character varying": Kind.VARCHAR,
    "timestamp without time zone": Kind.TIMESTAMP,
    "timestamp with time zone": Kind.TIMESTAMPTZ,
    "jsonb": Kind.JSON,
    "bytea": Kind.BLOB,
    "binary": Kind.BLOB,
}


def parse_type(text: str) -> Type:
    """The type that a text such as `decimal(12,2)`, `timestamptz` or `list(varchar)` means. Raises ValueError."""
    word, _, inner = text.strip().lower().partition("(")
    word, inner = " ".join(word.split()), inner.strip()
    if inner and not inner.endswith(")"):
        raise ValueError(f"'{text}' has no closing bracket")
    inner = inner.removesuffix(")").strip()
    kind = _WORDS.get(word) or next((known for known in Kind if known.value == word), None)
    if kind is None:
        raise ValueError(f"'{text}' is not a type; types are {', '.join(known.value for known in Kind)}")
    if kind is Kind.DECIMAL:
        return _parse_decimal(text, inner or "18,3")
    if kind is Kind.LIST:
        return Type(kind, item=parse_type(inner))
    if kind is Kind.STRUCT:
        pairs = [part.strip().partition(" ") for part in re.split(r",(?![^(]*\))", inner) if part.strip()]
        return Type(kind, fields=tuple((name, parse_type(of)) for name, _, of in pairs))
    if inner and kind is not Kind.VARCHAR:
        raise ValueError(f"'{text}': {kind} takes nothing in brackets")
    return Type(kind)


def _parse_decimal(text: str, inner: str) -> Type:
    match = re.fullmatch(r"(\d+)\s*(?:,\s*(\d+))?", inner)
    if match is None:
        raise ValueError(f"'{text}' is not decimal(PRECISION, SCALE)")
    precision, scale = int(match[1]), int(match[2] or 0)
    if not 1 <= precision <= _MAX_DIGITS or scale > precision:
        raise ValueError(f"'{text}': a decimal has 1 to {_MAX_DIGITS} digits, and no more of them after the point")
    return decimal(precision, scale)


def decimal(precision: int, scale: int) -> Type:
    """The exact number type of so many digits, `scale` of them after the point."""
    return Type(Kind.DECIMAL, precision, scale)


@dataclass(frozen=True, slots=True)
class Column:
    """A column's name and logical type; `nullable` says whether NULL may stand in it."""

    name: str
    type: Type
    nullable: bool = True


@dataclass(frozen=True, slots=True)
class Schema:
    """The columns of a table, in order, with distinct names."""

    columns: tuple[Column, ...]

    def __iter__(self) -> Iterator[Column]:
        """The columns in order."""
        return iter(self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names in order."""
        return tuple(column.name for column in self.columns)

    def get(self, name: str) -> Column | None:
        """The column of that name, if there is one."""
        return next((column for column in self.columns if column.name == name), None)


@dataclass(frozen=True, slots=True)
class Added:
    """What arrived has a column that the table lacks."""

    column: Column


@dataclass(frozen=True, slots=True)
class Widened:
    """A column's type must grow to `to`, which holds every value of both."""

    column: Column
    to: Type


@dataclass(frozen=True, slots=True)
class Risky:
    """A column's type can grow to `to` if the values that are stored survive it, which has to be asked of the data."""

    column: Column
    to: Type


@dataclass(frozen=True, slots=True)
class Clash:
    """A column arrived with a type that no type joins with the stored one without loss."""

    column: Column
    arrived: Type


Change: TypeAlias = Added | Widened | Risky | Clash

_INTEGERS = {Kind.SMALLINT: 5, Kind.INTEGER: 10, Kind.BIGINT: 19, Kind.HUGEINT: 38}
_MAX_DIGITS = 38


def join(one: Type, other: Type) -> Type | None:
    """The smallest type that holds every value of both exactly, or None where there is none.

    Whatever is not a number joins into varchar, because text keeps it; integers and doubles have no such type above 2**53.
    """
    if one == other:
        return one
    if Kind.LIST in (one.kind, other.kind) or Kind.STRUCT in (one.kind, other.kind):
        return _join_nested(one, other)
    left, right = _digits(one), _digits(other)
    if left and right:
        return _join_exact(one, other, left, right)
    kinds = {one.kind, other.kind}
    if kinds == {Kind.FLOAT, Kind.DOUBLE}:
        return DOUBLE
    if kinds <= {Kind.FLOAT, Kind.DOUBLE, Kind.SMALLINT, Kind.INTEGER}:
        return DOUBLE
    if kinds & {Kind.FLOAT, Kind.DOUBLE} and (left or right):
        return None
    if kinds == {Kind.DATE, Kind.TIMESTAMP}:
        return TIMESTAMP
    if Kind.JSON in kinds:
        return JSON
    if Kind.VARCHAR in kinds and Kind.BLOB not in kinds:
        return VARCHAR
    return None


def _digits(kind: Type) -> tuple[int, int] | None:
    """Digits before and after the point, for exact numbers."""
    if kind.kind in _INTEGERS:
        return _INTEGERS[kind.kind], 0
    if kind.kind is Kind.DECIMAL and kind.precision is not None and kind.scale is not None:
        return kind.precision - kind.scale, kind.scale
    return None


def _join_exact(one: Type, other: Type, left: tuple[int, int], right: tuple[int, int]) -> Type | None:
    if one.kind in _INTEGERS and other.kind in _INTEGERS:
        return one if left > right else other
    whole, scale = max(left[0], right[0]), max(left[1], right[1])
    return decimal(whole + scale, scale) if whole + scale <= _MAX_DIGITS else None


def _join_nested(one: Type, other: Type) -> Type | None:
    if one.kind is Kind.LIST and other.kind is Kind.LIST and one.item and other.item:
        item = join(one.item, other.item)
        return replace(one, item=item) if item else JSON
    if one.kind is Kind.STRUCT and other.kind is Kind.STRUCT:
        fields = dict(one.fields)
        for name, kind in other.fields:
            joined = join(fields[name], kind) if name in fields else kind
            if joined is None:
                return JSON
            fields[name] = joined
        return replace(one, fields=tuple(fields.items()))
    return (
        JSON
        if one.kind in (Kind.LIST, Kind.STRUCT, Kind.JSON) and other.kind in (Kind.LIST, Kind.STRUCT, Kind.JSON)
        else None
    )


def changes(stored: Schema, arrived: Schema) -> list[Change]:
    """What has to happen to `stored` before rows of `arrived` fit into it. A column that stopped arriving stays as it is."""
    found: list[Change] = []
    for column in arrived:
        held = stored.get(column.name)
        if held is None:
            found.append(Added(replace(column, nullable=True)))
            continue
        joined = join(held.type, column.type)
        if joined == held.type:
            continue
        if joined is not None:
            found.append(Widened(held, joined))
        elif _digits(held.type) and column.type.kind in (Kind.DOUBLE, Kind.FLOAT):
            found.append(Risky(held, DOUBLE))
        elif held.type.kind in (Kind.DOUBLE, Kind.FLOAT) and _digits(column.type):
            found.append(Risky(column, held.type))
        else:
            found.append(Clash(held, column.type))
    return found
