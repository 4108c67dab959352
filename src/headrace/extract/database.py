"""Streams of databases: a table or a query, in ranges of its key, as Arrow columns; what each engine does its own way is its reader's."""

from __future__ import annotations

import fnmatch
import re
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.errors import (
    ConfigInvalid,
    DriverMissing,
    RecordsNotFound,
    SourceRefused,
    SourceUnavailable,
    did_you_mean,
)
from headrace.events import Warned, emit
from headrace.extract.marks import start
from headrace.extract.ranges import Plan, batches
from headrace.extract.reader import after_where, neighbourly, qualified
from headrace.naming import distinct_names
from headrace.project.database_sources import DatabaseStream
from headrace.project.dispositions import KEYED
from headrace.project.reflected import is_pattern, schemas_meant
from headrace.project.urls import split
from headrace.schema import Kind
from headrace.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from headrace.batch import Arrived
    from headrace.cursor import Cursor
    from headrace.extract.cells import Cell
    from headrace.extract.reader import Reader
    from headrace.project.database_sources import Database
    from headrace.project.sources import Stream
    from headrace.project.stream_keys import Incremental
    from headrace.retry import Clock
    from headrace.warehouse.embedded import Embedded

_BYTES = 32 * 1024 * 1024
"""About as many as a batch may have."""


def read(
    stream: Stream, *, cursor: Cursor | None, resume: Mapping[str, Any], local: Embedded, clock: Clock
) -> Iterator[Arrived]:
    """The rows past the cursor, in ranges of the key, going on after the last range that `resume` knows.

    `resume` holds the key, its values where the last range ended, and the cursor's limit: `{"key": [...], "after": [...], "cap": ...}`;
    without a key there is nothing to go on from, which is `{"anew": True}`; at the end it is `{"done": True}`.
    """
    if resume.get("done"):
        return
    _, shared = _of(stream)
    with closing(opened(stream, local, clock)) as reader:
        plan = _plan(stream, _cells(stream, reader, local, clock), shared, reader, cursor, resume)
        yield from batches(plan, reader, local, shared.parallel, tuple(resume.get("after") or ()))


def reflected(stream: Stream, local: Embedded, clock: Clock) -> Stream:
    """The stream with the primary key that its table has, where it needs one and declares none, and the column its cursor lands in."""
    spec, _ = _of(stream)
    keyed = spec.write_disposition in KEYED or (spec.write_disposition is None and spec.incremental)
    if spec.query or not (spec.incremental or (keyed and not spec.primary_key)):
        return stream
    with closing(opened(stream, local, clock)) as reader:
        table = _table(stream)
        cells = _cells(stream, reader, local, clock)
        names = {cell.original: cell.name for cell in cells}
        changed: dict[str, Any] = {}
        if keyed and not spec.primary_key:
            changed["primary_key"] = tuple(names[column] for column in reader.key(table))
        if spec.incremental and (counter := _counter(reader, spec.incremental.cursor_path, table, cells)):
            changed["incremental"] = spec.incremental.model_copy(update={"cursor_path": counter.name})
    return replace(stream, spec=spec.model_copy(update=changed))


def tables_of(stream: Stream, local: Embedded, clock: Clock, wanted: Sequence[str] = ()) -> list[Table]:
    """The tables of the stream's database, in order of their names: those of its schemas, and of the schemas that `wanted` names.

    Raises what `opened` does, and SourceRefused.
    """
    _, shared = _of(stream)
    with closing(opened(stream, local, clock)) as reader:
        found: set[Table] = set()
        for schema in schemas_meant(shared.schemas, wanted or ("*",)):
            if schema is None or not is_pattern(schema):
                found.update(reader.tables(schema))
                continue
            for one in fnmatch.filter(reader.schemas(), schema):
                found.update(reader.tables(one))
        return sorted(found)


def described(stream: Stream, local: Embedded, clock: Clock) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The primary key of the stream's table, and its columns that say when a row was changed."""
    with closing(opened(stream, local, clock)) as reader:
        table = _table(stream)
        cells = _cells(stream, reader, local, clock)
        names = {cell.original: cell.name for cell in cells}
        changed = (cell.name for cell in cells if cell.type.kind in _MOMENTS and _CHANGED.search(cell.name.lower()))
        return tuple(names[column] for column in reader.key(table)), tuple(changed)


