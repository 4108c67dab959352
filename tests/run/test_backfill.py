"""A range of a stream is read again without moving its cursor; one run at a time loads a table."""

import io
import sqlite3
import threading
import time
from contextlib import redirect_stderr, redirect_stdout

import pytest

from headrace.cli.main import invoke
from headrace.cli.options import Asked
from headrace.events import Warned, listening
from headrace.state import ledger
from headrace.state.fence import fenced
from headrace.table import Table
from headrace.warehouse.opening import open_warehouse

ORDERS = Table("raw", "orders")
PROJECT = """
name: shop
targets: {{dev: "{target}"}}
sources:
  raw:
    type: database
    url: sqlite:///{folder}/shop.db
    streams:
      orders: {{primary_key: id, incremental: {cursor}, write_disposition: {way}}}
      whole: {{table: orders, write_disposition: replace}}
"""


@pytest.fixture(params=["duckdb", "postgres"])
def target(request, tmp_path):
    return f"duckdb:///{tmp_path}/w.duckdb" if request.param == "duckdb" else request.getfixturevalue("postgres_url")


@pytest.fixture
def shop(tmp_path, target):
    """A shop's database, a project over it, and what the commands say."""

    class Shop:
        def __init__(self):
            self.database = sqlite3.connect(tmp_path / "shop.db", isolation_level=None)
            self.database.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, day INTEGER, price INTEGER)")
            self.database.execute("INSERT INTO orders VALUES (1, 1, 10), (2, 2, 20), (3, 3, 30), (4, 4, 40)")
            self.write("merge")

        def write(self, way, cursor="day"):
            text = PROJECT.format(target=target, folder=tmp_path, way=way, cursor=cursor)
            (tmp_path / "headrace.yml").write_text(text)

        def run(self, *arguments):
            said = io.StringIO()
            with redirect_stdout(said), redirect_stderr(said):
                code = invoke([*arguments, "--project-dir", str(tmp_path)], Asked())
            return code, said.getvalue()

        def rows(self, sql):
            opened = open_warehouse(target)
            with opened.connect() as connection:
                found = connection.rows(sql)
            opened.close()
            return found

        def last(self):
            opened = open_warehouse(target)
            with opened.connect() as connection:
                found = ledger.last_load(connection, "raw.orders")
            opened.close()
            return found

    made = Shop()
    yield made
    made.database.close()


@pytest.mark.parametrize(
    "command",
    [
        ("load", "-s", "source:raw.orders", "--from", "2", "--to", "4"),
        ("backfill", "raw.orders", "--from", "2", "--to", "4"),
    ],
)
def test_a_range_is_read_again_and_the_cursor_stays(shop, command):
    shop.run("load", "-s", "source:raw.orders")
    shop.database.execute("UPDATE orders SET price = price + 1")
    shop.database.execute("INSERT INTO orders VALUES (5, 5, 50), (6, 2, 60)")

    code, said = shop.run(*command)

    assert code == 0, said
    assert shop.rows("SELECT id, price FROM raw.orders ORDER BY 1") == [(1, 10), (2, 21), (3, 31), (4, 40), (6, 60)]
    assert (shop.last().read, shop.last().cursor_value) == (3, "4")
    assert shop.run("load", "-s", "source:raw.orders")[0] == 0
    assert (5, 50) in shop.rows("SELECT id, price FROM raw.orders")
    assert shop.last().cursor_value == "5"


