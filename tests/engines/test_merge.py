"""Merging changes: what becomes of each row, and that neither order nor repetition of the changes matters."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.schema import BIGINT, BOOLEAN, VARCHAR, Column, Schema
from headrace.sql.merge import count_verdicts
from headrace.sql.operations import CreateTable, Drop, Merge
from headrace.table import Table

TARGET, STAGED, GRAVES = Table("raw", "orders"), Table("raw", "orders__staged"), Table("raw", "orders__tombstones")
COLUMNS = ("area", "id", "state", "changed", "hash")
SCHEMA = Schema(
    (
        Column("area", VARCHAR),
        Column("id", BIGINT),
        Column("state", VARCHAR),
        Column("changed", BIGINT),
        Column("hash", VARCHAR),
        Column("gone", BOOLEAN),
    )
)
MERGE = Merge(
    TARGET,
    STAGED,
    Table("raw", "orders__verdicts"),
    COLUMNS,
    key=("area", "id"),
    order=("changed",),
    hash="hash",
    deleted="gone",
    tombstones=GRAVES,
)


def row(number, state, changed, *, gone=False, area="n"):
    return {"area": area, "id": number, "state": state, "changed": changed, "hash": f"#{state}", "gone": gone}


@pytest.fixture
def empty(session):
    """A session with the target and its tombstones, both empty."""
    start(session)
    return session


def start(session):
    session.run(Drop(TARGET))
    session.run(Drop(GRAVES))
    session.run(CreateTable(TARGET, Schema(SCHEMA.columns[:5])))
    session.run(CreateTable(GRAVES, Schema((SCHEMA.columns[0], SCHEMA.columns[1], SCHEMA.columns[3]))))


def merge(session, *rows, operation=MERGE):
    with session.transaction():
        session.run(Drop(STAGED))
        data = pa.Table.from_pylist(list(rows), schema=ARROW)
        session.load(STAGED, data.to_reader(), SCHEMA)
        session.run(operation)
        return dict(session.rows(count_verdicts(operation, session.capabilities)))


ARROW = pa.schema(
    [
        ("area", pa.string()),
        ("id", pa.int64()),
        ("state", pa.string()),
        ("changed", pa.int64()),
        ("hash", pa.string()),
        ("gone", pa.bool_()),
    ]
)


def held(session):
    return session.rows("SELECT area, id, state, changed FROM raw.orders ORDER BY area, id")


def test_each_staged_row_gets_one_verdict(empty):
    merge(empty, row(1, "a", 1), row(2, "b", 1), row(3, "c", 5), row(4, "d", 1))

    verdicts = merge(
        empty,
        row(1, "x", 2),
        row(1, "w", 1),
        row(2, "b", 1),
        row(3, "late", 4),
        row(4, "d", 2, gone=True),
        row(5, "e", 1),
        row(6, "f", 1, gone=True),
    )

    assert verdicts == {"update": 1, "duplicate": 2, "unchanged": 2, "delete": 1, "insert": 1}
    assert held(empty) == [("n", 1, "x", 2), ("n", 2, "b", 1), ("n", 3, "c", 5), ("n", 5, "e", 1)]


def test_the_same_changes_again_change_nothing(empty):
    changes = [row(1, "a", 1), row(1, "b", 2), row(2, "c", 1)]
    merge(empty, *changes)

    again = merge(empty, *changes)

    assert again == {"unchanged": 2, "duplicate": 1}
    assert held(empty) == [("n", 1, "b", 2), ("n", 2, "c", 1)]


def test_an_older_row_does_not_bring_a_deleted_key_back(empty):
    merge(empty, row(1, "a", 1), row(1, "a", 3, gone=True))

    late = merge(empty, row(1, "b", 2))
    newer = merge(empty, row(1, "c", 4))

    assert late == {"duplicate": 1}
    assert newer == {"insert": 1}
    assert held(empty) == [("n", 1, "c", 4)]


def test_a_key_is_its_columns_and_not_their_text(empty):
    merge(empty, row(11, "a", 1, area="1"), row(1, "b", 1, area="11"))

    merge(empty, row(1, "x", 2, area="11"))

    assert held(empty) == [("1", 11, "a", 1), ("11", 1, "x", 2)]


def test_a_row_without_order_is_the_oldest(empty):
    merge(empty, row(1, "a", None), row(2, "b", 1))

    verdicts = merge(empty, row(1, "x", 0), row(2, "y", None))

    assert verdicts == {"update": 1, "duplicate": 1}
    assert held(empty) == [("n", 1, "x", 0), ("n", 2, "b", 1)]


def test_of_equally_new_rows_the_one_that_came_last_wins(empty):
    merge(empty, row(1, "a", 1), row(1, "b", 1))
    within = held(empty)

    merge(empty, row(1, "c", 1))

    assert within == [("n", 1, "b", 1)]
    assert held(empty) == [("n", 1, "c", 1)]


def test_later_order_columns_break_ties(empty):
    operation = Merge(TARGET, STAGED, MERGE.verdicts, COLUMNS, ("id",), order=("changed", "state"), hash="hash")
    merge(empty, row(1, "b", 1), row(1, "c", 1), row(1, "a", 1), operation=operation)

    older = merge(empty, row(1, "b", 1), operation=operation)

    assert older == {"duplicate": 1}
    assert held(empty) == [("n", 1, "c", 1)]


def test_without_an_order_or_a_hash_each_row_replaces_its_key(empty):
    operation = Merge(TARGET, STAGED, MERGE.verdicts, COLUMNS, ("area", "id"), deleted="gone")
    merge(empty, row(1, "b", 2), row(2, "c", 2), operation=operation)

    verdicts = merge(empty, row(1, "a", 1), row(2, None, 1, gone=True), row(3, "d", 1), operation=operation)

    assert verdicts == {"update": 1, "delete": 1, "insert": 1}
    assert held(empty) == [("n", 1, "a", 1), ("n", 3, "d", 1)]


def test_an_unchanged_row_still_moves_the_order_on(empty):
    merge(empty, row(1, "a", 1))
    unchanged = merge(empty, row(1, "a", 3))

    between = merge(empty, row(1, "b", 2))

    assert unchanged == {"unchanged": 1}
    assert between == {"duplicate": 1}
    assert held(empty) == [("n", 1, "a", 3)]


def test_a_merge_that_is_rolled_back_leaves_everything(empty):
    merge(empty, row(1, "a", 1))

    with pytest.raises(RuntimeError), empty.transaction():  # noqa: PT012 - the block fails as a whole
        empty.load(STAGED.beside("again"), pa.Table.from_pylist([row(1, "b", 2)], schema=ARROW).to_reader(), SCHEMA)
        empty.run(Merge(TARGET, STAGED.beside("again"), MERGE.verdicts, COLUMNS, ("area", "id")))
        raise RuntimeError

    assert held(empty) == [("n", 1, "a", 1)]


CHANGES = st.lists(
    st.builds(
        lambda number, changed, gone: row(number, f"v{number}.{changed}", changed, gone=gone),
        st.integers(1, 3),
        st.one_of(st.none(), st.integers(1, 6)),
        st.booleans(),
    ),
    max_size=5,
)


def oracle(batches):
    """Per key the newest change wins, and at one time a deletion; a key whose newest change is a deletion is not there."""
    newest = {}
    for change in (change for batch in batches for change in batch):
        key = change["area"], change["id"]
        rank = (-1 if change["changed"] is None else change["changed"], change["gone"])
        if key not in newest or rank > newest[key][0]:
            newest[key] = rank, change
    alive = [change for _, change in newest.values() if not change["gone"]]
    return sorted((change["area"], change["id"], change["state"], change["changed"]) for change in alive)


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data(), batches=st.lists(CHANGES, min_size=1, max_size=4))
def test_any_order_and_repetition_of_changes_gives_the_same_table(session, data, batches):
    start(session)
    again = data.draw(st.lists(st.sampled_from(batches), max_size=2))
    delivered = data.draw(st.permutations(batches + again))

    counted = [merge(session, *batch) for batch in delivered]

    assert held(session) == oracle(batches)
    assert [sum(verdicts.values()) for verdicts in counted] == [len(batch) for batch in delivered]
