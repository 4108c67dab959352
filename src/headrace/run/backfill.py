"""A range of a stream's cursor, read again without moving the cursor."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headrace.cursor import Cursor, alike
from headrace.errors import UsageError

if TYPE_CHECKING:
    from headrace.project.sources import Stream


@dataclass(frozen=True, slots=True)
class Span:
    """From one value of the cursor on, and before another one, if it has an end; as text."""

    start: str
    end: str | None = None


def narrowed(stream: Stream, span: Span, reached: str | None) -> Stream:
    """The stream as it is read in the range. Raises UsageError where it has no cursor that could be read so, or the range is none.

    `reached` is how far it has been read, if it has been.
    """
    incremental = stream.spec.incremental
    why = None
    if incremental is None or stream.spec.kind not in ("rest", "database"):
        why = "it has no cursor by which its source could be asked for a range"
    elif stream.whole:
        why = "each load brings the whole table"
    elif incremental.scope == "parent":
        why = "each of its parents has a cursor of its own"
    if incremental is None or why:
        raise UsageError(f"{stream.label} cannot be read from {span.start} on: {why}", where=stream.place)
    known = [one for one in (reached, incremental.initial_value) if one is not None]
    ends = [one for one in (span.start, span.end) if one is not None]
    wrong = [one for one in ends if known and not any(alike(one, other) for other in known)]
    if wrong:
        what = f"{wrong[0]!r} is no value of {stream.label}'s cursor, which is at {known[0]!r}"
        raise UsageError(what, where=stream.place)
    if span.end and Cursor(incremental.cursor_path, span.start).past(span.end).value == span.start:
        raise UsageError(f"nothing is from {span.start} on and before {span.end}", where=stream.place)
    changed = {"initial_value": span.start, "end_value": span.end or incremental.end_value, "lag": None}
    spec = stream.spec.model_copy(update={"incremental": incremental.model_copy(update=changed)})
    return replace(stream, spec=spec)