def opened(stream: Stream, local: Embedded, clock: Clock) -> Reader:
    """A session of the stream's database. Raises ConfigInvalid, DriverMissing and SourceUnavailable."""
    stream.ready()
    _, shared = _of(stream)
    scheme = split(shared.url, f"{stream.label}: its `url`", stream.place).scheme.partition("+")[0]
    try:
        return _connected(stream, scheme, shared.url, local, clock)
    except ImportError as error:
        raise DriverMissing(
            f"the driver for {scheme} cannot be imported: {error}", hint=f"pip install 'headrace[{_EXTRAS[scheme]}]'"
        ) from error


def _connected(stream: Stream, scheme: str, url: str, local: Embedded, clock: Clock) -> Reader:
    if scheme in ("postgresql", "postgres"):
        from headrace.extract import postgres

        return postgres.connect(url, local, clock)
    if scheme == "sqlite":
        from headrace.extract import sqlite

        return sqlite.connect(_file(stream), local)
    if scheme == "duckdb":
        from headrace.extract import duckdb_file

        return duckdb_file.connect(_file(stream))
    if scheme in ("mysql", "mariadb"):
        from headrace.extract import mysql

        return mysql.connect(url, local)
    if scheme in ("mssql", "sqlserver"):
        from headrace.extract import sqlserver

        return sqlserver.connect(url, local)
    if scheme == "oracle":
        from headrace.extract import oracle

        return oracle.connect(url, local)
    hint = did_you_mean(scheme, _SCHEMES) or f"databases: {', '.join(_SCHEMES)}"
    raise ConfigInvalid(
        f"{stream.label}: no database is read by a URL that starts with '{scheme}'", where=stream.place, hint=hint
    )


_RANGED = (
    Kind.DECIMAL,
    Kind.SMALLINT,
    Kind.INTEGER,
    Kind.BIGINT,
    Kind.VARCHAR,
    Kind.UUID,
    Kind.DATE,
    Kind.TIMESTAMP,
    Kind.TIMESTAMPTZ,
)
"""Kinds of keys whose order and whose text are the same for every reader."""
_MOMENTS = (Kind.TIMESTAMP, Kind.TIMESTAMPTZ)
_CHANGED = re.compile("updat|modif|chang|last_")
"""How columns are called that every change of a row moves on; the time of its creation is not one."""
_SCHEMES = ("postgresql", "mysql", "mariadb", "sqlserver", "mssql", "oracle", "sqlite", "duckdb")
_EXTRAS = {
    "postgresql": "postgres",
    "postgres": "postgres",
    "mysql": "mysql",
    "mariadb": "mysql",
    "mssql": "sqlserver",
    "sqlserver": "sqlserver",
    "oracle": "oracle",
}


def _file(stream: Stream) -> Path:
    """The file of `engine:///relative` or `engine:////absolute`, from the project's folder. Raises SourceUnavailable."""
    _, shared = _of(stream)
    path = Path(stream.folder) / shared.url.partition("://")[2].removeprefix("/")
    if not path.is_file():
        raise SourceUnavailable(f"{stream.label}: there is no file {path}", where=stream.place)
    return path


def _of(stream: Stream) -> tuple[DatabaseStream, Database]:
    if not isinstance(stream.spec, DatabaseStream) or stream.database is None:
        raise TypeError(f"{stream.label} is not a stream of a database")
    spec = stream.spec
    if spec.query and (spec.table or spec.where):
        other = "table" if spec.table else "where"
        raise ConfigInvalid(f"{stream.label}: a stream has a `{other}` or a `query`, not both", where=stream.place)
    return stream.spec, stream.database


def _table(stream: Stream) -> Table:
    spec, shared = _of(stream)
    schema, _, name = (spec.table or stream.name).rpartition(".")
    if not schema and shared.schemas and shared.schema_name is None:
        raise ConfigInvalid(
            f"{stream.label}: its source has several schemas, so `table:` has to say one",
            where=stream.place,
            hint=f"`table: schema.{name}`",
        )
    return Table(schema or shared.schema_name or "", name)


