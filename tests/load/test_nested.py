"""Lists that become tables of their own: whatever a load does to a row, its elements follow."""

import json
from datetime import datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from headrace import quarantine
from headrace.batch import Batch
from headrace.cursor import Cursor
from headrace.errors import ChangeLossy, NameTaken, SchemaFrozen
from headrace.events import SchemaChanged
from headrace.state import ledger
from headrace.table import Table

from .conftest import batch_of, nested, stream_of

TABLES = {"nested": "tables"}
APPEND = {**TABLES, "write_disposition": "append"}
REPLACE = {**TABLES, "write_disposition": "replace"}
MERGE = {**TABLES, "primary_key": ("id",)}
CHANGES = {**MERGE, "incremental": {"cursor_path": "at"}}
TWO_AT_ONCE = pytest.mark.parametrize("warehouse", ["duckdb", "postgres", "parquet"], indirect=True)
"""A Delta table is committed by itself, so rows and their lists cannot be."""

pytestmark = TWO_AT_ONCE


def elements(pipe, columns="_headrace_root_id, _headrace_index, sku, qty", of="lines"):
    return pipe.connection.rows(f"SELECT {columns} FROM raw.things__{of} ORDER BY 1, 2")


def counts(entry):
    names = ("read", "inserted", "updated", "deleted", "unchanged", "duplicate", "filtered", "quarantined")
    return {name: getattr(entry, name) for name in names if getattr(entry, name)}


def counted(pipe, of="lines"):
    return counts(ledger.last_load(pipe.connection, f"shop.things__{of}"))


def line(sku, qty):
    return {"sku": sku, "qty": qty}


def test_a_list_of_objects_becomes_a_table_with_the_keys_of_its_rows(pipe):
    lines = [[line("a", 1), line("b", 2)], [], None, [line("c", 3)]]
    entry = pipe.load(stream_of(**MERGE), nested(id=[1, 2, 3, 4], lines=lines))

    assert pipe.rows("id", "1") == [(1,), (2,), (3,), (4,)]
    assert "lines" not in pipe.types()
    assert elements(pipe) == [(1, 0, "a", 1), (1, 1, "b", 2), (4, 0, "c", 3)]
    assert pipe.types("things__lines") == {
        "sku": "varchar",
        "qty": "bigint",
        "_headrace_row": "varchar",
        "_headrace_parent": "varchar",
        "_headrace_root": "varchar",
        "_headrace_root_id": "bigint",
        "_headrace_index": "bigint",
        "_headrace_load_id": "varchar",
        "_headrace_loaded_at": "timestamptz",
        "_headrace_source": "varchar",
    }
    assert counts(entry) == {"read": 4, "inserted": 4}
    assert counted(pipe) == {"read": 3, "inserted": 3}
    joined = "SELECT p.id, l.sku FROM raw.things AS p JOIN raw.things__lines AS l ON l._headrace_root = p._headrace_row ORDER BY 1, 2"
    assert pipe.connection.rows(joined) == [(1, "a"), (1, "b"), (4, "c")]


def test_a_merge_replaces_the_elements_of_changed_rows_and_leaves_all_others_alone(pipe):
    stream = stream_of(**MERGE)
    pipe.load(stream, nested(id=[1, 2, 3], lines=[[line("a", 1), line("b", 2)], [line("c", 3)], [line("d", 4)]]))
    untouched = pipe.connection.rows("SELECT * FROM raw.things__lines WHERE _headrace_root_id = 2")

    entry = pipe.load(stream, nested(id=[1, 2, 3, 4], lines=[[line("b", 2)], [line("c", 3)], None, [line("e", 5)]]))

    assert elements(pipe) == [(1, 0, "b", 2), (2, 0, "c", 3), (4, 0, "e", 5)]
    assert pipe.connection.rows("SELECT * FROM raw.things__lines WHERE _headrace_root_id = 2") == untouched
    assert counts(entry) == {"read": 4, "inserted": 1, "updated": 2, "unchanged": 1}
    assert counted(pipe) == {"read": 3, "inserted": 2, "deleted": 3, "unchanged": 1}


def test_an_older_row_changes_no_element(pipe):
    stream = stream_of(**CHANGES)
    pipe.load(stream, nested("5", id=[1], at=[5], lines=[[line("new", 1)]]), cursor=Cursor("at"))

    pipe.load(stream, nested("3", id=[1], at=[3], lines=[[line("old", 1), line("old", 2)]]), cursor=Cursor("at", "5"))

    assert elements(pipe) == [(1, 0, "new", 1)]
    assert counted(pipe) == {"read": 2, "duplicate": 2}


