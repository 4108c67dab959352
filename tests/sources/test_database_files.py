"""SQLite, DuckDB and MariaDB as sources."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from urllib.parse import parse_qs, urlsplit

import duckdb
import pymysql
import pytest
import sources_pulling as pulling

from headrace.errors import ConfigInvalid, SourceRefused, SourceUnavailable


class Sqlite:
    def __init__(self, folder):
        self.url = "sqlite:///shop.db"
        self.session = sqlite3.connect(folder / "shop.db", isolation_level=None)

    def run(self, *statements):
        for statement in statements:
            self.session.execute(statement)


class Duckdb:
    def __init__(self, folder):
        self.url = "duckdb:///shop.duckdb"
        self.path = folder / "shop.duckdb"
        duckdb.connect(str(self.path)).close()

    def run(self, *statements):
        # A DuckDB file has one owner at a time.
        with duckdb.connect(str(self.path)) as session:
            for statement in statements:
                session.execute(statement)


class Mysql:
    def __init__(self, url):
        self.url = url
        parts = urlsplit(url)
        self.session = pymysql.connect(
            unix_socket=parse_qs(parts.query)["unix_socket"][0], user="root", database=parts.path[1:], autocommit=True
        )
        self.run("SET sql_mode = 'NO_BACKSLASH_ESCAPES'")

    def run(self, *statements):
        with self.session.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


@pytest.fixture(params=["sqlite", "duckdb", "mysql"])
def shop(request, tmp_path):
    if request.param == "mysql":
        made = Mysql(request.getfixturevalue("mysql_url"))
    else:
        made = {"sqlite": Sqlite, "duckdb": Duckdb}[request.param](tmp_path)
    yield made
    if hasattr(made, "session"):
        made.session.close()


@pytest.fixture
def pull(shop, tmp_path):
    made = pulling.Pull(shop.url, tmp_path, rows_per_batch=100)
    yield made
    made.close()


def numbered(shop, rows=450):
    values = ", ".join(f"({n}, {n}.25, 'it''s \\ \"{n}\"')" for n in range(1, rows + 1))
    shop.run(
        "CREATE TABLE orders (id integer PRIMARY KEY, amount decimal(12,2) NOT NULL, note varchar(50))",
        f"INSERT INTO orders VALUES {values}",
    )


def test_a_table_arrives_whole_in_batches(shop, pull):
    numbered(shop)

    entry = pull.load("orders")

    assert (entry.read, entry.inserted, entry.quarantined) == (450, 450, 0)
    assert pull.rows("SELECT note, CAST(amount AS VARCHAR) FROM raw.orders WHERE id = 7") == [('it\'s \\ "7"', "7.25")]
    assert pull.rows("SELECT count(DISTINCT id), CAST(sum(amount) AS VARCHAR) FROM raw.orders") == [(450, "101587.50")]
    assert (
        str(pull.connection.inspect("raw")[pulling.Table("raw", "orders")].schema.get("amount").type) == "decimal(12,2)"
    )


def test_a_broken_read_gives_each_row_once(shop, pull):
    numbered(shop)
    with pytest.raises(pulling.Broken):
        pull.load("orders", stop_after=2)

    entry = pull.load("orders")

    assert entry.inserted == 450
    assert pull.rows("SELECT count(DISTINCT id) FROM raw.orders") == [(450,)]


def test_only_what_is_new_is_read(shop, pull):
    shop.run(
        "CREATE TABLE events (id integer PRIMARY KEY, what varchar(9), updated_at timestamp NULL)",
        "INSERT INTO events VALUES (1, 'a', '2024-01-01 10:00:00'), (2, 'b', '2024-01-02 10:00:00'), (3, 'c', NULL)",
    )
    pull.load("events", incremental="updated_at")
    shop.run(
        "UPDATE events SET what = 'B', updated_at = '2024-01-03 10:00:00' WHERE id = 2",
        "INSERT INTO events VALUES (4, 'd', '2024-01-03 10:00:00'), (5, 'e', '2024-01-02 10:00:00')",
    )

    entry = pull.load("events", incremental="updated_at")
    again = pull.load("events", incremental="updated_at")

    assert (entry.inserted, entry.updated, entry.read) == (2, 1, 4)
    assert (again.inserted, again.updated) == (0, 0)
    assert pull.rows("SELECT id, what FROM raw.events ORDER BY id") == [(n, w) for n, w in enumerate("aBcde", 1)]


def test_a_query_is_a_stream_and_an_empty_one_makes_a_table(shop, pull):
    numbered(shop, 3)

    pull.load("doubled", query="SELECT id * 2 AS twice FROM orders")
    pull.load("nothing", query="SELECT id, note FROM orders WHERE id > 100;")

    assert sorted(int(row[0]) for row in pull.rows("SELECT twice FROM raw.doubled")) == [2, 4, 6]
    assert pull.rows("SELECT count(id) FROM raw.nothing") == [(0,)]


def test_what_the_database_says_reaches_the_user(shop, pull):
    with pytest.raises(SourceRefused, match="nowhere"):
        pull.load("nowhere")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with (
        closing(pulling.Pull("sqlite:///gone.db", tmp_path)) as pull,
        pytest.raises(SourceUnavailable, match=r"gone\.db"),
    ):
        pull.load("orders")


def test_an_engine_that_nobody_reads_is_named_with_its_neighbour(tmp_path):
    with closing(pulling.Pull("postgressql://x/y", tmp_path)) as pull, pytest.raises(ConfigInvalid) as refused:
        pull.load("orders")

    assert refused.value.hint == "did you mean 'postgresql'?"


def test_a_table_that_is_not_there_is_told_with_its_neighbour(shop, pull):
    shop.run("CREATE TABLE orders (id bigint)")

    with pytest.raises(SourceRefused) as refused:
        pull.load("order")
    with pytest.raises(SourceRefused) as strange:
        pull.load("nothing_like_it")

    assert refused.value.hint == "did you mean 'orders'?"
    assert strange.value.hint is None


def test_a_value_of_another_class_than_its_sqlite_column_is_refused_and_can_be_declared(tmp_path):
    shop = Sqlite(tmp_path)
    shop.run(
        "CREATE TABLE things (id integer, at datetime, loose)",
        "INSERT INTO things VALUES (1, '2024-01-01 00:00:00', 1), ('two', '2024-01-01', 2), (3, 1700000000, 3)",
    )
    with closing(pulling.Pull(shop.url, tmp_path)) as pull:
        refused = pull.load("things")
        details = pull.rows('SELECT "column", detail FROM headrace.quarantine ORDER BY 1')
        declared = pull.load("declared", table="things", columns={"id": "varchar", "at": "varchar"})
        found = pull.rows('SELECT id, "at", loose FROM raw.declared ORDER BY loose')
    shop.session.close()

    assert (refused.inserted, refused.quarantined) == (1, 2)
    assert [column for column, _ in details] == ["at", "id"]
    assert "is an integer and no timestamp; declare what at is under columns" in details[0][1]
    assert declared.inserted == 3
    assert found == [("1", "2024-01-01 00:00:00", 1), ("two", "2024-01-01", 2), ("3", "1700000000", 3)]


def test_bounds_are_open_or_closed(shop, pull):
    numbered(shop, 10)

    assert pulling.ids_within(pull, "plain") == [3, 4, 5]
    assert pulling.ids_within(pull, "both", range_end="closed") == [3, 4, 5, 6]
    assert pulling.ids_within(pull, "neither", range_start="open") == [4, 5]


def test_a_lag_reads_again_what_is_behind_the_cursor(shop, pull):
    shop.run(
        "CREATE TABLE events (id integer PRIMARY KEY, updated_at timestamp NULL)",
        "INSERT INTO events VALUES (1, '2024-01-02 00:00:10')",
    )
    incremental = {"cursor_path": "updated_at", "lag": 60}
    pull.load("events", incremental=incremental)
    shop.run("INSERT INTO events VALUES (2, '2024-01-01 23:59:30'), (3, '2024-01-01 23:00:00')")

    pull.load("events", incremental=incremental)

    assert pull.rows("SELECT id FROM raw.events ORDER BY id") == [(1,), (2,)]


def test_what_may_not_be_null_is_known_of_the_source(shop, pull):
    numbered(shop, 1)

    from headrace.extract.source import open_stream
    from headrace.retry import SYSTEM

    (batch, *_) = open_stream(
        pull.stream("orders"), cursor=None, resume={}, local=pull.connection.local, clock=SYSTEM, scratch=pull.folder
    )

    assert [batch.rows.schema.field(name).nullable for name in ("amount", "note")] == [False, True]


def tables_of(pull, *wanted):
    from headrace.extract.database import tables_of
    from headrace.retry import SYSTEM

    return [str(table) for table in tables_of(pull.stream("tables"), pull.connection.local, SYSTEM, wanted)]


def test_the_tables_of_a_database_are_known_and_its_views_are_none(shop, pull):
    numbered(shop, 1)
    shop.run("CREATE TABLE more (id integer PRIMARY KEY)", "CREATE VIEW seen AS SELECT * FROM orders")

    assert tables_of(pull) == ["more", "orders"]


def test_the_tables_of_schemas_are_known_by_a_pattern(tmp_path, mysql_url):
    file = Duckdb(tmp_path)
    file.run("CREATE SCHEMA sales", "CREATE TABLE sales.orders (id integer)", "CREATE TABLE orders (id integer)")
    with closing(pulling.Pull(file.url, tmp_path)) as pull:
        assert tables_of(pull, "s*.*") == ["sales.orders"]
        assert tables_of(pull, "orders", "sales.*") == ["orders", "sales.orders"]
    server, name = Mysql(mysql_url), urlsplit(mysql_url).path[1:]
    server.run("CREATE TABLE orders (id integer)")
    server.session.close()
    with closing(pulling.Pull(mysql_url, tmp_path)) as pull:
        assert f"{name}.orders" in tables_of(pull, "test*.*")
        assert not [table for table in tables_of(pull, "*.*") if table.startswith(("mysql.", "information_schema."))]


def test_large_numbers_of_a_mysql_key_and_cursor_are_compared_with_every_digit(tmp_path, mysql_url):
    server = Mysql(mysql_url)
    base = 2**63 + 2**60  # of which a double knows multiples of 2048 only
    values = ", ".join(f"({base + n}, {base + n})" for n in range(300))
    server.run(
        "CREATE TABLE things (id bigint unsigned PRIMARY KEY, n bigint unsigned)", f"INSERT INTO things VALUES {values}"
    )
    server.run("ANALYZE TABLE things")
    with closing(pulling.Pull(mysql_url, tmp_path, rows_per_batch=100)) as pull:
        entry = pull.load("things", incremental={"cursor_path": "n", "range_start": "open"})
        server.run(f"INSERT INTO things VALUES ({base + 300}, {base + 300})")
        again = pull.load("things", incremental={"cursor_path": "n", "range_start": "open"})
        found = pull.rows("SELECT count(DISTINCT id) FROM raw.things")
    server.session.close()

    assert (entry.inserted, again.read, again.inserted) == (300, 1, 1)
    assert found == [(301,)]


def test_a_unique_index_stands_in_for_a_key_unless_null_may_be_in_it(shop, pull, tmp_path):
    if isinstance(shop, Duckdb):
        return
    values = ", ".join(f"({n}, {n})" for n in range(300))
    for name, kind in (("told", "integer NOT NULL"), ("untold", "integer")):
        shop.run(
            f"CREATE TABLE {name} (a {kind}, b integer)",
            f"CREATE UNIQUE INDEX of_{name} ON {name} (a)",
            f"INSERT INTO {name} VALUES {values}",
        )
    from headrace.extract.database import opened
    from headrace.retry import SYSTEM

    with closing(opened(pull.stream("told"), pull.connection.local, SYSTEM)) as reader:
        assert reader.unique(pulling.Table("", "told")) == ("a",)
        assert reader.unique(pulling.Table("", "untold")) == ()
    with pytest.raises(pulling.Broken):
        pull.load("told", stop_after=2)
    assert pull.load("told").inserted == 300


def test_a_range_of_mysql_that_is_too_wide_is_cancelled_and_cut(tmp_path, mysql_url, monkeypatch):
    monkeypatch.setattr("headrace.extract.ranges.LARGEST", 9_000_000)
    server = Mysql(mysql_url)
    server.run("CREATE TABLE things (id int PRIMARY KEY, body longtext)")
    for at in range(30):
        server.run(f"INSERT INTO things VALUES ({at}, repeat('x', {1_000_000 if at > 5 else 10}))")
    server.run("ANALYZE TABLE things")
    with closing(pulling.Pull(mysql_url, tmp_path, rows_per_batch=25)) as pull:
        entry = pull.load("things")
        found = pull.rows("SELECT count(DISTINCT id), sum(length(body)) FROM raw.things")
    server.session.close()

    assert entry.inserted == 30
    assert found == [(30, 24_000_060)]
