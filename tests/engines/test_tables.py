"""Making, changing, filling and publishing tables."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest

from headrace.errors import StatementFailed
from headrace.schema import BIGINT, DOUBLE, INTEGER, VARCHAR, Added, Column, Schema, Widened
from headrace.sql.dialect import relation, temporary
from headrace.sql.operations import (
    AlterColumns,
    Append,
    Comment,
    CreateSchema,
    CreateTable,
    CreateTableAs,
    DeleteInsert,
    Drop,
    Overwrite,
    Publish,
    SetView,
    Upsert,
)
from headrace.table import Table

ORDERS = Table("raw", "orders")
STAGED = Table("raw", "orders__staged")
COLUMNS = ("id", "state")


def rows_of(session, table=ORDERS, columns="*"):
    return sorted(session.rows(f"SELECT {columns} FROM {relation(table)}"), key=repr)


def make(session, table, *rows, columns=COLUMNS):
    session.run(Drop(table))
    data = {name: [row[at] for row in rows] for at, name in enumerate(columns)}
    return session.load(table, pa.table(data).to_reader())


def test_a_created_table_is_described_as_it_was_asked_for(session):
    schema = Schema((Column("id", BIGINT, nullable=False), Column('odd "name"', VARCHAR)))

    session.run(CreateTable(ORDERS, schema))
    session.run(CreateTable(ORDERS, schema, if_absent=True))

    found = session.inspect("raw", "not there")
    assert list(found) == [ORDERS]
    assert found[ORDERS].kind == "table"
    assert found[ORDERS].schema == schema


def test_a_schema_that_is_there_is_left_alone(session):
    make(session, ORDERS, (1, "new"))

    session.run(CreateSchema("raw"))

    assert rows_of(session) == [(1, "new")]


def test_loading_says_how_many_rows_came(session):
    assert make(session, ORDERS, (1, "new"), (2, None), (3, "")) == 3
    assert rows_of(session) == [(1, "new"), (2, None), (3, "")]


def test_loading_nothing_makes_an_empty_table_of_the_schema(session):
    schema = Schema((Column("id", BIGINT), Column("state", VARCHAR)))
    nothing = pa.schema([("id", pa.int64()), ("state", pa.string())]).empty_table()

    loaded = session.load(ORDERS, nothing.to_reader(), schema)

    assert loaded == 0
    assert session.inspect("raw")[ORDERS].schema == schema


def test_loading_with_a_schema_gives_the_columns_its_types(session):
    schema = Schema((Column("id", BIGINT), Column("price", DOUBLE)))

    session.load(ORDERS, pa.table({"id": ["1"], "price": ["2.5"]}).to_reader(), schema)

    assert session.inspect("raw")[ORDERS].schema == schema
    assert rows_of(session) == [(1, 2.5)]


def test_a_local_query_becomes_a_table(session):
    session.local.register("here", pa.table({"id": [1, 2]}))

    loaded = session.load_local(ORDERS, "SELECT id, id * 10 AS tens FROM here")

    assert loaded == 2
    assert rows_of(session) == [(1, 10), (2, 20)]


@pytest.mark.parametrize("inside", [True, False])
def test_what_is_the_same_in_each_row_stands_in_each_and_is_no_default_afterwards(session, inside):
    session.local.register("here", pa.table({"id": [1, 2]}))
    at = "CAST('2026-01-02 03:04:05.678901+00:00' AS TIMESTAMP WITH TIME ZONE)"
    query = f"SELECT 'it''s' AS load, id, {at} AS loaded_at FROM here"

    with session.transaction() if inside else contextlib.nullcontext():
        loaded = session.load_local(ORDERS, query, {"load": "'it''s'", "loaded_at": at})
        session.execute(f"INSERT INTO {relation(ORDERS)} (id) VALUES (3)")

    assert loaded == 2
    assert session.inspect("raw")[ORDERS].schema.names == ("load", "id", "loaded_at")
    assert rows_of(session, columns="id, load, extract(microseconds FROM loaded_at)") == [
        (1, "it's", 5678901),
        (2, "it's", 5678901),
        (3, None, None),
    ]


def test_a_query_comes_back_as_arrow(session):
    make(session, ORDERS, (1, "new"), (2, None), (3, ""), (4, 'a,"b"\nc'))

    table = session.query("SELECT id, state FROM raw.orders ORDER BY id; ").read_all()

    assert table.to_pydict() == {"id": [1, 2, 3, 4], "state": ["new", None, "", 'a,"b"\nc']}


def test_a_query_without_rows_still_has_its_columns(session):
    table = session.query("SELECT CAST(1 AS bigint) AS id WHERE false -- none").read_all()

    assert table.schema == pa.schema([("id", pa.int64())])
    assert table.num_rows == 0


def test_a_query_that_fails_leaves_the_session_usable(session):
    with pytest.raises(StatementFailed, match="nowhere"):
        session.query("SELECT * FROM nowhere")

    assert session.rows("SELECT 1") == [(1,)]


def test_values_stand_where_the_question_marks_are(session):
    make(session, ORDERS, (1, "what?"), (2, "new"))

    found = session.rows("SELECT id FROM raw.orders WHERE state = ? AND state <> '?' -- ?", ["what?"])

    assert found == [(1,)]


def test_append_goes_by_name_and_not_by_place(session):
    make(session, ORDERS, (1, "new"))
    make(session, STAGED, ("paid", 2), columns=("state", "id"))

    added = session.run(Append(ORDERS, STAGED, COLUMNS))

    assert added == 1
    assert rows_of(session) == [(1, "new"), (2, "paid")]


def test_overwrite_leaves_the_staged_rows_and_no_others(session):
    make(session, ORDERS, (1, "new"), (2, "new"))
    make(session, STAGED, (3, "new"))

    with session.transaction():
        session.run(Overwrite(ORDERS, STAGED, COLUMNS))
    with session.transaction():
        session.run(Overwrite(ORDERS, STAGED, COLUMNS))

    assert rows_of(session) == [(3, "new")]


def test_readers_never_see_an_empty_table_during_an_overwrite(warehouse, session):
    make(session, ORDERS, (1, "old"))
    make(session, STAGED, (2, "new"))

    with warehouse.connect() as reader:
        with session.transaction():
            session.run(Overwrite(ORDERS, STAGED, COLUMNS))
            during = rows_of(reader)
        after = rows_of(reader)

    assert during == [(1, "old")]
    assert after == [(2, "new")]


def test_delete_insert_replaces_whole_keys(session):
    make(session, ORDERS, (1, "a"), (1, "b"), (2, "c"))
    make(session, STAGED, (1, "x"), (3, "y"), (3, "z"))

    with session.transaction():
        session.run(DeleteInsert(ORDERS, STAGED, COLUMNS, ("id",)))

    assert rows_of(session) == [(1, "x"), (2, "c"), (3, "y"), (3, "z")]


def test_delete_insert_deletes_only_what_its_predicates_allow(session):
    make(session, ORDERS, (1, "a"), (1, "b"))
    make(session, STAGED, (1, "x"))

    with session.transaction():
        session.run(DeleteInsert(ORDERS, STAGED, COLUMNS, ("id",), ("DBT_INTERNAL_DEST.state = 'a'",)))

    assert rows_of(session) == [(1, "b"), (1, "x")]


def test_an_upsert_updates_and_adds(session):
    make(session, ORDERS, (1, "a"), (2, "b"))
    make(session, STAGED, (2, "x"), (3, "y"))

    session.run(Upsert(ORDERS, STAGED, COLUMNS, ("id",)))

    assert rows_of(session) == [(1, "a"), (2, "x"), (3, "y")]


def test_an_upsert_updates_only_the_named_columns(session):
    make(session, ORDERS, (1, "a", 1), columns=("id", "state", "n"))
    make(session, STAGED, (1, "x", 2), columns=("id", "state", "n"))

    session.run(Upsert(ORDERS, STAGED, ("id", "state", "n"), ("id",), update=("n",)))

    assert rows_of(session) == [(1, "a", 2)]


def test_nothing_of_a_transaction_is_kept_when_its_block_fails(warehouse, session):
    make(session, ORDERS, (1, "old"))
    make(session, STAGED, (2, "new"))
    killed = RuntimeError("between data and state")

    with warehouse.connect() as other, pytest.raises(RuntimeError), session.transaction():  # noqa: PT012 - the block fails as a whole
        session.run(Append(ORDERS, STAGED, COLUMNS))
        session.run(CreateTableAs(Table("raw", "made"), "SELECT 1 AS one"))
        make(session, Table("raw", "loaded"), (1, "x"))
        unseen = rows_of(other), list(other.inspect("raw"))
        raise killed

    assert unseen == ([(1, "old")], [ORDERS, STAGED])
    assert rows_of(session) == [(1, "old")]
    assert list(session.inspect("raw")) == [ORDERS, STAGED]


def test_a_session_goes_on_after_a_statement_failed_in_a_transaction(session):
    make(session, ORDERS, (1, "old"))

    with pytest.raises(StatementFailed) as caught, session.transaction():  # noqa: PT012 - the block fails as a whole
        session.execute("DELETE FROM raw.orders")
        session.execute("SELECT * FROM raw.nowhere")

    assert "nowhere" in caught.value.what
    assert "Traceback" not in caught.value.what
    assert caught.value.__notes__ == ["SELECT * FROM raw.nowhere"]
    assert rows_of(session) == [(1, "old")]


def test_what_a_swallowed_failure_took_along_is_not_lost_in_silence(session):
    make(session, ORDERS, (1, "old"))
    told = False

    try:
        with session.transaction():
            session.execute("DELETE FROM raw.orders")
            with contextlib.suppress(StatementFailed):
                session.execute("SELECT * FROM raw.nowhere")
    except StatementFailed:
        told = True

    assert rows_of(session) == ([(1, "old")] if told else [])


def test_transactions_do_not_nest(session):
    make(session, ORDERS, (1, "old"))

    with pytest.raises(StatementFailed), session.transaction():  # noqa: PT012 - the block fails as a whole
        session.execute("DELETE FROM raw.orders")
        with session.transaction():
            session.execute("SELECT 1")

    assert rows_of(session) == [(1, "old")]


def test_an_operation_of_several_statements_is_all_or_nothing_by_itself(session):
    make(session, ORDERS, (1, "old"))
    make(session, STAGED, ("word", "new"))

    with pytest.raises(StatementFailed):
        session.run(Overwrite(ORDERS, STAGED, COLUMNS))

    assert rows_of(session) == [(1, "old")]


def test_columns_are_added_and_widened_with_their_values(session):
    make(session, ORDERS, (1, "7"), (2, None))
    held = session.inspect("raw")[ORDERS].schema
    state = held.get("state")

    session.run(
        AlterColumns(ORDERS, (Added(Column("note", VARCHAR)), Widened(held.get("id"), VARCHAR), Widened(state, BIGINT)))
    )

    types = [column.type for column in session.inspect("raw")[ORDERS].schema]
    assert types == [VARCHAR, BIGINT, VARCHAR]
    assert rows_of(session) == [("1", 7, None), ("2", None, None)]


def test_a_column_that_views_read_is_widened(session):
    make(session, ORDERS, (1, "new"))
    session.run(SetView(Table("raw", "over"), "SELECT id AS number FROM raw.orders"))
    session.run(SetView(Table("raw", "above"), "SELECT number FROM raw.over"))
    held = session.inspect("raw")[ORDERS].schema

    session.run(AlterColumns(ORDERS, (Widened(held.get("id"), VARCHAR),), session.dependents(ORDERS)))

    assert rows_of(session, Table("raw", "above")) == [("1",)]


def test_a_temporary_table_belongs_to_its_session(warehouse, session):
    session.run(CreateTableAs(Table("raw", "mine"), "SELECT 1 AS one", temporary=True))

    place = temporary("mine", session.capabilities)
    assert rows_of(session, place) == [(1,)]
    with warehouse.connect() as other, pytest.raises(StatementFailed):
        rows_of(other, place)


def test_a_view_is_replaced_whatever_its_columns_were(session):
    view, over = Table("raw", "view"), Table("raw", "view_over")
    session.run(SetView(view, "SELECT 1 AS one, 2 AS two"))
    session.run(SetView(over, "SELECT one FROM raw.view"))

    with session.transaction():
        session.run(SetView(view, "SELECT 'x' AS zero, 11 AS one", session.dependents(view)))

    assert rows_of(session, view) == [("x", 11)]
    assert rows_of(session, over) == [(11,)]


def test_the_first_publication_gives_the_name(session):
    built = Table("raw", "orders__built")
    make(session, built, (1, "a"))

    with session.transaction():
        session.run(Publish(ORDERS, built))

    assert rows_of(session) == [(1, "a")]
    assert list(session.inspect("raw")) == [ORDERS]


@pytest.mark.parametrize("was", ["table", "view"])
def test_what_had_the_name_goes_when_a_table_of_other_columns_is_published(session, was):
    built = Table("raw", "orders__built")
    if was == "table":
        make(session, ORDERS, (1, "a"))
    else:
        session.run(SetView(ORDERS, "SELECT 1 AS id"))
    make(session, built, (2.5,), columns=("price",))

    with session.transaction():
        session.run(Publish(ORDERS, built, was))

    assert rows_of(session) == [(2.5,)]
    assert [relation.kind for relation in session.inspect("raw").values()] == ["table"]


def test_views_over_a_published_table_read_the_new_rows(session):
    built = Table("raw", "orders__built")
    make(session, ORDERS, (1, "old"))
    session.run(SetView(Table("raw", "z_first"), "SELECT id, state FROM raw.orders"))
    session.run(
        SetView(Table("raw", "a_second"), "SELECT f.id FROM raw.z_first AS f JOIN raw.orders AS o ON o.id = f.id")
    )
    make(session, built, ("new", 5, True), columns=("state", "id", "extra"))

    with session.transaction():
        session.run(Publish(ORDERS, built, "table", session.dependents(ORDERS)))

    assert rows_of(session, Table("raw", "z_first")) == [(5, "new")]
    assert rows_of(session, Table("raw", "a_second")) == [(5,)]


def test_readers_keep_the_old_table_until_the_publication_commits(warehouse, session):
    built = Table("raw", "orders__built")
    make(session, ORDERS, (1, "old"))
    make(session, built, (2, "new"))

    with warehouse.connect() as reader:
        with pytest.raises(RuntimeError), session.transaction():  # noqa: PT012 - the block fails as a whole
            session.run(Publish(ORDERS, built, "table"))
            raise RuntimeError
        kept = rows_of(reader)
        with session.transaction():
            session.run(Publish(ORDERS, built, "table"))
        moved = rows_of(reader)

    assert kept == [(1, "old")]
    assert moved == [(2, "new")]


def test_a_table_is_published_into_another_schema(session):
    session.run(CreateSchema("marts"))
    target = Table("marts", "orders")
    make(session, ORDERS, (1, "a"))

    with session.transaction():
        session.run(Publish(target, ORDERS))

    assert rows_of(session, target) == [(1, "a")]
    assert session.inspect("raw") == {}


def test_a_publication_after_a_comment_and_a_second_publication_work(session):
    for round_ in range(3):
        built = Table("raw", "orders__built")
        make(session, built, (round_, "a"))
        with session.transaction():
            session.run(Comment(built, "it's the orders"))
            session.run(Comment(built, "how it goes", column="state"))
            session.run(Publish(ORDERS, built, "table" if round_ else None))

    assert rows_of(session) == [(2, "a")]


def test_what_is_not_there_can_be_dropped(session):
    session.run(SetView(Table("raw", "view"), "SELECT 1 AS one"))

    session.run(Drop(ORDERS))
    session.run(Drop(Table("raw", "view"), "view"))

    assert session.inspect("raw") == {}


def test_sessions_make_tables_at_the_same_time(warehouse, session):
    errors = []

    def work(number):
        try:
            with warehouse.connect() as mine:
                for step in range(3):
                    with mine.transaction():
                        mine.run(CreateTableAs(Table("raw", f"t{number}_{step}"), "SELECT 1 AS one"))
                        make(mine, Table("raw", f"l{number}_{step}"), (1, "a"))
        except StatementFailed as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert len(session.inspect("raw")) == 4 * 3 * 2


def test_sessions_write_to_one_table_at_the_same_time(warehouse, session):
    make(session, ORDERS, (0, "first"))
    barrier = threading.Barrier(3)

    def work(number):
        with warehouse.connect() as mine, mine.transaction():
            make(mine, Table("raw", f"staged{number}"), (number, "more"))
            barrier.wait(30)
            mine.run(Append(ORDERS, Table("raw", f"staged{number}"), COLUMNS))
            barrier.wait(30)

    with ThreadPoolExecutor() as pool:
        list(pool.map(work, range(1, 4)))

    assert [number for number, _ in rows_of(session)] == [0, 1, 2, 3]


def test_a_query_that_fails_half_way_tells_the_engines_reason(session):
    number = "CASE WHEN n < 400000 THEN '1' ELSE 'x' END"

    with pytest.raises(StatementFailed, match=r"(?i)'x' to INT64|type bigint"):
        session.query(f"SELECT CAST({number} AS bigint) AS id FROM generate_series(1, 500000) AS t(n)").read_all()

    assert session.rows("SELECT 1") == [(1,)]


def test_a_running_statement_is_stopped_from_another_thread(warehouse):
    with warehouse.connect() as mine:
        stop = threading.Timer(0.3, mine.cancel)
        stop.start()
        with pytest.raises(StatementFailed):
            mine.rows(
                "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 2000000000) SELECT max(i) FROM n"
            )
        stop.join()

        assert mine.rows("SELECT 1") == [(1,)]


def test_integer_columns_stay_integer(session):
    session.load(ORDERS, pa.table({"id": pa.array([1], pa.int32())}).to_reader())

    assert session.inspect("raw")[ORDERS].schema == Schema((Column("id", INTEGER),))


def test_sessions_ask_for_the_same_schema_at_the_same_time(warehouse):
    barrier = threading.Barrier(4)

    def work(_):
        with warehouse.connect() as mine:
            for step in range(5):
                barrier.wait(5)
                mine.run(CreateSchema(f"marts{step}"))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))


MANY = 300_000
"""More rows than DuckDB has in a block."""


def test_a_large_insert_after_one_of_no_rows_in_a_transaction_keeps_its_rows_in_their_order(session):
    schema = Schema((Column("id", BIGINT),))
    session.run(CreateTable(ORDERS, schema))
    session.load(STAGED, pa.table({"id": range(MANY)}).to_reader(), schema)

    with session.transaction():
        assert session.execute(f"INSERT INTO {relation(ORDERS)} SELECT * FROM {relation(STAGED)} WHERE id < 0") == 0
        assert session.run(Append(ORDERS, STAGED, ("id",))) == MANY

    assert session.rows(f"SELECT count(*), min(id), max(id) FROM {relation(ORDERS)}") == [(MANY, 0, MANY - 1)]
    assert session.rows(f"SELECT id FROM {relation(ORDERS)} LIMIT 3") == [(0,), (1,), (2,)]


@pytest.mark.parametrize("warehouse", ["duckdb"], indirect=True)
def test_an_insert_that_fails_in_one_thread_leaves_the_database_its_threads(session):
    session.run(CreateTable(ORDERS, Schema((Column("id", BIGINT),))))
    threads = session.rows("SELECT current_setting('threads')")
    session.execute(f"INSERT INTO {relation(ORDERS)} SELECT 1 WHERE FALSE")

    with pytest.raises(StatementFailed, match="Could not convert"), session.transaction():
        insert_none_and_fail(session)

    assert session.rows("SELECT current_setting('threads')") == threads


def insert_none_and_fail(session):
    session.execute(f"INSERT INTO {relation(ORDERS)} SELECT 1 WHERE FALSE")
    session.execute(f"INSERT INTO {relation(ORDERS)} SELECT CAST('x' || id AS BIGINT) FROM range(9) AS r(id)")


def test_a_large_insert_into_a_table_that_a_query_without_rows_made_keeps_its_rows(session):
    session.load(STAGED, pa.table({"id": range(MANY)}).to_reader(), Schema((Column("id", BIGINT),)))

    with session.transaction():
        session.run(CreateTableAs(ORDERS, f"SELECT * FROM {relation(STAGED)} LIMIT 0"))
        session.run(Append(ORDERS, STAGED, ("id",)))

    assert session.rows(f"SELECT count(*), max(id) FROM {relation(ORDERS)}") == [(MANY, MANY - 1)]
