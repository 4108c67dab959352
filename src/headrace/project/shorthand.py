"""Short forms that a user's YAML may take: a word for a mapping, one thing for a list of them, a span of time in words."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator

_UNITS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
    **dict.fromkeys(("w", "week", "weeks"), 604800.0),
}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)\s*")


def short(key: str) -> BeforeValidator:
    """A plain word stands for a mapping with that word under `key`."""
    return BeforeValidator(lambda value: {key: value} if isinstance(value, str) else value)


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Names: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(_several)]
"""One name, or a list of them."""


def _seconds(value: Any) -> Any:
    if not isinstance(value, str) or re.fullmatch(r"\s*[-+.\d]*\s*", value):
        return value
    text = value.strip().lower()
    found = _SPAN.findall(text)
    if _SPAN.sub("", text) or any(unit not in _UNITS for _, unit in found):
        raise ValueError("it takes a number, or a span of time such as 30s, 15m, 6h, 7d or 2w")
    return sum(float(number) * _UNITS[unit] for number, unit in found)


Seconds: TypeAlias = Annotated[float, BeforeValidator(_seconds)]
"""A number of seconds, or a span such as `30s`, `15m`, `1h30m`, `2 days`, `2w`."""


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, (int, float, date)) and not isinstance(value, bool) else value


Text: TypeAlias = Annotated[str, BeforeValidator(_text)]
"""Text; a number or a date is the text it is written as."""
