"""A stream of a database on its whole way into a warehouse, as a run takes it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from headrace.events import listening
from headrace.extract.source import prepared
from headrace.landing import Landing
from headrace.load.loader import load
from headrace.project.database_sources import Database, DatabaseStream
from headrace.project.sources import Stream
from headrace.retry import SYSTEM
from headrace.run import streams
from headrace.state import ledger
from headrace.table import Table
from headrace.warehouse.opening import open_warehouse


class Pull:
    """One source, one warehouse."""

    def __init__(self, url, folder, target="duckdb://", **shared):
        self.database = Database(url=url, **shared)
        self.folder = folder
        self.warehouse = open_warehouse(target)
        self.connection = self.warehouse.connect()
        self.landing = Landing(folder / "landing")
        self.heard: list[Any] = []
        self.loads = 0

    def stream(self, name, **spec):
        return Stream(
            source="shop", name=name, spec=DatabaseStream(**spec), database=self.database, folder=str(self.folder)
        )

    def load(self, name, *, stop_after=None, **spec):
        """What the ledger says of the load. With `stop_after`, the read breaks after so many segments."""
        session = SimpleNamespace(clock=SYSTEM)
        local = self.connection.local.cursor()
        ledger.ensure(self.connection)
        with listening(self.heard.append):
            stream = prepared(self.stream(name, **spec), local=local, clock=SYSTEM)
            last = ledger.last_load(self.connection, stream.label)
            package = self.landing.begin(stream.label, streams._cursor(stream, last), streams.signature(stream))
            if stop_after is not None:
                package.write = _breaking(package.write, stop_after)
            streams.extract(session, stream, package, last, local)
            local.close()
            self.loads += 1
            now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.loads)
            return load(self.connection, stream, Table("raw", name), package, run=f"run{self.loads}", now=now)

    def rows(self, sql):
        return self.connection.rows(sql)

    def warnings(self):
        return [event.message for event in self.heard if type(event).__name__ == "Warned"]

    def close(self):
        self.connection.close()
        self.warehouse.close()


class Broken(Exception):
    """The machine lost its power, says the test."""


def _breaking(write, after):
    written = []

    def one(batch, filtered=0):
        if len(written) == after:
            raise Broken
        written.append(batch)
        write(batch, filtered=filtered)

    return one
