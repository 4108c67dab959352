"""History: every version of a row, with the time in which it was true."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.schema import BIGINT, TIMESTAMP, VARCHAR, Column, Schema
from headrace.sql.operations import CreateTable, Drop, Scd2
from headrace.table import Table

TARGET, STAGED = Table("raw", "customers"), Table("raw", "customers__staged")
STAGED_SCHEMA = Schema(
    (
        Column("area", VARCHAR),
        Column("id", BIGINT),
        Column("city", VARCHAR),
        Column("hash", VARCHAR),
        Column("seen", TIMESTAMP),
    )
)
HISTORY = Scd2(TARGET, STAGED, ("area", "id", "city", "hash"), key=("area", "id"), changed_at="seen", hash="hash")
ARROW = pa.schema(
    [
        ("area", pa.string()),
        ("id", pa.int64()),
        ("city", pa.string()),
        ("hash", pa.string()),
        ("seen", pa.timestamp("us")),
    ]
)


def day(number):
    return None if number is None else datetime(2026, 1, number)  # noqa: DTZ001 - the column has no zone


def row(number, city, seen, area="n"):
    return {"area": area, "id": number, "city": city, "hash": f"#{city}", "seen": day(seen)}


def start(session):
    session.run(Drop(TARGET))
    times = (Column("valid_from", TIMESTAMP), Column("valid_to", TIMESTAMP))
    session.run(CreateTable(TARGET, Schema((*STAGED_SCHEMA.columns[:4], *times))))


@pytest.fixture
def empty(session):
    """A session with an empty history."""
    start(session)
    return session


def load(session, *rows, operation=HISTORY):
    with session.transaction():
        session.run(Drop(STAGED))
        session.load(STAGED, pa.Table.from_pylist(list(rows), schema=ARROW).to_reader(), STAGED_SCHEMA)
        session.run(operation)


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


def test_a_row_that_comes_late_changes_nothing(empty):
    load(empty, row(1, "Bern", 5))

    load(empty, row(1, "Thun", 3))

    assert versions(empty) == [("n", 1, "Bern", 5, None)]


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


def test_what_is_missing_is_closed_once_with_hard_deletes(empty):
    load(empty, row(1, "Bern", 1), row(2, "Basel", 1))

    for closing in (4, 6):
        operation = replace(HISTORY, hard_deletes=True, closed_at=f"TIMESTAMP '2026-01-0{closing} 00:00:00'")
        load(empty, row(1, "Bern", 1), operation=operation)

    assert versions(empty) == [("n", 1, "Bern", 1, None), ("n", 2, "Basel", 1, 4)]


def test_a_key_that_comes_back_opens_where_it_was_closed_at_the_earliest(empty):
    operation = replace(HISTORY, hard_deletes=True, closed_at="TIMESTAMP '2026-01-04 00:00:00'")
    load(empty, row(1, "Bern", 1), row(2, "Basel", 1))
    load(empty, row(1, "Bern", 1), operation=operation)

    load(empty, row(1, "Thun", 5), row(2, "Basel", 1), operation=operation)

    assert versions(empty) == [
        ("n", 1, "Bern", 1, 5),
        ("n", 1, "Thun", 5, None),
        ("n", 2, "Basel", 1, 4),
        ("n", 2, "Basel", 4, None),
    ]


@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(st.tuples(st.integers(1, 2), st.sampled_from(["Bern", "Thun"]), st.integers(1, 9)), max_size=8))
def test_versions_of_a_key_never_overlap_and_one_of_them_is_open(session, changes):
    start(session)

    for number, city, seen in changes:
        load(session, row(number, city, seen))

    for key in {number for number, _, _ in changes}:
        spans = [(start, end) for _, number, _, start, end in versions(session) if number == key]
        assert spans[-1][1] is None
        assert all(end == following for (_, end), (following, _) in pairwise(spans))
        assert all(begin < end for begin, end in spans[:-1])
