import pyarrow as pa
import pytest

from headrace import quarantine
from headrace.batch import Batch, Dead, Scan
from headrace.cursor import Cursor
from headrace.errors import KeyMissing, LedgerUnbalanced, RowsMultiplied, SchemaFrozen, TransformInvalid
from headrace.events import LoadAdvanced, RowsLoaded, RowsQuarantined, SchemaChanged, Warned
from headrace.load import advancing
from headrace.naming import Names
from headrace.schema import Schema
from headrace.sql.dialect import name as quoted
from headrace.sql.operations import CreateSchema, CreateTable
from headrace.state import files, ledger
from headrace.table import Table

from .conftest import batch_of, stream_of

APPEND = {"write_disposition": "append"}
REPLACE = {"write_disposition": "replace"}
MERGE = {"primary_key": ("id",)}
CHANGES = {"primary_key": ("id",), "incremental": {"cursor_path": "at"}}


def counts(entry):
    names = ("read", "inserted", "updated", "deleted", "unchanged", "duplicate", "filtered", "quarantined")
    return {name: getattr(entry, name) for name in names if getattr(entry, name)}


def test_a_first_load_makes_the_table_with_its_audit_columns(pipe):
    entry = pipe.load(stream_of(**APPEND), batch_of(id=[1, 2], name=["a", "b"]), batch_of(id=[3], name=["c"]))

    assert pipe.rows("id, name") == [(1, "a"), (2, "b"), (3, "c")]
    assert counts(entry) == {"read": 3, "inserted": 3}
    assert entry.rows_after == 3
    assert pipe.types() == {
        "id": "bigint",
        "name": "varchar",
        "_headrace_load_id": "varchar",
        "_headrace_loaded_at": "timestamptz",
        "_headrace_source": "varchar",
        "_headrace_row_hash": "bigint",
    }
    assert pipe.rows("_headrace_load_id, _headrace_source")[0] == (entry.load_id, "page")


@pytest.mark.parametrize("spec", [APPEND, REPLACE, MERGE])
def test_loading_a_package_twice_is_loading_it_once(pipe, spec):
    stream = stream_of(**spec)
    package = pipe.package(stream, batch_of(id=[1, 2], name=["a", "b"]))

    first = pipe.load_package(stream, package)
    (again,) = pipe.landing.loaded(stream.label)
    second = pipe.load_package(stream, again)

    assert second == first
    assert pipe.rows("id, name") == [(1, "a"), (2, "b")]
    assert len(ledger.loads(pipe.connection, label=stream.label)) == 1
    assert [type(event) for event in pipe.heard] == [RowsLoaded]
    assert pipe.landing.pending(stream.label) == []


def test_append_adds_whatever_comes(pipe):
    stream = stream_of(**APPEND)
    pipe.load(stream, batch_of(id=[1], name=["a"]))

    entry = pipe.load(stream, batch_of(id=[1, 2], name=["a", "b"]))

    assert pipe.rows("id, name") == [(1, "a"), (1, "a"), (2, "b")]
    assert counts(entry) == {"read": 2, "inserted": 2}


def test_rows_at_the_edge_of_the_cursor_are_kept_once(pipe):
    stream = stream_of(**APPEND, incremental={"cursor_path": "at"})
    pipe.load(stream, batch_of("5", id=[1, 2, 2, 3], at=[1, 5, 5, 5]), cursor=Cursor("at"))

    entry = pipe.load(stream, batch_of("6", id=[2, 2, 2, 3, 4, 5], at=[5, 5, 5, 5, 5, 6]), cursor=Cursor("at", "5"))

    assert pipe.rows('id, "at"') == [(1, 1), (2, 5), (2, 5), (2, 5), (3, 5), (4, 5), (5, 6)]
    assert counts(entry) == {"read": 6, "inserted": 3, "duplicate": 3}
    assert entry.cursor == Cursor("at", "6")


