"""One load on its way."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from headrace import quarantine
from headrace.events import RowsQuarantined

if TYPE_CHECKING:
    from datetime import datetime

    from headrace.events import Event
    from headrace.landing import Package
    from headrace.load.branch import Branch
    from headrace.load.counts import Counts
    from headrace.project.sources import Stream
    from headrace.state.ledger import Entry
    from headrace.table import Table
    from headrace.warehouse.base import Connection


@dataclass(frozen=True, slots=True)
class Loading:
    """One load: what it has, what it counts, and the events that are told once it is committed."""

    connection: Connection
    stream: Stream
    table: Table
    package: Package
    run: str
    now: datetime
    previous: Entry | None
    anew: bool
    counts: Counts
    events: list[Event]
    origins: dict[str, int] = field(default_factory=dict)
    """How many rows were let in of each file."""
    refused: Counter[str] = field(default_factory=Counter)
    """How many rows of each file went to quarantine."""

    branches: list[Branch] = field(default_factory=list)
    """The tables of lists in the stream's rows, those above before those below."""

    @property
    def at(self) -> datetime:
        """The time of the load, later than that of the load before it whatever the clocks of two machines say."""
        if self.previous is None:
            return self.now
        return max(self.now, self.previous.committed_at + timedelta(microseconds=1))

    def keep(self, query: str, kind: quarantine.Kind = "row") -> int:
        """Rows of the query, each with its `reason`, into quarantine; how many."""
        rows = quarantine.keep(self.connection, self.stream.label, self.package.id, self.at, query, kind)
        if rows:
            self.counts.quarantined += rows
            # What was rejected while it was read says at which line.
            file = "regexp_replace(origin, ':[0-9]+$', '')" if kind == "record" else "origin"
            found = self.connection.local.rows(f"SELECT reason, {file}, count(*) FROM ({query}) AS kept GROUP BY 1, 2")
            reasons: Counter[str] = Counter()
            for reason, origin, number in found:
                reasons[str(reason)] += number
                self.refused[str(origin)] += number
            self.events.extend(RowsQuarantined(self.stream.label, *each) for each in sorted(reasons.items()))
        return rows
