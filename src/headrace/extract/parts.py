"""The parts of a stream: for each parent and each value of `for_each`, the windows that are to be read, in an order that lasts."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from headrace.cursor import Cursor
from headrace.extract.windows import Window, values_of, window, windows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from headrace.project.rest_sources import RestStream


@dataclass(frozen=True, slots=True)
class Part:
    """What one run through the pages is for. `slot` names the parent and the value; `added` goes into each record."""

    slot: str = ""
    window: Window = field(default_factory=Window)
    values: Mapping[str, Any] = field(default_factory=dict)
    added: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Its name among all parts of the reading."""
        return f"{self.slot} {self.window.start_value} {self.window.end_value}"

    def stored(self) -> dict[str, Any]:
        """As JSON can keep it."""
        return asdict(self)

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Part:
        """What `stored` gave."""
        return cls(stored["slot"], Window(**stored["window"]), stored["values"], stored["added"])


def parts(
    spec: RestStream,
    cursor: Cursor | None,
    parents: Sequence[Mapping[str, Any]],
    reached: Mapping[str, str],
    now: datetime,
    begun: Mapping[str, Any] | None = None,
) -> Iterator[Part]:
    """The parts that are to be read. `reached` has the cursor of each slot; `begun` is the part to go on with, as it was stored.

    Slots come in the order of their names, so that going on does not depend on the order in which parents are known.
    """
    held = Part.of(begun["part"]) if begun else None
    for slot, values, added in sorted(_slots(spec, parents), key=lambda one: one[0]):
        if held and slot < held.slot:
            continue
        whole = window(spec.incremental, _cursor(spec, cursor, reached.get(slot)))
        if held and begun and slot == held.slot:
            if not begun.get("ended"):
                yield held
            if spec.incremental is None or spec.incremental.step is None or held.window.end_value is None:
                continue
            whole = replace(held.window, start_value=held.window.end_value, end_value=whole.end_value)
        for one in windows(spec.incremental, whole, now):
            yield Part(slot, one, {**values, **values_of(spec.incremental, one)}, added)


def _cursor(spec: RestStream, cursor: Cursor | None, reached: str | None) -> Cursor | None:
    if spec.incremental is None or cursor is None or spec.incremental.scope == "resource":
        return cursor
    return Cursor(cursor.field, reached)


def _slots(
    spec: RestStream, parents: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    name = spec.parent
    seen = set()
    each = spec.for_each
    for row in parents if name else [{}]:
        known = {f"resources.{name}.{key}": value for key, value in row.items()}
        kept = {f"_{name}_{key}": row.get(key) for key in spec.include_from_parent}
        for value in each.values if each else [None]:
            about = {**known, **({"for_each.value": value} if each else {})}
            added = {**kept, **({each.column: value} if each and each.column else {})}
            slot = json.dumps([about, added], sort_keys=True, default=str) if about else ""
            if slot not in seen:
                seen.add(slot)
                yield slot, about, added
