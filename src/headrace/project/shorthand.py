"""Short forms that a user's YAML may take: a word for a mapping, one thing for a list of them, a span of time in words."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


def short(key: str) -> BeforeValidator:
    """A plain word stands for a mapping with that word under `key`."""
    return BeforeValidator(lambda value: {key: value} if isinstance(value, str) else value)


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Names: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(_several)]
"""One name, or a list of them."""


def _seconds(value: Any) -> Any:
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhdw])[a-z]*\s*", value) if isinstance(value, str) else None
    return float(found[1]) * _UNITS[found[2]] if found else value


Seconds: TypeAlias = Annotated[float, BeforeValidator(_seconds)]
"""A number of seconds, or a span such as `30s`, `15m`, `6h`, `1d`, `2w`."""


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, (int, float, date)) and not isinstance(value, bool) else value


Text: TypeAlias = Annotated[str, BeforeValidator(_text)]
"""Text; a number or a date is the text it is written as."""
