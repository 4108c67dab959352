"""The table of a list in the rows of a stream."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headrace.load.counts import Counts
from headrace.schema import Schema

if TYPE_CHECKING:
    from headrace.load.evolve import Room
    from headrace.project.sources import Stream
    from headrace.table import Table
    from headrace.warehouse.base import Relation

_NOTHING = Schema(())
Path = tuple[str, ...]
"""The columns that lead to a list, from the outside in."""


@dataclass(slots=True)
class Branch:
    """The table of a list, what has its name now (`held` None if nothing of that is kept), and what arrived for it, None where
    nothing did; `columns` are all that it then has.
    """  # noqa: D205 - one sentence

    path: Path
    stream: Stream
    table: Table
    held: Relation | None
    was: Relation | None
    room: Room | None = None
    columns: Schema = _NOTHING
    renamed: dict[str, str] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)
