"""The row ledger: a row for each load, in its transaction, for each column that a load changed, and for each build.

Rows are only ever added, so that concurrent transactions do not conflict; the newest row of a stream says how far it was read.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet

from headrace.counting import count
from headrace.cursor import Cursor
from headrace.errors import LedgerUnbalanced
from headrace.schema import BIGINT, TIMESTAMPTZ, VARCHAR, Added, Column, Schema, Type
from headrace.sql.operations import AlterColumns, CreateSchema, CreateTable
from headrace.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headrace.warehouse.base import Connection

HOME = "headrace"
NAMES = "names"
"""Where the state of a stream keeps what its columns are called at the source."""
LOADS = Table(HOME, "loads")
BUILDS = Table(HOME, "builds")
SCHEMA = Table(HOME, "schema_history")
FILES = Table(HOME, "files")

_TEXTS, _NUMBERS = ("stream", "name", "stamp", "load_id"), ("size", "rows", "quarantined")
_FILES = Schema(
    (
        *(Column(each, VARCHAR) for each in _TEXTS),
        *(Column(each, BIGINT) for each in _NUMBERS),
        Column("loaded_at", TIMESTAMPTZ),
    )
)

_ready: WeakSet[Connection] = WeakSet()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One load, as the ledger keeps it; `rows_after` is the table's size.

    `deleted` rows are those that an arriving row removed, which are among `updated`, and those that are gone because none stands
    for them, which were not read and are nowhere else.

    `state` is where the source goes on: `resume` as the last batch said. Which files were read is in a table of its own, see `files`.
    """

    load_id: str
    run_id: str
    stream: str
    target: str
    disposition: str
    source: str
    started_at: datetime
    committed_at: datetime
    read: int = 0
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    duplicate: int = 0
    filtered: int = 0
    quarantined: int = 0
    cursor_field: str | None = None
    cursor_value: str | None = None
    schema: Mapping[str, Any] = field(default_factory=dict)
    state: Mapping[str, Any] = field(default_factory=dict)
    rows_after: int | None = None

    @property
    def cursor(self) -> Cursor | None:
        """How far the stream was read, if it has a cursor."""
        return Cursor(self.cursor_field, self.cursor_value) if self.cursor_field else None

    @property
    def carried(self) -> dict[str, Any]:
        """What stays known after a load that had nothing to say of it: the cursors of parents, a tap's state, how files are written."""
        resume = self.state.get("resume", {})
        return {key: resume[key] for key in ("cursors", "dialect", "state") if resume.get(key)}

    @property
    def names(self) -> dict[str, str] | None:
        """The columns that are not called as at the source, by what they are called there; None if nobody kept them."""
        found = self.state.get("resume", {}).get(NAMES)
        return None if found is None else dict(found)

    def check(self) -> None:
        """Raise LedgerUnbalanced unless every row that was read is accounted for."""
        kept = self.inserted + self.updated + self.unchanged
        found = kept + self.duplicate + self.filtered + self.quarantined
        if self.read != found:
            raise LedgerUnbalanced(
                f"{self.stream}: {count(self.read, 'row was', 'rows were')} read but {count(found, 'is', 'are')} accounted for ({self.inserted} inserted, "
                f"{self.updated} updated, {self.unchanged} unchanged, {self.duplicate} duplicate, {self.filtered} filtered, "
                f"{self.quarantined} quarantined); nothing of the load was kept"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """One build of a model, seed or snapshot. `code` is the hash of what was run."""

    run_id: str
    node: str
    target: str
    kind: str
    rows: int | None
    started_at: datetime
    finished_at: datetime
    passed: int = 0
    warned: int = 0
    failed: int = 0
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Altered:
    """A column of a loaded table came to be (`created` with its table or `added` to it) or grew from a type to another (`widened`)."""

    load_id: str
    run_id: str
    stream: str
    target: str
    column: str
    change: str
    was: str | None
    type: str
    changed_at: datetime


Row = TypeVar("Row", Entry, Build, Altered)

_TYPES = {"datetime": TIMESTAMPTZ, "int": BIGINT, "int | None": BIGINT}


def ensure(connection: Connection) -> None:
    """Make the ledger's tables if they are not there; once for each connection, outside of a transaction."""
    if connection in _ready:
        return
    there = connection.inspect(HOME)
    if not {LOADS, BUILDS, SCHEMA, FILES} <= set(there):
        connection.run(CreateSchema(HOME))
        for table, row in ((LOADS, Entry), (BUILDS, Build), (SCHEMA, Altered)):
            columns = tuple(Column(each.name, _type(each.type)) for each in fields(row))
            connection.run(CreateTable(table, Schema(columns), if_absent=True))
        connection.run(CreateTable(FILES, _FILES, if_absent=True))
    if held := there.get(FILES):
        # An earlier version of headrace may have made it.
        lacking = tuple(Added(one) for one in _FILES if held.schema.get(one.name) is None)
        if lacking:
            connection.run(AlterColumns(FILES, lacking))
    _ready.add(connection)


def record(connection: Connection, entry: Entry) -> None:
    """Write a load's row, after checking that it balances."""
    entry.check()
    _insert(connection, LOADS, [entry])


def record_builds(connection: Connection, builds: Sequence[Build]) -> None:
    """Write the rows of builds, in one statement."""
    if builds:
        _insert(connection, BUILDS, builds)


def record_changes(connection: Connection, changes: Sequence[Altered]) -> None:
    """Write what a load changed of a table's columns, in one statement."""
    if changes:
        _insert(connection, SCHEMA, changes)


def has(connection: Connection, load_id: str, label: str | None = None) -> Entry | None:
    """The entry of a load, if it was committed: that of its stream, where tables of lists have one of their own."""
    return next(iter(_select(connection, LOADS, Entry, {"load_id": load_id, "stream": label}, "load_id", 1)), None)


def last_load(connection: Connection, label: str) -> Entry | None:
    """The newest load of a stream: its cursor and state are where the next one begins."""
    return next(iter(loads(connection, label=label, limit=1)), None)


def loads(
    connection: Connection, table: str | None = None, label: str | None = None, limit: int | None = None
) -> list[Entry]:
    """Loads, newest first; of one table, written as `schema.name`, or of one stream."""
    wanted = {"target": table, "stream": label}
    return _select(connection, LOADS, Entry, wanted, "committed_at DESC, load_id", limit)


def builds(connection: Connection, node: str | None = None, limit: int | None = None) -> list[Build]:
    """Builds, newest first; of one node by its unique id."""
    return _select(connection, BUILDS, Build, {"node": node}, "finished_at DESC, run_id", limit)


def changes(connection: Connection, label: str | None = None, limit: int | None = None) -> list[Altered]:
    """Changes of loaded tables' columns, newest first; of one stream."""
    return _select(connection, SCHEMA, Altered, {"stream": label}, 'changed_at DESC, load_id, target, "column"', limit)


def _type(annotation: Any) -> Type:
    # `from __future__ import annotations` leaves annotations as text.
    return _TYPES.get(str(annotation), VARCHAR)


def _insert(connection: Connection, table: Table, rows: Sequence[Entry | Build | Altered]) -> None:
    kept = fields(rows[0])
    marks = ", ".join("CAST(? AS TIMESTAMPTZ)" if each.type == "datetime" else "?" for each in kept)
    columns = ", ".join(f'"{each.name}"' for each in kept)
    connection.rows(
        f'INSERT INTO "{table.schema}"."{table.name}" ({columns}) VALUES {", ".join([f"({marks})"] * len(rows))}',
        [_written(getattr(row, each.name)) for row in rows for each in kept],
    )


def _written(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if value is None or isinstance(value, (int, str)) else json.dumps(value, default=str)


def _select(
    connection: Connection,
    table: Table,
    kind: type[Row],
    wanted: Mapping[str, str | None],
    order: str,
    limit: int | None,
) -> list[Row]:
    chosen = {name: value for name, value in wanted.items() if value is not None}
    # A time as a number: drivers differ in what they need to give it with its zone.
    columns = ", ".join(
        f'EXTRACT(EPOCH FROM "{each.name}")' if each.type == "datetime" else f'"{each.name}"' for each in fields(kind)
    )
    sql = f'SELECT {columns} FROM "{table.schema}"."{table.name}"'
    if chosen:
        sql += " WHERE " + " AND ".join(f'"{name}" = ?' for name in chosen)
    sql += f" ORDER BY {order} DESC" + (f" LIMIT {limit:d}" if limit is not None else "")
    return [_read(kind, row) for row in connection.rows(sql, list(chosen.values()))]


def _read(kind: type[Row], row: tuple[Any, ...]) -> Row:
    values: dict[str, Any] = {}
    for each, value in zip(fields(kind), row, strict=True):
        if each.type == "datetime":
            values[each.name] = datetime.fromtimestamp(round(float(value), 6), UTC)
        elif str(each.type).startswith("Mapping"):
            values[each.name] = json.loads(value)
        else:
            values[each.name] = value
    return kind(**values)
