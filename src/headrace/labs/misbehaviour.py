"""What the shop's API does wrong: each fault is a switch of its own."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Misbehaviour:
    """Faults follow from the number of a request or from what it asks for, never from chance."""

    too_many_every: int | None = 9
    """Each so-manieth request is answered with 429 and `Retry-After: 1`, "come back in a second"."""
    too_many_at_most: int = 2
    """How often a day that happens."""
    error_every: int | None = 4
    """Pages whose number is a multiple of this are answered with 500 when first asked for on a day."""
    truncated: bool = True
    """The third page of orders breaks off in the middle, once."""
    repeated_row: bool = True
    """Each page of orders but the first begins with the last row of the page before."""
    bad_record: bool = True
    """One order has the total `12,50 EUR`."""
    dead_page: tuple[str, int] | None = None
    """A table and a page, counted from 1, that is answered with 500 until the API is healed."""


WELL_BEHAVED = Misbehaviour(
    too_many_every=None, error_every=None, truncated=False, repeated_row=False, bad_record=False
)
"""No faults at all."""
