"""PostgreSQL as a source, from a real server into a warehouse."""

from __future__ import annotations

import psycopg
import pytest
import sources_pulling as pulling

from headrace.errors import ConfigInvalid, RecordsNotFound, SourceRefused, SourceUnavailable


@pytest.fixture
def shop(postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as session:
        yield session


@pytest.fixture
def pull(postgres_url, tmp_path):
    made = pulling.Pull(postgres_url, tmp_path, rows_per_batch=100)
    yield made
    made.close()


def numbered(shop, rows=1000):
    shop.execute("CREATE TABLE orders (id bigint PRIMARY KEY, amount numeric(12,2) NOT NULL, note text)")
    shop.execute(f"INSERT INTO orders SELECT i, i / 100.0, 'note ' || i FROM generate_series(1, {rows}) AS i")
    shop.execute("ANALYZE orders")


def stamped(shop):
    shop.execute("CREATE TABLE events (id int PRIMARY KEY, what text, updated_at timestamptz DEFAULT now())")


def test_a_table_arrives_whole_in_ranges_of_its_key(shop, pull):
    numbered(shop)

    entry = pull.load("orders")

    assert (entry.read, entry.inserted) == (1000, 1000)
    found = pull.rows("SELECT count(*), count(DISTINCT id), sum(amount), min(note), max(id) FROM raw.orders")
    assert [tuple(map(str, row)) for row in found] == [("1000", "1000", "5005.00", "note 1", "1000")]
    assert len(pull.landing.loaded("shop.orders")[0].segments) == 11


@pytest.mark.parametrize(
    ("columns", "values"),
    [
        ("a int, b text, PRIMARY KEY (a, b)", "i % 7, 'k' || i"),
        ("a uuid PRIMARY KEY, b text", "md5(i::text)::uuid, 'x'"),
        ("a text PRIMARY KEY, b text", "'it''s \\' || i, 'x'"),
        ("a timestamptz PRIMARY KEY, b text", "timestamptz '2024-01-01 00:00+02' + i * interval '1.000001 s', 'x'"),
        ("a int, b text", "i, 'no key'"),
    ],
    ids=["two columns", "uuid", "text", "timestamptz", "none"],
)
def test_each_row_arrives_once_whatever_the_key_is(shop, pull, columns, values):
    shop.execute(f"CREATE TABLE things ({columns})")
    shop.execute(f"INSERT INTO things SELECT {values} FROM generate_series(1, 555) AS i")
    shop.execute("ANALYZE things")

    entry = pull.load("things")

    assert entry.inserted == 555
    assert pull.rows("SELECT count(*) FROM (SELECT DISTINCT a, b FROM raw.things)") == [(555,)]


def test_all_ranges_see_one_state_of_the_table(shop, pull, monkeypatch):
    numbered(shop)
    stream = pull.stream("orders")
    from headrace.extract.source import open_stream
    from headrace.retry import SYSTEM

    arriving = open_stream(
        stream, cursor=None, resume={}, local=pull.connection.local, clock=SYSTEM, scratch=pull.folder
    )
    first = next(arriving)
    shop.execute("UPDATE orders SET amount = amount + 1000000")
    shop.execute("DELETE FROM orders WHERE id > 900")
    rest = list(arriving)

    assert sum(batch.rows.num_rows for batch in (first, *rest)) == 1000
    assert max(max(batch.rows.column("amount").to_pylist()) for batch in rest if batch.rows.num_rows) < 11


def test_a_read_that_broke_goes_on_after_the_last_whole_range(shop, pull):
    numbered(shop)
    with pytest.raises(pulling.Broken):
        pull.load("orders", stop_after=4)
    shop.execute("DELETE FROM orders WHERE id <= 400")  # what has arrived is not asked for again

    entry = pull.load("orders")

    assert entry.inserted == 1000
    assert pull.rows("SELECT count(DISTINCT id) FROM raw.orders") == [(1000,)]


@pytest.mark.parametrize("other", ["", "id, note", "note"])
def test_a_read_that_broke_is_not_gone_on_with_by_another_key(shop, pull, other):
    numbered(shop)
    with pytest.raises(pulling.Broken):
        pull.load("orders", stop_after=4)
    shop.execute("ALTER TABLE orders DROP CONSTRAINT orders_pkey")
    if other:
        shop.execute(f"ALTER TABLE orders ADD PRIMARY KEY ({other})")

    with pytest.raises(SourceRefused, match="another key than when a part of it was read") as refused:
        pull.load("orders")

    assert refused.value.hint == "load the stream anew with --full-refresh"


def test_a_read_without_a_key_begins_anew_after_it_broke(shop, pull):
    shop.execute("CREATE TABLE things AS SELECT i FROM generate_series(1, 500) AS i")
    with pytest.raises(pulling.Broken):
        pull.load("things", stop_after=2)

    entry = pull.load("things")

    assert entry.inserted == 500
    assert any("read anew" in said for said in pull.warnings())


def test_columns_are_chosen_and_a_query_is_a_stream(shop, pull):
    numbered(shop)

    pull.load("orders", included_columns=("id", "note"), excluded_columns=("note",))
    pull.load("totals", query="SELECT id % 2 AS odd, sum(amount) AS total FROM orders GROUP BY 1;")

    assert set(
        pull.rows(
            "SELECT * EXCLUDE (_headrace_load_id, _headrace_loaded_at, _headrace_source, _headrace_row_hash) FROM raw.orders WHERE id < 3"
        )
    ) == {(1,), (2,)}
    assert pull.rows("SELECT odd, total FROM raw.totals ORDER BY 1") == [(0, "2505.00"), (1, "2500.00")]
    assert any("total" in said and "columns" in said for said in pull.warnings())


def test_a_column_that_is_not_there_is_named_with_its_neighbour(shop, pull):
    numbered(shop, 1)

    with pytest.raises(ConfigInvalid) as refused:
        pull.load("orders", included_columns=("amuont",))

    assert refused.value.hint == "did you mean 'amount'?"


@pytest.mark.parametrize(("wanted", "hint"), [("order", "did you mean 'orders'?"), ("nothing_like_it", None)])
def test_a_table_that_is_not_there_is_told_with_its_neighbour(shop, pull, wanted, hint):
    numbered(shop, 1)

    with pytest.raises(SourceRefused, match="does not exist") as refused:
        pull.load(wanted)

    assert refused.value.hint == hint


def test_what_the_server_says_reaches_the_user(pull, tmp_path):
    with pytest.raises(SourceRefused, match='relation "nowhere" does not exist'):
        pull.load("nowhere")
    away = pulling.Pull("postgresql://nobody:hidden@127.0.0.1:1/none", tmp_path / "away")
    with pytest.raises(SourceUnavailable) as refused:
        away.load("orders")
    away.close()

    assert "hidden" not in str(refused.value)


def test_a_connection_that_is_lost_is_an_error_that_can_be_tried_again(shop, pull):
    numbered(shop)
    from headrace.extract.source import open_stream
    from headrace.retry import SYSTEM

    arriving = open_stream(
        pull.stream("orders"), cursor=None, resume={}, local=pull.connection.local, clock=SYSTEM, scratch=pull.folder
    )
    next(arriving)
    shop.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )

    with pytest.raises(SourceUnavailable) as lost:
        list(arriving)

    assert lost.value.transient


