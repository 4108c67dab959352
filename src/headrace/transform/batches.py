"""The windows of time that a microbatch model is built in, and that its inputs are read in."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from headrace.errors import ConfigInvalid, UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.project.nodes import Model

SIZES = ("hour", "day", "month", "year")
_FORMATS = {"hour": "%Y-%m-%dT%H", "day": "%Y-%m-%d", "month": "%Y-%m", "year": "%Y"}
_SAMPLE = re.compile(r"\s*(\d+)\s*(hour|day|month|year)s?\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Window:
    """Rows whose time is at or after `start` and before `end`, both in UTC; None leaves a side open."""

    start: dt.datetime | None
    end: dt.datetime | None

    def condition(self, column: str) -> str:
        """What is true of a row inside, as dbt writes it; empty where both sides are open."""
        sides = [f"{column} >= '{self.start}'"] if self.start else []
        sides += [f"{column} < '{self.end}'"] if self.end else []
        return " and ".join(sides)


@dataclass(frozen=True, slots=True)
class Batch:
    """One window of a microbatch model. `label` is how dbt writes its beginning: `2026-01-31`."""

    label: str
    start: dt.datetime
    end: dt.datetime

    @property
    def id(self) -> str:
        """What dbt calls it: `20260131`."""
        return self.label.replace("-", "")

    @property
    def window(self) -> Window:
        """The times of its rows."""
        return Window(self.start, self.end)


@dataclass(frozen=True, slots=True)
class Rest:
    """What an earlier run left of a microbatch model: the beginnings and ends of the windows that it built, and of those it did not."""

    built: tuple[tuple[str, str], ...]
    missing: tuple[tuple[str, str], ...]


def is_microbatch(node: Any) -> bool:
    """Whether a model is built window by window."""
    config: Mapping[str, Any] = node.config
    return config.get("materialized") == "incremental" and config.get("incremental_strategy") == "microbatch"


def batches_of(node: Model, flags: Mapping[str, Any], now: dt.datetime, *, adds: bool) -> list[Batch]:
    """The windows to build, oldest first: those of the command line, or from `begin` for a new table, or the last ones and `lookback`.

    Windows are whole, whatever times the command line says.

    Raises ConfigInvalid for a model that lacks event_time, batch_size or begin, and UsageError for times that are none.
    """
    size = _size(node)
    if not node.config.get("event_time"):
        raise ConfigInvalid(f"microbatch model {node.name} needs event_time: its column of time", where=node.place)
    sample = sample_window(flags.get("SAMPLE"), now)
    asked = sample or Window(moment(flags.get("EVENT_TIME_START")), moment(flags.get("EVENT_TIME_END")))
    end = _ceiling(asked.end or now, size)
    if asked.start:
        start = _truncated(asked.start, size)
    elif adds:
        start = _first(node, end, size)
    else:
        begin = moment(node.config.get("begin"))
        if begin is None:
            raise ConfigInvalid(
                f"microbatch model {node.name} needs begin: the time of its first rows", where=node.place
            )
        start = _truncated(begin, size)
    edges = [start]
    while len(edges) == 1 or edges[-1] < end:
        edges.append(_moved(edges[-1], size, 1))
    edges[-1] = end
    return [Batch(first.strftime(_FORMATS[size]), first, last) for first, last in pairwise(edges)]


def batches_again(node: Model, rest: Rest) -> list[Batch]:
    """The windows that an earlier run did not build, oldest first."""
    size = _size(node)
    edges = sorted((dt.datetime.fromisoformat(start), dt.datetime.fromisoformat(end)) for start, end in rest.missing)
    return [Batch(start.strftime(_FORMATS[size]), start, end) for start, end in edges]


def sample_window(asked: Any, now: dt.datetime) -> Window | None:
    """The window of `--sample`: a span such as `3 days` before now, or a mapping with `start` and `end`. Raises UsageError."""
    if not asked:
        return None
    if isinstance(asked, dict):
        return Window(moment(asked.get("start")), moment(asked.get("end")))
    found = _SAMPLE.fullmatch(str(asked))
    if found is None:
        raise UsageError(f"--sample {asked!r} is no span of time", hint="such as --sample '3 days'")
    size, count = found[2].lower(), int(found[1])
    days = {"hour": count / 24, "day": count, "month": count * 30, "year": count * 365}[size]
    return Window(_moved(now, size, -count) if size in ("month", "year") else now - dt.timedelta(days=days), now)


def moment(value: Any) -> dt.datetime | None:
    """A time in UTC, however it was written. Raises UsageError."""
    if value in (None, ""):
        return None
    if isinstance(value, dt.datetime):
        found = value
    elif isinstance(value, dt.date):
        found = dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC)
    else:
        try:
            found = dt.datetime.fromisoformat(str(value))
        except ValueError as error:
            raise UsageError(f"{value!r} is no time", hint="such as 2026-01-31 or 2026-01-31T12:00:00") from error
    return found.astimezone(dt.UTC) if found.tzinfo else found.replace(tzinfo=dt.UTC)


def _size(node: Model) -> str:
    size = str(node.config.get("batch_size") or "")
    if size not in SIZES:
        hint = did_you_mean(size, SIZES) or f"one of {', '.join(SIZES)}"
        raise ConfigInvalid(
            f"microbatch model {node.name} needs batch_size, and {size!r} is none", where=node.place, hint=hint
        )
    return size


def _first(node: Model, end: dt.datetime, size: str) -> dt.datetime:
    """Where the windows begin that are built again: as many as `lookback` says before the one that `end` is in."""
    lookback = node.config.get("lookback")
    back = 1 if lookback is None else int(lookback)
    return _moved(end, size, -(back + 1 if end == _truncated(end, size) else back))


def _truncated(time: dt.datetime, size: str) -> dt.datetime:
    whole = dt.datetime(time.year, 1, 1, tzinfo=dt.UTC)
    if size != "year":
        whole = whole.replace(month=time.month)
    if size in ("day", "hour"):
        whole = whole.replace(day=time.day)
    return whole.replace(hour=time.hour) if size == "hour" else whole


def _moved(time: dt.datetime, size: str, by: int) -> dt.datetime:
    """So many windows on from the one that a time is in."""
    whole = _truncated(time, size)
    if size in ("hour", "day"):
        return whole + dt.timedelta(**{f"{size}s": by})
    months = whole.year * 12 + whole.month - 1 + (by if size == "month" else by * 12)
    return whole.replace(year=months // 12, month=months % 12 + 1)


def _ceiling(time: dt.datetime, size: str) -> dt.datetime:
    return time if time == _truncated(time, size) else _moved(time, size, 1)
