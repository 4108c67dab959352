"""How old the newest row of a source is, and whether that is too old."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from headrace.errors import ConfigInvalid, HeadraceError, did_you_mean
from headrace.sql.dialect import relation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.project.nodes import SourceTable
    from headrace.warehouse.base import Connection

_PERIODS = {"minute": 60, "hour": 3600, "day": 86400}
_NEVER = dt.datetime(1, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Freshness:
    """What came of asking a source: `age` is in seconds, `max_loaded_at` the time of its newest row, both None where asking failed."""

    node: SourceTable
    status: Literal["pass", "warn", "error", "runtime error"]
    max_loaded_at: dt.datetime | None
    snapshotted_at: dt.datetime
    age: float | None
    seconds: float = 0.0
    error: str | None = None


def ask_freshness(
    connection: Connection,
    node: SourceTable,
    now: dt.datetime,
    *,
    query: str | None = None,
    loaded: dt.datetime | None = None,
) -> Freshness:
    """Ask a source for its newest row. `query` is its rendered `loaded_at_query`; `loaded` says when headrace loaded it last.

    Without a field or a query, the time of the last load counts. What cannot be asked is a `runtime error`, and nothing is raised.
    """
    try:
        newest = _newest(connection, node, query, loaded)
    except HeadraceError as error:
        return Freshness(node, "runtime error", None, now, None, error=error.what)
    newest = newest if newest.tzinfo else newest.replace(tzinfo=dt.UTC)
    age = (now - newest).total_seconds()
    try:
        return Freshness(node, judged(node, age), newest, now, age)
    except HeadraceError as error:
        return Freshness(node, "runtime error", newest, now, age, error=error.what)


def judged(node: SourceTable, age: float) -> Literal["pass", "warn", "error"]:
    """Whether an age in seconds is beyond what the source allows. Raises ConfigInvalid for a threshold that is none."""
    rules: Mapping[str, Any] = node.freshness or {}
    for key, status in (("error_after", "error"), ("warn_after", "warn")):
        limit = _seconds(node, rules.get(key))
        if limit is not None and age > limit:
            return "error" if status == "error" else "warn"
    return "pass"


def _newest(connection: Connection, node: SourceTable, query: str | None, loaded: dt.datetime | None) -> dt.datetime:
    where = (node.freshness or {}).get("filter")
    if query is not None:
        ask = query
    elif node.loaded_at_field:
        place = node.location or relation(node.table)
        ask = f"select max({node.loaded_at_field}) from {place}" + (f" where {where}" if where else "")
    elif loaded is not None:
        return loaded
    else:
        raise ConfigInvalid(
            f"source {node.source}.{node.name} has freshness but neither loaded_at_field nor loaded_at_query",
            where=node.place,
        )
    found = connection.rows(ask)
    value = found[0][0] if found else None
    if value is None:
        return _NEVER
    if isinstance(value, dt.datetime):
        return value
    if isinstance(value, dt.date):
        return dt.datetime.combine(value, dt.time(), tzinfo=dt.UTC)
    raise ConfigInvalid(
        f"source {node.source}.{node.name}: loaded_at_field gives a {type(value).__name__}, not a time",
        where=node.place,
        hint='cast it: loaded_at_field: "cast(x as timestamp)"',
    )


def _seconds(node: SourceTable, rule: Any) -> float | None:
    if not rule or rule.get("count") is None:
        return None
    period = str(rule.get("period"))
    if period not in _PERIODS:
        hint = did_you_mean(period, _PERIODS) or "periods are minute, hour and day"
        raise ConfigInvalid(
            f"freshness period {period!r} of {node.source}.{node.name} is not known", where=node.place, hint=hint
        )
    return float(rule["count"]) * _PERIODS[period]
