"""A first look at a stream: what arrives, of which types, and which column could be its key or its cursor."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from headrace.batch import Batch, Scan
from headrace.extract.api import Api
from headrace.extract.paging import detected
from headrace.extract.parts import parts
from headrace.extract.records import rows_of
from headrace.extract.source import open_stream
from headrace.project.rest_sources import RestStream
from headrace.sql.dialect import name as quoted
from headrace.sql.scan import scan_query

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from headrace.arrow import pa
    from headrace.cursor import Cursor
    from headrace.project.sources import Stream
    from headrace.retry import Clock
    from headrace.warehouse.embedded import Embedded

_KEYS = ("id", "uuid", "guid", "key", "code", "name")
_CURSORS = ("updated", "modified", "changed", "last_", "timestamp", "created", "date", "_at", "time")
_ORIGIN = "_headrace_origin"
_TIME = r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?.*)?$"


@dataclass(frozen=True, slots=True)
class Seen:
    """The first rows of a stream, and what they suggest. `paginator` and `selector` are those of an API's first response.

    `dialect` is how files of text are written, by the keys of a stream.
    """

    rows: pa.Table
    key: str | None
    cursor: str | None
    paginator: dict[str, Any] | None = None
    selector: str | None = None
    dialect: Mapping[str, Any] | None = None


def first_look(stream: Stream, *, cursor: Cursor | None, local: Embedded, clock: Clock, scratch: Path) -> Seen:
    """The first page, file or batch of a stream. Raises RequestFailed, RecordsNotFound, FilesNotFound and what else reading raises."""
    stream.ready()
    if isinstance(stream.spec, RestStream):
        return _first_page(stream, stream.spec, cursor, local, clock)
    arriving = open_stream(stream, cursor=cursor, resume={}, local=local, clock=clock, scratch=scratch)
    for arrived in arriving:
        if isinstance(arrived, Batch):
            return replace(seen(arrived.rows, local), dialect=arrived.resume.get("dialect"))
        if isinstance(arrived, Scan):
            query = scan_query(arrived, _ORIGIN)
            rows = local.table(f"SELECT * EXCLUDE ({quoted(_ORIGIN)}) FROM ({query}) LIMIT 1000")
            return replace(seen(rows, local), dialect=arrived.words.get("dialect"))
    return seen(local.table("SELECT 1 AS nothing LIMIT 0").select([]), local)


def _first_page(stream: Stream, spec: RestStream, cursor: Cursor | None, local: Embedded, clock: Clock) -> Seen:
    api = Api.of(stream, local, clock, {})
    try:
        part = next(parts(spec, cursor, (), {}, clock.now()))
        page = api.fetch(part, api.paging.first())
        rows = rows_of([(api.origin(part, api.paging.first()), page.body)], api.shape, local).rows
        found = None if api.paginator else detected(page)
        chosen = api.paginator or found
        return seen(rows, local, chosen.model_dump(exclude_defaults=True) if chosen else None, api.selector)
    finally:
        api.close()


def seen(rows: pa.Table, local: Embedded, paginator: dict[str, Any] | None = None, selector: str | None = None) -> Seen:
    """Rows with the columns that could be their key and cursor: a key is never null and never twice, a cursor is a time."""
    if not rows.num_rows or not rows.column_names:
        return Seen(rows, None, None, paginator, selector)
    local.register("headrace_seen", rows)
    try:
        names = rows.column_names
        facts = ", ".join(
            f"[count(DISTINCT CAST({quoted(name)} AS VARCHAR)) = count(*) AND count({quoted(name)}) = count(*),"
            f" bool_and(regexp_matches(CAST({quoted(name)} AS VARCHAR), '{_TIME}')) IS TRUE]"
            for name in names
        )
        (answers,) = local.rows(f"SELECT {facts} FROM headrace_seen")
    finally:
        local.unregister("headrace_seen")
    keys = [name for name, (unique, time) in zip(names, answers, strict=True) if unique and not time]
    times = [name for name, (_, time) in zip(names, answers, strict=True) if time]
    return Seen(rows, _best(keys, _key_rank, 9), _best(times, _cursor_rank, 99), paginator, selector)


def _key_rank(name: str) -> int:
    if name in _KEYS:
        return _KEYS.index(name)
    return 7 if re.search(r"(^|_)(id|uuid|key)$", name) else 9


def _cursor_rank(name: str) -> int:
    return next((place for place, word in enumerate(_CURSORS) if word in name), 50)


def _best(names: list[str], rank: Any, worst: int) -> str | None:
    found = min(names, key=rank, default=None)
    return found if found is not None and rank(found) < worst else None
