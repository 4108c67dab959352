"""MySQL and MariaDB as a source: the server writes each row as a line of CSV, so that Python makes one object of a row, not one of a cell."""

from __future__ import annotations

import re
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, cast

import pymysql
import pymysql.cursors
from pymysql.converters import encoders

from headrace.extract.cells import Cell, decode
from headrace.extract.reader import Words, qualified
from headrace.extract.row_lines import pages
from headrace.extract.sessions import Address, Driven, Driver, absent, address, narrowest
from headrace.schema import BIGINT, DATE, DOUBLE, JSON, TIMESTAMP, TIMESTAMPTZ, VARCHAR, Kind, Type, decimal
from headrace.sql.dialect import text as literal
from headrace.table import Table

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from headrace.arrow import pa
    from headrace.warehouse.embedded import Embedded

_SESSION = (
    "SET time_zone = '+00:00', sql_mode = 'NO_BACKSLASH_ESCAPES', net_write_timeout = 600",
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "START TRANSACTION WITH CONSISTENT SNAPSHOT",
)
_WHOLE = {
    "tinyint": Kind.SMALLINT,
    "smallint": Kind.SMALLINT,
    "mediumint": Kind.INTEGER,
    "int": Kind.INTEGER,
    "year": Kind.SMALLINT,
}
_UNSIGNED = {"tinyint": Kind.SMALLINT, "smallint": Kind.INTEGER, "mediumint": Kind.INTEGER, "int": Kind.BIGINT}
_OTHERS = {
    "float": Type(Kind.FLOAT),
    "double": DOUBLE,
    "date": DATE,
    "time": Type(Kind.TIME),
    "datetime": TIMESTAMP,
    "timestamp": TIMESTAMPTZ,
    "json": JSON,
    "uuid": Type(Kind.UUID),
    "bit": decimal(20, 0),
}
_BYTES = (
    "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob",
    "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection",
)  # fmt: skip
_SYSTEM = ("information_schema", "performance_schema", "mysql", "sys")
_NUMBERS = (Kind.SMALLINT, Kind.INTEGER, Kind.BIGINT, Kind.DECIMAL)
_LOST = (2003, 2006, 2013, 1053, 1927, 4031)
"""Errors of a session that is gone, or that never began."""


def connect(url: str, local: Embedded) -> MysqlReader:
    """A session of the server. Raises SourceUnavailable."""
    at = address(url)
    try:
        session = _session(at)
        with session.cursor() as cursor:
            for statement in _SESSION:
                cursor.execute(statement)
    except pymysql.Error as error:
        hint = "is the server up, and are host, user, password and database of the source's `url` right?"
        raise absent(at.at("MySQL", "the local socket"), error.args[-1] if error.args else error, hint) from error
    return MysqlReader(at, session, local)


def _session(at: Address) -> pymysql.Connection[pymysql.cursors.Cursor]:
    return pymysql.connect(
        host=at.host or "localhost",
        port=at.port or 3306,
        user=at.user,
        password=at.password,
        database=at.database or None,
        unix_socket=at.options.get("unix_socket"),
        ssl_ca=at.options.get("ssl_ca"),
        charset="utf8mb4",
        connect_timeout=10,
        conv=cast("Any", encoders),  # and no decoders: every value is the text that the server sent
    )


def _said(error: Exception) -> str:
    return str((*error.args, "")[1] if error.args else error)


def _lost(error: Exception) -> bool:
    return bool(error.args) and error.args[0] in _LOST


class _Lines(pymysql.cursors.SSCursor):
    """The rows of a result as the server sends them, of which there is no rest to be read when one of them could not be."""

    def read_next(self) -> Any:
        """The next row; None at the end."""
        try:
            return super().read_next()
        except BaseException:
            # Else the driver would read on as it closes, from a socket that it has let go of.
            cast("Any", self)._result.unbuffered_active = False  # noqa: SLF001 - it has no other word for it
            raise