def test_lists_that_no_longer_arrive_leave_no_elements_behind(pipe):
    stream = stream_of(**MERGE)
    pipe.load(stream, nested(id=[1, 2], lines=[[line("a", 1)], [line("b", 2)]]))

    pipe.load(stream, batch_of(id=[1]))

    assert elements(pipe) == [(2, 0, "b", 2)]
    assert counted(pipe) == {"deleted": 1}


def test_appended_rows_bring_their_elements_once(pipe):
    stream = stream_of(**APPEND, incremental={"cursor_path": "at"})
    first = nested("5", at=[1, 5], lines=[[line("a", 1)], [line("b", 2)]])
    pipe.load(stream, first, cursor=Cursor("at"))

    pipe.load(stream, nested("6", at=[5, 6], lines=[[line("b", 2)], [line("c", 3)]]), cursor=Cursor("at", "5"))

    assert elements(pipe, "sku, qty, _headrace_index") == [("a", 1, 0), ("b", 2, 0), ("c", 3, 0)]
    assert counted(pipe) == {"read": 2, "inserted": 1, "duplicate": 1}


def test_elements_follow_their_rows_also_when_the_key_becomes_another_one(pipe):
    pipe.load(stream_of(**MERGE), nested(id=[1, 2], region=["n", "s"], lines=[[line("a", 1)], [line("b", 2)]]))
    stream = stream_of(**{**MERGE, "primary_key": ("id", "region")})

    pipe.load(stream, nested(id=[1, 3], region=["n", "n"], lines=[[line("A", 1)], [line("c", 3)]]))
    pipe.load(stream, nested(id=[2], region=["s"], lines=[[line("B", 2)]]))

    assert elements(pipe) == [(1, 0, "A", 1), (2, 0, "B", 2), (3, 0, "c", 3)]


def test_a_replace_leaves_the_elements_of_the_last_load_only(pipe):
    stream = stream_of(**REPLACE)
    pipe.load(stream, nested(n=[1, 2], lines=[[line("a", 1)], [line("b", 2)]]))
    pipe.load(stream, nested(n=[3], lines=[[line("c", 3)]]))
    assert elements(pipe, "sku, qty") == [("c", 3)]

    pipe.load(stream, batch_of(n=[4]))
    assert elements(pipe, "sku, qty") == []

    pipe.load(stream, nested(n=[5], lines=[[line("e", 5)]]))
    pipe.load(stream)
    assert elements(pipe, "sku, qty") == []


def test_elements_of_rows_that_are_deleted_go_and_those_of_marked_rows_stay(pipe):
    hard = stream_of(**MERGE, deletes={"column": "gone"})
    pipe.load(hard, nested(id=[1, 2], gone=[False, False], lines=[[line("a", 1)], [line("b", 2)]]))
    pipe.load(hard, nested(id=[1], gone=[True], lines=[[line("a", 1)]]))
    assert elements(pipe) == [(2, 0, "b", 2)]
    assert counted(pipe) == {"read": 1, "deleted": 1, "filtered": 1}

    soft = stream_of(**MERGE, deletes={"missing": "soft"})
    pipe.load(soft, nested(id=[3], lines=[[line("c", 3)]]), full_refresh=True)
    pipe.load(soft, nested(id=[4], lines=[[line("d", 4)]]))
    assert elements(pipe) == [(3, 0, "c", 3), (4, 0, "d", 4)]


def test_what_is_missing_from_a_whole_load_takes_its_elements_along(pipe):
    stream = stream_of(**MERGE, deletes={"missing": "hard"})
    pipe.load(stream, nested(id=[1, 2], lines=[[line("a", 1)], [line("b", 2)]]))

    pipe.load(stream, nested(id=[2], lines=[[line("b", 2)]]))

    assert elements(pipe) == [(2, 0, "b", 2)]


def test_each_version_of_a_history_has_its_own_elements(pipe):
    stream = stream_of(**CHANGES, write_disposition="scd2")
    pipe.load(stream, nested("5", id=[1], at=[5], lines=[[line("b", 2)]]), cursor=Cursor("at"))
    pipe.load(stream, nested("9", id=[1], at=[9], lines=[[line("c", 3)]]), cursor=Cursor("at", "5"))
    pipe.load(stream, nested("1", id=[1], at=[1], lines=[[line("a", 1)]]), cursor=Cursor("at", "9"))

    versions = 'SELECT p."at", l.sku FROM raw.things AS p JOIN raw.things__lines AS l ON l._headrace_root = p._headrace_row ORDER BY 1'
    assert pipe.connection.rows(versions) == [(1, "a"), (5, "b"), (9, "c")]


