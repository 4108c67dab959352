"""Columns that come or grow in tables of files: each part gets them by itself, and whoever reads the files needs no word of it."""

from decimal import Decimal

import duckdb
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import dataset, parquet

from headrace.landing import Landing
from headrace.warehouse.opening import open_warehouse

from .conftest import Pipe, batch_of, stream_of

in_folders = pytest.mark.parametrize("warehouse", ["parquet"], indirect=True)
in_delta = pytest.mark.parametrize("warehouse", ["delta"], indirect=True)
in_files = pytest.mark.parametrize("warehouse", ["parquet", "delta"], indirect=True)


def seen(tmp_path):
    """What readers see who are told nothing of the files, whichever of them they ask for the columns."""
    folder = tmp_path / "lake" / "raw.things"
    files = sorted(str(file) for file in folder.rglob("*.parquet"))
    found = []
    for order in (files, files[::-1]):
        found.append(duckdb.sql(f"SELECT id, v FROM read_parquet({order}, hive_partitioning = false)").fetchall())
        table = dataset.dataset(order, format="parquet").to_table(["id", "v"])
        found.append(list(zip(table["id"].to_pylist(), table["v"].to_pylist(), strict=True)))
    first, *others = (sorted(rows, key=repr) for rows in found)
    assert all(rows == first for rows in others)
    assert len({tuple((each.name, each.type) for each in parquet.read_schema(file)) for file in files}) == 1
    return first


SMALL = pa.array([7], pa.int32())
CASES = {
    "a column comes": ({"u": ["x"]}, {"v": ["new"]}, [(1, None), (2, None), (3, "new")]),
    "a whole number grows": ({"v": SMALL}, {"v": [2**40]}, [(1, 7), (2, 7), (3, 2**40)]),
    "a whole number becomes a decimal": (
        {"v": SMALL}, {"v": [Decimal("1.25")]}, [(1, Decimal("7.00")), (2, Decimal("7.00")), (3, Decimal("1.25"))],
    ),
}  # fmt: skip


@in_folders
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("way", ["append", "merge", "scd2"])
@pytest.mark.parametrize("by", [None, {"column": "id", "step": 1}])
def test_each_part_gets_the_new_column_by_itself_and_every_reader_sees_it(pipe, tmp_path, case, way, by):
    before, then, expected = CASES[case]
    keyed = {} if way == "append" else {"primary_key": "id"}
    stream = stream_of(write_disposition=way, partition_by=by, **keyed)
    for key in (1, 2):
        pipe.load(stream, batch_of(id=[key], **before))

    pipe.load(stream, batch_of(id=[3], **then))

    assert seen(tmp_path) == expected
    assert len(list((tmp_path / "lake" / "raw.things").rglob("*.parquet"))) == 3
    assert pipe.rows("id, v", "1") == expected


@in_folders
def test_stored_rows_do_not_come_into_the_session_for_a_new_column(pipe):
    stream = stream_of(write_disposition="append")
    pipe.load(stream, batch_of(id=[1, 2]))

    with pipe.connection.noting() as statements:
        pipe.load(stream, batch_of(id=[3], note=["new"]))

    assert not [sql for sql in statements if "read_parquet" in sql and sql.startswith(("INSERT", "CREATE TABLE"))]
    assert pipe.rows("id, note", "1") == [(1, None), (2, None), (3, "new")]


@in_folders
def test_a_key_that_grows_is_found_in_the_parts_in_which_it_was_smaller(pipe, tmp_path):
    stream = stream_of(primary_key="id")
    for key in (1, 2, 3):
        pipe.load(stream, batch_of(id=pa.array([key], pa.int32()), v=["a"]))

    entry = pipe.load(stream, batch_of(id=[2, 2**40], v=["b", "b"], w=["c", "d"]))

    assert (entry.inserted, entry.updated, entry.rows_after) == (1, 1, 4)
    assert pipe.rows("id, v, w", "1") == [(1, "a", None), (2, "b", "c"), (3, "a", None), (2**40, "b", "d")]
    assert seen(tmp_path) == [(1, "a"), (1 << 40, "b"), (2, "b"), (3, "a")]


