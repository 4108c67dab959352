"""Oracle as a source: a transaction that only reads and sees one state, whose columns the driver gives as Arrow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import oracledb

from headrace.extract import oracle_sql
from headrace.extract.cells import Cell, cast
from headrace.extract.oracle_sql import literal, quoted
from headrace.extract.reader import Words
from headrace.extract.sessions import Driven, Driver, absent, address, narrowest, refuse_inexact
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
    at = address(url)
    try:
        session = oracledb.connect(
            user=at.user,
            password=at.password,
            host=at.host or "localhost",
            port=at.port or 1521,
            service_name=None if "sid" in at.options else at.database or None,
            sid=at.options.get("sid"),
            protocol=at.options.get("protocol", "tcp"),
            tcp_connect_timeout=10,
        )
        reader = OracleReader(session, local)
        for statement in _SESSION:
            reader.run(statement)
    except (oracledb.Error, OSError) as error:
        hint = "is the listener up, and are host, user, password and service of the source's `url` right?"
        raise absent(at.at("Oracle"), _said(error), hint) from error
    return reader


def _said(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _lost(error: Exception) -> bool:
    about = error.args[0] if error.args else None
    return isinstance(error, OSError | oracledb.InterfaceError) or bool(getattr(about, "isrecoverable", False))


class OracleReader(Driven):
    """A session in one transaction that only reads, whose reads all see the state at its beginning, which no other can share."""

    driver = Driver("Oracle", (oracledb.Error, OSError), _said, _lost)
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
        with self.asked(f"SELECT * FROM {relation} WHERE 1 = 0") as cursor:
            described = list(cursor.description or ())
        for info in described:
            word = info.type_code.name.removeprefix("DB_TYPE_")
            column = oracle_sql.Column(quoted(info.name), word, info.precision or 0, info.scale or 0)
            self._columns[info.name] = column
            kind = oracle_sql.type_of(column) or VARCHAR
            cells.append(Cell(info.name, info.name, kind, bool(info.null_ok), unbound=column.unbound))
        return cells

    def key(self, table: Table) -> tuple[str, ...]:
        """The primary key's columns."""
        return tuple(row[0] for row in self.rows(_about(_KEY, table)))

    def unique(self, table: Table) -> tuple[str, ...]:
        """Of the index with the fewest columns."""
        found = self.rows(_about(_UNIQUE, table))
        return narrowest((index, column, nullable == "N") for index, column, nullable in found)

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
        refuse_inexact("Oracle", cells, self._inexact)
        columns = [self._columns[cell.original] for cell in cells]
        listed = ", ".join(
            f"{oracle_sql.written(column, cell.type)} AS c{at}"
            for at, (column, cell) in enumerate(zip(columns, cells, strict=True))
        )
        sql = f"SELECT {listed} FROM {rest}"
        large = any(column.word in oracle_sql.LARGE for column in columns)
        with self.telling(sql):
            for frame in self.session.fetch_df_batches(sql, size=min(most, _LARGE_ROWS if large else _ROWS)):
                yield cast(_plain(frame, cells), cells, self.local, "oracle")

    def _inexact(self, cell: Cell) -> str | None:
        column = self._columns[cell.original]
        return f"of the type {column.word}" if oracle_sql.type_of(column) is None else None


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
