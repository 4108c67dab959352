"""What is wrong with the shop's data: each trait of real systems is a switch of its own."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Realism:
    """Shares are of the change records they touch, 0 is off; days count from 1, None is never."""

    ties: bool = True
    """Times are whole quarters of an hour, so that many rows share one; else all of them differ."""
    late: float = 0.01
    """Changes that are delivered a day after they happened, perhaps behind a newer version of the same row."""
    slowly_changing: float = 0.01
    """Customers who move or change tier, and products with a new price, each day."""
    soft_deletes: float = 0.003
    """Customers who are marked `deleted`, each day."""
    hard_deletes: float = 0.003
    """Cancelled orders that vanish with their items, each day."""
    duplicates: float = 0.01
    """Changes that are delivered twice."""
    bad_types: float = 0.002
    """Amounts such as `12,50 EUR`."""
    bad_dates: float = 0.001
    """Times such as `2026-02-30T09:00:00Z`."""
    bad_enums: float = 0.001
    """A status or tier that nobody has declared."""
    null_burst_day: int | None = 4
    """The day on which changed customers lose their e-mail address."""
    drift_day: int | None = 3
    """The day from which orders have one column more, `channel`."""
    weekly: bool = True
    """More orders on Fridays and Saturdays, fewer on Mondays."""
    anomalies: tuple[tuple[int, float], ...] = ((6, 0.2),)
    """Days and the factor by which their number of orders is off."""


CALM = Realism(
    ties=False,
    late=0,
    slowly_changing=0.01,
    soft_deletes=0,
    hard_deletes=0,
    duplicates=0,
    bad_types=0,
    bad_dates=0,
    bad_enums=0,
    null_burst_day=None,
    drift_day=None,
    weekly=False,
    anomalies=(),
)
"""Nothing is wrong; customers still move and prices still change."""
