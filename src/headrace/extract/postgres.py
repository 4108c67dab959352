"""PostgreSQL as a source: COPY's text from sessions that share one snapshot, typed by the catalog."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO
from selectors import EVENT_READ, DefaultSelector
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

import psycopg

from headrace.errors import SourceRefused, SourceUnavailable
from headrace.events import Warned, emit
from headrace.extract import postgres_sql
from headrace.extract.cells import Cell, decode
from headrace.extract.marks import written
from headrace.extract.reader import Words, qualified
from headrace.extract.sessions import absent, noted
from headrace.extract.transactions import COUNTED, COUNTER, LANDED, SNAPSHOT, counted
from headrace.schema import BIGINT, VARCHAR, Kind, Type
from headrace.sql.dialect import name, read_type
from headrace.sql.dialect import text as literal
from headrace.table import Table
from headrace.warehouse.postgres import DIALLING, last_word

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from headrace.arrow import pa
    from headrace.retry import Clock
    from headrace.warehouse.embedded import Embedded

_SESSION = (
    "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'; SET bytea_output = 'hex';"
    " SET extra_float_digits = 3; SET client_encoding = 'UTF8'"
)
_PAGE = 2 * 1024 * 1024
_PATIENCE = 5.0
"""Seconds that are waited for transactions that have changed the table before a counting cursor stays where it is."""

_PLAIN_ITEMS = {
    Kind.BOOLEAN, Kind.SMALLINT, Kind.INTEGER, Kind.BIGINT, Kind.FLOAT, Kind.DOUBLE, Kind.DATE,
}  # fmt: skip


def connect(url: str, local: Embedded, clock: Clock, table: str | None = None) -> PostgresReader:
    """A session of the server, which reads the table. Raises SourceUnavailable."""
    try:
        session = psycopg.connect(url, autocommit=True, prepare_threshold=None, **DIALLING)
        try:
            session.execute(_SESSION)
        except psycopg.Error:
            session.close()
            raise
    except psycopg.Error as error:
        hint = "is the server up, and are host, user, password and database of the source's `url` right?"
        raise absent(f"PostgreSQL at {_place(url)}", last_word(error), hint) from error
    return PostgresReader(url, session, local, clock, table)


class PostgresReader:
    """A session that sees the state of the database as its first read found it."""

    settled = False
    words = Words()

    def __init__(
        self,
        url: str,
        session: psycopg.Connection[tuple[Any, ...]],
        local: Embedded,
        clock: Clock,
        table: str | None,
    ) -> None:
        self.url = url
        self.session = session
        self.local = local
        self.clock = clock
        self._table = table
        self._inside = False
        self._next = 0

    def name(self, text: str) -> str:
        """In double quotes."""
        return name(text)

    def columns(self, relation: str, table: Table | None) -> list[Cell]:
        """As the catalog knows them; domains are what they are made of."""
        self._table = relation if table else None
        result = self._ask(f"SELECT * FROM {relation} LIMIT 0").pgresult
        if result is None:
            return []
        places = range(result.nfields)
        kinds = ([result.ftype(at) for at in places], [result.fmod(at) for at in places])
        words = [row[0] for row in self._ask(postgres_sql.TYPES, kinds).fetchall()]
        filled = set()
        if table:
            query = "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnotnull"
            filled = {row[0] for row in self._ask(query, (relation,)).fetchall()}
        found = [(result.fname(at) or b"").decode() for at in places]
        return [
            Cell(
                column,
                column,
                type_of(word),
                column not in filled,
                unbound=word.startswith("numeric") and type_of(word) == VARCHAR,
            )
            for column, word in zip(found, words, strict=True)
        ]

    def counter(self, table: Table | None) -> Cell | None:
        """The transaction that wrote a row, of tables and of views that are stored."""
        if table is None or not self._ask(COUNTED, (qualified(name, table),)).fetchall():
            return None
        return Cell(LANDED, COUNTER, BIGINT, nullable=False, counting=True)

    def key(self, table: Table) -> tuple[str, ...]:
        """The primary key's columns."""
        return tuple(row[0] for row in self._ask(postgres_sql.KEY, (qualified(name, table),)).fetchall())

    def unique(self, table: Table) -> tuple[str, ...]:
        """Of the index with the fewest columns."""
        found = self._ask(postgres_sql.UNIQUE, (qualified(name, table),)).fetchall()
        return tuple(found[0][0]) if found else ()

    def tables(self, schema: str | None) -> list[Table]:
        """Those that the session may read; a partitioned table is one."""
        return [Table(schema or "", row[0]) for row in self._ask(postgres_sql.TABLES, (schema,)).fetchall()]

    def schemas(self) -> list[str]:
        """Those that the session may use."""
        return [row[0] for row in self._ask(postgres_sql.SCHEMAS).fetchall()]

    def size(self, table: Table) -> tuple[int, int]:
        """As the last ANALYZE estimated, of all partitions."""
        rows, size = self._ask(postgres_sql.SIZE, {"table": qualified(name, table)}).fetchall()[0]
        return int(rows), int(size)

    def comparable(self, cell: Cell) -> str:
        """Text in the order of its code points, which is that of cursors."""
        held = name(cell.original)
        if cell.original == COUNTER:
            self.begin()
            self._next = self._next or int(self._ask(SNAPSHOT).fetchall()[0][1])
            return counted(self._next)
        return f'{held} COLLATE "C"' if cell.type.kind is Kind.VARCHAR and not cell.unbound else held

    def value(self, cell: Cell, text: str) -> str:
        """In quotes: it becomes what the column is."""
        del cell
        return literal(text)

    def text(self, cell: Cell) -> str:
        """As the session writes it."""
        return f"{name(cell.original)}::text"

    def limit(self, relation: str, cell: Cell) -> str | None:
        """Below this no row can still appear: transactions that are open now may commit values from the time they began.

        Asked before the first read, so that whatever that does not see began later or is known here. The transactions' own numbers
        are those of the session's snapshot.
        """
        if cell.original == COUNTER:
            self.begin()
            return str(self._ask(SNAPSHOT).fetchall()[0][0])
        if cell.type.kind in (Kind.TIMESTAMP, Kind.TIMESTAMPTZ, Kind.DATE):
            return self._moment(cell.type)
        top = self._ask(f"SELECT max({self.comparable(cell)}) FROM {relation}").fetchall()[0][0]
        writers = self._writers()
        deadline = self.clock.monotonic() + _PATIENCE
        while writers:
            if self.clock.monotonic() > deadline:
                emit(Warned(f"{relation}: an open transaction has changed rows, so the cursor stays where it is"))
                return None
            self.clock.sleep(0.05)
            writers &= self._writers()
        return None if top is None else written(top)

    def _writers(self) -> set[str]:
        return {row[0] for row in self._ask(postgres_sql.WRITERS, {"table": self._table}).fetchall()}

    def _moment(self, kind: Type) -> str | None:
        began, hidden, zone = self._ask(postgres_sql.OPEN).fetchall()[0]
        if hidden:
            emit(
                Warned(
                    f"{hidden} open transactions of other users may have begun at any time, so the cursor stays where it is; "
                    "`GRANT pg_read_all_stats` to the source's user shows when they did"
                )
            )
            return None
        # A column without a zone is in that of its writers: UTC or the server's, whichever is behind.
        word = (
            "timestamptz" if kind.kind is Kind.TIMESTAMPTZ else "timestamp" if kind.kind is Kind.TIMESTAMP else "date"
        )
        moment = "(%(began)s::timestamptz - interval '1 microsecond')"
        local = (
            moment if word == "timestamptz" else f"least({moment} AT TIME ZONE 'UTC', {moment} AT TIME ZONE %(zone)s)"
        )
        found = self._ask(f"SELECT ({local})::{word}", {"began": began, "zone": zone}).fetchall()
        return written(found[0][0])

    def laid(self, table: Table, parts: int) -> tuple[Cell, list[str]] | None:
        """By `ctid`, where the server finds its ranges without reading the whole table.

        The table is held against what writes all of its rows anew (VACUUM FULL, CLUSTER), as one long read of it would: a row that the
        snapshot sees stays where it is then, whoever changes it.
        """
        held = qualified(name, table)
        if not self._ask(postgres_sql.LAID, (held,)).fetchall():
            return None
        self.rows(f"SELECT 1 FROM {held} LIMIT 0")
        pages = int(self._ask(postgres_sql.LAID, (held,)).fetchall()[0][0])
        starts = sorted({pages * part // parts for part in range(1, parts)} - {0})
        # No row is the first of its page by the number 0.
        return Cell("ctid", "ctid", VARCHAR, nullable=False), [f"({page},0)" for page in starts]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """A small result, of the snapshot."""
        self.begin()
        return self._ask(sql).fetchall()

    def read(
        self, cells: Sequence[Cell], rest: str, most: int
    ) -> Generator[tuple[pa.Table, pa.Table | None], None, None]:
        """By COPY; a page of it is some megabytes, whatever `most` says."""
        self.begin()
        origin = self._table or "query"
        sql = f"COPY (SELECT {', '.join(self._selected(cell) for cell in cells)} FROM {rest}) TO STDOUT (FORMAT csv)"
        self._ask("SAVEPOINT headrace_read")
        try:
            for page in self._pages(sql, most):
                with page:
                    chunk = decode(page, cells, self.local, origin)
                yield chunk
        except psycopg.Error as error:
            _fail(sql, self.url, error)
        except GeneratorExit:
            # What is not wanted any more is cancelled, which must not cost the snapshot.
            with suppress(SourceRefused, SourceUnavailable):
                self._ask("ROLLBACK TO SAVEPOINT headrace_read")
            raise
        self._ask("RELEASE SAVEPOINT headrace_read")

    def _selected(self, cell: Cell) -> str:
        return self.comparable(cell) if cell.original == COUNTER else _selected(cell)

    def _pages(self, sql: str, most: int) -> Iterator[memoryview]:
        """What COPY sends, some megabytes at a time, straight from libpq: psycopg's loop costs a row as much as parsing it.

        A page has to be released before the next is asked for: all of them are written to the same place.
        """
        with self.session.cursor() as cursor, cursor.copy(sql.encode()), DefaultSelector() as waiting:
            server = self.session.pgconn
            waiting.register(server.socket, EVENT_READ)
            # Bytes are copied at once: a million rows kept one by one cost Python more than parsing them.
            page, rows, held, size = BytesIO(), 0, 0, 0
            write, take = page.write, server.get_copy_data
            while size >= 0:
                size, row = take(1)
                if size > 0:
                    write(row)
                    rows += 1
                    held += size
                    if rows >= most or held >= _PAGE:
                        yield page.getbuffer()[:held]
                        rows, held = 0, page.seek(0)
                elif size == 0:
                    waiting.select()
                    server.consume_input()
            while result := server.get_result():
                if result.status == psycopg.pq.ExecStatus.FATAL_ERROR:
                    raise psycopg.errors.error_from_result(result)
        yield page.getbuffer()[:held]

    def fork(self, local: Embedded) -> PostgresReader | None:
        """Another session under this one's snapshot; None where the server has no more connections or does not share it."""
        self.begin()
        try:
            snapshot = self._ask("SELECT pg_export_snapshot()").fetchall()[0][0]
            other = connect(self.url, local.cursor(), self.clock, self._table)
            other.begin(snapshot)
        except (SourceRefused, SourceUnavailable):
            return None
        return other

    def close(self) -> None:
        """End the session and its snapshot."""
        self.session.close()

    def begin(self, snapshot: str | None = None) -> None:
        """See one state of the database from now on: this moment's, or that of another session's snapshot."""
        if not self._inside:
            self._ask("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            self._inside = True
            if snapshot:
                self._ask(f"SET TRANSACTION SNAPSHOT {literal(snapshot)}")

    def _ask(self, sql: str, values: Any = None) -> psycopg.Cursor[tuple[Any, ...]]:
        try:
            return self.session.execute(sql.encode(), values)
        except psycopg.Error as error:
            _fail(sql, self.url, error)


def type_of(word: str) -> Type:
    """What a column of this type, as `format_type` writes it, arrives as."""
    kind = read_type(word)
    if kind.kind is Kind.LIST:
        item = kind.item if kind.item and kind.item.kind in _PLAIN_ITEMS else VARCHAR
        return Type(Kind.LIST, item=item)
    return kind


def _selected(cell: Cell) -> str:
    """The column as COPY is to write it: an array as JSON; one with more dimensions, or with bounds of its own, as what is none."""
    held = name(cell.original)
    if cell.type.kind is not Kind.LIST:
        return held
    item = cell.type.item or VARCHAR
    values = f"to_json({held})" if item.kind in _PLAIN_ITEMS else f"to_json({held}::text[])"
    return (
        f"CASE WHEN array_ndims({held}) > 1 OR array_lower({held}, 1) <> 1 THEN to_json({held}::text) ELSE {values} END"
    )


def _place(url: str) -> str:
    """Host and database of a URL, without user and password."""
    parts = urlsplit(url)
    return f"{parts.hostname or 'the local socket'}{f':{parts.port}' if parts.port else ''}{parts.path}"


def _fail(sql: str, url: str, error: psycopg.Error) -> NoReturn:
    """PostgreSQL's own sentence; a session that is gone can be asked again, a query that is wrong cannot."""
    said = error.diag.message_primary or (str(error).strip().splitlines() or [type(error).__name__])[-1]
    lost = isinstance(error, psycopg.OperationalError) and (error.diag.sqlstate or "08")[:2] in ("08", "57")
    made = SourceUnavailable if lost else SourceRefused
    raise noted(made(f"PostgreSQL at {_place(url)}: {said}", hint=error.diag.message_hint), sql) from error