@pytest.mark.parametrize("way", ["delete_insert", "insert_only", "scd3"])
def test_the_other_ways_of_loading_keep_rows_and_elements_together(pipe, way):
    more = {"history": {"previous": ["name"]}} if way == "scd3" else {}
    stream = stream_of(**MERGE, write_disposition=way, **more)
    pipe.load(stream, nested(id=[1, 2], name=["x", "y"], lines=[[line("a", 1)], [line("b", 2)]]))

    rows = nested(id=[2, 2, 3], name=["y", "Y", "z"], lines=[[line("b", 2)], [line("B", 3)], [line("c", 4)]])
    entry = pipe.load(stream, rows)

    kept = (2, 0, "b", 2) if way == "insert_only" else (2, 0, "B", 3)
    assert elements(pipe) == [(1, 0, "a", 1), kept, (3, 0, "c", 4)]
    assert entry.read == 3
    assert counted(pipe)["read"] == 3


def test_lists_in_lists_become_tables_down_to_the_depth_that_is_asked_for(pipe):
    taxes = [
        [{"sku": "a", "taxes": [{"rate": 1}, {"rate": 2}]}, {"sku": "b", "taxes": []}],
        [{"sku": "c", "taxes": [{"rate": 3}]}],
    ]
    pipe.load(stream_of(**MERGE), nested(id=[1, 2], lines=taxes))

    assert elements(pipe, "_headrace_root_id, _headrace_index, rate", "lines__taxes") == [
        (1, 0, 1),
        (1, 1, 2),
        (2, 0, 3),
    ]
    joined = "SELECT l.sku, t.rate FROM raw.things__lines AS l JOIN raw.things__lines__taxes AS t ON t._headrace_parent = l._headrace_row ORDER BY 2"
    assert pipe.connection.rows(joined) == [("a", 1), ("a", 2), ("c", 3)]

    pipe.load(stream_of(**MERGE, max_table_nesting=1), nested(id=[1], lines=taxes[:1]), full_refresh=True)
    assert pipe.types("things__lines")["taxes"] == "json"
    assert Table("raw", "things__lines__taxes") not in pipe.connection.inspect("raw")


def test_values_lists_and_nulls_in_lists_are_rows_with_a_value(pipe):
    pipe.load(stream_of(**MERGE), nested(id=[1, 2], tags=[["x", None, "y"], ["z"]], grid=[[[1, 2], [3]], []]))

    assert elements(pipe, "_headrace_root_id, _headrace_index, value", "tags") == [
        (1, 0, "x"),
        (1, 1, None),
        (1, 2, "y"),
        (2, 0, "z"),
    ]
    assert elements(pipe, "_headrace_parent, _headrace_index, value", "grid__value") == [
        (parent, at, value)
        for (parent,), found in zip(
            pipe.connection.rows("SELECT _headrace_row FROM raw.things__grid ORDER BY 1"), ([1, 2], [3]), strict=True
        )
        for at, value in enumerate(found)
    ]


def test_objects_in_elements_are_columns_and_numbers_keep_their_digits(pipe):
    text = '[{"price": {"amount": 0.12345678901234567890, "unit": "EUR"}, "n": 12345678901234567890123}]'
    rows = pa.table({"id": [1], "lines": [text]}).cast(
        pa.schema([pa.field("id", pa.int64()), pa.field("lines", pa.string(), metadata={b"headrace": b"json"})])
    )
    hints = {"nested_hints": {"lines": {"columns": {"price__amount": {"type": "decimal(30,20)"}}}}}
    pipe.load(stream_of(**MERGE, **hints), Batch(rows, read=1, origin="page"))

    ((amount, unit, n),) = elements(pipe, "price__amount, price__unit, n")
    assert (str(amount), unit, int(n)) == ("0.12345678901234567890", "EUR", 12345678901234567890123)


def test_lists_that_have_a_type_keep_it(pipe):
    kind = pa.list_(
        pa.struct([("at", pa.timestamp("us")), ("price", pa.decimal128(12, 4)), ("parts", pa.list_(pa.int32()))])
    )
    midnight = datetime(2026, 1, 1)  # noqa: DTZ001 - a time without a zone
    lists = pa.array([[{"at": midnight, "price": Decimal("1.1000"), "parts": [1, 2]}], None], kind)
    pipe.load(stream_of(**MERGE), batch_of(id=[1, 2], lines=lists))

    assert elements(pipe, '"at", price') == [(midnight, Decimal("1.1000"))]
    assert elements(pipe, "_headrace_root_id, value", "lines__parts") == [(1, 1), (1, 2)]
    assert pipe.types("things__lines")["price"] == "decimal(12,4)"


