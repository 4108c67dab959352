"""What a run came to: gathered from its events, for the summary and for `-o json`."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from headrace.events import (
    FAILED,
    CheckFinished,
    RowsLoaded,
    RowsQuarantined,
    RunFinished,
    RunStarted,
    SchemaChanged,
    SegmentDied,
    StepFinished,
    Warned,
)

if TYPE_CHECKING:
    from headrace.events import Event


@dataclass(slots=True)
class Results:
    """The listener that keeps what a run's summary says, in the order in which it happened."""

    run: RunStarted | None = None
    finished: RunFinished | None = None
    steps: dict[str, StepFinished] = field(default_factory=dict)
    checks: list[CheckFinished] = field(default_factory=list)
    loads: list[RowsLoaded] = field(default_factory=list)
    quarantined: list[RowsQuarantined] = field(default_factory=list)
    dead: list[SegmentDied] = field(default_factory=list)
    changes: list[SchemaChanged] = field(default_factory=list)
    warnings: list[Warned] = field(default_factory=list)
    stopped: bool = False
    """Whether somebody stopped it, which counts for more than how its steps ended."""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __call__(self, event: Event) -> None:
        """Take note of the event."""
        with self._lock:
            match event:
                case RunStarted():
                    self.run = event
                case RunFinished():
                    self.finished = event
                case StepFinished():
                    self.steps[event.step] = event
                case CheckFinished():
                    self.checks.append(event)
                case RowsLoaded():
                    self.loads.append(event)
                case RowsQuarantined():
                    self.quarantined.append(event)
                case SegmentDied():
                    self.dead.append(event)
                case SchemaChanged():
                    self.changes.append(event)
                case Warned():
                    self.warnings.append(event)
                case _:
                    return

    @property
    def status(self) -> str:
        """How the run ended: error where a step failed, else what the run says of itself."""
        if self.stopped:
            return "interrupted"
        if any(step.status in FAILED for step in self.steps.values()):
            return "error"
        return self.finished.status if self.finished else "interrupted"

    @property
    def seconds(self) -> float | None:
        """How long the run took, once it has ended."""
        return self.finished.seconds if self.finished else None

    def counts(self) -> Counter[str]:
        """How many steps ended with each status."""
        return Counter(step.status for step in self.steps.values())

    def as_record(self) -> dict[str, Any]:
        """The whole run, JSON-ready."""
        return {
            "run": self.run.run if self.run else None,
            "target": self.run.target if self.run else None,
            "status": self.status,
            "seconds": self.seconds,
            "counts": dict(self.counts()),
            "steps": [asdict(step) for step in self.steps.values()],
            "checks": [asdict(check) for check in self.checks],
            "loads": [asdict(load) for load in self.loads],
            "quarantined": [asdict(one) for one in self.quarantined],
            "dead": [asdict(one) for one in self.dead],
            "schema_changes": [asdict(one) for one in self.changes],
            "warnings": [asdict(one) for one in self.warnings],
        }
