"""What a load leaves alone of a folder of files: the parts in which it has nothing to change."""

import struct
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from headrace.errors import StatementFailed

from .conftest import batch_of, nested, stream_of

in_folders = pytest.mark.parametrize("warehouse", ["parquet"], indirect=True)
pytestmark = in_folders
THREE = ([1, 2], [3, 4], [5, 6])


@pytest.fixture
def parts(tmp_path):
    """How the files of a table are called that readers see."""

    def listed(table="things"):
        return {str(file) for file in (tmp_path / "lake" / f"raw.{table}").rglob("*.parquet")}

    return listed


def in_three_parts(pipe, stream):
    for ids in THREE:
        pipe.load(stream, batch_of(id=ids, v=["a"] * len(ids)))


def test_a_merge_writes_only_the_parts_anew_that_hold_its_keys(pipe, parts):
    stream = stream_of(primary_key="id")
    in_three_parts(pipe, stream)
    before = parts()

    pipe.load(stream, batch_of(id=[3, 7], v=["b", "b"]))

    assert (len(before), len(before & parts()), len(parts())) == (3, 2, 3)
    assert pipe.rows("id, v", "1") == [(1, "a"), (2, "a"), (3, "b"), (4, "a"), (5, "a"), (6, "a"), (7, "b")]


@pytest.mark.parametrize("way", ["merge", "insert_only", "scd2", "delete_insert"])
def test_new_keys_make_a_part_and_no_other_is_written(pipe, parts, way):
    stream = stream_of(primary_key="id", write_disposition=way)
    in_three_parts(pipe, stream)
    before = parts()

    pipe.load(stream, batch_of(id=[7], v=["b"]))

    assert before < parts()
    assert len(parts()) == 4


@pytest.mark.parametrize("by", [None, {"column": "id", "step": 2}])
def test_a_merge_that_changes_nothing_writes_no_part(pipe, parts, by):
    stream = stream_of(primary_key="id", partition_by=by)
    in_three_parts(pipe, stream)
    before = parts()

    entry = pipe.load(stream, batch_of(id=[1, 4], v=["a", "a"]))

    assert entry.unchanged == 2
    assert parts() == before


def test_a_part_whose_rows_all_go_is_gone(pipe, parts):
    stream = stream_of(primary_key="id", deletes={"column": "gone"})
    for ids in THREE:
        pipe.load(stream, batch_of(id=ids, gone=[False] * len(ids)))
    before = parts()

    pipe.load(stream, batch_of(id=[3, 4], gone=[True, True]))
    pipe.load(stream, batch_of(id=[8], gone=[False]))

    assert (len(before & parts()), len(parts())) == (2, 3)
    assert pipe.rows("id", "1") == [(1,), (2,), (5,), (6,), (8,)]


def test_of_a_whole_load_only_the_partitions_are_written_in_which_something_is_new_or_missing(pipe, parts):
    stream = stream_of(primary_key="id", deletes={"missing": "soft"}, partition_by={"column": "id", "step": 2})
    pipe.load(stream, batch_of(id=[1, 2, 3, 4, 5, 6], v=["a"] * 6))
    before = parts()

    pipe.load(stream, batch_of(id=[1, 2, 3, 5, 6, 7], v=["a"] * 6))

    assert sorted(file.split("id_from=")[1][0] for file in before & parts()) == ["0", "2"]
    assert len(parts()) == 4
    assert pipe.rows("id", "1") == [(number,) for number in range(1, 8)]
    assert pipe.connection.rows("SELECT id FROM raw.things WHERE _headrace_deleted") == [(4,)]


def test_a_version_of_a_row_that_is_merged_after_another_one_of_its_load_meets_it(pipe, parts):
    stream = stream_of(primary_key="id", write_disposition="scd3", history={"previous": ("v",)}, incremental="at")
    for ids in THREE:
        pipe.load(stream, batch_of(id=ids, v=["a"] * len(ids), at=[1] * len(ids)))
    before = parts()

    pipe.load(stream, batch_of(id=[1, 1, 3], v=["b", "c", "d"], at=[2, 3, 2]))

    assert pipe.rows("id, v, previous_v", "1")[:3] == [(1, "c", "b"), (2, "a", None), (3, "d", "a")]
    assert len(before & parts()) == 1


def test_a_key_that_moves_to_another_partition_leaves_the_one_where_it_was(pipe, parts):
    stream = stream_of(primary_key="id", partition_by={"column": "v"})
    pipe.load(stream, batch_of(id=[1, 2, 3, 4], v=["a", "a", "b", "c"]))
    before = parts()

    pipe.load(stream, batch_of(id=[1], v=["b"]))

    assert pipe.rows("id, v", "1") == [(1, "b"), (2, "a"), (3, "b"), (4, "c")]
    assert [file for file in before & parts() if "v=c" in file]
    assert not [file for file in before & parts() if "v=a" in file]


