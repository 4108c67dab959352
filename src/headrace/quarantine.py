"""Where rows and requests wait that could not be let in: beside the data, with the reason, until they are replayed or dropped.

Both tables only grow. An id is a hash of the content, so that what is read again and refused again is kept once; a fate names the
id, and what is refused once more after its fate is open again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, TypeAlias
from weakref import WeakSet

from headrace.schema import TIMESTAMPTZ, VARCHAR, Column, Schema
from headrace.sql.dialect import name, names, relation, text, timestamp
from headrace.sql.operations import CreateSchema, CreateTable, Drop
from headrace.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.batch import Dead
    from headrace.warehouse.base import Connection

HOME = "headrace"
QUARANTINE = Table(HOME, "quarantine")
FATES = Table(HOME, "quarantine_fates")
Kind: TypeAlias = Literal["record", "row", "segment"]
Fate: TypeAlias = Literal["replayed", "dropped"]

_TEXTS = ("id", "load_id", "stream", "kind", "reason", "column", "detail", "raw", "request", "origin")
_OPEN = (
    f"NOT EXISTS (SELECT 1 FROM {relation(FATES)} AS f WHERE f.{name('id')} = q.{name('id')} "
    f"AND f.{name('at')} >= q.{name('quarantined_at')})"
)

_ready: WeakSet[Connection] = WeakSet()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One row or request in quarantine."""

    id: str
    load_id: str
    stream: str
    kind: str
    reason: str
    column: str | None
    detail: str | None
    raw: str | None
    request: str | None
    origin: str | None
    quarantined_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What is open in quarantine for one stream and reason, since when."""

    stream: str
    kind: str
    reason: str
    column: str | None
    rows: int
    oldest: datetime
    newest: datetime


def ensure(connection: Connection) -> None:
    """Make the tables if they are not there; once for each connection, outside of a transaction."""
    if connection in _ready:
        return
    there = {table.name for table in connection.inspect(HOME)}
    if not {QUARANTINE.name, FATES.name} <= there:
        connection.run(CreateSchema(HOME))
        columns = (*(Column(each, VARCHAR) for each in _TEXTS), Column("quarantined_at", TIMESTAMPTZ))
        connection.run(CreateTable(QUARANTINE, Schema(columns), if_absent=True))
        fates = (Column("id", VARCHAR), Column("fate", VARCHAR), Column("at", TIMESTAMPTZ), Column("load_id", VARCHAR))
        connection.run(CreateTable(FATES, Schema(fates), if_absent=True))
    _ready.add(connection)


def keep(connection: Connection, stream: str, load_id: str, now: datetime, query: str, kind: Kind = "row") -> int:
    """Keep the rows of a DuckDB query over `connection.local`: reason, column, detail, raw and origin, all text. How many it gave.

    A `record` is as the source sent it, a `row` as the stream's in-flight SQL left it.
    The same row of the same stream for the same reason is kept once while it is open or dropped.
    """
    staged = Table(HOME, f"quarantine__{load_id.replace('-', '')}")
    content = 'concat_ws(chr(31), reason, "column", raw)'
    count = connection.load_local(
        staged,
        f"SELECT md5(concat_ws(chr(31), {text(stream)}, 'row', {content})) AS id, {text(load_id)} AS load_id, "
        f'{text(stream)} AS stream, {text(kind)} AS kind, reason, "column", detail, raw, CAST(NULL AS VARCHAR) AS request, origin '
        f"FROM (\n{query}\n) AS refused",
    )
    _insert(connection, staged, now)
    connection.run(Drop(staged))
    return count


def keep_dead(connection: Connection, stream: str, load_id: str, now: datetime, dead: Sequence[Dead]) -> None:
    """Keep requests that failed for good, with what is needed to ask for them again."""
    for each in dead:
        request = json.dumps(dict(each.request), sort_keys=True, default=str)
        connection.rows(
            f"INSERT INTO {relation(QUARANTINE)} ({names((*_TEXTS, 'quarantined_at'))}) "
            f"SELECT md5({text(stream)} || 'segment' || {text(request)}), {text(load_id)}, {text(stream)}, 'segment', "
            f"{text(each.reason)}, NULL, NULL, NULL, {text(request)}, NULL, {timestamp(now)} "
            f"WHERE NOT EXISTS (SELECT 1 FROM {relation(QUARANTINE)} AS q WHERE q.{name('id')} = "
            f"md5({text(stream)} || 'segment' || {text(request)}) AND {_known()})"
        )


def ls(connection: Connection, stream: str | None = None) -> list[Group]:
    """What is open, by stream and reason, most first."""
    where, values = _of(stream)
    rows = connection.rows(
        f"SELECT q.stream, q.kind, q.reason, q.{name('column')}, count(*), EXTRACT(EPOCH FROM min(q.quarantined_at)), "
        f"EXTRACT(EPOCH FROM max(q.quarantined_at)) FROM {relation(QUARANTINE)} AS q WHERE {_OPEN}{where} "
        "GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC, 1, 2, 3, 4",
        values,
    )
    return [
        Group(
            stream=row[0],
            kind=row[1],
            reason=row[2],
            column=row[3],
            rows=row[4],
            oldest=_at(row[5]),
            newest=_at(row[6]),
        )
        for row in rows
    ]


def show(connection: Connection, stream: str | None = None, limit: int = 20) -> list[Kept]:
    """What is open, with its content, newest first; at most `limit`."""
    return _kept(connection, stream, f" ORDER BY q.quarantined_at DESC, q.{name('id')} LIMIT {limit:d}")


def open_rows(connection: Connection, stream: str) -> list[Kept]:
    """All that is open of a stream, oldest first, to be replayed."""
    return _kept(connection, stream, f" ORDER BY q.quarantined_at, q.{name('id')}")


def settle(connection: Connection, ids: Sequence[str], fate: Fate, now: datetime, load_id: str | None = None) -> None:
    """Say what became of rows: they are no longer open, whatever the clock said when they were kept."""
    if not ids:
        return
    connection.execute(
        f"INSERT INTO {relation(FATES)} ({names(('id', 'fate', 'at', 'load_id'))}) "
        f"SELECT {name('id')}, {text(fate)}, greatest({timestamp(now)}, max({name('quarantined_at')})), {text(load_id)} "
        f"FROM {relation(QUARANTINE)} WHERE {name('id')} IN ({', '.join(text(each) for each in ids)}) GROUP BY {name('id')}"
    )


def _insert(connection: Connection, staged: Table, now: datetime) -> None:
    columns = ", ".join(f"min(s.{name(column)})" for column in _TEXTS[1:])
    connection.execute(
        f"INSERT INTO {relation(QUARANTINE)} ({names((*_TEXTS, 'quarantined_at'))}) "
        f"SELECT s.{name('id')}, {columns}, {timestamp(now)} FROM {relation(staged)} AS s "
        f"WHERE NOT EXISTS (SELECT 1 FROM {relation(QUARANTINE)} AS q WHERE q.{name('id')} = s.{name('id')} AND {_known()}) "
        f"GROUP BY s.{name('id')}"
    )


def _known() -> str:
    """A kept row that stands for one that is refused now: it is open, or was dropped on purpose."""
    return (
        f"NOT EXISTS (SELECT 1 FROM {relation(FATES)} AS f WHERE f.{name('id')} = q.{name('id')} "
        f"AND f.{name('fate')} = 'replayed' AND f.{name('at')} >= q.{name('quarantined_at')})"
    )


def _of(stream: str | None) -> tuple[str, list[str]]:
    return (" AND q.stream = ?", [stream]) if stream else ("", [])


def _kept(connection: Connection, stream: str | None, tail: str) -> list[Kept]:
    where, values = _of(stream)
    columns = ", ".join(f"q.{name(column)}" for column in _TEXTS)
    rows = connection.rows(
        f"SELECT {columns}, EXTRACT(EPOCH FROM q.quarantined_at) FROM {relation(QUARANTINE)} AS q WHERE {_OPEN}{where}{tail}",
        values,
    )
    return [Kept(**dict(zip(_TEXTS, row[:-1], strict=True)), quarantined_at=_at(row[-1])) for row in rows]


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(round(float(seconds), 6), UTC)