def test_replace_holds_the_last_load_only_and_readers_keep_what_they_had_until_it_is_committed(pipe, warehouse):
    stream = stream_of(**REPLACE)
    pipe.load(stream, batch_of(id=[1, 2], name=["a", "b"]))
    seen = []
    with warehouse.connect() as reader:
        pipe.connection.transaction = _spied(pipe.connection.transaction, lambda: seen.extend(_names(reader)))

        entry = pipe.load(stream, batch_of(id=[3], name=["c"]))

        assert seen == [("a",), ("b",)]
        assert _names(reader) == [("c",)]
    assert counts(entry) == {"read": 1, "inserted": 1}


def _names(reader):
    return reader.rows("SELECT name FROM raw.things ORDER BY 1")


def _spied(transaction, look):
    from contextlib import contextmanager

    @contextmanager
    def spied():
        with transaction():
            yield
            look()

    return spied


def test_a_replace_that_reads_nothing_leaves_an_empty_table(pipe):
    stream = stream_of(**REPLACE)
    pipe.load(stream, batch_of(id=[1]))

    entry = pipe.load(stream)

    assert pipe.rows("id", "1") == []
    assert entry.rows_after == 0


def test_merge_updates_adds_and_leaves_alone(pipe):
    stream = stream_of(**MERGE)
    pipe.load(stream, batch_of(id=[1, 2, 3], name=["a", "b", "c"]))

    entry = pipe.load(stream, batch_of(id=[2, 3, 4, 4], name=["B", "c", "d", "D"]))

    assert pipe.rows("id, name") == [(1, "a"), (2, "B"), (3, "c"), (4, "D")]
    assert counts(entry) == {"read": 4, "inserted": 1, "updated": 1, "unchanged": 1, "duplicate": 1}


def test_the_first_load_of_a_merge_keeps_the_newest_of_each_key(pipe):
    entry = pipe.load(
        stream_of(**CHANGES), batch_of(id=[1, 1, 2], at=[2, 1, 1], name=["new", "old", "b"]), cursor=Cursor("at")
    )

    assert pipe.rows("id, name") == [(1, "new"), (2, "b")]
    assert counts(entry) == {"read": 3, "inserted": 2, "duplicate": 1}


def test_an_older_row_that_comes_late_changes_nothing(pipe):
    stream = stream_of(**CHANGES)
    pipe.load(stream, batch_of("5", id=[1], at=[5], name=["new"]), cursor=Cursor("at"))

    entry = pipe.load(stream, batch_of("3", id=[1], at=[3], name=["old"]), cursor=Cursor("at", "5"))

    assert pipe.rows("id, name") == [(1, "new")]
    assert counts(entry) == {"read": 1, "duplicate": 1}
    assert entry.cursor == Cursor("at", "5")


@pytest.mark.parametrize("warehouse", ["duckdb", "postgres", "parquet"], indirect=True)  # two tables change together
def test_hard_deletes_remove_rows_and_an_older_row_does_not_bring_them_back(pipe):
    stream = stream_of(**CHANGES, deletes={"column": "gone"})
    pipe.load(stream, batch_of(id=[1, 2], at=[1, 1], gone=[False, False]), cursor=Cursor("at"))

    entry = pipe.load(stream, batch_of(id=[1], at=[3], gone=[True]), cursor=Cursor("at", "1"))
    late = pipe.load(stream, batch_of(id=[1], at=[2], gone=[False]), cursor=Cursor("at", "3"))

    assert pipe.rows("id", "1") == [(2,)]
    assert counts(entry) == {"read": 1, "updated": 1, "deleted": 1}
    assert counts(late) == {"read": 1, "duplicate": 1}


def test_soft_deletes_mark_rows(pipe):
    stream = stream_of(**MERGE, deletes={"column": "op", "value": "D", "mode": "soft"})
    pipe.load(stream, batch_of(id=[1, 2], op=["I", "I"]))

    entry = pipe.load(stream, batch_of(id=[1], op=["D"]))

    assert pipe.rows("id, _headrace_deleted") == [(1, True), (2, False)]
    assert counts(entry) == {"read": 1, "updated": 1}