def test_of_lists_too_only_the_parts_of_changed_rows_are_written_anew(pipe, parts):
    stream = stream_of(primary_key="id", nested="tables")
    for ids in THREE:
        pipe.load(stream, nested(id=ids, lines=[[{"sku": "a"}]] * len(ids)))
    before = parts("things__lines")

    pipe.load(stream, nested(id=[3, 7], lines=[[{"sku": "b"}, {"sku": "c"}], [{"sku": "d"}]]))

    found = pipe.connection.rows("SELECT _headrace_root_id, sku FROM raw.things__lines ORDER BY ALL")
    assert found == [(1, "a"), (2, "a"), (3, "b"), (3, "c"), (4, "a"), (5, "a"), (6, "a"), (7, "d")]
    assert (len(before), len(before & parts("things__lines"))) == (3, 2)


def test_many_small_parts_become_one_when_the_table_changes(pipe, parts, monkeypatch):
    monkeypatch.setattr("headrace.warehouse.folder._CROWD", 2)
    stream = stream_of(primary_key="id")
    in_three_parts(pipe, stream)

    pipe.load(stream, batch_of(id=[7], v=["b"]))

    assert len(parts()) == 1
    assert pipe.rows("id", "1") == [(number,) for number in range(1, 8)]


def test_what_fails_after_a_merge_leaves_the_table_as_it_was(pipe, parts, monkeypatch):
    stream = stream_of(primary_key="id")
    in_three_parts(pipe, stream)
    before = parts()
    with monkeypatch.context() as broken:
        broken.setattr("os.link", refuse)
        with pytest.raises(StatementFailed, match="no links here"):
            pipe.load(stream, batch_of(id=[1], v=["b"]))
    assert parts() == before
    assert len(pipe.rows("id", "1")) == 6

    pipe.load(stream, batch_of(id=[1], v=["c"]))

    assert pipe.rows("id, v", "1")[:2] == [(1, "c"), (2, "a")]


def refuse(*_):
    raise PermissionError("no links here")


def test_what_comes_after_a_merge_in_its_transaction_sees_all_rows(pipe):
    stream = stream_of(primary_key="id")
    in_three_parts(pipe, stream)

    entry = pipe.load(stream, batch_of(id=[3, 9], v=["b", "b"]))
    pipe.load(stream, batch_of(id=[9, 1], v=["c", "d"], note=["new", None]))

    assert entry.rows_after == 7
    assert pipe.rows("id, v, note", "1")[0::6] == [(1, "d", None), (9, "c", "new")]


def test_of_partitions_in_which_no_key_can_be_no_row_is_read(pipe, parts):
    stream = stream_of(primary_key="id", partition_by={"column": "day", "granularity": "month", "immutable": True})
    january, february = (pa.array([date(2026, month, 5)], pa.date32()) for month in (1, 2))
    pipe.load(stream, batch_of(id=[1], day=january, v=["a"]), batch_of(id=[2], day=february, v=["a"]))
    for file in parts():
        if "2026-01" in file:
            spoil(file)

    entry = pipe.load(stream, batch_of(id=[2, 3], day=pa.concat_arrays([february, february]), v=["b", "b"]))

    assert (entry.inserted, entry.updated, entry.rows_after) == (1, 1, 3)
    with pytest.raises(StatementFailed):
        pipe.rows("id, v", "1")


def spoil(file):
    """Of a Parquet file only the end is left that says what is in it."""
    with Path(file).open("r+b") as part:
        part.seek(-8, 2)
        footer = struct.unpack("<I", part.read(4))[0]
        size = part.tell() + 4
        part.seek(4)
        part.write(bytes(size - footer - 12))


@pytest.mark.parametrize("way", ["append", "replace", "merge"])
def test_of_more_rows_than_a_block_of_duckdb_has_all_come_to_a_table_that_is_there(pipe, way):
    many = 200_000
    keyed = {"primary_key": "id"} if way == "merge" else {}
    stream = stream_of(write_disposition=way, **keyed)
    pipe.load(stream, batch_of(id=[-1], v=["first"]))
    pipe.load(stream, batch_of(id=range(many), v=["a"] * many))

    pipe.load(stream, batch_of(id=range(many, 2 * many), v=["b"] * many))

    rows = many if way == "replace" else 2 * many + 1
    assert pipe.connection.rows("SELECT count(*), count(DISTINCT id) FROM raw.things") == [(rows, rows)]


def test_a_merge_that_opens_more_rows_than_a_block_of_duckdb_has_finds_its_keys(pipe):
    many, stream = 200_000, stream_of(primary_key="id")
    pipe.load(stream, batch_of(id=range(many), v=["a"] * many))

    entry = pipe.load(stream, batch_of(id=[7, many], v=["b", "b"]))

    assert (entry.inserted, entry.updated, entry.rows_after) == (1, 1, many + 1)
