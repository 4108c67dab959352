"""A DuckDB file as a source: opened read-only beside the warehouse, read as Arrow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb

from headrace.errors import SourceRefused, SourceUnavailable, StatementFailed
from headrace.extract.cells import Cell, labelled
from headrace.extract.marks import written
from headrace.extract.reader import Words
from headrace.extract.sessions import Alone
from headrace.schema import JSON, VARCHAR, Kind, Type
from headrace.sql.dialect import name, read_type
from headrace.sql.dialect import text as literal
from headrace.table import Table
from headrace.warehouse.embedded import Embedded

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from headrace.arrow import pa


_AS_TEXT = (Kind.UUID, Kind.INTERVAL, Kind.HUGEINT, Kind.VARCHAR)
_FINER = ("TIMESTAMP_NS", "TIME_NS")
"""Types that count in nanoseconds, which no type of a table here does."""


def connect(path: Path) -> DuckdbReader:
    """A session of the file. Raises SourceUnavailable."""
    try:
        session = duckdb.connect(str(path), read_only=True)
        session.execute("SET TimeZone = 'UTC'; BEGIN")
    except duckdb.Error as error:
        raise SourceUnavailable(f"the DuckDB file {path} cannot be read: {str(error).splitlines()[0]}") from error
    return DuckdbReader(Embedded(session))


class DuckdbReader(Alone):
    """A session in one transaction, so that it sees one state of the file; it reads in parallel by itself."""

    session: Embedded
    settled = True
    words = Words()

    def __init__(self, session: Embedded) -> None:
        self.session = session

    def name(self, text: str) -> str:
        """In double quotes."""
        return name(text)

    def columns(self, relation: str, table: Table | None) -> list[Cell]:
        """As DESCRIBE tells; whether NULL may stand in one is the table's own to say."""
        found = self.rows(f"DESCRIBE SELECT * FROM {relation}")
        declared = self.rows(f"DESCRIBE {relation}") if table else []
        filled = {row[0] for row in declared if row[2] == "NO"}
        return [Cell(row[0], row[0], _type(row[1]), row[0] not in filled) for row in found]

    def key(self, table: Table) -> tuple[str, ...]:
        """The primary key's columns."""
        found = self.rows(
            "SELECT constraint_column_names FROM duckdb_constraints() WHERE constraint_type = 'PRIMARY KEY' "
            f"AND table_name = '{table.name.replace(chr(39), chr(39) * 2)}' "
            f"AND schema_name = '{(table.schema or 'main').replace(chr(39), chr(39) * 2)}'"
        )
        return tuple(found[0][0]) if found else ()

    def unique(self, table: Table) -> tuple[str, ...]:
        """None: there are no ranges."""
        del table
        return ()

    def tables(self, schema: str | None) -> list[Table]:
        """Those of the file, not of DuckDB itself."""
        found = self.rows(
            "SELECT table_name FROM duckdb_tables() WHERE NOT internal AND NOT temporary "
            f"AND database_name = current_database() AND schema_name = {literal(schema or 'main')}"
        )
        return [Table(schema or "", row[0]) for row in found]

    def schemas(self) -> list[str]:
        """Those of the file."""
        found = self.rows(
            "SELECT schema_name FROM duckdb_schemas() WHERE database_name = current_database() "
            "AND schema_name NOT IN ('information_schema', 'pg_catalog')"
        )
        return [row[0] for row in found]

    def size(self, table: Table) -> tuple[int, int]:
        """Unknown, so that there is one range: DuckDB reads a table by all its threads, and gives it batch by batch."""
        del table
        return 0, 0

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """A small result."""
        try:
            return self.session.rows(sql)
        except StatementFailed as error:
            raise SourceRefused(f"DuckDB: {error.what}") from error

    def comparable(self, cell: Cell) -> str:
        """As it is: texts are in the order of their bytes."""
        return name(cell.original)

    def value(self, cell: Cell, text: str) -> str:
        """In quotes: it becomes what the column is."""
        del cell
        return literal(text)

    def text(self, cell: Cell) -> str:
        """As DuckDB writes it."""
        return f"CAST({name(cell.original)} AS VARCHAR)"

    def limit(self, relation: str, cell: Cell) -> str | None:
        """The highest value: a file has one writer, and nothing of it is seen before it is committed."""
        finite = f" FILTER (isfinite({name(cell.original)}))" if cell.type.kind in _CALENDAR else ""
        top = self.rows(f"SELECT max({name(cell.original)}){finite} FROM {relation}")[0][0]
        return None if top is None else written(top)

    def read(
        self, cells: Sequence[Cell], rest: str, most: int
    ) -> Generator[tuple[pa.Table, pa.Table | None], None, None]:
        """Batches as DuckDB gives them; what Arrow and Parquet have no type for is text that says what it is."""
        from headrace.arrow import pa

        selected = ", ".join(_selected(cell, at) for at, cell in enumerate(cells))
        sql = f"SELECT {selected} FROM {rest}"
        try:
            reader = self.session.query(sql, most)
            empty = True
            for batch in reader:
                empty = False
                yield labelled(pa.Table.from_batches([batch]), cells), None
            if empty:
                yield labelled(reader.schema.empty_table(), cells), None
        except (StatementFailed, OSError) as error:
            raise SourceRefused(f"DuckDB: {error}") from error


_CALENDAR = (Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ)


def _type(word: str) -> Type:
    if word in _FINER:
        return VARCHAR
    kind = read_type(word)
    return kind if _plain(kind, outside=True) else JSON


def _plain(kind: Type, *, outside: bool) -> bool:
    if kind.kind is Kind.LIST and kind.item:
        return _plain(kind.item, outside=False)
    if kind.kind is Kind.STRUCT:
        return all(_plain(of, outside=False) for _, of in kind.fields)
    return outside or kind.kind not in (Kind.INTERVAL, Kind.HUGEINT, Kind.JSON)


def _selected(cell: Cell, at: int) -> str:
    held, kind = name(cell.original), cell.type.kind
    if kind in _AS_TEXT:
        held = f"CAST({held} AS VARCHAR)"
    elif kind is Kind.JSON:
        held = f"CAST(to_json({held}) AS VARCHAR)"
    elif kind is Kind.DECIMAL:
        held = f"CAST({held} AS DECIMAL({cell.type.precision},{cell.type.scale}))"
    return f"{held} AS c{at}"