@pytest.mark.parametrize("way", ["merge", "append"])
def test_rows_that_come_late_behind_the_watermark_are_loaded_within_its_lag_and_by_a_backfill_before(shop, way):
    shop.write(way, "{cursor_path: day, lag: 2}")
    shop.database.execute("INSERT INTO orders VALUES (10, 10, 100)")
    shop.run("load", "-s", "source:raw.orders")
    # Written at the source after day 10 was read: one within the lag, one at its edge, one before it.
    shop.database.execute("INSERT INTO orders VALUES (11, 9, 1), (12, 8, 2), (13, 7, 3)")

    shop.run("load", "-s", "source:raw.orders")
    within = shop.rows("SELECT id FROM raw.orders WHERE id > 10 ORDER BY 1")
    counted, reached = shop.last(), shop.last().cursor_value
    shop.run("backfill", "raw.orders", "--from", "5", "--to", "8")

    assert within == [(11,), (12,)]
    assert (counted.read, counted.inserted, counted.unchanged + counted.duplicate, reached) == (3, 2, 1, "10")
    assert shop.rows("SELECT id FROM raw.orders WHERE id > 10 ORDER BY 1") == [(11,), (12,), (13,)]
    assert shop.rows("SELECT count(*), count(DISTINCT id) FROM raw.orders") == [(8, 8)]
    assert shop.last().cursor_value == "10"


def test_a_late_row_that_is_older_than_its_key_changes_nothing(shop):
    shop.write("merge", "{cursor_path: day, lag: 5}")
    shop.run("load", "-s", "source:raw.orders")
    shop.database.execute("UPDATE orders SET day = 3, price = 99 WHERE id = 4")  # an older state of it, written late

    shop.run("load", "-s", "source:raw.orders")

    assert shop.rows("SELECT day, price FROM raw.orders WHERE id = 4") == [(4, 40)]
    assert (shop.last().read, shop.last().unchanged, shop.last().duplicate) == (4, 3, 1)


def test_a_range_past_the_cursor_does_not_move_it_forward(shop):
    shop.database.execute("DELETE FROM orders WHERE day > 1")
    shop.run("load", "-s", "source:raw.orders")
    shop.database.execute("INSERT INTO orders VALUES (2, 2, 20), (9, 9, 90)")

    shop.run("backfill", "raw.orders", "--from", "8")
    ahead = shop.last().cursor_value
    shop.run("load", "-s", "source:raw.orders")

    assert ahead == "1"
    assert shop.rows("SELECT id FROM raw.orders ORDER BY 1") == [(1,), (2,), (9,)]


def test_a_range_of_a_stream_without_a_cursor_is_an_error(shop):
    code, said = shop.run("backfill", "raw.whole", "--from", "2")

    assert code == 1
    assert "raw.whole cannot be read from 2 on: it has no cursor" in said


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--from", "soon"], "'soon' is no value of raw.orders's cursor, which is at '4'"),
        (["--from", "2", "--to", "2026-01-01"], "'2026-01-01' is no value of raw.orders's cursor"),
        (["--from", "3", "--to", "2"], "nothing is from 3 on and before 2"),
        (["--from", "3", "--to", "3"], "nothing is from 3 on and before 3"),
    ],
)  # fmt: skip
def test_a_range_that_is_none_is_an_error(shop, given, said):
    shop.run("load", "-s", "source:raw.orders")

    code, told = shop.run("backfill", "raw.orders", *given)

    assert code == 1
    assert said in told


def test_a_range_of_a_stream_that_is_not_there_names_the_closest(shop):
    code, told = shop.run("backfill", "raw.order", "--from", "2")

    assert code == 2
    assert "did you mean 'raw.orders'?" in told


def test_what_is_appended_again_is_not_there_twice(shop):
    shop.write("append")
    shop.run("load", "-s", "source:raw.orders")

    shop.run("backfill", "raw.orders", "--from", "2")

    assert shop.rows("SELECT count(*), count(DISTINCT id) FROM raw.orders") == [(4, 4)]


def test_who_comes_second_to_a_table_says_so_and_waits(postgres_url):
    opened = open_warehouse(postgres_url)
    heard, order = [], []
    with opened.connect() as first, opened.connect() as second:

        def wait():
            with listening(heard.append), fenced(second, ORDERS):
                order.append("second")

        with fenced(first, ORDERS):
            thread = threading.Thread(target=wait)
            thread.start()
            while not heard:
                time.sleep(0.01)
            with fenced(first, Table("raw", "others")):
                order.append("first")
        thread.join(timeout=20)
    opened.close()

    assert order == ["first", "second"]
    assert heard == [Warned("raw.orders is being loaded by another run; waiting for it")]