def test_a_table_of_elements_grows_as_any_other_does(pipe):
    stream = stream_of(**MERGE)
    pipe.load(stream, nested(id=[1], lines=[[{"qty": 1}]]))

    pipe.load(stream, nested(id=[2], lines=[[{"qty": 1.5, "note": "n"}]]))

    assert elements(pipe, "_headrace_root_id, qty, note") == [(1, 1.0, None), (2, 1.5, "n")]
    assert SchemaChanged("raw.things__lines", "added column note varchar") in pipe.heard
    changed = {(one.column, one.change) for one in ledger.changes(pipe.connection, "shop.things__lines")}
    assert {("qty", "created"), ("qty", "widened"), ("note", "added")} <= changed


def test_a_row_with_an_element_that_breaks_its_type_waits_in_quarantine_as_a_whole(pipe):
    stream = stream_of(**MERGE)
    pipe.load(stream, nested(id=[1], lines=[[line("a", 1)]]))

    entry = pipe.load(stream, nested(id=[2, 3], lines=[[line("b", 2), line("c", "many")], [line("d", 4)]]))

    assert pipe.rows("id", "1") == [(1,), (3,)]
    assert elements(pipe) == [(1, 0, "a", 1), (3, 0, "d", 4)]
    assert counts(entry) == {"read": 2, "inserted": 1, "quarantined": 1}
    assert counted(pipe) == {"read": 1, "inserted": 1}
    (kept,) = quarantine.show(pipe.connection)
    assert (kept.reason, kept.column) == ("type", "lines__qty")
    assert json.loads(kept.raw) == {"id": 2, "lines": [line("b", 2), line("c", "many")]}


def test_a_row_without_its_key_brings_no_elements(pipe):
    entry = pipe.load(stream_of(**MERGE), nested(id=[1, None], lines=[[line("a", 1)], [line("b", 2)]]))

    assert elements(pipe) == [(1, 0, "a", 1)]
    assert counts(entry) == {"read": 2, "inserted": 1, "quarantined": 1}
    assert counted(pipe) == {"read": 1, "inserted": 1}


def test_what_is_no_list_where_a_list_belongs_is_refused(pipe):
    stream = stream_of(**MERGE)
    pipe.load(stream, nested(id=[1], lines=[[line("a", 1)]]))

    pipe.load(stream, nested(id=[2, 3], lines=[{"sku": "b"}, [line("c", 3)]]), batch_of(id=[4], lines=["none"]))

    assert elements(pipe) == [(1, 0, "a", 1), (3, 0, "c", 3)]
    assert [(row.column, row.detail) for row in quarantine.show(pipe.connection)] == [
        ("lines", "a list belongs here")
    ] * 2


def test_a_column_that_was_declared_or_held_other_values_stays_a_column(pipe):
    stream = stream_of(**MERGE, columns={"tags": {"type": "json"}})
    pipe.load(stream, nested(id=[1, 2], tags=[["x"], ["y"]], mixed=[[1], {"a": 1}]))

    pipe.load(stream, nested(id=[3], tags=[["z"]], mixed=[[1]]))

    assert {name: kind for name, kind in pipe.types().items() if not name.startswith("_")} == {
        "id": "bigint", "tags": "json", "mixed": "json",
    }  # fmt: skip
    assert [table.name for table in pipe.connection.inspect("raw")] == ["things"]


def test_a_contract_says_what_becomes_of_a_list_that_is_new(pipe):
    def contract(mode):
        return stream_of(**MERGE, schema_contract={"tables": mode})

    pipe.load(stream_of(**MERGE), batch_of(id=[1]))

    with pytest.raises(SchemaFrozen, match="'lines' is frozen: there is no table"):
        pipe.load(contract("freeze"), nested(id=[2], lines=[[line("a", 1)]]))
    for package in pipe.landing.pending("shop.things"):
        package.discard()
    kept = pipe.load(contract("quarantine"), nested(id=[3, 4], lines=[[line("a", 1)], []]))
    without = pipe.load(contract("discard_value"), nested(id=[5], lines=[[line("a", 1)]]))

    assert counts(kept) == {"read": 2, "inserted": 1, "quarantined": 1}
    assert counts(without) == {"read": 1, "inserted": 1}
    assert [table.name for table in pipe.connection.inspect("raw")] == ["things"]


