"""Draws that come out the same on every Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Dice:
    """Draws made of `random()` alone, the one method whose sequence Python promises to keep."""

    source: random.Random

    def share(self) -> float:
        """A number from 0 up to 1."""
        return self.source.random()

    def hit(self, chance: float) -> bool:
        """True with that chance; draws in any case, so that switching one thing off leaves the rest alone."""
        return self.source.random() < chance

    def below(self, end: int) -> int:
        """A whole number from 0 up to `end`, without it."""
        return int(self.source.random() * end)

    def between(self, first: int, last: int) -> int:
        """A whole number from `first` to `last`, both included."""
        return first + int(self.source.random() * (last - first + 1))

    def pick(self, choices: Sequence[T]) -> T:
        """One of the choices."""
        return choices[int(self.source.random() * len(choices))]