def test_only_what_is_new_is_read_and_merged_by_the_reflected_key(shop, pull):
    stamped(shop)
    shop.execute("INSERT INTO events VALUES (1, 'a'), (2, 'b')")
    pull.load("events", incremental="updated_at")
    shop.execute("UPDATE events SET what = 'B', updated_at = now() WHERE id = 2")
    shop.execute("INSERT INTO events VALUES (3, 'c')")

    entry = pull.load("events", incremental="updated_at")

    assert (entry.inserted, entry.updated) == (1, 1)
    assert pull.rows("SELECT id, what FROM raw.events ORDER BY id") == [(1, "a"), (2, "B"), (3, "c")]


@pytest.mark.parametrize("disposition", ["append", "merge"])
@pytest.mark.parametrize("cursor", ["updated_at", "id"])
def test_a_row_that_commits_late_is_not_missed(shop, pull, postgres_url, cursor, disposition):
    shop.execute("CREATE TABLE events (id bigserial PRIMARY KEY, what text, updated_at timestamptz DEFAULT now())")
    spec = {"incremental": cursor, "write_disposition": disposition}
    shop.execute("INSERT INTO events (what) VALUES ('first')")
    with psycopg.connect(postgres_url) as slow:
        slow.execute("INSERT INTO events (what) VALUES ('late')")
        shop.execute("INSERT INTO events (what) VALUES ('early')")

        pull.load("events", **spec)
        slow.commit()
    shop.execute("INSERT INTO events (what) VALUES ('after')")
    pull.load("events", **spec)
    last = pull.load("events", **spec)

    assert pull.rows("SELECT what FROM raw.events ORDER BY id") == [("first",), ("late",), ("early",), ("after",)]
    assert last.inserted == 0


