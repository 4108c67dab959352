"""What an import came to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


class Unlike(Exception):
    """Something that has no counterpart here; its text says what."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A source as its YAML file has it; which streams were left out and why; and what is not the same."""

    source: dict[str, Any]
    left_out: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