def test_a_table_that_is_there_already_is_not_taken_for_that_of_a_list(pipe):
    pipe.load(stream_of(**MERGE), batch_of(id=[1]))
    pipe.connection.execute("CREATE TABLE raw.things__lines (precious INTEGER)")

    with pytest.raises(NameTaken, match=r"'lines' would be the table .*, which is there already"):
        pipe.load(stream_of(**MERGE), nested(id=[2], lines=[[line("a", 1)]]))


def test_a_list_may_be_called_as_a_table_of_headraces_own(pipe):
    stream = stream_of(**MERGE)
    pipe.load(stream, nested(id=[1], staged=[[1]], built=[[2]]))
    pipe.load(stream, nested(id=[1], staged=[[3]], built=[[4]]))

    assert elements(pipe, "_headrace_root_id, value", "staged_") == [(1, 3)]
    assert elements(pipe, "_headrace_root_id, value", "built_") == [(1, 4)]


def test_between_columns_and_tables_only_a_load_of_everything_changes(pipe):
    pipe.load(stream_of(primary_key=("id",)), nested(id=[1], lines=[[line("a", 1)]]))
    with pytest.raises(ChangeLossy, match="was loaded without `nested: tables`"):
        pipe.load(stream_of(**MERGE), nested(id=[1], lines=[[line("a", 1)]]))
    for package in pipe.landing.pending("shop.things"):
        package.discard()

    pipe.load(stream_of(**MERGE), nested(id=[1], lines=[[line("a", 1)]]), full_refresh=True)
    assert elements(pipe) == [(1, 0, "a", 1)]
    with pytest.raises(ChangeLossy, match="would leave them behind"):
        pipe.load(stream_of(primary_key=("id",)), nested(id=[1], lines=[[line("a", 1)]]))
    for package in pipe.landing.pending("shop.things"):
        package.discard()

    pipe.load(stream_of(primary_key=("id",)), nested(id=[1], lines=[[line("a", 1)]]), full_refresh=True)
    assert [table.name for table in pipe.connection.inspect("raw")] == ["things"]


@pytest.mark.parametrize("spec", [APPEND, REPLACE, MERGE])
def test_loading_a_package_twice_is_loading_it_once(pipe, spec):
    stream = stream_of(**spec)
    first = pipe.load_package(stream, pipe.package(stream, nested(id=[1], lines=[[line("a", 1)]])))
    (again,) = pipe.landing.loaded(stream.label)

    assert pipe.load_package(stream, again) == first
    assert elements(pipe, "sku, qty") == [("a", 1)]
    assert len(ledger.loads(pipe.connection)) == 2


def test_what_fails_leaves_rows_and_elements_as_they_were(pipe, monkeypatch):
    stream = stream_of(**MERGE)
    pipe.load(stream, nested(id=[1], lines=[[line("a", 1)]]))
    package = pipe.package(stream, nested(id=[1, 2], lines=[[line("b", 2)], [line("c", 3)]]))
    record = ledger.record
    for failing in ("shop.things", "shop.things__lines"):
        with monkeypatch.context() as broken:
            broken.setattr(ledger, "record", lambda connection, entry, at=failing: _fail(connection, entry, at, record))
            with pytest.raises(KeyboardInterrupt):
                pipe.load_package(stream, package)
        assert pipe.rows("id", "1") == [(1,)]
        assert elements(pipe) == [(1, 0, "a", 1)]
        assert len(ledger.loads(pipe.connection)) == 2

    pipe.load_package(stream, package)

    assert elements(pipe) == [(1, 0, "b", 2), (2, 0, "c", 3)]


def _fail(connection, entry, at, record):
    record(connection, entry)
    if entry.stream == at:
        raise KeyboardInterrupt


def test_columns_of_elements_keep_their_names_whatever_others_come_later(pipe):
    stream = stream_of(**MERGE)
    pipe.load(stream, nested(id=[1], lines=[[{"Sku": "a"}]]))
    pipe.load(stream, nested(id=[2], lines=[[{"SKU": "x", "sku": "y", "Sku": "b"}]]))

    pipe.load(stream, nested(id=[3], lines=[[{"sku": "z", "Sku": "c"}]]))

    assert elements(pipe, "_headrace_root_id, sku, sku_2, sku_3") == [
        (1, "a", None, None),
        (2, "b", "y", "x"),
        (3, "c", "z", None),
    ]
