"""A SQLite file as a source. A column is what it was declared as; a value of another class is refused, not bent."""

from __future__ import annotations

import json
import re
import sqlite3
from typing import TYPE_CHECKING, Any

from headrace.errors import SourceRefused, SourceUnavailable
from headrace.extract.cells import Cell, cast
from headrace.extract.reader import Words, qualified
from headrace.extract.sessions import Alone
from headrace.schema import BIGINT, BOOLEAN, DATE, DOUBLE, JSON, TIMESTAMP, TIMESTAMPTZ, VARCHAR, Kind, Type, decimal
from headrace.sql.dialect import name
from headrace.sql.dialect import text as literal
from headrace.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from headrace.arrow import pa
    from headrace.warehouse.embedded import Embedded

_PAGE = 32 * 1024 * 1024
_FIRST = 16
_EXACT = 2**53
"""Up to here a double holds every whole number."""
_WORDS = {
    "boolean": BOOLEAN,
    "bool": BOOLEAN,
    "date": DATE,
    "datetime": TIMESTAMP,
    "timestamp": TIMESTAMP,
    "timestamptz": TIMESTAMPTZ,
    "time": Type(Kind.TIME),
    "json": JSON,
}
_FOUND = {
    ("integer",): BIGINT,
    ("real",): DOUBLE,
    ("integer", "real"): DOUBLE,
    ("text",): VARCHAR,
    ("blob",): Type(Kind.BLOB),
    (): VARCHAR,
}


def connect(path: Path, local: Embedded) -> SqliteReader:
    """A session of the file, which is not written to. Raises SourceUnavailable."""
    try:
        session = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
        )
        session.execute("BEGIN")
        session.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
    except sqlite3.Error as error:
        raise SourceUnavailable(f"the SQLite file {path} cannot be read: {error}") from error
    return SqliteReader(session, local)


