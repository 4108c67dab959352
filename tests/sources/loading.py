"""A files stream on its whole way into a warehouse, as a run takes it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from headrace.events import listening
from headrace.extract.listing import Places
from headrace.extract.standing import seen_now
from headrace.landing import Landing
from headrace.load.loader import load
from headrace.project.file_places import Access
from headrace.project.file_sources import FilesStream
from headrace.project.sources import Stream
from headrace.run import streams
from headrace.state import files, ledger
from headrace.table import Table
from headrace.warehouse.opening import open_warehouse


class Lake:
    """A folder or another place, and one warehouse."""

    def __init__(self, folder, clock, target="duckdb://", **access):
        self.access = Access.model_validate(access)
        self.folder = folder
        self.clock = clock
        self.warehouse = open_warehouse(target)
        self.connection = self.warehouse.connect()
        self.landing = Landing(folder / "landing")
        self.heard: list[Any] = []
        self.loads = 0

    def stream(self, **spec):
        made = FilesStream.model_validate(spec)
        return Stream(source="lake", name="things", spec=made, access=self.access, folder=str(self.folder))

    def load(self, *, between=None, **spec):
        """What the ledger says of the load; `between` is called when all has arrived and nothing is loaded."""
        session = SimpleNamespace(clock=self.clock, connection=lambda: self.connection)
        ledger.ensure(self.connection)
        stream = self.stream(**spec)
        local = self.connection.local.cursor()
        with listening(self.heard.append):
            last = ledger.last_load(self.connection, stream.label)
            package = self.landing.begin(stream.label, streams._cursor(stream, last), streams.signature(stream))
            try:
                streams.extract(session, stream, package, last, local)
            finally:
                local.close()
            if between:
                between()
            self.loads += 1
            now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.loads)
            return load(self.connection, stream, Table("raw", "things"), package, run=f"run{self.loads}", now=now)

    def seen(self, **spec):
        """How each file stands before the next load, and which of them that would read."""
        ledger.ensure(self.connection)
        stream = self.stream(**spec)
        found = seen_now(stream, files.stamps(self.connection, stream.label), self.clock)
        return {one.name: one.standing for one in found}, [one.name for one in found if one.wanted]

    def places(self):
        return Places(self.access, self.clock)

    def rows(self, columns="*", order="1"):
        return self.connection.rows(f"SELECT {columns} FROM raw.things ORDER BY {order}")

    def files(self):
        return [(one.name, one.rows) for one in reversed(files.loaded(self.connection, "lake.things"))]

    def said(self, kind):
        return [event for event in self.heard if type(event).__name__ == kind]

    def scratch(self):
        return [path for path in (self.folder / "landing").rglob("scratch/**/*") if path.is_file()]

    def close(self):
        self.connection.close()
        self.warehouse.close()
