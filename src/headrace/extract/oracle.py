"""Oracle as a source: a transaction that only reads and sees one state, whose columns the driver gives as Arrow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import parse_qs, unquote, urlsplit

import oracledb

from headrace.errors import SourceRefused, SourceUnavailable
from headrace.extract import oracle_sql
from headrace.extract.cells import Cell, cast
from headrace.extract.oracle_sql import literal, quoted
from headrace.extract.reader import Words
from headrace.schema import VARCHAR, Kind
from headrace.table import Table

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from headrace.arrow import pa
    from headrace.warehouse.embedded import Embedded

_SESSION = (
    "ALTER SESSION SET TIME_ZONE = '+00:00' NLS_SORT = BINARY NLS_COMP = BINARY NLS_NUMERIC_CHARACTERS = '.,'",
    "SET TRANSACTION READ ONLY",
)
_KEY = (
    "SELECT k.column_name FROM all_constraints c JOIN all_cons_columns k ON k.owner = c.owner "
    "AND k.constraint_name = c.constraint_name WHERE c.owner = {owner} AND c.table_name = {table} "
    "AND c.constraint_type = 'P' AND c.status = 'ENABLED' AND c.validated = 'VALIDATED' ORDER BY k.position"
)
_UNIQUE = (
    "SELECT i.index_name, k.column_name, c.nullable FROM all_indexes i JOIN all_ind_columns k ON k.index_owner = i.owner "
    "AND k.index_name = i.index_name JOIN all_tab_columns c ON c.owner = i.table_owner AND c.table_name = i.table_name "
    "AND c.column_name = k.column_name WHERE i.table_owner = {owner} AND i.table_name = {table} AND i.uniqueness = 'UNIQUE' "
    "AND i.index_type = 'NORMAL' AND i.status <> 'UNUSABLE' ORDER BY i.index_name, k.column_position"
)
_TABLES = (
    "SELECT table_name FROM all_tables WHERE owner = {owner} AND nested = 'NO' AND secondary = 'N' AND dropped = 'NO' "
    "AND temporary = 'N'"
)
_SIZE = (
    "SELECT NVL(SUM(num_rows), 0), NVL(SUM(num_rows * avg_row_len), 0) FROM all_tables "
    "WHERE owner = {owner} AND table_name = {table}"
)
_ROWS, _LARGE_ROWS = 10_000, 50
"""How many rows are asked for at once, and how many where a value can be of any length."""


def connect(url: str, local: Embedded) -> OracleReader:
    """A session of the server, by the thin driver. Raises SourceUnavailable."""
    parts = urlsplit(url)
    options = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    named = unquote(parts.path.lstrip("/")) or None
    try:
        session = oracledb.connect(
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            host=parts.hostname or "localhost",
            port=parts.port or 1521,
            service_name=None if "sid" in options else named,
            sid=options.get("sid"),
            protocol=options.get("protocol", "tcp"),
            tcp_connect_timeout=10,
        )
        reader = OracleReader(session, local)
        for statement in _SESSION:
            reader.run(statement)
    except (oracledb.Error, OSError) as error:
        gone = SourceUnavailable(
            f"Oracle at {parts.hostname or 'localhost'}{parts.path} cannot be reached: {_said(error)}",
            hint="is the listener up, and are host, user, password and service of the source's `url` right?",
        )
        gone.absent = True
        raise gone from error
    return reader


class OracleReader:
    """A session in one transaction that only reads, whose reads all see the state at its beginning."""

    settled = True
    words = Words(
        alias=" ",
        remainder="MOD({value}, {by})",
        first="{select} FETCH FIRST 1 ROWS ONLY",
        rows_compare=False,
        folded=str.upper,
    )

    def __init__(self, session: oracledb.Connection, local: Embedded) -> None:
        self.session = session
        self.local = local
        self._columns: dict[str, oracle_sql.Column] = {}

    def name(self, text: str) -> str:
        """In double quotes."""
        return quoted(text)

    def columns(self, relation: str, table: Table | None) -> list[Cell]:
        """As the server describes them. What has no exact text is a column nonetheless, and is refused when it is read."""
        del table
        cells = []
        for info in self._described(f"SELECT * FROM {relation} WHERE 1 = 0"):
            word = info.type_code.name.removeprefix("DB_TYPE_")
            column = oracle_sql.Column(quoted(info.name), word, info.precision or 0, info.scale or 0)
            self._columns[info.name] = column
            kind = oracle_sql.type_of(column) or VARCHAR
            cells.append(Cell(info.name, info.name, kind, bool(info.null_ok), unbound=column.unbound))
        return cells

    def counter(self, column: str, table: Table | None) -> None:
        """None: the number that Oracle keeps is one of blocks, not of rows."""
        del column, table

    def key(self, table: Table) -> tuple[str, ...]:
        """The primary key's columns."""
        return tuple(row[0] for row in self.rows(_about(_KEY, table)))

    def unique(self, table: Table) -> tuple[str, ...]:
        """Of the index with the fewest columns."""
        found: dict[str, list[tuple[str, str]]] = {}
        for index, column, nullable in self.rows(_about(_UNIQUE, table)):
            found.setdefault(index, []).append((column, nullable))
        whole = [tuple(name for name, _ in of) for of in found.values() if all(nullable == "N" for _, nullable in of)]
        return min(whole, key=len, default=())

    def tables(self, schema: str | None) -> list[Table]:
        """Those that the session may see, in lower case; one whose name is not all in upper case there is read by a query."""
        found = self.rows(_TABLES.format(owner=_owner(schema)))
        return [Table(schema or "", row[0].lower()) for row in found if row[0] == row[0].upper()]

    def schemas(self) -> list[str]:
        """The users that are not Oracle's own, in lower case."""
        found = self.rows("SELECT username FROM all_users WHERE oracle_maintained = 'N'")
        return [row[0].lower() for row in found if row[0] == row[0].upper()]

    def size(self, table: Table) -> tuple[int, int]:
        """As the last statistics say."""
        rows, size = self.rows(_about(_SIZE, table))[0]
        return int(rows), int(size)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """A small result."""
        try:
            with self.session.cursor() as cursor:
                cursor.execute(sql)
                return list(cursor.fetchall())
        except (oracledb.Error, OSError) as error:
            _fail(sql, error)

    def run(self, sql: str) -> None:
        """A statement without a result."""
        try:
            with self.session.cursor() as cursor:
                cursor.execute(sql)
        except (oracledb.Error, OSError) as error:
            _fail(sql, error)

    def comparable(self, cell: Cell) -> str:
        """As it is: the session compares texts by their bytes."""
        return self.name(cell.original)

    def value(self, cell: Cell, text: str) -> str:
        """Of the column's own type."""
        return oracle_sql.value(self._columns[cell.original], text)

    def text(self, cell: Cell) -> str:
        """As the server writes it, in UTC where it has a zone."""
        return oracle_sql.text(self._columns[cell.original], cell.type)

    def limit(self, relation: str, cell: Cell) -> str | None:
        """The highest value that is committed."""
        column = self._columns[cell.original]
        held = f"(SELECT MAX({column.held}) AS {column.held} FROM {relation}) top"
        found = self.rows(f"SELECT {oracle_sql.text(column, cell.type)} FROM {held}")[0][0]
        return None if found is None else str(found)

    def read(
        self, cells: Sequence[Cell], rest: str, most: int
    ) -> Generator[tuple[pa.Table, pa.Table | None], None, None]:
        """Arrow as the driver makes it, of text where that is exact and the driver's own value is not."""
        self._refuse(cells)
        columns = [self._columns[cell.original] for cell in cells]
        listed = ", ".join(
            f"{oracle_sql.written(column, cell.type)} AS c{at}"
            for at, (column, cell) in enumerate(zip(columns, cells, strict=True))
        )
        sql = f"SELECT {listed} FROM {rest}"
        large = any(column.word in oracle_sql.LARGE for column in columns)
        try:
            for frame in self.session.fetch_df_batches(sql, size=min(most, _LARGE_ROWS if large else _ROWS)):
                yield cast(_plain(frame, cells), cells, self.local, "oracle")
        except (oracledb.Error, OSError) as error:
            _fail(sql, error)

    def fork(self, local: Embedded) -> None:
        """No other session: a transaction's state is not shared."""
        del local

    def close(self) -> None:
        """End the session and its transaction."""
        self.session.close()

    def _described(self, sql: str) -> list[Any]:
        try:
            with self.session.cursor() as cursor:
                cursor.execute(sql)
                return list(cursor.description or ())
        except (oracledb.Error, OSError) as error:
            _fail(sql, error)

    def _refuse(self, cells: Sequence[Cell]) -> None:
        for cell in cells:
            column = self._columns[cell.original]
            if oracle_sql.type_of(column) is None:
                raise SourceRefused(
                    f"Oracle: the column '{cell.original}' is of the type {column.word}, whose values have no exact text",
                    hint=f"leave it out by `excluded_columns: [{cell.original}]`, or convert it in a `query:`",
                )