def test_a_row_without_its_key_goes_to_quarantine(pipe):
    entry = pipe.load(stream_of(**MERGE), batch_of(id=[1, None], name=["a", "b"]))

    assert pipe.rows("id, name") == [(1, "a")]
    assert counts(entry) == {"read": 2, "inserted": 1, "quarantined": 1}
    (kept,) = quarantine.show(pipe.connection)
    assert (kept.reason, kept.column, kept.raw) == ("key", "id", '{"id":null,"name":"b"}')
    assert RowsQuarantined("shop.things", "key", 1) in pipe.heard


def test_a_merge_without_its_key_column_is_an_error(pipe):
    with pytest.raises(KeyMissing, match="'id' is not in what arrived"):
        pipe.load(stream_of(**MERGE), batch_of(name=["a"]))


def test_values_that_break_their_type_go_to_quarantine_with_the_record(pipe):
    stream = stream_of(**APPEND)
    pipe.load(stream, batch_of(id=[1], n=[10]))

    entry = pipe.load(stream, batch_of(id=[2, 3, 4, 5], n=["20", "x", "1.5", None]))

    assert pipe.rows("id, n") == [(1, 10), (2, 20), (5, None)]
    assert pipe.types()["n"] == "bigint"
    assert counts(entry) == {"read": 4, "inserted": 2, "quarantined": 2}
    kept = quarantine.open_rows(pipe.connection, "shop.things")
    assert {row.raw for row in kept} == {'{"id":3,"n":"x"}', '{"id":4,"n":"1.5"}'}
    assert {(row.reason, row.column, row.origin, row.load_id) for row in kept} == {("type", "n", "page", entry.load_id)}
    assert RowsQuarantined("shop.things", "type", 2) in pipe.heard


def test_the_same_row_is_kept_in_quarantine_once_and_counted_each_time(pipe):
    stream = stream_of(**APPEND)
    pipe.load(stream, batch_of(id=[1], n=[10]))

    entries = [pipe.load(stream, batch_of(id=[2], n=["x"])) for _ in range(2)]

    assert [entry.quarantined for entry in entries] == [1, 1]
    (group,) = quarantine.ls(pipe.connection)
    assert (group.stream, group.reason, group.column, group.rows) == ("shop.things", "type", "n", 1)


def test_a_settled_row_is_no_longer_open_and_is_open_again_if_its_replay_fails(pipe):
    stream = stream_of(**APPEND)
    pipe.load(stream, batch_of(id=[1], n=[10]))
    pipe.load(stream, batch_of(id=[2], n=["x"]))
    (kept,) = quarantine.open_rows(pipe.connection, stream.label)

    quarantine.settle(pipe.connection, [kept.id], "replayed", kept.quarantined_at)
    settled = quarantine.open_rows(pipe.connection, stream.label)
    pipe.load(stream, batch_of(id=[2], n=["x"]))

    assert settled == []
    assert [row.id for row in quarantine.open_rows(pipe.connection, stream.label)] == [kept.id]


def test_a_new_column_is_added_and_a_dropped_one_stays(pipe):
    stream = stream_of(**APPEND)
    pipe.load(stream, batch_of(id=[1], old=["o"]))

    pipe.load(stream, batch_of(id=[2], new=["n"]))

    assert pipe.rows("id, old, new") == [(1, "o", None), (2, None, "n")]
    assert SchemaChanged("raw.things", "added column new varchar") in pipe.heard


def test_numbers_grow_in_place(pipe):
    stream = stream_of(**APPEND)
    pipe.load(stream, batch_of(n=pa.array([1], pa.int32()), x=[7]))

    pipe.load(stream, batch_of(n=[2**40], x=[0.5]))

    assert pipe.rows("n, x") == [(1, 7.0), (2**40, 0.5)]
    assert (pipe.types()["n"], pipe.types()["x"]) == ("bigint", "double")


