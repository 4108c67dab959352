"""SQL Server as a source: the server writes each row as a line of CSV, in a transaction that sees one state where the database allows it."""

from __future__ import annotations

import socket
import ssl
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import OpenSSL.SSL
import pytds

from headrace.errors import SourceRefused
from headrace.events import Warned, emit
from headrace.extract import tsql
from headrace.extract.cells import Cell, decode
from headrace.extract.reader import Words, qualified
from headrace.extract.row_lines import pages
from headrace.extract.sessions import Address, Driven, Driver, absent, address, narrowest, refuse_inexact
from headrace.extract.tsql import bracketed, literal
from headrace.schema import VARCHAR
from headrace.table import Table

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from headrace.arrow import pa
    from headrace.warehouse.embedded import Embedded

_SESSION = "SET LANGUAGE us_english; SET DATEFORMAT ymd; SET CONCAT_NULL_YIELDS_NULL ON; SET TEXTSIZE 2147483647"
_ALLOWED = "SELECT CONVERT(int, snapshot_isolation_state) FROM sys.databases WHERE database_id = DB_ID()"
_SHAPE = (
    "SELECT name, COALESCE(system_type_name, user_type_name), CONVERT(int, is_nullable), collation_name, error_message "
    "FROM sys.dm_exec_describe_first_result_set({query}, NULL, 0) WHERE COALESCE(is_hidden, 0) = 0 ORDER BY column_ordinal"
)
_KEYS = (
    "SELECT CONVERT(int, i.index_id), CONVERT(int, i.is_primary_key), c.name, CONVERT(int, c.is_nullable) FROM sys.indexes AS i "
    "JOIN sys.index_columns AS k ON k.object_id = i.object_id AND k.index_id = i.index_id AND k.is_included_column = 0 "
    "JOIN sys.columns AS c ON c.object_id = k.object_id AND c.column_id = k.column_id "
    "WHERE i.object_id = OBJECT_ID({table}) AND i.is_unique = 1 AND i.has_filter = 0 AND i.is_disabled = 0 "
    "ORDER BY i.index_id, k.key_ordinal"
)
_TABLES = (
    "SELECT t.name FROM sys.tables AS t JOIN sys.schemas AS s ON s.schema_id = t.schema_id "
    "WHERE s.name = COALESCE({schema}, SCHEMA_NAME()) AND t.is_ms_shipped = 0"
)
_SIZE = (
    "SELECT CONVERT(bigint, COALESCE(SUM(CASE WHEN a.type = 1 THEN p.rows ELSE 0 END), 0)), "
    "CONVERT(bigint, COALESCE(SUM(a.total_pages), 0)) * 8192 FROM sys.partitions AS p "
    "JOIN sys.allocation_units AS a ON a.container_id = p.partition_id WHERE p.object_id = OBJECT_ID({table}) AND p.index_id IN (0, 1)"
)
_ACTIVE = "SELECT CONVERT(nvarchar(20), CONVERT(bigint, MIN_ACTIVE_ROWVERSION()))"


def connect(url: str, local: Embedded) -> SqlServerReader:
    """A session of the server, encrypted unless the URL says `encrypt=no`. Raises SourceUnavailable."""
    at = address(url)
    try:
        reader = SqlServerReader(_session(at), local)
        reader.begin()
    except (pytds.Error, OpenSSL.SSL.Error, OSError, EOFError, ValueError) as error:
        raise absent(
            at.at("SQL Server"),
            _said(error),
            "is the server up, are host, user, password and database of the source's `url` right, and is its certificate trusted "
            "(`?ssl_ca=/path`, or `?encrypt=no` on a network that is your own)?",
        ) from error
    return reader


def _session(at: Address) -> pytds.Connection:
    trusted = at.options.get("ssl_ca") or ssl.get_default_verify_paths().cafile
    # By itself the driver asks a port again that nobody listens at, until its time is up, and then does not say why.
    wire = socket.create_connection((at.host or "localhost", at.port or 1433), timeout=10)
    with warnings.catch_warnings():
        # It reads a certificate's names by calls that pyOpenSSL is to lose, which is why the extra has a bound.
        warnings.simplefilter("ignore", DeprecationWarning)
        return pytds.connect(
            dsn=at.host or "localhost",
            sock=wire,
            database=at.database or None,
            user=at.user,
            password=at.password,
            cafile=None if at.options.get("encrypt") == "no" else trusted,
            login_timeout=10,
            autocommit=True,
            appname="headrace",
            readonly=True,
            disable_connect_retry=True,
        )


def _said(error: Exception) -> str:
    if isinstance(error, OpenSSL.SSL.Error) and error.args and error.args[0]:
        return str(error.args[0][0][-1])  # a list of what went wrong, each with its place in the library
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return (str(error.args[0] if error.args else "").strip().splitlines() or [type(error).__name__])[0]


def _lost(error: Exception) -> bool:
    return not isinstance(error, pytds.DatabaseError) or isinstance(error, pytds.LoginError)