def _relation(stream: Stream, reader: Reader) -> str:
    spec, _ = _of(stream)
    if spec.query:
        return f"(\n{spec.query.strip().rstrip(';')}\n){reader.words.alias}q"
    folded = reader.words.folded
    return qualified(lambda part: reader.name(folded(part) if part == part.lower() else part), _table(stream))


def _cells(stream: Stream, reader: Reader, local: Embedded, clock: Clock) -> list[Cell]:
    """The columns of what the stream reads, with their names here. Raises SourceRefused."""
    spec, _ = _of(stream)
    table = None if spec.query else _table(stream)
    with neighbourly(table, lambda: opened(stream, local, clock)):
        cells = reader.columns(_relation(stream, reader), table)
    names = distinct_names([(cell.original,) for cell in cells])
    return [replace(cell, name=names[(cell.original,)]) for cell in cells]


def _plan(
    stream: Stream,
    found: list[Cell],
    shared: Database,
    reader: Reader,
    cursor: Cursor | None,
    resume: Mapping[str, Any],
) -> Plan:
    spec, _ = _of(stream)
    relation, table = _relation(stream, reader), None if spec.query else _table(stream)
    incremental = spec.incremental
    at_cursor = _cursor(stream, incremental.cursor_path, found, reader, table) if incremental else None
    where = [f"({spec.where})"] if spec.where else []
    where += _conditions(incremental, at_cursor, cursor, reader) if incremental and at_cursor else []
    cap = (
        resume.get("cap")
        if "cap" in resume
        else reader.limit(relation + after_where(where), at_cursor)
        if at_cursor
        else None
    )
    if at_cursor and at_cursor.counting:
        _refuse_restored(stream, cursor, cap)
    rows, size = reader.size(table) if table else (0, 0)
    most = min(
        spec.rows_per_batch or shared.rows_per_batch, max(1000, _BYTES * rows // size if size and rows else 1 << 62)
    )
    if incremental and at_cursor and incremental.on_cursor_value_missing == "raise" and not at_cursor.counting:
        _refuse_missing(stream, relation, at_cursor, reader)
    cells = tuple(_declared(cell, spec) for cell in _chosen(stream, spec, found, at_cursor))
    _tell_of_text(stream, cells, spec)
    origin = f"{table}" if table else "query"
    # What was begun in ranges is gone on with in ranges, whatever has become of the table's size.
    key = _ranged(reader, table, found) if table and (rows > most or resume.get("after")) else ()
    _refuse_another_key(stream, key, resume)
    plan = Plan(cells, relation, tuple(where), key, most, at_cursor, cap, reader.settled, origin.removeprefix("."))
    # Conditions may have an index of their own, which beats any number of looks at the pages.
    if table and rows > most and not key and not where and (laid := reader.laid(table, -(-rows // most))):
        at, bounds = laid
        return replace(plan, key=(at,), bounds=tuple((bound,) for bound in bounds))
    return plan


def _ranged(reader: Reader, table: Table, cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """The key by whose ranges a table is read: its primary key, or else another one that tells all rows apart."""
    for ask in (reader.key, reader.unique):
        key = tuple(cell for name in ask(table) for cell in cells if cell.original == name)
        if key and not any(cell.nullable or cell.type.kind not in _RANGED for cell in key):
            return key
    return ()


def _conditions(incremental: Incremental, at: Cell, cursor: Cursor | None, reader: Reader) -> list[str]:
    held = reader.comparable(at)
    low = start(incremental, cursor)
    first, last = (
        (">=" if incremental.range_start == "closed" else ">"),
        ("<=" if incremental.range_end == "closed" else "<"),
    )
    parts = []
    if low is not None:
        parts.append(f"{held} {first} {reader.value(at, low)}")
    if incremental.end_value is not None:
        parts.append(f"{held} {last} {reader.value(at, incremental.end_value)}")
    if at.counting:
        return parts
    missing = incremental.on_cursor_value_missing
    if missing == "exclude":
        return [*parts, f"{held} IS NOT NULL"]
    return [f"(({' AND '.join(parts)}) OR {held} IS NULL)"] if parts else []


def _refuse_missing(stream: Stream, relation: str, at: Cell, reader: Reader) -> None:
    held = reader.name(at.original)
    if reader.rows(reader.words.first.format(select=f"SELECT {held} FROM {relation} WHERE {held} IS NULL")):
        raise RecordsNotFound(
            f"{stream.label}: a row has no '{at.original}', which is the stream's cursor",
            where=stream.place,
            hint="set `on_cursor_value_missing: include` or `exclude`",
        )


def _refuse_restored(stream: Stream, cursor: Cursor | None, cap: str | None) -> None:
    if cursor and cursor.value and cap and int(cap) < int(cursor.value):
        raise SourceRefused(
            f"{stream.label}: the database counts its changes from {cap} on and had come to {cursor.value}: it is another one, or was restored",
            where=stream.place,
            hint="load the stream anew with --full-refresh",
        )


def _refuse_another_key(stream: Stream, key: Sequence[Cell], resume: Mapping[str, Any]) -> None:
    """Raises SourceRefused where values of a key are known that the table no longer has."""
    now = [cell.original for cell in key]
    if (after := resume.get("after")) and (resume.get("key", now) != now or len(after) != len(now)):
        raise SourceRefused(
            f"{stream.label}: the table has another key than when a part of it was read, so there is no going on after that",
            where=stream.place,
            hint="load the stream anew with --full-refresh",
        )


def _cursor(stream: Stream, column: str, cells: Sequence[Cell], reader: Reader, table: Table | None) -> Cell:
    return _among(column, cells) or _cell(stream, column, [*cells, *_counters(reader, table)])


def _counter(reader: Reader, column: str, table: Table | None, cells: Sequence[Cell]) -> Cell | None:
    """What the database counts its changes by, where the cursor is that and no column of the table."""
    return None if _among(column, cells) else _among(column, _counters(reader, table))


def _counters(reader: Reader, table: Table | None) -> list[Cell]:
    counter = reader.counter(table)
    return [counter] if counter else []


def _among(column: str, cells: Sequence[Cell]) -> Cell | None:
    return next((cell for cell in cells if column in (cell.original, cell.name)), None)


def _cell(stream: Stream, column: str, cells: Sequence[Cell]) -> Cell:
    found = _among(column, cells)
    if found is None:
        names = [cell.original for cell in cells]
        hint = did_you_mean(column, names) or f"columns: {', '.join(names)}"
        raise ConfigInvalid(f"{stream.label}: there is no column '{column}'", where=stream.place, hint=hint)
    return found


def _chosen(stream: Stream, spec: DatabaseStream, cells: Sequence[Cell], cursor: Cell | None) -> list[Cell]:
    """The columns that are asked for; the cursor's is always one of them."""
    wanted = [_cell(stream, column, cells) for column in spec.included_columns] or list(cells)
    without = [_cell(stream, column, cells) for column in spec.excluded_columns]
    chosen = [cell for cell in wanted if cell not in without or cell == cursor]
    return chosen if cursor is None or cursor in chosen else [*chosen, cursor]


def _declared(cell: Cell, spec: DatabaseStream) -> Cell:
    """Text, where text is declared: then the database's own writing of the value is what arrives. A loose column is what is declared."""
    said = spec.column_types.get(cell.name)
    if said is None:
        return cell
    return replace(cell, type=said, unbound=False, loose=False) if cell.loose or said.kind is Kind.VARCHAR else cell


def _tell_of_text(stream: Stream, cells: Sequence[Cell], spec: DatabaseStream) -> None:
    unbound = [
        cell.name for cell in cells if cell.unbound and not (cell.name in spec.columns and spec.columns[cell.name].type)
    ]
    if unbound:
        emit(
            Warned(
                f"{stream.label}: {', '.join(unbound)}: numbers of any length arrive as text, so that no digit is lost; "
                f"declare what they are under `columns:`, such as `{unbound[0]}: decimal(38,9)`",
                where=str(stream.place) if stream.place else None,
            )
        )