def test_a_number_that_a_double_cannot_hold_keeps_its_column_exact(pipe):
    stream = stream_of(**APPEND)
    pipe.load(stream, batch_of(x=[2**53 + 1]))

    entry = pipe.load(stream, batch_of(x=[0.5, 4.0]))

    assert pipe.rows("x", "1") == [(4,), (2**53 + 1,)]
    assert counts(entry) == {"read": 2, "inserted": 1, "quarantined": 1}


def test_a_text_column_without_a_value_takes_the_type_that_arrives(pipe):
    stream = stream_of(**APPEND)
    pipe.load(stream, batch_of(id=[1], n=pa.nulls(1)))

    pipe.load(stream, batch_of(id=[2], n=[5]))

    assert pipe.types()["n"] == "bigint"
    assert pipe.rows("id, n") == [(1, None), (2, 5)]


def test_evolve_turns_a_clashing_column_into_text(pipe):
    stream = stream_of(**APPEND, schema_contract={"data_type": "evolve"})
    pipe.load(stream, batch_of(id=[1], n=[10]))

    entry = pipe.load(stream, batch_of(id=[2], n=["x"]))

    assert pipe.rows("id, n") == [(1, "10"), (2, "x")]
    assert counts(entry) == {"read": 1, "inserted": 1}


@pytest.mark.parametrize(
    ("contract", "second", "said"),
    [
        ({"columns": "freeze"}, {"id": [2], "new": ["n"]}, "'new' varchar"),
        ({"data_type": "freeze"}, {"id": ["x"]}, "'id' is bigint and arrived as varchar"),
    ],
)
def test_freeze_stops_the_load_and_keeps_nothing(pipe, contract, second, said):
    stream = stream_of(**APPEND, schema_contract=contract)
    pipe.load(stream, batch_of(id=[1]))

    with pytest.raises(SchemaFrozen, match=said):
        pipe.load(stream, batch_of(**second))

    assert pipe.rows("id", "1") == [(1,)]
    assert len(ledger.loads(pipe.connection)) == 1


@pytest.mark.parametrize(
    ("contract", "rows", "counted"),
    [
        ({"data_type": "discard_row"}, [(1, 10), (3, 30)], {"read": 2, "inserted": 1, "filtered": 1}),
        ({"data_type": "discard_value"}, [(1, 10), (2, None), (3, 30)], {"read": 2, "inserted": 2}),
    ],
)
def test_discarding_is_counted(pipe, contract, rows, counted):
    stream = stream_of(**APPEND, schema_contract=contract)
    pipe.load(stream, batch_of(id=[1], n=[10]))

    entry = pipe.load(stream, batch_of(id=[2, 3], n=["x", "30"]))

    assert pipe.rows("id, n") == rows
    assert counts(entry) == counted
    warned = [event.details for event in pipe.heard if isinstance(event, Warned)]
    assert warned == ([{"rows": 1}] if "discard_value" in contract.values() else [])


def test_a_column_the_contract_keeps_out_sends_its_rows_to_quarantine(pipe):
    stream = stream_of(**APPEND, schema_contract={"columns": "quarantine"})
    pipe.load(stream, batch_of(id=[1]))

    entry = pipe.load(stream, batch_of(id=[2, 3], new=["n", None]))

    assert pipe.rows("id", "1") == [(1,), (3,)]
    assert counts(entry) == {"read": 2, "inserted": 1, "quarantined": 1}


def test_a_declared_type_is_the_columns_type(pipe):
    stream = stream_of(**APPEND, columns={"price": {"type": "decimal(10,2)"}})

    entry = pipe.load(stream, batch_of(id=[1, 2], price=["1.50", "1.999"]))

    assert pipe.types()["price"] == "decimal(10,2)"
    assert [(row[0], str(row[1])) for row in pipe.rows("id, price")] == [(1, "1.50")]
    assert entry.quarantined == 1