@in_folders
def test_a_column_that_deletions_need_comes_with_the_load_that_has_the_first_one(pipe):
    for key in (1, 2):
        pipe.load(stream_of(primary_key="id"), batch_of(id=[key]))

    pipe.load(stream_of(primary_key="id", deletes={"missing": "soft"}), batch_of(id=[2]))

    assert pipe.rows("id, _headrace_deleted IS TRUE", "1") == [(1, True), (2, False)]


@in_folders
@pytest.mark.parametrize("way", ["append", "merge", "replace"])
def test_of_more_rows_than_a_block_of_duckdb_has_all_come_with_their_new_column(pipe, way):
    many, keyed = 200_000, {"primary_key": "id"} if way == "merge" else {}
    stream = stream_of(write_disposition=way, **keyed)
    pipe.load(stream, batch_of(id=range(many)))

    pipe.load(stream, batch_of(id=range(many, 2 * many), note=["new"] * many))

    rows = many if way == "replace" else 2 * many
    assert pipe.connection.rows("SELECT count(*), count(note) FROM raw.things") == [(rows, many)]


@in_delta
@pytest.mark.parametrize("brings", [[2], []], ids=["with rows", "without"])
def test_a_new_column_of_a_delta_table_is_written_into_its_log_alone(pipe, tmp_path, brings):
    stream = stream_of(write_disposition="append")
    pipe.load(stream, batch_of(id=[1]))

    pipe.load(stream, batch_of(id=pa.array(brings, pa.int64()), note=pa.array(brings).cast(pa.string())))

    table = DeltaTable(tmp_path / "lake" / "raw.things")
    assert [one["operationMetrics"]["num_removed_files"] for one in table.history()] == [0, 0]
    assert [field.name for field in table.schema().fields][-1] == "note"
    assert pipe.rows("id, note", "1") == [(1, None), *((key, str(key)) for key in brings)]


@in_files
def test_a_column_that_takes_no_null_does_not_have_the_table_written_anew_with_each_load(pipe, tmp_path):
    stream = stream_of(write_disposition="append", columns={"id": {"nullable": False}})
    pipe.load(stream, batch_of(id=[1]))
    before = {file for file in (tmp_path / "lake").rglob("*.parquet") if "_headrace" not in str(file)}

    pipe.load(stream, batch_of(id=[2]))

    assert before < set((tmp_path / "lake").rglob("*.parquet"))
    assert pipe.rows("id", "1") == [(1,), (2,)]


KINDS = [pa.int32(), pa.int64(), pa.float64(), pa.decimal128(12, 2), pa.string(), pa.bool_()]
loads = st.lists(
    st.tuples(
        st.lists(st.integers(1, 4), min_size=1, max_size=3, unique=True),
        st.dictionaries(st.sampled_from("abc"), st.sampled_from(KINDS), max_size=2),
    ),
    min_size=2,
    max_size=5,
)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    loads=loads,
    way=st.sampled_from(["append", "merge", "delete_insert", "replace", "scd2"]),
    kind=st.sampled_from(["parquet", "delta"]),
)
def test_whatever_columns_come_and_grow_files_hold_what_a_table_of_duckdb_holds(tmp_path_factory, loads, way, kind):
    place, found = tmp_path_factory.mktemp("columns"), []
    keyed = {} if way in ("append", "replace") else {"primary_key": "id"}
    stream = stream_of(write_disposition=way, schema_contract="evolve", **keyed)
    for url in (f"{kind}:///{place}/lake", "duckdb:///:memory:"):
        opened = open_warehouse(url)
        with opened.connect() as connection:
            pipe = Pipe(connection, Landing(place / url.partition(":")[0]))
            counts = [pipe.load(stream, rows_of(number, *load)) for number, load in enumerate(loads)]
            names = sorted(name for name in pipe.types() if name in "idabc")
            held = connection.rows(f"SELECT {', '.join(names)} FROM raw.things")
        opened.close()
        found.append((names, sorted(held, key=repr), [(one.inserted, one.updated, one.rows_after) for one in counts]))

    assert found[0] == found[1]


def rows_of(number, keys, kinds):
    """A batch whose values say in which load they came."""
    columns = {name: pa.array([number] * len(keys), pa.int8()).cast(kind) for name, kind in kinds.items()}
    return batch_of(id=keys, **columns)
