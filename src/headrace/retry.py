"""When to try again, and when to stop."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Clock:
    """Time and chance, passed in so that tests need not wait: an aware UTC time, seconds that only grow, a pause, and [0, 1)."""

    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    random: Callable[[], float]


SYSTEM = Clock(lambda: datetime.now(UTC), time.monotonic, time.sleep, random.random)
"""The machine's own clock."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """How often and after which pauses something is tried again.

    `delay` grows as `factor * 2 ** (attempt - 1)` seconds up to `max_delay` (or stays at `factor` where the backoff is constant);
    `jitter` spreads it by that share either way, so that many clients do not come back at once.
    """

    max_attempts: int = 5
    backoff: Literal["exponential", "constant"] = "exponential"
    factor: float = 1.0
    max_delay: float = 300.0
    jitter: float = 0.25

    def delay(self, attempt: int, random: Callable[[], float]) -> float:
        """Seconds to wait after failed attempt `attempt` (from 1); `random` gives numbers in [0, 1)."""
        plain = self.factor if self.backoff == "constant" else self.factor * 2.0 ** (attempt - 1)
        spread = 1.0 + self.jitter * (2.0 * random() - 1.0)
        return min(plain * spread, self.max_delay)
