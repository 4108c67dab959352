"""How an engine writes names, literals and types, and how its words for types are read back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from headrace.schema import Kind, Type
from headrace.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from decimal import Decimal

    from headrace.sql.capabilities import Capabilities


def name(text: str) -> str:
    """An identifier in quotes, whatever characters it has."""
    return '"' + text.replace('"', '""') + '"'


def names(texts: Iterable[str], of: str | None = None) -> str:
    """Identifiers in a list, each as a column of the relation `of` where that is given."""
    return ", ".join(column(text, of) for text in texts)


def column(text: str, of: str | None = None) -> str:
    """A column's name, qualified by an alias where one is given."""
    return f"{of}.{name(text)}" if of else name(text)


def relation(table: Table) -> str:
    """The qualified name of a relation, each part in quotes."""
    return ".".join(name(part) for part in (table.database, table.schema, table.name) if part)


def temporary(text: str, capabilities: Capabilities) -> Table:
    """Where a temporary table of that name is: each engine keeps those of a session in a place of its own."""
    if capabilities.dialect == "duckdb":
        return Table("main", text, database="temp")
    return Table("pg_temp", text)


def text(value: str | None) -> str:
    """A string literal of any characters but NUL; the word NULL for None. Both engines take backslashes as they are."""
    return "NULL" if value is None else "'" + value.replace("'", "''") + "'"


def number(value: float | Decimal | None) -> str:
    """A numeric literal with every digit; a float is written as a cast of its text, which also holds infinities and NaN."""
    if value is None:
        return "NULL"
    return f"CAST({text(str(value))} AS DOUBLE PRECISION)" if isinstance(value, float) else str(value)


def timestamp(value: datetime | None) -> str:
    """A point in time as a literal, to the microsecond; with a zone where the value has one."""
    if value is None:
        return "NULL"
    kind = "TIMESTAMP WITH TIME ZONE" if value.tzinfo else "TIMESTAMP"
    return f"CAST({text(value.isoformat(sep=' '))} AS {kind})"


def spell(kind: Type, capabilities: Capabilities) -> str:
    """The engine's word for a logical type."""
    word = capabilities.types[kind.kind]
    if kind.kind is Kind.DECIMAL:
        return word.format(precision=kind.precision or 38, scale=kind.scale or 0)
    if kind.kind is Kind.LIST and "{item}" in word:
        return word.format(item=spell(kind.item or Type(Kind.VARCHAR), capabilities))
    if kind.kind is Kind.STRUCT and "{fields}" in word:
        fields = ", ".join(f"{name(field)} {spell(of, capabilities)}" for field, of in kind.fields)
        return word.format(fields=fields)
    return word


_WORDS = {
    "boolean": Kind.BOOLEAN,
    "bool": Kind.BOOLEAN,
    "tinyint": Kind.SMALLINT,
    "utinyint": Kind.SMALLINT,
    "smallint": Kind.SMALLINT,
    "int2": Kind.SMALLINT,
    "usmallint": Kind.INTEGER,
    "integer": Kind.INTEGER,
    "int": Kind.INTEGER,
    "int4": Kind.INTEGER,
    "uinteger": Kind.BIGINT,
    "bigint": Kind.BIGINT,
    "int8": Kind.BIGINT,
    "hugeint": Kind.HUGEINT,
    "uhugeint": Kind.HUGEINT,
    "bignum": Kind.VARCHAR,
    "float": Kind.FLOAT,
    "real": Kind.FLOAT,
    "float4": Kind.FLOAT,
    "double": Kind.DOUBLE,
    "double precision": Kind.DOUBLE,
    "float8": Kind.DOUBLE,
    "date": Kind.DATE,
    "time": Kind.TIME,
    "time without time zone": Kind.TIME,
    "timestamp": Kind.TIMESTAMP,
    "timestamp without time zone": Kind.TIMESTAMP,
    "datetime": Kind.TIMESTAMP,
    "timestamp_s": Kind.TIMESTAMP,
    "timestamp_ms": Kind.TIMESTAMP,
    "timestamp_ns": Kind.TIMESTAMP,
    "timestamptz": Kind.TIMESTAMPTZ,
    "timestamp with time zone": Kind.TIMESTAMPTZ,
    "interval": Kind.INTERVAL,
    "uuid": Kind.UUID,
    "json": Kind.JSON,
    "jsonb": Kind.JSON,
    "blob": Kind.BLOB,
    "bytea": Kind.BLOB,
    "varbinary": Kind.BLOB,
}
_HUGE = 38


def read_type(word: str) -> Type:
    """The logical type an engine's word stands for; words that headrace does not know are read as varchar.

    A numeric of no stated or more than 38 digits is varchar too, because no decimal keeps all its values.
    """
    plain = " ".join(word.split())
    if plain.endswith("]"):
        return Type(Kind.LIST, item=read_type(plain[: plain.rindex("[")]))
    head, inside = _parts(plain)
    if head == "struct" and inside is not None:
        return Type(Kind.STRUCT, fields=tuple(_field(part) for part in _split(inside)))
    if head == "map":
        return Type(Kind.JSON)
    if head in ("decimal", "numeric", "dec"):
        return _exact(inside)
    if head == "ubigint":
        return Type(Kind.DECIMAL, 20, 0)
    return Type(_WORDS.get(head, Kind.VARCHAR))


def _parts(word: str) -> tuple[str, str | None]:
    # "timestamp(3) with time zone" has its parentheses in the middle.
    if "(" not in word:
        return word.lower(), None
    start, end = word.index("("), word.rindex(")")
    head = f"{word[:start].strip()} {word[end + 1 :].strip()}".strip()
    return head.lower(), word[start + 1 : end]


def _exact(inside: str | None) -> Type:
    if inside is None:
        return Type(Kind.VARCHAR)
    precision, _, scale = inside.partition(",")
    digits, after = int(precision), int(scale or 0)
    if digits > _HUGE or not 0 <= after <= digits:
        return Type(Kind.HUGEINT) if (digits, after) == (_HUGE + 1, 0) else Type(Kind.VARCHAR)
    return Type(Kind.DECIMAL, digits, after)


def _split(inside: str) -> list[str]:
    """The parts between commas that are in no parentheses and no quotes."""
    parts, depth, quoted, start = [], 0, False, 0
    for at, letter in enumerate(inside):
        if letter == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif letter in "([":
            depth += 1
        elif letter in ")]":
            depth -= 1
        elif letter == "," and depth == 0:
            parts.append(inside[start:at].strip())
            start = at + 1
    parts.append(inside[start:].strip())
    return [part for part in parts if part]


def _field(part: str) -> tuple[str, Type]:
    if part.startswith('"'):
        found = re.match(r'"((?:[^"]|"")*)"\s+', part)
        if found:
            return found[1].replace('""', '"'), read_type(part[found.end() :])
    head, _, rest = part.partition(" ")
    return head, read_type(rest)
