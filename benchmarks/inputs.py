"""Rows to race with: made by DuckDB from their number alone, so that every machine has the same ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

# Not DuckDB's hash(), which may differ from one version to the next.
DICE = "CREATE MACRO dice(i, k) AS (i::BIGINT * 48271 + k * 16807 + 11) * 40692 % 2147483399"

RECORDS = """
SELECT
    i AS id,
    strftime(TIMESTAMP '2024-01-01' + to_seconds(i * 7), '%Y-%m-%dT%H:%M:%SZ') AS created_at,
    'Customer ' || (dice(i, 0) % 90000 + 10000) || ' of ' || ['North', 'South', 'East', 'West'][1 + i % 4] AS name,
    'customer' || i || '@example.com' AS email,
    ['AT', 'BR', 'CA', 'DE', 'ES', 'FR', 'GB', 'IN', 'JP', 'US'][1 + dice(i, 1) % 10] AS country,
    round((dice(i, 2) % 1000000 + 1) / 100, 2) AS amount,
    (dice(i, 3) % 50)::INTEGER AS quantity,
    dice(i, 4) % 3 = 0 AS active,
    'left at the door of number ' || (dice(i, 5) % 900) || ', second floor' AS note,
    {{'city': ['Linz', 'Recife', 'Quebec', 'Bremen'][1 + dice(i, 6) % 4], 'zip': (10000 + dice(i, 7) % 80000)::VARCHAR}} AS address
FROM range(1, {rows} + 1) AS numbers(i)
ORDER BY i
"""

CHANGES = """
SELECT
    i AS id, TIMESTAMP '2024-01-01' + to_seconds(i) AS created_at, TIMESTAMP '2025-01-01' + to_seconds(i + {turn}) AS updated_at,
    (dice(i, 0) % 50000)::INTEGER AS customer_id, ['new', 'paid', 'sent', 'closed'][1 + (dice(i, 0) + {turn}) % 4] AS status,
    ['AT', 'BR', 'CA', 'DE', 'ES'][1 + i % 5] AS country, ((dice(i, 1) % 1000000) / 100 + {turn})::DECIMAL(12, 2) AS amount,
    (dice(i, 2) % 50)::INTEGER AS quantity, dice(i, 3) % 2 = 0 AS active, 'note ' || dice(i, 4) AS note,
    'customer' || i || '@example.com' AS email, 'Customer ' || i AS name
FROM range({first}, {last}, {step}) AS numbers(i)
"""


def write_records(path: Path, rows: int) -> None:
    """Records of ten fields, one of them an object of two, as lines of JSON (about 250 bytes each)."""
    _copy(RECORDS.format(rows=rows), path, "json")


def write_changes(path: Path, rows: int, turn: int, step: int = 1, more: int = 0) -> None:
    """Rows of twelve columns as Parquet: every `step`th of the keys up to `rows`, and `more` keys after them."""
    old = CHANGES.format(turn=turn, first=1, last=rows + 1, step=step)
    new = CHANGES.format(turn=turn, first=rows + 1, last=rows + more + 1, step=1)
    _copy(f"{old} UNION ALL {new}", path, "parquet")


def write_lines(path: Path, rows: int) -> None:
    """The same rows as lines of CSV (about 150 bytes each)."""
    _copy(CHANGES.format(turn=0, first=1, last=rows + 1, step=1), path, "csv")


def _copy(query: str, path: Path, spelling: str) -> None:
    import duckdb

    if not path.exists():
        half = path.with_suffix(".half")
        with duckdb.connect() as session:
            session.execute(DICE)
            session.execute(f"COPY ({query}) TO '{half}' (FORMAT {spelling})")
        half.rename(path)


def summary(database: Path, table: str) -> tuple[Any, ...]:
    """Figures that are equal only if two tables of records are, however their address is kept and whatever is beside it."""
    import duckdb

    with duckdb.connect(str(database), read_only=True) as session:
        session.execute("SET TimeZone = 'UTC'")
        where = session.execute(
            "SELECT table_schema, list(column_name), any_value(data_type) FILTER (column_name = 'address') "
            "FROM information_schema.columns WHERE table_name = $1 GROUP BY ALL",
            [table],
        ).fetchall()
        assert len(where) == 1, f"{table} is in {where}"
        [(schema, columns, kind)] = where
        city = "address__city" if "address__city" in columns else "address.city"
        if kind in ("JSON", "VARCHAR"):
            city = "address ->> '$.city'"
        found = session.execute(
            f"SELECT count(*), sum(id), round(sum(amount), 2), sum(quantity), count(*) FILTER (active), min(country), "
            f"max(epoch(created_at::TIMESTAMPTZ)), bit_xor(hash(id, name, email, note, {city})) FROM {schema}.{table}"
        ).fetchone()
        assert found
        return tuple(str(value) for value in found)
