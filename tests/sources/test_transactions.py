"""PostgreSQL's own count of transactions as a cursor, for tables that have none."""

from __future__ import annotations

import psycopg
import pytest
import sources_pulling as pulling

from headrace.errors import ConfigInvalid, SourceRefused
from headrace.extract.transactions import counted


@pytest.fixture
def shop(postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as session:
        session.execute("CREATE TABLE items (id int PRIMARY KEY, what text)")
        yield session


@pytest.fixture(params=["duckdb", "postgres"])
def pull(request, postgres_server, postgres_url, tmp_path):
    target = "duckdb://"
    if request.param == "postgres":
        with psycopg.connect(postgres_server, autocommit=True) as session:
            session.execute("DROP DATABASE IF EXISTS counted")
            session.execute("CREATE DATABASE counted")
        head, question, options = postgres_server.partition("?")
        target = f"{head.rpartition('/')[0]}/counted{question}{options}"
    made = pulling.Pull(postgres_url, tmp_path, target, rows_per_batch=100)
    yield made
    made.close()


def items(pull):
    return pull.rows("SELECT id, what FROM raw.items ORDER BY id")


def test_new_and_changed_rows_are_read_though_no_column_tells_of_them(shop, pull):
    shop.execute("INSERT INTO items SELECT i, 'a' FROM generate_series(1, 500) AS i")
    shop.execute("ANALYZE items")
    first = pull.load("items", incremental="xmin")
    shop.execute("UPDATE items SET what = 'B' WHERE id = 7")
    shop.execute("INSERT INTO items VALUES (501, 'c')")

    second = pull.load("items", incremental="xmin")
    third = pull.load("items", incremental="xmin")

    assert (first.read, first.inserted) == (500, 500)
    assert (second.inserted, second.updated) == (1, 1)
    assert second.read < 10
    assert (third.inserted, third.updated) == (0, 0)
    assert [row for row in items(pull) if row[0] in (6, 7, 501)] == [(6, "a"), (7, "B"), (501, "c")]


@pytest.mark.parametrize("disposition", ["merge", "append"])
def test_a_transaction_that_commits_late_is_not_missed(shop, pull, postgres_url, disposition):
    shop.execute("INSERT INTO items VALUES (1, 'first')")
    spec = {"incremental": "xmin", "write_disposition": disposition}
    with psycopg.connect(postgres_url) as slow:
        slow.execute("INSERT INTO items VALUES (2, 'late')")
        slow.execute("SAVEPOINT inner_one")
        slow.execute("INSERT INTO items VALUES (3, 'late, of a part')")
        shop.execute("INSERT INTO items VALUES (4, 'early')")

        during = pull.load("items", **spec)
        slow.commit()
    shop.execute("INSERT INTO items VALUES (5, 'after')")
    pull.load("items", **spec)
    last = pull.load("items", **spec)

    assert during.inserted == 2
    assert items(pull) == [(1, "first"), (2, "late"), (3, "late, of a part"), (4, "early"), (5, "after")]
    assert last.inserted == 0


def test_no_row_of_many_writers_is_missed(shop, pull, postgres_url):
    with pulling.many_writers(postgres_url, "INSERT INTO items VALUES (%s, 'x')"):
        for _ in range(5):
            pull.load("items", incremental="xmin", write_disposition="append")
    pull.load("items", incremental="xmin", write_disposition="append")

    wanted = shop.execute("SELECT count(*) FROM items").fetchone()
    assert pull.rows("SELECT count(*), count(DISTINCT id) FROM raw.items") == [(*wanted, *wanted)]


def test_freezing_and_rewriting_a_table_change_nothing_that_is_read(shop, pull):
    shop.execute("INSERT INTO items VALUES (1, 'a'), (2, 'b')")
    pull.load("items", incremental="xmin")
    shop.execute("VACUUM (FREEZE) items")
    shop.execute("VACUUM (FULL, FREEZE) items")
    shop.execute("INSERT INTO items VALUES (3, 'c')")

    entry = pull.load("items", incremental="xmin")

    assert (entry.inserted, entry.updated) == (1, 0)
    assert items(pull) == [(1, "a"), (2, "b"), (3, "c")]


@pytest.mark.parametrize(
    ("row", "following", "number"),
    [
        (1000, 1001, 1000),
        (4294967295, (1 << 32) + 5, (1 << 32) - 1),
        (4, (1 << 32) + 5, (1 << 32) + 4),
        (5, (1 << 32) + 5, 5),
        (3_000_000_000, (7 << 32) + 3_000_000_001, (7 << 32) + 3_000_000_000),
        (2, 900, 2),
    ],
    ids=["first round", "last of a round", "first of the next", "oldest", "seventh round", "frozen before 9.4"],
)
def test_a_number_of_32_bits_is_the_highest_that_was_given(shop, row, following, number):
    found = shop.execute(f"SELECT {counted(following)} FROM (SELECT '{row}'::xid AS xmin) AS rows").fetchone()

    assert found == (number,)


@pytest.mark.parametrize("word", ["xmim", "xmn", "XMIN"])
def test_a_misspelt_count_is_named_beside_the_columns(shop, pull, word):
    with pytest.raises(ConfigInvalid, match=f"no column '{word}'") as refused:
        pull.load("items", incremental=word)
    with pytest.raises(ConfigInvalid) as far:
        pull.load("items", incremental="updated_at")
    shop.execute("CREATE VIEW seen AS SELECT * FROM items")
    with pytest.raises(ConfigInvalid) as without:
        pull.load("seen", incremental=word)

    assert refused.value.hint == "did you mean 'xmin'?"
    assert far.value.hint == "columns: id, what, xmin"
    assert without.value.hint == "columns: id, what"


def test_a_partitioned_table_has_the_count_and_a_view_has_not(shop, pull):
    shop.execute("CREATE TABLE parts (id int, what text) PARTITION BY RANGE (id)")
    shop.execute("CREATE TABLE part_one PARTITION OF parts FOR VALUES FROM (1) TO (9)")
    shop.execute("INSERT INTO parts VALUES (1, 'a')")
    shop.execute("CREATE VIEW seen AS SELECT * FROM items")
    pull.load("parts", incremental="xmin")
    shop.execute("INSERT INTO parts VALUES (2, 'b')")

    assert pull.load("parts", incremental="xmin").inserted == 1
    for spec in ({"table": "seen"}, {"query": "SELECT * FROM items"}):
        with pytest.raises(ConfigInvalid, match="no column 'xmin'"):
            pull.load("seen", incremental="xmin", **spec)


def test_a_server_that_counts_from_the_beginning_again_is_told(shop, pull, postgres_url):
    shop.execute("INSERT INTO items VALUES (1, 'a')")
    pull.load("items", incremental={"cursor_path": "xmin", "initial_value": "1"})
    pull.rows("SELECT 1")
    pull.connection.execute("UPDATE headrace.loads SET cursor_value = '99999999999'")

    with pytest.raises(SourceRefused, match="it is another one, or was restored") as refused:
        pull.load("items", incremental={"cursor_path": "xmin", "initial_value": "1"})

    assert refused.value.hint == "load the stream anew with --full-refresh"