class SqliteReader(Alone):
    """A session in one transaction, so that it sees one state of the file.

    It has no others beside it: what costs is the making of values, which threads of Python cannot share.
    """

    session: sqlite3.Connection
    settled = True
    words = Words()

    def __init__(self, session: sqlite3.Connection, local: Embedded) -> None:
        self.session = session
        self.local = local

    def name(self, text: str) -> str:
        """In double quotes."""
        return name(text)

    def columns(self, relation: str, table: Table | None) -> list[Cell]:
        """As declared; a column without a type, or of a query, is what its values are."""
        names = [row[0] for row in self._ask(f"SELECT * FROM {relation} LIMIT 0").description]
        said: dict[str, tuple[str, bool]] = {}
        if table:
            found = self.rows(f'SELECT name, type, "notnull", pk FROM pragma_table_info({literal(table.name)})')
            alone = sum(row[3] > 0 for row in found) == 1
            said = {
                row[0]: (row[1], not row[2] and not (alone and row[3] and row[1].upper() == "INTEGER")) for row in found
            }
        cells = []
        for column in names:
            word, nullable = said.get(column, ("", True))
            kind = type_of(word) or self._seen(relation, column)
            cells.append(Cell(column, column, kind, nullable, loose=True))
        return cells

    def _seen(self, relation: str, column: str) -> Type:
        """The type of the values that there are."""
        held = name(column)
        found = self.rows(f"SELECT DISTINCT typeof({held}) FROM {relation} WHERE {held} IS NOT NULL ORDER BY 1")
        classes = tuple(row[0] for row in found)
        return _FOUND.get(classes, VARCHAR)

    def key(self, table: Table) -> tuple[str, ...]:
        """The primary key's columns."""
        found = self.rows(f"SELECT name FROM pragma_table_info({literal(table.name)}) WHERE pk > 0 ORDER BY pk")
        return tuple(row[0] for row in found)

    def unique(self, table: Table) -> tuple[str, ...]:
        """Of the whole index with the fewest columns, none of which is an expression."""
        found = self.rows(
            f"SELECT i.name FROM pragma_index_list({literal(table.name)}) AS i, pragma_table_info({literal(table.name)}) AS t "
            'JOIN pragma_index_info(i.name) AS k ON k.name = t.name WHERE i."unique" AND NOT i.partial '
            'GROUP BY i.name HAVING min(t."notnull") = 1 AND count(*) = (SELECT count(*) FROM pragma_index_info(i.name)) '
            "ORDER BY count(*), i.name LIMIT 1"
        )
        if not found:
            return ()
        columns = self.rows(f"SELECT name FROM pragma_index_info({literal(found[0][0])}) ORDER BY seqno")
        return tuple(row[0] for row in columns)

    def tables(self, schema: str | None) -> list[Table]:
        """All but SQLite's own."""
        held = f"{name(schema)}.sqlite_master" if schema else "sqlite_master"
        found = self.rows(f"SELECT name FROM {held} WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
        return [Table(schema or "", row[0]) for row in found]

    def schemas(self) -> list[str]:
        """That of the file itself."""
        return ["main"]

    def size(self, table: Table) -> tuple[int, int]:
        """Counted rows, and what the first of them hold."""
        quoted = qualified(name, table)
        names = [row[0] for row in self._ask(f"SELECT * FROM {quoted} LIMIT 0").description]
        width = _sum([f"coalesce(length(CAST({name(column)} AS BLOB)), 0) + 8" for column in names])
        sampled, size = self.rows(
            f"SELECT count(*), sum(width) FROM (SELECT {width} AS width FROM {quoted} LIMIT 1000)"
        )[0]
        count = int(self.rows(f"SELECT count(*) FROM {quoted}")[0][0])
        return count, int(size or 0) * count // max(int(sampled), 1)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """A small result."""
        return self._ask(sql).fetchall()

    def comparable(self, cell: Cell) -> str:
        """As it is: texts are in the order of their bytes."""
        return f"{name(cell.original)} COLLATE BINARY" if cell.type.kind is Kind.VARCHAR else name(cell.original)

    def value(self, cell: Cell, text: str) -> str:
        """In quotes: it becomes what the column is."""
        del cell
        return literal(text)

    def text(self, cell: Cell) -> str:
        """As it is stored."""
        return name(cell.original)

    def limit(self, relation: str, cell: Cell) -> str | None:
        """The highest value as it is stored: a file has one writer, and nothing of it is seen before it is committed."""
        top = self.rows(f"SELECT max({name(cell.original)}) FROM {relation}")[0][0]
        return None if top is None else str(top)

    def read(
        self, cells: Sequence[Cell], rest: str, most: int
    ) -> Generator[tuple[pa.Table, pa.Table | None], None, None]:
        """Columns of so many rows; rows with a value that is not of its column's type apart."""
        cursor = self._ask(f"SELECT {', '.join(name(cell.original) for cell in cells)} FROM {rest}")
        origin = rest.partition(" WHERE ")[0].strip().strip('"')
        try:
            rows = cursor.fetchmany(min(most, _FIRST))
            while True:
                chunk = self._typed(rows, cells, origin)
                yield chunk
                # As many rows as those before had room for, so that wide ones do not fill the memory.
                wide = sum(part.nbytes for part in chunk if part is not None) // max(len(rows), 1)
                rows = cursor.fetchmany(max(1, min(most, _PAGE // max(wide, 1), len(rows) * 64)))
                if not rows:
                    break
        except sqlite3.Error as error:
            raise SourceRefused(f"SQLite: {error}", hint=_hint(error)) from error

    def _typed(
        self, rows: list[tuple[Any, ...]], cells: Sequence[Cell], origin: str
    ) -> tuple[pa.Table, pa.Table | None]:
        from headrace.arrow import pa

        columns: list[Sequence[Any]] = list(zip(*rows, strict=True)) or [() for _ in cells]
        misfits = {row: at for at in reversed(range(len(cells))) for row in _misfits(columns[at], cells[at])}
        refused = None
        if misfits:
            refused = pa.concat_tables([_refused(rows[row], cells, at, origin) for row, at in sorted(misfits.items())])
            kept = [row for at, row in enumerate(rows) if at not in misfits]
            columns = list(zip(*kept, strict=True)) or [() for _ in cells]
        arrived = pa.table({f"c{at}": _array(columns[at], cell.type) for at, cell in enumerate(cells)})
        table, rejected = cast(arrived, cells, self.local, origin)
        found = [each for each in (refused, rejected) if each is not None]
        return table, pa.concat_tables(found) if found else None

    def _ask(self, sql: str) -> sqlite3.Cursor:
        try:
            return self.session.execute(sql)
        except sqlite3.Error as error:
            raise SourceRefused(f"SQLite: {error}", hint=_hint(error)) from error


def _sum(terms: Sequence[str]) -> str:
    """A sum of any number of terms: SQLite takes a chain of a thousand, which a table may have columns more than."""
    if len(terms) == 1:
        return terms[0]
    half = len(terms) // 2
    return f"({_sum(terms[:half])} + {_sum(terms[half:])})"


def _hint(error: sqlite3.Error) -> str | None:
    if "decode to UTF-8" in str(error):
        return "the text is not UTF-8: read it as bytes by a `query:` with CAST(column AS BLOB)"
    return None


def type_of(word: str) -> Type | None:
    """What a declared type means, by SQLite's rules for affinity, and the words that people write for what it has no class for."""
    plain = word.strip().lower()
    head = plain.partition("(")[0].strip()
    if head in _WORDS:
        return _WORDS[head]
    numbers = re.fullmatch(r"(?:decimal|numeric)\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)", plain)
    if numbers and int(numbers[1]) <= 38 and int(numbers[2] or 0) <= int(numbers[1]):
        return decimal(int(numbers[1]), int(numbers[2] or 0))
    if "int" in plain:
        return BIGINT
    if any(part in plain for part in ("char", "clob", "text")):
        return VARCHAR
    if "blob" in plain:
        return Type(Kind.BLOB)
    return DOUBLE if any(part in plain for part in ("real", "floa", "doub")) else None


_CLASSES: dict[Kind, tuple[type, ...]] = {
    Kind.BIGINT: (int,),
    Kind.SMALLINT: (int,),
    Kind.INTEGER: (int,),
    Kind.BOOLEAN: (int,),
    Kind.DOUBLE: (float, int),
    Kind.DECIMAL: (int, float, str),
    Kind.BLOB: (bytes,),
    Kind.VARCHAR: (str,),
}
"""The classes of values that a type takes; all others are written as text."""
_FITS: dict[Kind, Callable[[Any], bool]] = {
    Kind.DOUBLE: lambda value: isinstance(value, float) or abs(value) <= _EXACT,
    Kind.BOOLEAN: lambda value: value in (0, 1),
}


def _misfits(values: Sequence[Any], cell: Cell) -> list[int]:
    classes, found = _CLASSES.get(cell.type.kind, (str,)), set(map(type, values)) - {type(None)}
    if cell.type.kind is Kind.VARCHAR and not cell.loose:  # because that is what was asked for
        classes = (str, int, float)
    fits = _FITS.get(cell.type.kind) if int in found else None
    if found <= set(classes) and fits is None:
        return []
    return [
        at
        for at, value in enumerate(values)
        if value is not None and (not isinstance(value, classes) or (fits is not None and not fits(value)))
    ]


def _array(values: Sequence[Any], kind: Type) -> pa.Array:
    from headrace.arrow import pa

    match kind.kind:
        case Kind.BIGINT | Kind.INTEGER | Kind.SMALLINT:
            whole = pa.array(values, pa.int64())
            return whole if kind.kind is Kind.BIGINT else whole.cast(pa.string())
        case Kind.BOOLEAN:
            return pa.array(values, pa.int64()).cast(pa.bool_())
        case Kind.DOUBLE:
            return pa.array([None if value is None else float(value) for value in values], pa.float64())
        case Kind.BLOB:
            return pa.array(values, pa.binary())
        case Kind.DECIMAL:
            return pa.array([None if value is None else str(value) for value in values], pa.string())
        case _:
            return pa.array([None if value is None else str(value) for value in values], pa.string())


def _refused(row: tuple[Any, ...], cells: Sequence[Cell], at: int, origin: str) -> pa.Table:
    from headrace.arrow import pa

    cell = cells[at]
    shown = [value.hex() if isinstance(value, bytes) else value for value in row]
    detail = (
        f"'{str(row[at])[:100]}' is {_CALLED.get(type(row[at]), 'a value')} and no {cell.type}; "
        f"declare what {cell.name} is under columns"
    )
    raw = json.dumps(dict(zip((each.name for each in cells), shown, strict=True)))
    texts = {"reason": "type", "column": cell.name, "detail": detail, "raw": raw, "origin": origin}
    return pa.table({key: pa.array([value], pa.string()) for key, value in texts.items()})


_CALLED = {int: "an integer", float: "a real number", str: "a text", bytes: "a blob"}