def test_rows_that_begin_while_the_table_is_read_are_not_missed(shop, pull, postgres_url):
    stamped(shop)
    with pulling.many_writers(postgres_url, "INSERT INTO events VALUES (%s, 'x')"):
        for _ in range(5):
            pull.load("events", incremental="updated_at", write_disposition="append")
    pull.load("events", incremental="updated_at", write_disposition="append")

    wanted = shop.execute("SELECT count(*) FROM events").fetchone()
    assert pull.rows("SELECT count(*), count(DISTINCT id) FROM raw.events") == [(*wanted, *wanted)]


def test_rows_without_a_cursor_value_are_included_excluded_or_refused(shop, pull):
    shop.execute("CREATE TABLE events (id int PRIMARY KEY, updated_at timestamp)")
    shop.execute("INSERT INTO events VALUES (1, '2024-01-01'), (2, NULL)")

    def load(name, missing):
        spec = {"cursor_path": "updated_at", "on_cursor_value_missing": missing}
        return [pull.load(name, table="events", incremental=spec, write_disposition="append").inserted for _ in "12"]

    assert load("kept", "include") == [2, 0]
    assert load("left", "exclude") == [1, 0]
    with pytest.raises(RecordsNotFound, match="updated_at"):
        load("refused", "raise")


def test_bounds_are_open_or_closed(shop, pull):
    numbered(shop, 10)

    assert pulling.ids_within(pull, "plain") == [3, 4, 5]
    assert pulling.ids_within(pull, "both", range_end="closed") == [3, 4, 5, 6]
    assert pulling.ids_within(pull, "neither", range_start="open") == [4, 5]


def test_a_lag_reads_again_what_is_behind_the_cursor(shop, pull):
    shop.execute("CREATE TABLE events (id int PRIMARY KEY, updated_at timestamp)")
    shop.execute("INSERT INTO events VALUES (1, '2024-01-02 00:00:10')")
    incremental = {"cursor_path": "updated_at", "lag": 60}
    pull.load("events", incremental=incremental)
    shop.execute("INSERT INTO events VALUES (2, '2024-01-01 23:59:30'), (3, '2024-01-01 23:00:00')")

    pull.load("events", incremental=incremental)

    assert pull.rows("SELECT id FROM raw.events ORDER BY id") == [(1,), (2,)]


def test_an_infinite_date_does_not_stop_the_cursor(shop, pull):
    shop.execute("CREATE TABLE events (id int PRIMARY KEY, updated_at timestamp)")
    shop.execute("INSERT INTO events VALUES (1, '2024-01-01'), (2, 'infinity')")
    pull.load("events", incremental="updated_at")
    shop.execute("INSERT INTO events VALUES (3, '2024-01-02')")

    entry = pull.load("events", incremental="updated_at")

    assert entry.inserted == 1
    assert entry.cursor_value == "2024-01-02 00:00:00.000000"