class MysqlReader(Driven):
    """A session in one transaction, whose reads all see the state that its first did, which no other can share."""

    driver = Driver("MySQL", (pymysql.Error,), _said, _lost)
    settled = True
    words = Words()

    def __init__(self, at: Address, session: pymysql.Connection[pymysql.cursors.Cursor], local: Embedded) -> None:
        self.at = at
        self.session = session
        self.local = local
        self._words: dict[str, str] = {}

    def name(self, text: str) -> str:
        """In backticks."""
        return "`" + text.replace("`", "``") + "`"

    def columns(self, relation: str, table: Table | None) -> list[Cell]:
        """As the table has them; those of a query by way of a temporary table of no rows."""
        if table is None:
            self.rows(f"CREATE TEMPORARY TABLE headrace_shape AS SELECT * FROM {relation} LIMIT 0")
            relation = "headrace_shape"
        found = self.rows(f"SHOW FULL COLUMNS FROM {relation}")
        if table is None:
            self.rows("DROP TEMPORARY TABLE headrace_shape")
        self._words = {row[0]: row[1].lower() for row in found}
        checked = self._json(table)
        cells = []
        for row in found:
            kind = JSON if row[0] in checked else type_of(row[1].lower())
            cells.append(
                Cell(row[0], row[0], kind, row[3] == "YES", unbound=row[1].startswith("decimal") and kind == VARCHAR)
            )
        return cells

    def _json(self, table: Table | None) -> set[str]:
        """MariaDB's JSON columns, which are texts with a check."""
        if table is None or "MariaDB" not in self.rows("SELECT version()")[0][0]:
            return set()
        schema = literal(table.schema) if table.schema else "database()"
        found = self.rows(
            f"SELECT check_clause FROM information_schema.check_constraints WHERE constraint_schema = {schema} "
            f"AND table_name = {literal(table.name)}"
        )
        checks = (re.fullmatch(r"\(?json_valid\(`(.*)`\)\)?", row[0]) for row in found)
        return {check[1].replace("``", "`") for check in checks if check}

    def key(self, table: Table) -> tuple[str, ...]:
        """The primary key's columns."""
        found = self.rows(f"SHOW KEYS FROM {qualified(self.name, table)} WHERE Key_name = 'PRIMARY'")
        return tuple(row[4] for row in sorted(found, key=lambda row: int(row[3])))

    def unique(self, table: Table) -> tuple[str, ...]:
        """Of the index with the fewest columns; no part of one is a prefix or an expression."""
        found = self.rows(
            f"SHOW KEYS FROM {qualified(self.name, table)} WHERE Non_unique = 0 AND Key_name <> 'PRIMARY'"
        )
        return narrowest(
            (row[2], row[4], bool(row[4]) and row[7] is None and row[9] != "YES")
            for row in sorted(found, key=lambda row: int(row[3]))
        )

    def tables(self, schema: str | None) -> list[Table]:
        """Those that the session may read."""
        named = literal(schema) if schema else "database()"
        found = self.rows(
            f"SELECT table_name FROM information_schema.tables WHERE table_schema = {named} AND table_type = 'BASE TABLE'"
        )
        return [Table(schema or "", row[0]) for row in found]

    def schemas(self) -> list[str]:
        """The databases that the session may see."""
        found = self.rows("SELECT schema_name FROM information_schema.schemata")
        return [row[0] for row in found if row[0] not in _SYSTEM]

    def size(self, table: Table) -> tuple[int, int]:
        """As InnoDB estimates."""
        schema = literal(table.schema) if table.schema else "database()"
        found = self.rows(
            "SELECT coalesce(table_rows, 0), coalesce(data_length, 0) FROM information_schema.tables "
            f"WHERE table_schema = {schema} AND table_name = {literal(table.name)}"
        )
        return (int(found[0][0]), int(found[0][1])) if found else (0, 0)

    def comparable(self, cell: Cell) -> str:
        """Text by its bytes, whatever its collation."""
        held = self.name(cell.original)
        return f"BINARY {held}" if cell.type.kind is Kind.VARCHAR and not cell.unbound else held

    def value(self, cell: Cell, text: str) -> str:
        """Numbers bare: between a number in quotes and a column the server would compare doubles."""
        bare = cell.type.kind in _NUMBERS and re.fullmatch(r"[+-]?\d+(\.\d+)?", text)
        return text if bare else literal(text)

    def text(self, cell: Cell) -> str:
        """As it is: the server sends nothing but text."""
        return self.name(cell.original)

    def limit(self, relation: str, cell: Cell) -> str | None:
        """The highest value that is committed."""
        top = self.rows(f"SELECT CAST(max({self.comparable(cell)}) AS CHAR CHARACTER SET utf8mb4) FROM {relation}")[0][
            0
        ]
        return None if top is None else str(top)

    def read(
        self, cells: Sequence[Cell], rest: str, most: int
    ) -> Generator[tuple[pa.Table, pa.Table | None], None, None]:
        """Lines that the server wrote; a page of them is some megabytes."""
        values = ", ',', ".join(self._written(cell) for cell in cells)
        sql = f"SELECT CONCAT({values}) FROM {rest}"
        with self.asked(sql, _Lines) as cursor:
            try:
                for page in pages(cursor, most, "MySQL: a row is longer than the server's max_allowed_packet"):
                    yield decode(page, cells, self.local, "mysql")
            except GeneratorExit:
                self._cancel()  # else closing the cursor would read the rest of the result
                with suppress(pymysql.Error):
                    for _ in cursor.fetchall_unbuffered():
                        pass
                raise

    def _cancel(self) -> None:
        """End the statement that runs, which only another session can, and leave the transaction as it is."""
        with suppress(pymysql.Error), closing(_session(self.at)) as other, other.cursor() as cursor:
            cursor.execute(f"KILL QUERY {cast('Any', self.session).thread_id()}")

    def _written(self, cell: Cell) -> str:
        held, word = self.name(cell.original), self._words[cell.original]
        match cell.type.kind:
            case Kind.BLOB:
                return f"IFNULL(CONCAT('\\x', HEX({held})), '')"
            case Kind.TIMESTAMPTZ:
                return f"IFNULL(CONCAT({held}, '+00'), '')"
            case Kind.FLOAT:  # as a double, because the server rounds the text of a float
                return f"IFNULL({held} + 0e0, '')"
            case Kind.VARCHAR | Kind.JSON | Kind.UUID:
                text = f"CAST({held} AS CHAR CHARACTER SET utf8mb4)"
                return f"IFNULL(CONCAT('\"', REPLACE({text}, '\"', '\"\"'), '\"'), '')"
            case _:
                return f"IFNULL({held} + 0, '')" if word.startswith("bit") else f"IFNULL({held}, '')"

    def close(self) -> None:
        """End the session, even in the middle of a result."""
        cast("Any", self.session)._force_close()  # noqa: SLF001 - `close` would read the rest of the result first


def type_of(word: str) -> Type:
    """What a column of this type, as SHOW COLUMNS writes it, arrives as."""
    head = re.split(r"[( ]", word)[0]
    if head == "bigint":
        return decimal(20, 0) if "unsigned" in word else BIGINT
    if head in _WHOLE:
        return Type(_UNSIGNED.get(head, _WHOLE[head]) if "unsigned" in word else _WHOLE[head])
    if head == "decimal":
        found = re.match(r"decimal\((\d+),(\d+)\)", word)
        precision, scale = (int(found[1]), int(found[2])) if found else (10, 0)
        return decimal(precision, scale) if precision <= 38 else VARCHAR
    if head in _BYTES:
        return Type(Kind.BLOB)
    return _OTHERS.get(head, VARCHAR)
