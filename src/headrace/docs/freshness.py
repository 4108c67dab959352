"""dbt's sources.json v3: how fresh sources are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.docs.envelope import envelope, timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from headrace.docs.envelope import Invocation


def freshness_entry(  # the words of sources.json, one by one
    one: str, status: str, loaded: datetime, asked: datetime, criteria: Mapping[str, Any], seconds: float
) -> dict[str, Any]:
    """A source that could be asked; `criteria` is its `freshness:`."""
    nothing = {"count": None, "period": None}
    spans = {key: {**nothing, **(criteria.get(key) or {})} for key in ("warn_after", "error_after")}
    at = timestamp(asked)
    return {
        "unique_id": one,
        "max_loaded_at": timestamp(loaded),
        "snapshotted_at": at,
        "max_loaded_at_time_ago_in_s": (asked - loaded).total_seconds(),
        "status": status,
        "criteria": {**spans, "filter": criteria.get("filter")},
        "adapter_response": {},
        "timing": [{"name": "execute", "started_at": at, "completed_at": at}],
        "thread_id": "MainThread",
        "execution_time": seconds,
    }


def failure_entry(one: str, message: str) -> dict[str, Any]:
    """A source that could not be asked."""
    return {"unique_id": one, "error": message, "status": "runtime error"}


def freshness_document(entries: Iterable[Mapping[str, Any]], invocation: Invocation, seconds: float) -> dict[str, Any]:
    """The file's content."""
    return {"metadata": envelope("sources/v3", invocation), "results": list(entries), "elapsed_time": seconds}
