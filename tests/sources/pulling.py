"""A stream of a database on its whole way into a warehouse, as a run takes it."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import psycopg

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


def one_by_one(cells):
    """Rows of a number and as many columns as there are cells, of which each row has one: `(type, value, text)`."""
    return [
        [at] + [value if at == other else None for other in range(len(cells))] for at, (_, value, _) in enumerate(cells)
    ]


def assert_exact_or_refused(pull, entry, cells):
    """Each cell's text stands in `raw.things`, or, where it is None, its column is in quarantine."""
    refused = {f"c{at}" for at, (_, _, text) in enumerate(cells) if text is None}
    assert {row[0] for row in pull.rows('SELECT "column" FROM headrace.quarantine')} == refused
    assert entry.read == entry.inserted + entry.quarantined == len(cells)
    found = [
        pull.rows(f'SELECT CAST(c{at} AS VARCHAR) FROM raw.things WHERE "at" = {at}')[0][0]
        for at, (_, _, text) in enumerate(cells)
        if text is not None
    ]
    assert found == [text for _, _, text in cells if text is not None]


def ids_within(pull, name, **bounds):
    """Which of the ten orders arrive under bounds of 3 and 6."""
    incremental = {"cursor_path": "id", "initial_value": "3", "end_value": "6", **bounds}
    pull.load(name, table="orders", incremental=incremental)
    return [row[0] for row in pull.rows(f"SELECT id FROM raw.{name} ORDER BY 1")]


@contextmanager
def many_writers(url, insert):
    """Two sessions of PostgreSQL that insert rows, of which a part commits late; `insert` takes a number of its own for each."""
    stop = threading.Event()

    def write(base):
        with psycopg.connect(url) as session:
            for at in range(10_000):
                if stop.is_set():
                    return
                session.execute(insert, (base + at,))
                if at % 3 == base % 3:
                    session.execute("SELECT pg_sleep(0.02)")
                session.commit()

    writers = [threading.Thread(target=write, args=(base,)) for base in (0, 100_000)]
    for writer in writers:
        writer.start()
    try:
        yield
    finally:
        stop.set()
        for writer in writers:
            writer.join()
