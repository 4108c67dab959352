"""Tables in partitions: which ones arriving rows need, the statements that make them, and where a key has to be looked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.schema import Kind
from headrace.sql.dialect import column, name, relation, spell, text

if TYPE_CHECKING:
    from headrace.sql.capabilities import Capabilities
    from headrace.sql.operations import AddPartitions, Partition, Partitioning, Within
    from headrace.table import Table

OTHERS = "others"
"""The end of the name of the partition for rows that no other one takes: those without a value, and infinite times. It is made for
the first of them."""

_FORMATS = {"day": ("YYYY_MM_DD", "%Y-%m-%d"), "month": ("YYYY_MM", "%Y-%m"), "year": ("YYYY", "%Y")}
_LIMITS = {Kind.SMALLINT: 2**15, Kind.INTEGER: 2**31, Kind.BIGINT: 2**63, Kind.HUGEINT: 10**38}


def scheme(by: Partitioning) -> str:
    """How the table is split, as the engine writes it."""
    return f"{'RANGE' if by.ranges else 'LIST'} ({name(by.column)})"


def add(operation: AddPartitions, capabilities: Capabilities) -> list[str]:
    """Each partition is made and attached, where the engine declares them: that lets readers go on until the commit.

    Only where the partition for all other rows is there, they have to wait for it.
    """
    if not capabilities.partitions:
        return []
    made: list[str] = []
    table = relation(operation.table)
    for part in operation.partitions:
        one = relation(operation.table.beside(part.name, max_name=capabilities.max_name))
        made += [
            f"CREATE TABLE {one} (LIKE {table})",
            f"ALTER TABLE {table} ATTACH PARTITION {one} {_values(part)}",
        ]
    return made


def _values(part: Partition) -> str:
    if part.low is None:
        return "DEFAULT"
    if part.high is None:
        return f"FOR VALUES IN ({text(part.low)})"
    return f"FOR VALUES FROM ({text(part.low)}) TO ({text(part.high)})"


def there() -> str:
    """A query of PostgreSQL for the names of a table's partitions; its values are the table's schema and name."""
    return (
        "SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid "
        "JOIN pg_class AS p ON p.oid = i.inhparent JOIN pg_namespace AS n ON n.oid = p.relnamespace "
        "WHERE n.nspname = ? AND p.relname = ?"
    )


def needed(by: Partitioning, staged: Table) -> str:
    """A query of PostgreSQL for (name, low, high) of the partitions that staged rows belong to, as text."""
    held = column(by.column)
    if by.granularity:
        inside = f"isfinite({held}) AND {held} >= '0001-01-01' AND {held} < '9999-01-01'"
        found = _spans(by, by.granularity)
    elif by.step:
        limit, low = _LIMITS[by.type.kind], _step(by, by.step)
        inside = f"{low} >= -{limit} AND {low} + {by.step} < {limit}"
        found = f"replace(CAST({low} AS text), '-', 'm'), CAST({low} AS text), CAST({low} + {by.step} AS text)"
    else:
        inside, value = f"{held} IS NOT NULL", f"CAST({held} AS text)"
        word = f"regexp_replace(lower(left({value}, 24)), '[^a-z0-9]+', '_', 'g')"
        found = f"{word} || '_' || left(md5({value}), 8), {value}, NULL"
    of = relation(staged)
    return (
        f"SELECT DISTINCT {found}\nFROM {of}\nWHERE {inside}\nUNION ALL\n"
        f"SELECT {text(OTHERS)}, NULL, NULL\nWHERE EXISTS (SELECT 1 FROM {of} WHERE ({inside}) IS NOT TRUE)"
    )


def _step(by: Partitioning, step: int) -> str:
    return f"floor(CAST({column(by.column)} AS numeric) / {step}) * {step}"


def _spans(by: Partitioning, granularity: str) -> str:
    held, zoned = column(by.column), by.type.kind is Kind.TIMESTAMPTZ
    low = f"date_trunc('{granularity}', {held}, 'UTC')" if zoned else f"date_trunc('{granularity}', {held})"
    word = "date" if by.type.kind is Kind.DATE else "timestamp with time zone" if zoned else "timestamp"
    high = f"{low} + INTERVAL '1 {granularity}'"
    return (
        f"to_char({low}, '{_FORMATS[granularity][0]}'), CAST(CAST({low} AS {word}) AS text), "
        f"CAST(CAST({high} AS {word}) AS text)"
    )


def labelled(by: Partitioning) -> str:
    """The value of a row's partition, as a DuckDB expression for the text of a folder's name; NULL where it has none."""
    held = name(by.column)
    if by.granularity:
        return f"strftime({held}, '{_FORMATS[by.granularity][1]}')"
    if by.step:
        step = f"CAST({by.step} AS HUGEINT)"
        return f"CAST({held} - (({held} % {step}) + {step}) % {step} AS VARCHAR)"
    return f"CAST({held} AS VARCHAR)"


def edges(by: Partitioning, staged: Table, deleted: str | None) -> str:
    """A query for the least and the greatest value that is staged, as text, and how many rows have none.

    The last column counts those of them that the boolean column `deleted` says are gone: they need not say where their key is.
    """
    held = column(by.column)
    gone = f"count(CASE WHEN {held} IS NULL AND {column(deleted)} THEN 1 END)" if deleted else "0"
    return (
        f"SELECT CAST(min({held}) AS VARCHAR), CAST(max({held}) AS VARCHAR), count(*) - count({held}), {gone} "
        f"FROM {relation(staged)}"
    )


def inside(within: Within | None, of: str, capabilities: Capabilities) -> str:
    """A condition that goes on after others: a row of the table called `of` is one of those; nothing where all rows are."""
    if within is None:
        return ""
    held, word = column(within.column, of), spell(within.type, capabilities)
    low, high = (f"CAST({text(edge)} AS {word})" for edge in (within.low, within.high))
    between = f"{held} >= {low} AND {held} <= {high}"
    return f" AND (({between}) OR {held} IS NULL)" if within.without else f" AND {between}"
