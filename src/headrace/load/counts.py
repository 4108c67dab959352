"""What became of rows, in numbers."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(slots=True)
class Counts:
    """What became of the rows of a load."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    duplicate: int = 0
    filtered: int = 0
    quarantined: int = 0

    def as_dict(self) -> dict[str, int]:
        """By name, as the ledger has them."""
        return {each.name: getattr(self, each.name) for each in fields(self)}
