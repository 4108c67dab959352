"""Rows to race with: made by DuckDB from their number alone, so that every machine has the same ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Not DuckDB's hash(), which may differ from one version to the next.
DICE = "CREATE MACRO dice(i, k) AS (i::BIGINT * 48271 + k * 16807 + 11) * 40692 % 2147483399"


@dataclass(frozen=True, slots=True)
class Shape:
    """What the rows of a table look like: `columns` with the types that a reference gives them, and how each is made of the row's
    number `i` and of `turn`, which counts the versions of a row. The first column is the key.
    """

    name: str
    columns: Mapping[str, tuple[str, str]]

    @property
    def types(self) -> dict[str, str]:
        """The type of each column."""
        return {name: kind for name, (kind, _) in self.columns.items()}

    def query(self, turn: int, numbers: str) -> str:
        """Rows for the numbers of a call of `range`, all of the same turn."""
        made = ", ".join(
            f"({how.replace('$turn', str(turn))})::{kind} AS {n}" for n, (kind, how) in self.columns.items()
        )
        return f"SELECT {made} FROM {numbers} AS numbers(i)"


RECORDS = Shape(
    "records",
    {
        "id": ("BIGINT", "i"),
        "created_at": ("TIMESTAMP", "TIMESTAMP '2024-01-01' + to_seconds(i * 7)"),
        "name": (
            "VARCHAR",
            "'Customer ' || (dice(i, 0) % 90000 + 10000) || ' of ' || ['North', 'South', 'East', 'West'][1 + i % 4]",
        ),
        "email": ("VARCHAR", "'customer' || i || '@example.com'"),
        "country": ("VARCHAR", "['AT', 'BR', 'CA', 'DE', 'ES', 'FR', 'GB', 'IN', 'JP', 'US'][1 + dice(i, 1) % 10]"),
        "amount": ("DOUBLE", "round((dice(i, 2) % 1000000 + 1) / 100, 2)"),
        "quantity": ("BIGINT", "dice(i, 3) % 50"),
        "active": ("BOOLEAN", "dice(i, 4) % 3 = 0"),
        "note": ("VARCHAR", "'left at the door of number ' || (dice(i, 5) % 900) || ', second floor'"),
        "address": (
            "STRUCT(city VARCHAR, zip VARCHAR)",
            "{'city': ['Linz', 'Recife', 'Quebec', 'Bremen'][1 + dice(i, 6) % 4], 'zip': (10000 + dice(i, 7) % 80000)::VARCHAR}",
        ),
    },
)
"""Ten columns, one of them an object of two; about 270 bytes as a line of JSON."""

ORDERS = Shape(
    "orders",
    {
        "id": ("BIGINT", "i"),
        "created_at": ("TIMESTAMP", "TIMESTAMP '2024-01-01' + to_seconds(i)"),
        "updated_at": ("TIMESTAMP", "TIMESTAMP '2025-01-01' + to_seconds(i + $turn)"),
        "customer_id": ("INTEGER", "dice(i, 0) % 50000"),
        "status": ("VARCHAR", "['new', 'paid', 'sent', 'closed'][1 + (dice(i, 0) + $turn) % 4]"),
        "country": ("VARCHAR", "['AT', 'BR', 'CA', 'DE', 'ES'][1 + i % 5]"),
        "amount": ("DECIMAL(12, 2)", "(dice(i, 1) % 1000000) / 100 + $turn"),
        "quantity": ("INTEGER", "dice(i, 2) % 50"),
        "active": ("BOOLEAN", "dice(i, 3) % 2 = 0"),
        "note": ("VARCHAR", "'note ' || dice(i, 4)"),
        "email": ("VARCHAR", "'customer' || i || '@example.com'"),
        "name": ("VARCHAR", "'Customer ' || i"),
    },
)
"""Twelve flat columns; about 130 bytes as a line of CSV."""

_WIDE = {
    "label": ("VARCHAR", "'value ' || dice(i, {k}) % 1000"),
    "total": ("BIGINT", "dice(i, {k})"),
    "ratio": ("DOUBLE", "(dice(i, {k}) % 100000) / 100"),
    "flag": ("BOOLEAN", "dice(i, {k}) % 2 = 0"),
    "seen_at": ("TIMESTAMP", "TIMESTAMP '2024-01-01' + to_seconds(dice(i, {k}) % 30000000)"),
    "hint": ("VARCHAR", "CASE WHEN dice(i, {k}) % 2 = 0 THEN 'hint ' || dice(i, {k}) % 50 END"),
}
_KINDS = list(_WIDE.items())
WIDE = Shape(
    "wide",
    {"id": ("BIGINT", "i")}
    | {
        f"{name}_{k:03}": (kind, how.format(k=k))
        for k in range(1, 200)
        for name, (kind, how) in [_KINDS[k % len(_KINDS)]]
    },
)
"""Two hundred columns of five types, a sixth of them half empty; about 4,600 bytes as a line of JSON."""

LONG = Shape(
    "long",
    {
        "id": ("BIGINT", "i"),
        "sensor": ("INTEGER", "dice(i, 0) % 2000"),
        "measured_at": ("TIMESTAMP", "TIMESTAMP '2024-01-01' + to_seconds(i)"),
        "reading": ("DOUBLE", "(dice(i, 1) % 100000) / 100"),
    },
)
"""Four narrow columns; about 80 bytes as a line of JSON."""


def write_rows(path: Path, shape: Shape, rows: int) -> None:
    """A file of the rows 1 to `rows`, spelled as its suffix says: jsonl, csv or parquet."""
    _copy(shape.query(0, f"range(1, {rows} + 1)"), shape, path)


def write_changes(path: Path, shape: Shape, rows: int, step: int, more: int) -> None:
    """The next version of every `step`th of the rows up to `rows`, and `more` rows after them."""
    old = shape.query(1, f"range(1, {rows} + 1, {step})")
    _copy(f"{old} UNION ALL {shape.query(1, f'range({rows} + 1, {rows} + {more} + 1)')}", shape, path)


def _copy(query: str, shape: Shape, path: Path) -> None:
    import duckdb

    if path.exists():
        return
    spelling = path.suffix.removeprefix(".")
    if spelling == "jsonl":
        times = [name for name, kind in shape.types.items() if kind == "TIMESTAMP"]
        spelled = ", ".join(f"strftime({name}, '%Y-%m-%dT%H:%M:%SZ') AS {name}" for name in times)
        query = f"SELECT * REPLACE ({spelled}) FROM ({query})"
    half = path.with_suffix(".half")
    with duckdb.connect() as session:
        session.execute(DICE)
        session.execute(f"COPY ({query}) TO '{half}' (FORMAT {spelling.removesuffix('l')})")
    half.rename(path)
