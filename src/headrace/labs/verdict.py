"""What the oracle says to the tables that a pipeline made of the shop."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from headrace.labs.shop import TABLES, Row

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import duckdb

    from headrace.events import RowsLoaded
    from headrace.labs.api import Api

PERSONAL = ("name", "email", "phone", "street")


@dataclass(frozen=True, slots=True)
class Compared:
    """A table beside the oracle: how many rows each has, and how many keys are missing, too many or different."""

    table: str
    expected: int
    found: int
    wrong: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """All comparisons, what is in quarantine (stream, column, reason, detail), the mart, and the personal data that got through."""

    compared: tuple[Compared, ...]
    quarantine: tuple[tuple[str, ...], ...]
    mart: tuple[tuple[str, ...], ...]
    personal: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether every table is what the oracle has, and nothing personal is stored."""
        return not self.personal and all(one.wrong == 0 for one in self.compared)


def compare(database: Path, api: Api, loads: Iterable[RowsLoaded]) -> Verdict:
    """Read the DuckDB file of a finished build and compare each loaded table, and the mart, with what the API's shop knows."""
    import duckdb

    relations = {load.stream.rpartition(".")[2]: load.table for load in loads}
    connection = duckdb.connect(str(database), read_only=True)
    try:
        connection.execute("SET TimeZone = 'UTC'")
        compared = [
            _compare(connection, table, relation, api)
            for table, relation in sorted(relations.items())
            if table in TABLES
        ]
        mart = _select(connection, "SELECT store_id, store_name, orders, gross, revenue FROM revenue_by_store")
        compared.append(_compare_rows("revenue_by_store", "store_id", revenue_by_store(api), mart))
        columns = connection.execute(
            "SELECT DISTINCT column_name FROM information_schema.columns WHERE table_name LIKE '%customers%'"
        ).fetchall()
        held = _select(connection, 'SELECT stream, "column", reason, detail FROM headrace.quarantine')
    finally:
        connection.close()
    return Verdict(
        tuple(compared),
        tuple(tuple(row.values()) for row in held),
        tuple(tuple(row.values()) for row in sorted(mart, key=lambda row: -Decimal(row["revenue"]))),
        tuple(sorted({name for (name,) in columns} & set(PERSONAL))),
    )


def revenue_by_store(api: Api) -> list[Row]:
    """The demo's mart as the oracle computes it, from the orders that are not cancelled and their refunds."""
    stores = {row["store_id"]: row["name"] for row in api.expected("stores")}
    refunded: Counter[int] = Counter()
    for refund in api.expected("refunds"):
        refunded[refund["order_id"]] += Decimal(refund["amount"])  # type: ignore[assignment]
    found: dict[int, Row] = {}
    for order in api.expected("orders"):
        if order["status"] == "cancelled":
            continue
        store = order["store_id"]
        row = found.setdefault(
            store,
            {"store_id": store, "store_name": stores[store], "orders": 0, "gross": Decimal(0), "revenue": Decimal(0)},
        )
        row["orders"] += 1
        row["gross"] += Decimal(order["total"])
        row["revenue"] += Decimal(order["total"]) - refunded[order["order_id"]]
    return [found[store] for store in sorted(found)]


def _compare(connection: duckdb.DuckDBPyConnection, table: str, relation: str, api: Api) -> Compared:
    return _compare_rows(table, TABLES[table], api.expected(table), _select(connection, f"SELECT * FROM {relation}"))


def _compare_rows(table: str, key: str, expected: list[Row], found: list[Row]) -> Compared:
    """Compare the columns that both have, as text; a key that is found twice is wrong."""
    shared = list(found[0].keys() & {column for row in expected for column in row}) if found else [key]
    wanted = Counter(tuple(_text(row.get(column)) for column in shared) for row in expected)
    there = Counter(tuple(_text(row[column]) for column in shared) for row in found)
    place = shared.index(key)
    wrong = {row[place] for row in (wanted - there) + (there - wanted)}
    return Compared(table, len(expected), len(found), len(wrong))


def _select(connection: duckdb.DuckDBPyConnection, query: str) -> list[Row]:
    # As text: the driver needs another package to give times with their zone.
    answer = connection.execute(f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ({query}) AS found")
    names = [column[0] for column in answer.description or ()]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def _text(value: Any) -> str | None:
    """One spelling for values that arrive typed from one side and as text from the other."""
    if value is None or isinstance(value, bool):
        return None if value is None else str(value).lower()
    time = re.fullmatch(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d(?:\.\d+)?)(?:Z|\+00)?", str(value))
    return f"{time[1]} {time[2]}" if time else str(value)
