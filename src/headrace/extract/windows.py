"""The part of a stream a request asks for: where to start, and the expressions that put it into the request."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.cursor import Cursor
    from headrace.project.sources import Incremental

_EXPRESSION = re.compile(r"\{incremental\.(start_value|last_value|initial_value|end_value)\}")


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
        start = earlier(cursor.value, incremental.lag)
    return Window(start, last, incremental.initial_value, incremental.end_value)


def earlier(value: str, lag: float) -> str:
    """The value less the lag: a number by so many units, an ISO date or time by so many seconds, in the form it came in."""
    try:
        return str(Decimal(value) - Decimal(str(lag)))
    except InvalidOperation:
        pass
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            return (
                (datetime.combine(date.fromisoformat(value), datetime.min.time()) - timedelta(seconds=lag))
                .date()
                .isoformat()
            )
        moment = datetime.fromisoformat(value) - timedelta(seconds=lag)
    except ValueError:
        return value
    fraction = re.search(r"\.(\d+)", value)
    text = moment.isoformat("T" if "T" in value else " ", timespec="microseconds" if fraction else "seconds")
    if fraction and len(fraction[1]) < 6:
        text = re.sub(r"(\.\d+)", lambda found: found[0][: len(fraction[1]) + 1], text)
    return text.replace("+00:00", "Z") if value.endswith("Z") else text


def filled(value: Any, window: Window) -> Any:
    """A value of the config with its expressions replaced; a text that is one expression without a value is None."""
    if isinstance(value, dict):
        return {
            key: made for key, inner in value.items() if (made := filled(inner, window)) is not None or inner is None
        }
    if isinstance(value, (list, tuple)):
        return [filled(inner, window) for inner in value]
    if not isinstance(value, str):
        return value
    whole = _EXPRESSION.fullmatch(value)
    if whole:
        return getattr(window, whole[1])
    return _EXPRESSION.sub(lambda found: getattr(window, found[1]) or "", value)


def parameters(incremental: Incremental | None, window: Window) -> Mapping[str, str]:
    """What `start_param` and `end_param` add to a request."""
    if incremental is None:
        return {}
    named = {incremental.start_param: window.start_value, incremental.end_param: window.end_value}
    return {name: value for name, value in named.items() if name and value is not None}
