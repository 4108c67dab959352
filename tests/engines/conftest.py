"""Each test of an engine runs on all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from headrace.sql.operations import CreateSchema
from headrace.warehouse.opening import open_warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headrace.warehouse.base import Connection, Warehouse


@pytest.fixture(params=["duckdb", "postgres"])
def warehouse(request: pytest.FixtureRequest, tmp_path) -> Iterator[Warehouse]:
    """An empty warehouse of each engine."""
    if request.param == "duckdb":
        url = f"duckdb:///{tmp_path / 'warehouse.duckdb'}"
    else:
        url = request.getfixturevalue("postgres_url")
    opened = open_warehouse(url)
    yield opened
    opened.close()


@pytest.fixture
def session(warehouse: Warehouse) -> Iterator[Connection]:
    """A session of it, with a schema `raw`."""
    with warehouse.connect() as connection:
        connection.run(CreateSchema("raw"))
        yield connection