def _plain(frame: Any, cells: Sequence[Cell]) -> pa.Table:
    """The driver's columns as c0, c1, … of the types that the cells are made of."""
    from headrace.arrow import pa

    arrived = pa.table(frame)
    direct = {
        Kind.SMALLINT: pa.int16(),
        Kind.INTEGER: pa.int32(),
        Kind.BIGINT: pa.int64(),
        Kind.FLOAT: pa.float32(),
        Kind.DOUBLE: pa.float64(),
        Kind.BLOB: pa.binary(),
    }
    columns = [
        column.cast(direct.get(cell.type.kind, pa.string()) if not pa.types.is_null(column.type) else pa.string())
        for column, cell in zip(arrived.columns, cells, strict=True)
    ]
    return pa.table(columns, names=[f"c{at}" for at in range(len(columns))])


def _owner(schema: str | None) -> str:
    return literal(_upper(schema)) if schema else "SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA')"


def _upper(text: str) -> str:
    return text.upper() if text == text.lower() else text


def _about(sql: str, table: Table) -> str:
    return sql.format(owner=_owner(table.schema or None), table=literal(_upper(table.name)))


def _said(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _fail(sql: str, error: Exception) -> NoReturn:
    """The server's own sentence; a session that is gone can be asked again, a query that is wrong cannot."""
    about = error.args[0] if error.args else None
    lost = (
        isinstance(error, OSError)
        or getattr(about, "isrecoverable", False)
        or isinstance(error, oracledb.InterfaceError)
    )
    failed = (SourceUnavailable if lost else SourceRefused)(f"Oracle: {_said(error)}")
    failed.add_note(sql if len(sql) < 4000 else sql[:4000] + " …")
    raise failed from error