def test_types_that_differ_between_the_pages_of_one_load_are_settled(pipe):
    entry = pipe.load(stream_of(**APPEND), batch_of(n=[1]), batch_of(n=[1.5]), batch_of(n=["x"]), batch_of(n=["2"]))

    assert entry.read == entry.inserted + entry.quarantined == 4
    assert (1,) in pipe.rows("n", "1")


def test_in_flight_sql_changes_and_filters_rows(pipe):
    stream = stream_of(**APPEND, transform={"sql": "SELECT id, upper(name) AS name FROM input WHERE id > 1;"})

    entry = pipe.load(stream, batch_of(id=[1, 2], name=["a", "b"]))

    assert pipe.rows("id, name") == [(2, "B")]
    assert counts(entry) == {"read": 2, "inserted": 1, "filtered": 1}


@pytest.mark.parametrize(
    ("sql", "error"),
    [("SELECT input.* FROM input, range(2)", RowsMultiplied), ("SELECT nope FROM input", TransformInvalid)],
)
def test_in_flight_sql_that_multiplies_or_fails_is_an_error(pipe, sql, error):
    stream = stream_of(**APPEND, transform={"sql": sql})

    with pytest.raises(error, match=r"shop\.things"):
        pipe.load(stream, batch_of(id=[1]))


@pytest.mark.parametrize("warehouse", ["duckdb", "postgres"], indirect=True)  # files hold no views
def test_sql_after_the_load_is_a_view_over_the_raw_rows(pipe):
    stream = stream_of(**MERGE, transform={"sql": "SELECT id, upper(name) AS name FROM input", "when": "after_load"})
    pipe.load(stream, batch_of(id=[1, 2], name=["a", "b"]))

    entry = pipe.load(stream, batch_of(id=[2], name=["z"], new=[1]))

    assert pipe.rows() == [(1, "A"), (2, "Z")]
    assert pipe.types("things__raw")["new"] == "bigint"
    assert counts(entry) == {"read": 1, "updated": 1}


@pytest.mark.parametrize("spec", [APPEND, REPLACE, MERGE])
def test_a_full_refresh_begins_anew(pipe, spec):
    stream = stream_of(**spec)
    pipe.load(stream, batch_of(id=[1], name=["a"]))
    pipe.connection.execute("CREATE VIEW raw.seen AS SELECT id FROM raw.things")

    entry = pipe.load(stream, batch_of(id=["x", "x" if spec is not MERGE else "y"]), full_refresh=True)

    assert pipe.types()["id"] == "varchar"
    assert counts(entry) == {"read": 2, "inserted": 2}
    assert len(pipe.connection.rows("SELECT id FROM raw.seen")) == 2


