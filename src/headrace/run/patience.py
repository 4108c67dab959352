"""How often a step is tried again that something came in the way of, and for how long a place is waited for that was lost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headrace.errors import SourceUnavailable, WarehouseUnavailable
from headrace.events import Warned, emit
from headrace.retry import Backoff

if TYPE_CHECKING:
    from headrace.errors import HeadraceError
    from headrace.retry import Clock

CONFLICTS = Backoff(max_attempts=4, factor=0.2, max_delay=5.0)
"""How often a step is tried again whose transaction lost against another, or whose connection was lost."""
ABSENCE = 60.0
"""Seconds for which a run waits for a warehouse or a source that it had reached: as long as a restart or a failover takes."""
_LOOK = 1.0


@dataclass(frozen=True, slots=True)
class Patience:
    """The places that a run lost, each with the time until which it is waited for; all steps share it."""

    clock: Clock
    until: dict[str, float] = field(default_factory=dict)

    def lost(self, place: str) -> None:
        """The connection to a place that answered was lost."""
        self.until[place] = self.clock.monotonic() + ABSENCE

    def waits(self, place: str) -> bool:
        """Whether a place where nobody answers may come back yet; one that never answered is not waited for."""
        return self.clock.monotonic() < self.until.get(place, float("-inf"))


@dataclass(slots=True)
class Tries:
    """The tries of one step: those that came to nothing because a place was away do not count."""

    patience: Patience
    step: str
    source: str | None
    made: int = 1
    waiting: bool = False

    def pause(self, error: HeadraceError) -> float | None:
        """After how many seconds the step may be tried again; None where it may not."""
        if not error.transient:
            return None
        if isinstance(error, (WarehouseUnavailable, SourceUnavailable)):
            place = f"source {self.source}" if isinstance(error, SourceUnavailable) else "the warehouse"
            if not error.absent:
                self.patience.lost(place)
            elif self.patience.waits(place):
                self._tell(error)
                return _LOOK
        if self.made >= CONFLICTS.max_attempts:
            return None
        self.made += 1
        return CONFLICTS.delay(self.made - 1, self.patience.clock.random)

    def _tell(self, error: HeadraceError) -> None:
        if not self.waiting:
            self.waiting = True
            emit(Warned(f"{self.step} waits for up to {ABSENCE:.0f} s: {error.what}"))
