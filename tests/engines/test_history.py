"""History: every version of a row, with the time in which it was true."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.schema import BIGINT, BOOLEAN, TIMESTAMP, VARCHAR, Column, Schema
from headrace.sql.operations import CreateTable, Drop, Scd2, Sweep
from headrace.table import Table

TARGET, STAGED = Table("raw", "customers"), Table("raw", "customers__staged")
STAGED_SCHEMA = Schema(
    (
        Column("area", VARCHAR),
        Column("id", BIGINT),
        Column("city", VARCHAR),
        Column("hash", VARCHAR),
        Column("seen", TIMESTAMP),
        Column("gone", BOOLEAN),
    )
)
VERDICTS, VERSIONS = Table("raw", "customers__verdicts"), Table("raw", "customers__versions")
HISTORY = Scd2(
    TARGET, STAGED, VERDICTS, VERSIONS, ("area", "id", "city", "hash"), ("area", "id"), changed_at="seen", hash="hash"
)
BURIED = replace(HISTORY, deleted="gone", tombstones=Table("raw", "customers__tombstones"))
ARROW = pa.schema(
    [
        ("area", pa.string()),
        ("id", pa.int64()),
        ("city", pa.string()),
        ("hash", pa.string()),
        ("seen", pa.timestamp("us")),
        ("gone", pa.bool_()),
    ]
)


def day(number):
    return None if number is None else datetime(2026, 1, number)  # noqa: DTZ001 - the column has no zone


def row(number, city, seen, area="n", *, gone=False):
    return {"area": area, "id": number, "city": city, "hash": f"#{city}", "seen": day(seen), "gone": gone}


def gone(number, seen):
    return row(number, None, seen, gone=True)


def start(session):
    session.run(Drop(TARGET))
    session.run(Drop(BURIED.tombstones))
    times = (Column("valid_from", TIMESTAMP), Column("valid_to", TIMESTAMP))
    session.run(CreateTable(TARGET, Schema((*STAGED_SCHEMA.columns[:4], *times))))
    session.run(CreateTable(BURIED.tombstones, Schema((*STAGED_SCHEMA.columns[:2], times[0]))))


@pytest.fixture
def empty(session):
    """A session with an empty history."""
    start(session)
    return session


def load(session, *rows, operation=HISTORY, closing=None):
    with session.transaction():
        session.run(Drop(STAGED))
        session.load(STAGED, pa.Table.from_pylist(list(rows), schema=ARROW).to_reader(), STAGED_SCHEMA)
        session.run(operation)
        if closing:
            session.run(
                Sweep(TARGET, STAGED, HISTORY.key, "close", "valid_to", f"TIMESTAMP '2026-01-0{closing} 00:00:00'")
            )


def versions(session):
    found = session.rows(
        "SELECT area, id, city, valid_from, valid_to FROM raw.customers ORDER BY area, id, valid_from, valid_to"
    )
    return [(area, number, city, start.day, end and end.day) for area, number, city, start, end in found]


def test_a_new_key_opens_a_version(empty):
    load(empty, row(1, "Bern", 1))

    assert versions(empty) == [("n", 1, "Bern", 1, None)]


def test_a_change_closes_the_open_version_where_the_new_one_begins(empty):
    load(empty, row(1, "Bern", 1), row(2, "Basel", 1))

    load(empty, row(1, "Thun", 3), row(2, "Basel", 3))

    assert versions(empty) == [("n", 1, "Bern", 1, 3), ("n", 1, "Thun", 3, None), ("n", 2, "Basel", 1, None)]


def test_loading_the_same_rows_again_changes_nothing(empty):
    load(empty, row(1, "Bern", 1))
    load(empty, row(1, "Thun", 3))
    once = versions(empty)

    load(empty, row(1, "Thun", 3))
    load(empty, row(1, "Bern", 1))

    assert versions(empty) == once


def test_a_row_that_comes_late_takes_its_place(empty):
    load(empty, row(1, "Bern", 5))

    load(empty, row(1, "Thun", 3))
    load(empty, row(1, "Chur", 4))

    assert versions(empty) == [("n", 1, "Thun", 3, 4), ("n", 1, "Chur", 4, 5), ("n", 1, "Bern", 5, None)]


def test_several_versions_of_a_key_come_in_one_load(empty):
    load(empty, row(1, "Bern", 5), row(1, "Thun", 1), row(1, "Chur", 3), row(1, "Biel", 3))

    assert versions(empty) == [("n", 1, "Thun", 1, 3), ("n", 1, "Biel", 3, 5), ("n", 1, "Bern", 5, None)]


def test_a_version_of_the_same_time_is_corrected(empty):
    load(empty, row(1, "Bern", 1), row(1, "Thun", 3))

    load(empty, row(1, "Chur", 1))

    assert versions(empty) == [("n", 1, "Chur", 1, 3), ("n", 1, "Thun", 3, None)]


def test_a_deletion_ends_the_version_of_its_time_and_is_remembered(empty):
    load(empty, row(1, "Bern", 1), row(1, "Thun", 5), gone(2, 4), operation=BURIED)

    load(empty, gone(1, 3), row(2, "Basel", 2), row(1, "Biel", 4), operation=BURIED)

    assert versions(empty) == [
        ("n", 1, "Bern", 1, 3),
        ("n", 1, "Biel", 4, 5),
        ("n", 1, "Thun", 5, None),
        ("n", 2, "Basel", 2, 4),
    ]


def test_a_value_that_comes_back_is_a_version_of_its_own(empty):
    for city, seen in (("Bern", 1), ("Thun", 2), ("Bern", 3)):
        load(empty, row(1, city, seen))

    assert versions(empty) == [("n", 1, "Bern", 1, 2), ("n", 1, "Thun", 2, 3), ("n", 1, "Bern", 3, None)]


def test_compound_keys_are_compared_column_by_column(empty):
    load(empty, row(11, "Bern", 1, area="1"), row(1, "Basel", 1, area="11"))

    load(empty, row(1, "Thun", 2, area="11"))

    assert versions(empty) == [("1", 11, "Bern", 1, None), ("11", 1, "Basel", 1, 2), ("11", 1, "Thun", 2, None)]


def test_what_is_missing_stays_open_without_hard_deletes(empty):
    load(empty, row(1, "Bern", 1), row(2, "Basel", 1))

    load(empty, row(1, "Bern", 1))

    assert versions(empty) == [("n", 1, "Bern", 1, None), ("n", 2, "Basel", 1, None)]


def test_what_is_missing_is_closed_once(empty):
    load(empty, row(1, "Bern", 1), row(2, "Basel", 1))

    for closing in (4, 6):
        load(empty, row(1, "Bern", 1), closing=closing)

    assert versions(empty) == [("n", 1, "Bern", 1, None), ("n", 2, "Basel", 1, 4)]


def test_a_key_that_comes_back_opens_a_version(empty):
    load(empty, row(1, "Bern", 1), row(2, "Basel", 1))
    load(empty, row(1, "Bern", 2), closing=4)

    load(empty, row(1, "Thun", 5), row(2, "Basel", 5), closing=5)

    assert versions(empty) == [
        ("n", 1, "Bern", 1, 5),
        ("n", 1, "Thun", 5, None),
        ("n", 2, "Basel", 1, 4),
        ("n", 2, "Basel", 5, None),
    ]


def history_of(events):
    """What a program tells that sees all events of a key in the order of their times: (start, end, city) of each version."""
    found = []
    for at, city in sorted(events.items()):
        if found and found[-1][1] is None:
            found[-1][1] = at
        if city is not None:
            found.append([at, None, city])
    return [tuple(one) for one in found]


@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    histories=st.dictionaries(
        st.tuples(st.sampled_from(["1", "11"]), st.sampled_from([1, 11])),
        st.dictionaries(st.integers(1, 9), st.sampled_from(["Bern", "Thun", None]), min_size=1, max_size=5),
        min_size=1,
    ),
    data=st.data(),
)
def test_the_history_is_the_same_in_whatever_order_and_batches_and_however_often_events_come(session, histories, data):
    start(session)
    events = [
        # As a load has it: the time is part of the row, and so of its hash.
        {**row(number, city, seen, area, gone=city is None), "hash": f"{city}{seen}"}
        for (area, number), times in histories.items()
        for seen, city in times.items()
    ]
    repeated = data.draw(st.lists(st.sampled_from(events), max_size=3))
    shuffled, size = data.draw(st.permutations([*events, *repeated])), data.draw(st.integers(1, 6))

    for begin in range(0, len(shuffled), size):
        load(session, *shuffled[begin : begin + size], operation=BURIED)

    found = versions(session)
    for (area, number), times in histories.items():
        held = [(begin, end, city) for of, one, city, begin, end in found if (of, one) == (area, number)]
        assert held == history_of(times)
        assert all(end is not None and end <= later[0] for (_, end, _), later in pairwise(held))
