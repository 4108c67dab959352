"""What may come to be of a table, its columns and their types, and what is remembered of it."""

import pytest

from headrace import quarantine
from headrace.errors import SchemaFrozen
from headrace.events import Warned
from headrace.state import ledger
from headrace.table import Table

from .conftest import batch_of, stream_of
from .test_loader import counts

TEXT = {"id": [1, 2, 3], "n": ["4", "x", None]}


def test_a_table_that_the_contract_does_not_let_be_is_not_made(pipe):
    with pytest.raises(SchemaFrozen, match=r"no table raw\.things and the contract is `tables: freeze`"):
        pipe.load(stream_of(schema_contract={"tables": "freeze"}), batch_of(id=[1]))

    assert Table("raw", "things") not in pipe.connection.inspect("raw")


@pytest.mark.parametrize(
    ("mode", "counted"),
    [
        ("quarantine", {"read": 2, "quarantined": 2}),
        ("discard_row", {"read": 2, "filtered": 2}),
        ("discard_value", {"read": 2, "filtered": 2}),
    ],
)
def test_rows_of_a_table_that_is_not_to_be_are_counted(pipe, mode, counted):
    entry = pipe.load(stream_of(schema_contract={"tables": mode}), batch_of(id=[1, 2]))

    assert counts(entry) == counted
    assert Table("raw", "things") not in pipe.connection.inspect("raw")
    assert len(quarantine.show(pipe.connection)) == counted.get("quarantined", 0)


def test_a_table_that_is_there_may_be_loaded_under_a_frozen_contract(pipe):
    pipe.load(stream_of(), batch_of(id=[1]))

    pipe.load(stream_of(schema_contract={"tables": "freeze"}), batch_of(id=[2]))

    assert pipe.rows("id", "1") == [(2,)]


@pytest.mark.parametrize(
    ("contract", "rows", "counted"),
    [
        ("quarantine", [(1, 4), (3, None)], {"read": 3, "inserted": 2, "quarantined": 1}),
        ("discard_row", [(1, 4), (3, None)], {"read": 3, "inserted": 2, "filtered": 1}),
        ("discard_value", [(1, 4), (2, None), (3, None)], {"read": 3, "inserted": 3}),
    ],
)
def test_a_column_has_a_contract_of_its_own(pipe, contract, rows, counted):
    stream = stream_of(schema_contract="freeze", columns={"n": {"type": "bigint", "contract": contract}})

    entry = pipe.load(stream, batch_of(**TEXT))

    assert pipe.rows("id, n") == rows
    assert counts(entry) == counted


def test_a_frozen_column_stops_the_load_only_where_a_value_breaks_it(pipe):
    stream = stream_of(write_disposition="append", columns={"n": {"type": "bigint", "contract": "freeze"}})
    pipe.load(stream, batch_of(id=[1], n=["4"]))

    with pytest.raises(SchemaFrozen, match="column 'n' is frozen: the column is bigint, varchar arrived"):
        pipe.load(stream, batch_of(**TEXT))

    assert pipe.rows("id, n") == [(1, 4)]


def test_a_new_column_may_be_frozen_by_itself(pipe):
    stream = stream_of(columns={"new": {"contract": "freeze"}})
    pipe.load(stream, batch_of(id=[1]))

    pipe.load(stream, batch_of(id=[1], other=["o"]))
    with pytest.raises(SchemaFrozen, match="column 'new' varchar arrived"):
        pipe.load(stream, batch_of(id=[1], new=["n"]))


def test_what_became_of_the_columns_is_kept_with_the_load(pipe):
    stream = stream_of(write_disposition="append")
    first = pipe.load(stream, batch_of(id=[1], n=[1]))
    second = pipe.load(stream, batch_of(id=[2], n=[0.5], note=["x"]))
    pipe.load(stream, batch_of(id=[2], n=[0.5], note=["x"]))

    found = ledger.changes(pipe.connection, label="shop.things")

    assert {(one.load_id, one.column, one.change, one.was, one.type) for one in found} == {
        (first.load_id, "id", "created", None, "bigint"),
        (first.load_id, "n", "created", None, "bigint"),
        (second.load_id, "n", "widened", "bigint", "double"),
        (second.load_id, "note", "added", None, "varchar"),
    }
    assert {one.target for one in found} == {"raw.things"}