def test_files_are_read_in_place_filtered_and_remembered(pipe, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id,name\n1,a\n2,b\n3,c\n")
    columns = {"id": "BIGINT", "name": "VARCHAR"}
    scan = Scan(str(path), "csv", {"header": True, "delim": ",", "columns": columns, "auto_detect": False}, "stamp")
    stream = stream_of(**APPEND, transform={"sql": "SELECT * FROM input WHERE id < 3"})

    first = pipe.load(stream, scan)
    second = pipe.load(stream_of(**APPEND), scan)

    assert counts(first) == {"read": 3, "inserted": 2, "filtered": 1}
    assert counts(second) == {"read": 3, "inserted": 3}
    assert [(one.name, one.stamp, one.rows) for one in files.loaded(pipe.connection, "shop.things")] == [
        (str(path), "stamp", 3),
        (str(path), "stamp", 2),
    ]
    assert [one.load_id for one in files.loaded(pipe.connection, "shop.things")] == [second.load_id, first.load_id]
    assert pipe.rows("_headrace_source", "1")[0] == (str(path),)


def test_the_files_of_all_loads_are_remembered_until_the_table_is_replaced(pipe):
    def batch(name):
        return Batch(pa.table({"id": [1]}), read=1, resume={"files": {name: "1"}})

    pipe.load(stream_of(**APPEND), batch("a.jsonl"))
    pipe.load(stream_of(**APPEND), batch("b.jsonl"))
    before = files.stamps(pipe.connection, "shop.things")
    pipe.load(stream_of(**REPLACE), batch("c.jsonl"))

    assert before == {"a.jsonl": "1", "b.jsonl": "1"}
    assert files.stamps(pipe.connection, "shop.things") == {"c.jsonl": "1"}


def test_a_scan_with_refused_rows_balances(pipe, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id\n1\nx\n")
    scan = Scan(str(path), "csv", {"header": True, "columns": {"id": "VARCHAR"}, "auto_detect": False}, "stamp")
    stream = stream_of(**APPEND, columns={"id": {"type": "bigint"}})

    entry = pipe.load(stream, scan, batch_of(id=[7]))

    assert counts(entry) == {"read": 3, "inserted": 2, "quarantined": 1}


def test_records_that_could_not_be_read_and_dead_requests_are_kept(pipe):
    rejected = pa.table(
        {"reason": ["json"], "column": pa.array([None], pa.string()), "detail": ["torn"], "raw": ["{"], "origin": ["p"]}
    )
    batch = Batch(pa.table({"id": [1]}), read=2, rejected=rejected)
    dead = Dead({"url": "/things?page=2"}, "HTTP 500")

    entry = pipe.load(stream_of(**APPEND), batch, dead)

    assert counts(entry) == {"read": 2, "inserted": 1, "quarantined": 1}
    kept = {(row.kind, row.reason, row.raw, row.request) for row in quarantine.show(pipe.connection)}
    assert kept == {("record", "json", "{", None), ("segment", "HTTP 500", None, '{"url": "/things?page=2"}')}


def test_a_failure_between_the_data_and_the_ledger_keeps_nothing(pipe, monkeypatch):
    stream = stream_of(**APPEND)
    pipe.load(stream, batch_of(id=[1], n=[1]))
    package = pipe.package(stream, batch_of(id=[2], n=["x"]))

    with monkeypatch.context() as patched:
        patched.setattr(ledger, "record", lambda connection, entry: (_ for _ in ()).throw(OSError("disk full")))
        with pytest.raises(OSError, match="disk full"):
            pipe.load_package(stream, package)

    assert pipe.rows("id", "1") == [(1,)]
    assert quarantine.ls(pipe.connection) == []
    assert [found.id for found in pipe.landing.pending(stream.label)] == [package.id]
    entry = pipe.load_package(stream, package)
    assert counts(entry) == {"read": 1, "quarantined": 1}


def test_a_load_that_does_not_balance_is_rolled_back(pipe):
    stream = stream_of(**APPEND)

    with pytest.raises(LedgerUnbalanced, match="3 rows were read but 2"):
        pipe.load(stream, Batch(pa.table({"id": [1, 2]}), read=3))

    assert Table("raw", "things") not in pipe.connection.inspect("raw")


def test_the_ledger_says_where_to_go_on(pipe):
    stream = stream_of(**APPEND, incremental={"cursor_path": "at"})
    batch = Batch(pa.table({"at": [3]}), read=1, cursor="3", resume={"page": 2})

    entry = pipe.load(stream, batch, cursor=Cursor("at", "1"))

    found = ledger.last_load(pipe.connection, "shop.things")
    assert found == entry
    assert found.cursor == Cursor("at", "3")
    assert found.state == {"resume": {"page": 2}}
    assert found.schema == {"at": "bigint"}


@pytest.mark.parametrize("warehouse", ["duckdb", "postgres", "parquet"], indirect=True)  # Delta has no such types
def test_what_is_nested_is_json_in_the_warehouse_and_a_uuid_is_one(pipe):
    marked = [
        pa.field("id", pa.int64()),
        pa.field("place", pa.string(), metadata={b"headrace": b"json"}),
        pa.field("key", pa.string(), metadata={b"headrace": b"uuid"}),
    ]
    key = "0b7b3f8e-0000-4000-8000-000000000001"
    rows = pa.table([[1, 2], ['{"x":[1,"y"]}', None], [key, None]], schema=pa.schema(marked))

    pipe.load(stream_of(**APPEND), Batch(rows, read=2))
    pipe.load(stream_of(**APPEND), Batch(rows, read=2))

    assert (pipe.types()["place"], pipe.types()["key"]) == ("json", "uuid")
    assert len(pipe.rows("id", "1")) == 4
    inner = "place ->> '$.x[1]'" if pipe.connection.capabilities.dialect == "duckdb" else "place -> 'x' ->> 1"
    assert pipe.rows(f"id, {inner}, CAST(key AS VARCHAR)", "1, 2")[0] == (1, "y", key)


def test_a_table_that_holds_json_as_text_goes_on_holding_text(pipe):
    marked = pa.schema([pa.field("place", pa.string(), metadata={b"headrace": b"json"})])
    pipe.load(stream_of(**APPEND), batch_of(place=['{"x":1}']))

    pipe.load(stream_of(**APPEND), Batch(pa.table([['{"x":2}']], schema=marked), read=1))

    assert pipe.types()["place"] == "varchar"
    assert pipe.rows("place", "1") == [('{"x":1}',), ('{"x":2}',)]


@pytest.mark.parametrize("turn", [1, -1])
@pytest.mark.parametrize(("whole", "kind"), [(3, "double"), (2**53 + 1, "varchar")])
def test_whole_numbers_and_doubles_of_a_first_load_meet_in_a_type_that_keeps_both(pipe, turn, whole, kind):
    arrived = [batch_of(id=[1], n=pa.array([whole], pa.int64())), batch_of(id=[2], n=[1.5])][::turn]

    entry = pipe.load(stream_of(**APPEND), *arrived)

    assert (entry.inserted, entry.quarantined, pipe.types()["n"]) == (2, 0, kind)
    assert [float(row[1]) if kind == "double" else str(row[1]) for row in pipe.rows("id, n", "1")] == (
        [3.0, 1.5] if kind == "double" else ["9007199254740993", "1.5"]
    )


def test_a_batch_whose_records_are_all_rejected_lands_and_is_counted(pipe):
    reasons = pa.table({"reason": ["json"], "column": ["id"], "detail": ["torn"], "raw": ["{"], "origin": ["p"]})
    batch = Batch(pa.table({}), read=1, rejected=reasons)

    first = pipe.load(stream_of(**APPEND), batch)
    second = pipe.load(stream_of(**APPEND), batch, batch_of(id=[1]))

    assert counts(first) == {"read": 1, "quarantined": 1}
    assert counts(second) == {"read": 2, "inserted": 1, "quarantined": 1}
    assert {row.raw for row in quarantine.show(pipe.connection)} == {"{"}


def test_rows_of_a_file_that_were_kept_out_are_counted_with_it(pipe):
    torn = pa.table(
        {"reason": ["malformed"], "column": ["n"], "detail": ["d"], "raw": ["x,y"], "origin": ["a.csv:3"]},
        schema=pa.schema([(each, pa.string()) for each in ("reason", "column", "detail", "raw", "origin")]),
    )
    batch = Batch(
        pa.table({"id": [1, 2, None], "n": ["4", "x", "5"]}), 4, torn, None, {"files": {"a.csv": "1"}}, origin="a.csv"
    )
    stream = stream_of(**APPEND, columns={"n": {"type": "bigint"}, "id": {"nullable": False}})

    entry = pipe.load(stream, batch)

    assert counts(entry) == {"read": 4, "inserted": 1, "quarantined": 3}
    assert [(one.name, one.rows, one.quarantined) for one in files.loaded(pipe.connection, "shop.things")] == [
        ("a.csv", 1, 3)
    ]


def test_a_ledger_of_files_from_before_they_were_counted_gets_the_column(pipe):
    before = Schema(tuple(column for column in ledger._FILES if column.name != "quarantined"))
    pipe.connection.run(CreateSchema("headrace"))
    pipe.connection.run(CreateTable(ledger.FILES, before))
    pipe.connection.rows(
        "INSERT INTO headrace.files (stream, name, stamp, load_id, size, rows, loaded_at) "
        "VALUES ('shop.things', 'a.csv', '1', '0', 9, 1, CAST('2026-01-01 00:00:00+00' AS TIMESTAMPTZ))"
    )

    pipe.load(stream_of(**APPEND), Batch(pa.table({"id": [1]}), read=1, resume={"files": {"b.csv": "1"}}))

    found = files.loaded(pipe.connection, "shop.things")
    assert [(one.name, one.rows, one.quarantined) for one in found] == [("b.csv", 0, 0), ("a.csv", 1, None)]


@pytest.mark.parametrize("warehouse", ["duckdb", "postgres"], indirect=True)
def test_a_load_that_takes_its_time_says_how_far_it_is(pipe, monkeypatch, capfd):
    monkeypatch.setattr(advancing, "_EVERY", 0.01)
    rows = pa.table({"id": pa.array(range(600_000)), "text": pa.array([f"text {n}" for n in range(600_000)])})

    pipe.load(stream_of(**APPEND), Batch(rows, read=rows.num_rows))

    found = [event.percent for event in pipe.heard if isinstance(event, LoadAdvanced)]
    assert found
    assert found == sorted(set(found))
    assert 0 < found[0] <= found[-1] <= 100
    assert "".join(capfd.readouterr()) == ""


def test_every_engine_takes_the_names_that_columns_get(pipe):
    awkward = [
        "Id",
        "ID",
        "",
        "💧",
        "rowid",
        "CTID",
        'a"b',
        "a.b",
        "select",
        "order",
        "e\u0301",
        "é",
        "x" * 80,
        "x" * 81,
        "ä" * 40,
    ]
    columns = list(Names("direct").of([(name,) for name in awkward]).values())
    stream = stream_of(primary_key=("key",), incremental={"cursor_path": "at"})

    for at, value in enumerate(("first", "second")):
        rows = {"key": [1], "at": [at], **{column: [value] for column in columns}}
        pipe.load(stream, batch_of(**rows), cursor=Cursor("at"))

    listed = ", ".join(quoted(column) for column in columns)
    assert pipe.rows(listed) == [("second",) * len(columns)]


def test_a_cursor_that_no_row_has_is_said_with_the_column_that_may_be_meant(pipe):
    stream = stream_of(primary_key=("id",), incremental={"cursor_path": "updatedat"})

    pipe.load(stream, batch_of(id=[1, 2], updated_at=["a", "b"]), cursor=Cursor("updatedat"))

    (warned,) = [event for event in pipe.heard if isinstance(event, Warned)]
    assert "no row has a value at its cursor 'updatedat', so that each load reads everything" in warned.message
    assert "did you mean 'updated_at'?" in warned.message


def test_a_stream_that_never_had_a_row_has_the_table_that_it_declares(pipe):
    columns = {"id": {"type": "bigint"}, "name": {"type": "varchar"}, "at": {"type": "timestamptz"}}
    stream = stream_of(primary_key="id", columns=columns)

    nothing = pipe.load(stream)
    held = pipe.types()
    then = pipe.load(stream, batch_of(id=[1, 2], name=["a", "b"]))

    assert (nothing.read, nothing.inserted, nothing.rows_after) == (0, 0, 0)
    assert {"id": "bigint", "name": "varchar"}.items() <= held.items()
    assert "at" in held
    assert (then.read, then.inserted, then.rows_after) == (2, 2, 2)


def test_a_stream_that_never_had_a_row_and_declares_less_than_its_key_has_no_table(pipe):
    entry = pipe.load(stream_of(primary_key="id", columns={"name": {"type": "varchar"}}))

    assert (entry.read, entry.rows_after) == (0, None)
