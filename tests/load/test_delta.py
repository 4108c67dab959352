"""What is Delta's own way to be a target; that loads into it are as others, the other tests here prove."""

import duckdb
import pytest
from deltalake import DeltaTable, write_deltalake

from headrace.errors import NotSupported, StatementFailed
from headrace.landing import Landing
from headrace.warehouse.folder import Folder
from headrace.warehouse.opening import open_warehouse

from .conftest import Pipe, batch_of, stream_of

APPEND = {"write_disposition": "append"}
MERGE = {"primary_key": ["id"]}


@pytest.fixture
def lake(tmp_path):
    return tmp_path / "lake"


@pytest.fixture
def opened(lake, tmp_path):
    """`opened()` is a pipe into the target, opened as by the next process."""
    held = []

    def again():
        held.append(open_warehouse(f"delta:///{lake}"))
        return Pipe(held[-1].connect(), Landing(tmp_path / f"landing{len(held)}"))

    yield again
    for one in held:
        one.close()


def ids(lake):
    files = DeltaTable(lake / "raw.things").file_uris()
    return sorted(row[0] for row in duckdb.read_parquet(files).project("id").fetchall())


def test_a_load_is_one_commit_that_bears_its_id(opened, lake):
    entry = opened().load(stream_of(**APPEND), batch_of(id=[1, 2]))
    more = opened().load(stream_of(**APPEND), batch_of(id=[3]))

    assert ids(lake) == [1, 2, 3]
    history = DeltaTable(lake / "raw.things").history()
    assert [one["headrace.load_id"] for one in history] == [more.load_id, entry.load_id]
    assert history[0]["operationMetrics"]["num_removed_files"] == 0


def test_a_merge_changes_rows_and_a_replace_leaves_no_others(opened, lake):
    opened().load(stream_of(**MERGE), batch_of(id=[1, 2], name=["a", "b"]))
    merged = opened().load(stream_of(**MERGE), batch_of(id=[2, 3], name=["z", "c"]))

    assert (merged.inserted, merged.updated) == (1, 1)
    assert ids(lake) == [1, 2, 3]
    opened().load(stream_of(write_disposition="replace"), batch_of(id=[9], name=["x"]))
    assert ids(lake) == [9]


def test_what_is_remembered_counts_only_if_the_rows_were_committed(opened, lake, monkeypatch):
    opened().load(stream_of(**APPEND), batch_of(id=[1]))
    pipe = opened()
    package = pipe.package(stream_of(**APPEND), batch_of(id=[2]))
    with monkeypatch.context() as broken:
        # As if the machine had stopped between the two commits: nobody is left to take anything back.
        broken.setattr("headrace.warehouse.delta.write_deltalake", stop)
        broken.setattr(Folder, "take_back", lambda self: None)
        with pytest.raises(KeyboardInterrupt):
            pipe.load_package(stream_of(**APPEND), package)

    next_one = opened()

    assert next_one.connection.rows("SELECT count(*) FROM headrace.loads") == [(1,)]
    next_one.load_package(stream_of(**APPEND), package)
    assert ids(lake) == [1, 2]


def stop(*_, **__):
    raise KeyboardInterrupt


def test_another_engines_commit_in_between_is_an_error_and_nothing_is_lost(opened, lake):
    opened().load(stream_of(**APPEND), batch_of(id=[1]))
    pipe = opened()
    table = DeltaTable(lake / "raw.things")
    table.delete("id = 1")

    with pytest.raises(StatementFailed, match="could not be committed"):
        pipe.load(stream_of(**APPEND), batch_of(id=[2]))

    later = opened()
    later.load(stream_of(**APPEND), batch_of(id=[3]))
    assert ids(lake) == [3]
    assert later.connection.rows("SELECT count(*) FROM headrace.loads") == [(2,)]


def test_a_table_that_another_engine_emptied_goes_on(opened, lake):
    opened().load(stream_of(**APPEND), batch_of(id=[1], name=["a"]))
    DeltaTable(lake / "raw.things").delete()

    opened().load(stream_of(**APPEND), batch_of(id=[2], name=["b"]))

    assert ids(lake) == [2]


def load_both(pipe, stream, first, then):
    pipe.load(stream, first)
    pipe.load(stream, then)


def test_tombstones_and_partitions_are_refused(opened, lake):
    stream = stream_of(**MERGE, deletes={"column": "gone"}, incremental="at")
    first, then = batch_of(id=[1, 2], at=[1, 1], gone=[False, False]), batch_of(id=[1], at=[2], gone=[True])
    with pytest.raises(NotSupported, match="committed by itself"):
        load_both(opened(), stream, first, then)
    opened().load(stream_of(**APPEND), batch_of(id=[1]))
    write_deltalake(lake / "parted", duckdb.sql("SELECT 1 AS a, 2 AS b").to_arrow_table(), partition_by=["a"])

    with pytest.raises(NotSupported, match="has partitions"):
        opened()


def test_a_column_of_a_type_that_delta_lacks_is_its_text_and_is_not_written_anew_each_time(opened, lake):
    rows = duckdb.sql("SELECT 1 AS id, 12345678901234567890123456789::HUGEINT AS big").to_arrow_table()
    opened().load(stream_of(**APPEND), batch_of(id=[1], big=rows["big"]))
    opened().load(stream_of(**APPEND), batch_of(id=[2], big=rows["big"]))

    assert [one["operationMetrics"]["num_removed_files"] for one in DeltaTable(lake / "raw.things").history()] == [0, 0]


def test_what_fails_after_the_commit_does_not_undo_it(opened, lake, monkeypatch):
    opened().load(stream_of(**APPEND), batch_of(id=[1]))
    pipe = opened()
    package = pipe.package(stream_of(**APPEND), batch_of(id=[2]))
    with monkeypatch.context() as broken:
        broken.setattr("headrace.warehouse.delta.write_deltalake", write_and_stop)
        with pytest.raises(KeyboardInterrupt):
            pipe.load_package(stream_of(**APPEND), package)

    opened().load_package(stream_of(**APPEND), package)

    assert ids(lake) == [1, 2]


def write_and_stop(*given, **named):
    write_deltalake(*given, **named)
    raise KeyboardInterrupt