class SqlServerReader(Driven):
    """A session whose reads see one state of the database, if it allows snapshots, which it does not share."""

    driver = Driver("SQL Server", (pytds.Error, OSError, EOFError), _said, _lost)
    words = Words(first="SELECT TOP (1) * FROM ({select}) AS one", rows_compare=False)

    def __init__(self, session: pytds.Connection, local: Embedded) -> None:
        self.session = session
        self.local = local
        self.settled = False
        self._active = ""
        self._columns: dict[str, tsql.Column] = {}

    def begin(self) -> None:
        """See one state from the first read on, where that is allowed. Raises SourceUnavailable and SourceRefused."""
        self.run(_SESSION)
        # Asked before the snapshot is taken: what it does not see is not below this.
        self._active = str(self.rows(_ACTIVE)[0][0])
        self.settled = self.rows(_ALLOWED) == [(1,)]
        if self.settled:
            self.run("SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRANSACTION")
            return
        emit(
            Warned(
                "the database allows no snapshots, so rows that change while a table is read can be missed or come twice; "
                "`ALTER DATABASE … SET ALLOW_SNAPSHOT_ISOLATION ON` cures it"
            )
        )

    def name(self, text: str) -> str:
        """In brackets."""
        return bracketed(text)

    def columns(self, relation: str, table: Table | None) -> list[Cell]:
        """As the server describes them. What has no exact text is a column nonetheless, and is refused when it is read."""
        del table
        cells = []
        for name, word, nullable, collation, error in self.rows(
            _SHAPE.format(query=literal(f"SELECT * FROM {relation}"))
        ):
            if error:
                raise SourceRefused(f"SQL Server: {error}")
            whole = str(word).lower().rpartition(".")[2].strip("[]") if word else "of no name"
            column = tsql.Column(bracketed(name), whole.partition("(")[0].strip(), whole, collation)
            self._columns[name] = column
            cells.append(Cell(name, name, tsql.type_of(column) or VARCHAR, bool(nullable), counting=column.counts))
        return cells

    def key(self, table: Table) -> tuple[str, ...]:
        """The primary key's columns."""
        return tuple(name for _, primary, name, _ in self._keys(table) if primary)

    def unique(self, table: Table) -> tuple[str, ...]:
        """Of the index with the fewest columns."""
        return narrowest(
            (index, name, not nullable) for index, primary, name, nullable in self._keys(table) if not primary
        )

    def _keys(self, table: Table) -> list[tuple[Any, ...]]:
        return self.rows(_KEYS.format(table=literal(qualified(bracketed, table))))

    def tables(self, schema: str | None) -> list[Table]:
        """Those that the session may see."""
        found = self.rows(_TABLES.format(schema=literal(schema) if schema else "NULL"))
        return [Table(schema or "", row[0]) for row in found]

    def schemas(self) -> list[str]:
        """All but those of the server's roles."""
        found = self.rows(
            "SELECT name FROM sys.schemas WHERE schema_id < 16384 AND name NOT IN (N'sys', N'INFORMATION_SCHEMA', N'guest')"
        )
        return [row[0] for row in found]

    def size(self, table: Table) -> tuple[int, int]:
        """As the server counts pages."""
        rows, size = self.rows(_SIZE.format(table=literal(qualified(bracketed, table))))[0]
        return int(rows), int(size)

    def comparable(self, cell: Cell) -> str:
        """Text by its numbers."""
        return tsql.comparable(self._columns[cell.original], cell.type)

    def value(self, cell: Cell, text: str) -> str:
        """Of the column's own type."""
        return tsql.value(self._columns[cell.original], cell.type, text)

    def text(self, cell: Cell) -> str:
        """As the server writes it, with nothing left out."""
        column = self._columns[cell.original]
        return tsql.text(column, column.held, VARCHAR)

    def limit(self, relation: str, cell: Cell) -> str | None:
        """The highest value; of a rowversion, the lowest that a transaction held which was open when the session began."""
        column = self._columns[cell.original]
        if column.counts:
            return self._active
        top = f"MAX({self.comparable(cell)})"
        found = self.rows(f"SELECT {tsql.text(column, top, cell.type)} FROM {relation}")[0][0]
        return str(found) if found and found != "+00" else None

    def read(
        self, cells: Sequence[Cell], rest: str, most: int
    ) -> Generator[tuple[pa.Table, pa.Table | None], None, None]:
        """Lines that the server wrote."""
        refuse_inexact("SQL Server", cells, self._inexact)
        written = [tsql.written(self._columns[cell.original], cell.type) for cell in cells]
        sql = f"SELECT {tsql.line(written)} FROM {rest}"
        try:
            with self.asked(sql) as cursor:
                try:
                    for page in pages(cursor, most, "SQL Server: a row came without its text"):
                        yield decode(page, cells, self.local, "sqlserver")
                except GeneratorExit:
                    with suppress(*self.driver.raises):
                        cursor.cancel()
                    raise
        except UnicodeDecodeError as error:
            raise SourceRefused(
                "SQL Server: a text has half a character in it, which no other text can hold",
                hint="read the column as bytes by a `query:` with CONVERT(varbinary(max), column)",
            ) from error

    def _inexact(self, cell: Cell) -> str | None:
        column = self._columns[cell.original]
        return f"a {column.word}" if tsql.type_of(column) is None else None
