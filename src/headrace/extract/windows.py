"""The range of a cursor that a request asks for: where to start, where to end, and how the request writes both."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from headrace.errors import ConfigInvalid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from headrace.cursor import Cursor
    from headrace.project.stream_keys import Incremental


@dataclass(frozen=True, slots=True)
class Window:
    """The values that expressions stand for; `start_value` is where to read from, with the lag taken off."""

    start_value: str | None = None
    last_value: str | None = None
    initial_value: str | None = None
    end_value: str | None = None


def window(incremental: Incremental | None, cursor: Cursor | None) -> Window:
    """The window of a load that goes on at the cursor."""
    if incremental is None:
        return Window()
    last = (cursor.value if cursor else None) or incremental.initial_value
    start = last
    if cursor and cursor.value is not None and incremental.lag:
        start = shifted(cursor.value, -incremental.lag) or cursor.value
    return Window(start, last, incremental.initial_value, incremental.end_value)


def windows(incremental: Incremental | None, whole: Window, now: datetime) -> Iterator[Window]:
    """The window in steps, from its start to its end, or where it has none to now. Raises ConfigInvalid."""
    if incremental is None or incremental.step is None or whole.start_value is None:
        yield whole
        return
    end = whole.end_value or _as_written(whole.start_value, now)
    start = whole.start_value
    if end is None:
        yield whole
        return
    _raise_unless_alike(start, end)
    while _before(start, end):
        following = shifted(start, incremental.step)
        if following is None or not _before(start, following):
            raise ConfigInvalid(
                f"'step' goes on from {start!r}, which is no number and no ISO date or time, or by less than it holds",
                hint="leave 'step' out, or give an initial_value such as 2024-01-01",
            )
        upper = following if _before(following, end) else end
        yield replace(whole, start_value=start, end_value=upper)
        start = upper


def _raise_unless_alike(start: str, end: str) -> None:
    """Two numbers, or two times: what is neither would be compared as text, and give windows that nobody meant."""
    numbers = [_is_number(value) for value in (start, end)]
    if all(numbers) or (not any(numbers) and _moment(start) and _moment(end)):
        return
    raise ConfigInvalid(
        f"'step' leads from {start!r} to {end!r}, and these are not two numbers, nor two ISO dates or times",
        hint="look at `initial_value:` and `end_value:`",
    )


def _is_number(value: str) -> bool:
    try:
        return Decimal(value).is_finite()
    except InvalidOperation:
        return False


def _before(one: str, other: str) -> bool:
    try:
        return Decimal(one) < Decimal(other)
    except InvalidOperation:
        pass
    left, right = _moment(one), _moment(other)
    return left < right if left and right else one < other


def _moment(value: str) -> datetime | None:
    try:
        when = datetime.fromisoformat(value)
    except ValueError:
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _as_written(like: str, when: datetime) -> str | None:
    """A time in the form of another; None where that is a number."""
    moment = _moment(like)
    if moment is None or like.isdigit():
        return None
    return shifted(like, (when - moment).total_seconds())


def shifted(value: str, by: float) -> str | None:
    """The value and `by`: a number by so many units, an ISO date or time by so many seconds, in the form it came in. None for others."""
    try:
        return str(Decimal(value) + Decimal(f"{by:g}"))
    except InvalidOperation:
        pass
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            day = datetime.combine(date.fromisoformat(value), datetime.min.time())
            return (day + timedelta(seconds=by)).date().isoformat()
        moment = datetime.fromisoformat(value) + timedelta(seconds=by)
    except (ValueError, OverflowError):
        return None
    fraction = re.search(r"\.(\d+)", value)
    text = moment.isoformat("T" if "T" in value else " ", timespec="microseconds" if fraction else "seconds")
    if fraction and len(fraction[1]) < 6:
        text = re.sub(r"(\.\d+)", lambda found: found[0][: len(fraction[1]) + 1], text)
    return text.replace("+00:00", "Z") if value.endswith("Z") else text


def written(value: str | None, form: str | None) -> str | None:
    """A cursor's value as a request writes it; one that is no time stays as it is."""
    when = _moment(value) if value and form and not value.isdigit() else None
    if when is None or form is None:
        return value
    if form in ("epoch", "epoch_ms"):
        return str(int(when.timestamp() * (1000 if form == "epoch_ms" else 1)))
    return when.strftime(form)


def values_of(incremental: Incremental | None, part: Window) -> dict[str, Any]:
    """What the expressions `{incremental.…}` stand for."""
    form = incremental.format if incremental else None
    names = ("start_value", "last_value", "initial_value", "end_value")
    return {f"incremental.{name}": written(getattr(part, name), form) for name in names}


def parameters(incremental: Incremental | None, part: Window) -> Mapping[str, str]:
    """What `start_param` and `end_param` add to a request."""
    if incremental is None:
        return {}
    named = {incremental.start_param: part.start_value, incremental.end_param: part.end_value}
    texts = {name: written(value, incremental.format) for name, value in named.items() if name}
    return {name: text for name, text in texts.items() if text is not None}
