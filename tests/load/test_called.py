"""What a stream says of columns by their names at the source, and what marks a deleted row."""

from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from headrace.events import Warned
from headrace.state.ledger import NAMES

from .conftest import batch_of, stream_of

pytestmark = pytest.mark.parametrize("warehouse", ["duckdb", "postgres"], indirect=True)

CALLED = {"orderId": "order_id", "cityName": "city_name", "isGone": "is_gone"}


def called(**columns):
    return replace(batch_of(**columns), resume={NAMES: CALLED})


def warned(pipe):
    return [event.message for event in pipe.heard if isinstance(event, Warned)]


def test_columns_may_be_said_as_they_are_called_at_the_source(pipe):
    stream = stream_of(
        primary_key="orderId",
        write_disposition="scd3",
        history={"previous": ["cityName"]},
        surrogate_key={"name": "k", "columns": ["orderId"]},
    )
    pipe.load(stream, called(order_id=[1, 2], city_name=["a", "b"]))
    pipe.load(stream, called(order_id=[1], city_name=["c"]))

    assert pipe.rows("order_id, city_name, previous_city_name") == [(1, "c", "a"), (2, "b", None)]
    assert len(set(pipe.rows("k", order="1"))) == 2


def test_a_mark_of_deleted_rows_may_be_said_so_too(pipe):
    stream = stream_of(primary_key="orderId", deletes={"column": "isGone"})
    pipe.load(stream, called(order_id=[1, 2], is_gone=[False, False]))

    pipe.load(stream, called(order_id=[1], is_gone=[True]))

    assert pipe.rows("order_id", order="1") == [(2,)]
    assert warned(pipe) == []


def test_a_column_that_is_called_as_another_one_is_at_the_source_is_that_column(pipe):
    stream = stream_of(primary_key="a")
    batch = replace(batch_of(a=[1, 1], b=[1, 2]), resume={NAMES: {"a": "b", "A": "a"}})

    assert pipe.load(stream, batch).duplicate == 1


@pytest.mark.parametrize("kind", ["text", "time"])
def test_a_row_with_a_time_at_which_it_was_deleted_is(pipe, kind):
    times = ["2026-01-01T00:00:00Z", None, ""] if kind == "text" else [datetime(2026, 1, 1, tzinfo=UTC), None, None]
    stream = stream_of(primary_key="id", deletes={"column": "deleted_at", "mode": "soft"})

    pipe.load(stream, batch_of(id=[1, 2, 3], deleted_at=times))

    assert pipe.rows("id, _headrace_deleted") == [(1, True), (2, False), (3, False)]


def test_where_no_row_has_the_mark_none_is_deleted_and_that_is_said(pipe):
    stream = stream_of(primary_key="id", deletes={"column": "isgone"})

    pipe.load(stream, batch_of(id=[1, 2], is_gone=[True, False]))

    assert pipe.rows("id", order="1") == [(1,), (2,)]
    assert warned(pipe) == [
        "shop.things: no row has a value in 'isgone', so none counts as deleted; did you mean 'is_gone'?"
    ]


def test_a_declared_column_that_never_came_is_told_beside_the_one_that_may_be_meant(pipe):
    columns = {"custmer": "varchar", "orderId": "bigint", "order_ids": "bigint", "amuont": {"description": "in euro"}}
    stream = stream_of(columns={**columns, "cityName": "varchar"})
    rows = called(
        order_id=[1, 2],
        customer=["a", "b"],
        amount=[1, 2],
        custmer=pa.nulls(2),
        city_name=pa.nulls(2),
        city_names=[1, 2],
    )

    pipe.load(stream, rows)
    said = warned(pipe)
    pipe.load(stream, rows)

    assert said == [
        "shop.things: no row has a value in 'custmer', which `columns:` declares; did you mean 'customer'?",
        "shop.things: no row has a value in 'amuont', which `columns:` declares; did you mean 'amount'?",
    ]
    assert warned(pipe) == said


def test_a_declared_column_that_has_a_value_is_not_told_whatever_its_name_is_like(pipe):
    pipe.load(stream_of(columns={"city_1": "varchar"}), batch_of(city_1=[None, "a"], city_2=["b", None]))

    assert warned(pipe) == []
