"""Tables of PostgreSQL that have no key: read by the places where their rows lie, whoever changes and vacuums them meanwhile."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from contextlib import closing, contextmanager, suppress
from dataclasses import replace

import psycopg
import pytest
import sources_pulling as pulling

from headrace.extract import database
from headrace.extract.ranges import batches
from headrace.retry import SYSTEM

ROWS = 4000


@pytest.fixture
def shop(postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as session:
        yield session


@pytest.fixture
def pull(postgres_url, tmp_path):
    made = pulling.Pull(postgres_url, tmp_path, rows_per_batch=100, parallel=3)
    yield made
    made.close()


def things(shop, rows=ROWS):
    shop.execute("CREATE TABLE things (i int, amount int, body text) WITH (autovacuum_enabled = false)")
    shop.execute(f"INSERT INTO things SELECT i, 100, repeat('x', i % 300) FROM generate_series(1, {rows}) AS i")
    shop.execute("ANALYZE things")


def planned(pull, reader, name="things", **spec):
    stream = pull.stream(name, **spec)
    cells = database._cells(stream, reader, pull.connection.local, SYSTEM)
    return database._plan(stream, cells, pull.database, reader, None, {})


def opened(pull, name="things"):
    return closing(database.opened(pull.stream(name), pull.connection.local, SYSTEM))


def rows_of(arrived):
    """As often as each came."""
    return Counter(row for batch in arrived for row in zip(*batch.rows.to_pydict().values(), strict=True))


@contextmanager
def troubled(url, seed):
    """Sessions that move money between rows, delete, insert and vacuum, until the block ends; what they did."""
    stop, done = threading.Event(), []

    def trouble(number):
        chance = random.Random(seed * 10 + number)
        with psycopg.connect(url, autocommit=True) as session:
            session.execute("SET lock_timeout = '50ms'")
            while not stop.is_set():
                one, other = chance.sample(range(1, ROWS), 2)
                kind = chance.choice(("move", "move", "move", "delete", "insert", "VACUUM", "VACUUM FULL"))
                with suppress(psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
                    if kind == "move":
                        session.execute(
                            "UPDATE things SET amount = amount + CASE i WHEN %s THEN -7 ELSE 7 END, body = body || 'y' WHERE i IN (%s, %s)",
                            (one, one, other),
                        )
                    elif kind == "delete":
                        session.execute("DELETE FROM things WHERE i BETWEEN %s AND %s", (one, one + 20))
                    elif kind == "insert":
                        session.execute(
                            "INSERT INTO things SELECT n, 100, 'new' FROM generate_series(%s::int, %s) AS n",
                            (one, one + 20),
                        )
                    else:
                        session.execute(f"{kind} things")
                    done.append(kind)

    troubles = [threading.Thread(target=trouble, args=(number,)) for number in range(3)]
    for thread in troubles:
        thread.start()
    try:
        while len(done) < 20:
            time.sleep(0.01)
        yield done
    finally:
        stop.set()
        for thread in troubles:
            thread.join()


@pytest.mark.parametrize("seed", range(4))
def test_rows_by_their_places_are_those_of_one_session_s_read_whoever_changes_and_vacuums_them(
    shop, pull, postgres_url, seed
):
    things(shop)
    with troubled(postgres_url, seed) as done, opened(pull) as reader:
        plan, before = planned(pull, reader), len(done)
        arriving = batches(plan, reader, pull.connection.local, 3, ())
        by_places = [next(arriving)]
        while "move" not in done[before:]:
            time.sleep(0.01)
        by_places += arriving
        at_once = list(batches(replace(plan, key=(), bounds=None), reader, pull.connection.local, 1, ()))

    assert [cell.name for cell in plan.key] == ["ctid"]
    assert len(by_places) > 20
    assert rows_of(by_places) == rows_of(at_once)


def test_rows_that_change_and_are_written_anew_while_they_are_read_are_those_that_were_there(shop, pull):
    things(shop)
    shop.execute("SET lock_timeout = '100ms'")
    with opened(pull) as reader:
        arriving = batches(planned(pull, reader), reader, pull.connection.local, 2, ())
        with pytest.raises(psycopg.errors.LockNotAvailable):
            shop.execute("VACUUM FULL things")
        first = next(arriving)
        shop.execute("UPDATE things SET amount = 0")
        shop.execute("VACUUM things")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            shop.execute("VACUUM FULL things")
        found = rows_of([first, *arriving])

    assert sum(found.values()) == ROWS
    assert {amount for _, amount, _ in found} == {100}


def test_a_table_without_a_key_is_read_in_ranges_of_its_pages(shop, pull):
    things(shop)

    entry = pull.load("things")

    assert entry.inserted == ROWS
    assert pull.rows("SELECT count(DISTINCT i), sum(length(body)) FROM raw.things") == [
        shop.execute("SELECT count(*), sum(length(body)) FROM things").fetchone()
    ]
    assert len(pull.landing.loaded("shop.things")[0].segments) > 20


def test_pages_that_are_too_wide_are_cut_at_their_rows(shop, pull, monkeypatch):
    monkeypatch.setattr("headrace.extract.ranges.LARGEST", 50_000)
    shop.execute("CREATE TABLE things (i int, body text)")
    shop.execute(
        "INSERT INTO things SELECT i, repeat(md5(i::text), CASE WHEN i > 300 THEN 400 ELSE 1 END) FROM generate_series(1, 400) AS i"
    )
    shop.execute("ANALYZE things")

    assert pull.load("things").inserted == 400
    assert pull.rows("SELECT count(DISTINCT i) FROM raw.things") == [(400,)]


def test_what_broke_is_not_gone_on_with_in_another_state_of_the_table(shop, pull):
    things(shop)
    with pytest.raises(pulling.Broken):
        pull.load("things", stop_after=4)
    shop.execute("UPDATE things SET amount = 1")
    shop.execute("VACUUM FULL things")

    entry = pull.load("things")

    assert (entry.inserted, pull.rows("SELECT DISTINCT amount FROM raw.things")) == (ROWS, [(1,)])
    assert any("read anew because its source has no place to go on from" in said for said in pull.warnings())


def test_a_table_of_which_more_than_its_statistics_know_is_read_to_its_end(shop, pull):
    things(shop, 1000)
    shop.execute("INSERT INTO things SELECT i, 100, 'later' FROM generate_series(1001, 9000) AS i")

    assert pull.load("things").inserted == 9000
    assert pull.rows("SELECT count(DISTINCT i) FROM raw.things") == [(9000,)]


@pytest.mark.parametrize(
    ("made", "by"),
    [
        ("CREATE MATERIALIZED VIEW other AS SELECT * FROM things", "ctid"),
        ("CREATE UNLOGGED TABLE other AS SELECT * FROM things", "ctid"),
        ("CREATE TABLE other (LIKE things, UNIQUE (i)); INSERT INTO other SELECT * FROM things", "ctid"),
        ("CREATE TABLE other (LIKE things, PRIMARY KEY (i)); INSERT INTO other SELECT * FROM things", "i"),
        ("CREATE VIEW other AS SELECT * FROM things", None),
        (
            "CREATE TABLE other (LIKE things) PARTITION BY RANGE (i); CREATE TABLE part PARTITION OF other DEFAULT; INSERT INTO other SELECT * FROM things",
            None,
        ),
        (
            "CREATE TABLE other AS SELECT * FROM things; CREATE TABLE heir () INHERITS (other); INSERT INTO heir VALUES (0)",
            None,
        ),
    ],
    ids=["stored view", "unlogged", "unique, but may be null", "key", "view", "partitions", "inherited"],
)  # fmt: skip
def test_only_what_has_places_of_its_own_is_read_by_them(shop, pull, made, by):
    things(shop)
    shop.execute(made)
    shop.execute("ANALYZE")
    with opened(pull, "other") as reader:
        plan = planned(pull, reader, "other")
        arrived = list(batches(plan, reader, pull.connection.local, 2, ()))

    assert [cell.name for cell in plan.key] == ([by] if by else [])
    assert (plan.bounds is not None) == (by == "ctid")
    assert sum(rows_of(arrived).values()) == ROWS + made.count("(0)")


def test_a_condition_is_left_to_the_server_which_may_have_an_index_for_it(shop, pull):
    things(shop)
    shop.execute("CREATE INDEX ON things (amount)")
    with opened(pull) as reader:
        assert planned(pull, reader, where="amount = 100").key == ()
        assert planned(pull, reader, incremental={"cursor_path": "i", "initial_value": "5"}).key == ()