def test_a_change_of_a_load_that_fails_is_not_kept(pipe):
    stream = stream_of(write_disposition="append", schema_contract={"data_type": "freeze"})
    pipe.load(stream, batch_of(id=[1]))

    with pytest.raises(SchemaFrozen):
        pipe.load(stream, batch_of(id=["x"], new=["n"]))

    assert [one.change for one in ledger.changes(pipe.connection)] == ["created"]
    assert "new" not in pipe.types()


def test_a_column_that_may_have_got_another_name_is_pointed_out(pipe):
    stream = stream_of(write_disposition="append")
    pipe.load(stream, batch_of(id=[1, 2], city=["Bern", "Thun"], size=["s", "m"]))

    pipe.load(stream, batch_of(id=[3, 4], town=["Bern", "Chur"], colour=["red", "blue"]))

    warned = [event.message for event in pipe.heard if isinstance(event, Warned)]
    assert len(warned) == 1
    assert "'city' stopped arriving and 'town' is new, and 1 of 2 values of 'town' are in 'city'" in warned[0]
    assert pipe.rows("id, city, town")[2] == (3, None, "Bern")


REQUIRED = {"columns": {"name": {"nullable": False}}}


def takes_null(pipe, column):
    return pipe.connection.inspect("raw")[Table("raw", "things")].schema.get(column).nullable


@pytest.mark.parametrize("way", [{"write_disposition": "append"}, {}, {"primary_key": ("id",)}])
def test_a_row_without_a_value_that_it_needs_goes_to_quarantine(pipe, way):
    stream = stream_of(**REQUIRED, **way)
    pipe.load(stream, batch_of(id=[1], name=["a"]))

    entry = pipe.load(stream, batch_of(id=[2, 3], name=["b", None]))

    assert counts(entry) == {"read": 2, "inserted": 1, "quarantined": 1}
    assert [(kept.reason, kept.column) for kept in quarantine.show(pipe.connection)] == [("null", "name")]


@pytest.mark.parametrize("warehouse", ["duckdb", "postgres"], indirect=True)  # files do not hold their columns to it
@pytest.mark.parametrize("way", [{"write_disposition": "append"}, {}, {"primary_key": ("id",)}])
def test_a_column_that_has_to_have_a_value_takes_no_null_in_a_database(pipe, way):
    stream = stream_of(**REQUIRED, **way)
    pipe.load(stream, batch_of(id=[1], name=["a"]))

    pipe.load(stream, batch_of(id=[2], name=["b"]))

    assert (takes_null(pipe, "name"), takes_null(pipe, "id")) == (False, True)


def test_rows_that_lack_a_needed_column_altogether_go_to_quarantine(pipe):
    entry = pipe.load(stream_of(**REQUIRED), batch_of(id=[1, 2]))

    assert counts(entry) == {"read": 2, "quarantined": 2}


def test_a_deletion_needs_no_more_than_its_key(pipe):
    stream = stream_of(**REQUIRED, primary_key=("id",), deletes={"column": "gone"})
    pipe.load(stream, batch_of(id=[1, 2], name=["a", "b"], gone=[False, False]))

    entry = pipe.load(stream, batch_of(id=[1, 3], name=[None, None], gone=[True, False]))

    assert pipe.rows("id, name") == [(2, "b")]
    assert counts(entry) == {"read": 2, "updated": 1, "deleted": 1, "quarantined": 1}


def test_a_table_that_holds_nulls_is_left_as_it_is(pipe):
    pipe.load(stream_of(write_disposition="append"), batch_of(id=[1], name=[None]))

    pipe.load(stream_of(write_disposition="append", **REQUIRED), batch_of(id=[2, 3], name=["b", None]))

    assert takes_null(pipe, "name")
    assert [row[0] for row in pipe.rows("id", "1")] == [1, 2]
    assert any(isinstance(event, Warned) and "1 row has no 'name'" in event.message for event in pipe.heard)
