"""Each test of a load runs on all engines, with packages that were made by hand."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from headrace.batch import Batch
from headrace.events import listening
from headrace.landing import Landing
from headrace.load.inflight import transform
from headrace.load.loader import load
from headrace.project.file_sources import FilesStream
from headrace.project.sources import Stream
from headrace.table import Table
from headrace.warehouse.embedded import Embedded
from headrace.warehouse.opening import open_warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headrace.batch import Arrived
    from headrace.cursor import Cursor
    from headrace.landing import Package
    from headrace.state.ledger import Entry
    from headrace.warehouse.base import Connection, Warehouse

START = datetime(2026, 1, 1, tzinfo=UTC)


@cache
def _local() -> Embedded:
    """One for all packages: to open another costs as much as to load a few rows."""
    return Embedded.in_memory()


class Pipe:
    """A stream, its landing and its warehouse: what a run joins, in a few lines."""

    def __init__(self, connection: Connection, landing: Landing) -> None:
        self.connection = connection
        self.landing = landing
        self.table = Table("raw", "things")
        self.heard: list[Any] = []
        self.loads = 0

    def package(self, stream: Stream, *arrived: Arrived, cursor: Cursor | None = None) -> Package:
        package = self.landing.begin(stream.label, cursor, "sig")
        local = _local()
        for each in arrived:
            match each:
                case Batch():
                    package.write(*transform(local, stream, each))
                case _ if hasattr(each, "request"):
                    package.bury(each)
                case _:
                    package.refer(each)
        package.finish()
        return package

    def load(
        self, stream: Stream, *arrived: Arrived, cursor: Cursor | None = None, full_refresh: bool = False
    ) -> Entry:
        return self.load_package(stream, self.package(stream, *arrived, cursor=cursor), full_refresh=full_refresh)

    def load_package(self, stream: Stream, package: Package, *, full_refresh: bool = False) -> Entry:
        self.loads += 1
        now = START + timedelta(seconds=self.loads)
        with listening(self.heard.append):
            return load(
                self.connection, stream, self.table, package, run=f"run{self.loads}", now=now, full_refresh=full_refresh
            )

    def rows(self, columns: str = "*", order: str = "1, 2") -> list[tuple[Any, ...]]:
        return self.connection.rows(f"SELECT {columns} FROM raw.things ORDER BY {order}")

    def types(self, name: str = "things") -> dict[str, str]:
        relation = self.connection.inspect("raw")[Table("raw", name)]
        return {column.name: str(column.type) for column in relation.schema}


def stream_of(**spec: Any) -> Stream:
    return Stream(source="shop", name="things", spec=FilesStream(path="things.csv", **spec))


def batch_of(cursor: str | None = None, **columns: Any) -> Batch:
    rows = pa.table(columns)
    return Batch(rows, read=rows.num_rows, cursor=cursor, origin="page")


def nested(cursor: str | None = None, **columns: Any) -> Batch:
    """A batch whose lists are columns of JSON, as the records of an API are."""
    fields, arrays = [], []
    for name, values in columns.items():
        listed = any(isinstance(value, (list, dict)) for value in values)
        texts = [None if value is None else json.dumps(value) for value in values] if listed else values
        array = pa.array(texts)
        arrays.append(array)
        fields.append(pa.field(name, array.type, metadata={b"headrace": b"json"} if listed else None))
    rows = pa.Table.from_arrays(arrays, schema=pa.schema(fields))
    return Batch(rows, read=rows.num_rows, cursor=cursor, origin="page")


@pytest.fixture(params=["duckdb", "postgres", "parquet", "delta"])
def warehouse(request: pytest.FixtureRequest, tmp_path) -> Iterator[Warehouse]:
    if request.param == "duckdb":
        url = f"duckdb:///{tmp_path / 'warehouse.duckdb'}"
    elif request.param in ("parquet", "delta"):
        url = f"{request.param}:///{tmp_path / 'lake'}"
    else:
        url = request.getfixturevalue("postgres_url")
    opened = open_warehouse(url)
    yield opened
    opened.close()


@pytest.fixture
def pipe(warehouse: Warehouse, tmp_path) -> Iterator[Pipe]:
    with warehouse.connect() as connection:
        yield Pipe(connection, Landing(tmp_path / "landing"))
