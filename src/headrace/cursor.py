"""How far a stream has been read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation


@dataclass(frozen=True, slots=True)
class Cursor:
    """A field that only grows, and the highest value of it that is safely stored, as the text the source wrote."""

    field: str
    value: str | None = None

    def past(self, value: str | None) -> Cursor:
        """The cursor after seeing `value`; it never moves back. Numbers compare as numbers, times as instants, all else as text."""
        if value is None or (self.value is not None and _order(value) <= _order(self.value)):
            return self
        return replace(self, value=value)


def alike(one: str, other: str) -> bool:
    """Whether two values are of a kind: two numbers, two times, or neither."""
    return _order(one)[0] == _order(other)[0]


def _order(value: str) -> tuple[int, Decimal | datetime, str]:
    # Numbers exactly, whatever their length, and times as instants, whatever their format; the text decides among equal ones.
    try:
        number = Decimal(value)
    except InvalidOperation:
        return _time(value)
    return (0, number, value) if number.is_finite() else (2, Decimal(0), value)


def _time(value: str) -> tuple[int, Decimal | datetime, str]:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return (2, Decimal(0), value)
    return (1, moment if moment.tzinfo else moment.replace(tzinfo=UTC), value)
