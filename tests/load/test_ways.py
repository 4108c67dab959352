"""The ways of loading that tell rows apart by a key, and what they keep of the past."""

import hashlib
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from headrace import quarantine
from headrace.batch import Dead
from headrace.cursor import Cursor
from headrace.errors import ChangeLossy, ConfigInvalid, KeyMissing
from headrace.events import Warned

from .conftest import START, batch_of, stream_of
from .test_loader import counts

KEY = {"primary_key": ("id",)}
INSERT_ONLY = {**KEY, "write_disposition": "insert_only"}
BY_DAY = {"write_disposition": "delete_insert", "merge_key": ("day",)}
HISTORY = {**KEY, "write_disposition": "scd2", "incremental": {"cursor_path": "at"}}
SNAPSHOT = {**KEY, "write_disposition": "scd2", "history": {"missing": "close"}}
BEFORE = {**KEY, "write_disposition": "scd3", "history": {"previous": ("city",)}, "incremental": {"cursor_path": "at"}}
SPAN = "id, city, _headrace_valid_from, _headrace_valid_to"


def time(seconds):
    return datetime(2026, 1, 1, 0, 0, seconds, tzinfo=UTC)


def spans(pipe, columns="id, city"):
    """The versions with their seconds."""
    found = pipe.rows(f"{columns}, _headrace_valid_from, _headrace_valid_to", order="1, 3")
    return [(*own, start.second, end and end.second) for *own, start, end in found]


def test_insert_only_leaves_the_keys_alone_that_are_there(pipe):
    stream = stream_of(**INSERT_ONLY)
    pipe.load(stream, batch_of(id=[1, 2, 2], name=["a", "b", "B"]))

    entry = pipe.load(stream, batch_of(id=[1, 3, 3], name=["A", "c", "C"]))

    assert pipe.rows("id, name") == [(1, "a"), (2, "b"), (3, "c")]
    assert counts(entry) == {"read": 3, "inserted": 1, "unchanged": 1, "duplicate": 1}


def test_delete_insert_replaces_all_that_has_a_staged_key(pipe):
    stream = stream_of(**BY_DAY)
    pipe.load(stream, batch_of(day=[1, 1, 1, 2], n=[1, 2, 3, 4]))

    entry = pipe.load(stream, batch_of(day=[1, 1, 3], n=[5, 6, 7]))

    assert pipe.rows("day, n") == [(1, 5), (1, 6), (2, 4), (3, 7)]
    assert counts(entry) == {"read": 3, "inserted": 1, "updated": 2, "deleted": 1}


def test_delete_insert_keeps_the_newest_of_a_primary_key(pipe):
    stream = stream_of(**BY_DAY, **KEY, incremental={"cursor_path": "at"})
    pipe.load(stream, batch_of(id=[1], day=[1], at=[1]), cursor=Cursor("at"))

    entry = pipe.load(stream, batch_of(id=[2, 2, 3], day=[1, 1, 1], at=[5, 4, 4]), cursor=Cursor("at", "1"))

    assert pipe.rows('id, "at"') == [(2, 5), (3, 4)]
    assert counts(entry) == {"read": 3, "updated": 2, "duplicate": 1}


def test_delete_insert_goes_by_the_primary_key_where_there_is_no_other(pipe):
    stream = stream_of(**KEY, write_disposition={"disposition": "merge", "strategy": "delete-insert"})
    pipe.load(stream, batch_of(id=[1, 2], name=["a", "b"]))

    pipe.load(stream, batch_of(id=[2], name=["B"]))

    assert pipe.rows("id, name") == [(1, "a"), (2, "B")]


def test_delete_insert_without_a_key_is_an_error(pipe):
    with pytest.raises(KeyMissing, match="delete_insert needs a `primary_key` or a `merge_key`"):
        pipe.load(stream_of(write_disposition="delete_insert"), batch_of(id=[1]))


def test_a_row_without_its_merge_key_goes_to_quarantine(pipe):
    entry = pipe.load(stream_of(**BY_DAY), batch_of(day=[1, None], n=[1, 2]))

    assert counts(entry) == {"read": 2, "inserted": 1, "quarantined": 1}
    assert [(kept.reason, kept.column) for kept in quarantine.show(pipe.connection)] == [("key", "day")]


def test_a_history_keeps_every_version_wherever_it_comes_in_time(pipe):
    stream = stream_of(**HISTORY)
    first = batch_of(id=[1, 1, 2], city=["Bern", "Thun", "Basel"], at=[time(1), time(5), time(1)])
    pipe.load(stream, first, cursor=Cursor("at"))

    entry = pipe.load(stream, batch_of(id=[1, 1], city=["Chur", "Thun"], at=[time(3), time(5)]), cursor=Cursor("at"))

    assert spans(pipe) == [(1, "Bern", 1, 3), (1, "Chur", 3, 5), (1, "Thun", 5, None), (2, "Basel", 1, None)]
    assert counts(entry) == {"read": 2, "updated": 1, "unchanged": 1}


def test_a_time_that_is_text_is_compared_as_a_time(pipe):
    stream = stream_of(**HISTORY)
    times = ["2026-01-01T01:00:03+01:00", "2026-01-01T00:00:02Z", "2026-01-01T00:00:02.5Z", "never"]

    entry = pipe.load(stream, batch_of(id=[1, 1, 1, 2], city=["c", "a", "b", "x"], at=times), cursor=Cursor("at"))

    assert [row[:2] for row in pipe.rows(SPAN, order="3")] == [(1, "a"), (1, "b"), (1, "c")]
    assert counts(entry) == {"read": 4, "inserted": 3, "quarantined": 1}
    assert [(kept.reason, kept.column) for kept in quarantine.show(pipe.connection)] == [("time", "at")]


@pytest.mark.parametrize("warehouse", ["duckdb", "postgres", "parquet"], indirect=True)  # two tables change together
def test_a_deletion_ends_a_version_also_when_it_comes_first(pipe):
    stream = stream_of(**HISTORY, deletes={"column": "gone"})
    pipe.load(stream, batch_of(id=[1], city=pa.nulls(1, pa.string()), at=[time(4)], gone=[True]), cursor=Cursor("at"))

    late = batch_of(id=[1, 1], city=["Bern", "Thun"], at=[time(2), time(6)], gone=[False, False])
    entry = pipe.load(stream, late, cursor=Cursor("at"))

    assert spans(pipe) == [(1, "Bern", 2, 4), (1, "Thun", 6, None)]
    assert counts(entry) == {"read": 2, "inserted": 2}


def test_a_key_that_is_missing_from_a_snapshot_ends_and_one_that_comes_back_opens_a_version(pipe):
    stream = stream_of(**SNAPSHOT)
    pipe.load(stream, batch_of(id=[1, 2], city=["Bern", "Basel"]))
    gone = pipe.load(stream, batch_of(id=[1], city=["Thun"]))
    same = pipe.load(stream, batch_of(id=[1], city=["Thun"]))

    pipe.load(stream, batch_of(id=[1, 2], city=["Thun", "Basel"]))

    assert spans(pipe) == [(1, "Bern", 1, 2), (1, "Thun", 2, None), (2, "Basel", 1, 2), (2, "Basel", 4, None)]
    assert counts(gone) == {"read": 1, "updated": 1, "deleted": 1}
    assert counts(same) == {"read": 1, "unchanged": 1}


def test_a_history_of_loads_goes_on_where_another_clock_is_behind(pipe):
    stream = stream_of(**SNAPSHOT)
    pipe.load(stream, batch_of(id=[1], city=["Bern"]))
    pipe.loads -= 2

    pipe.load(stream, batch_of(id=[1], city=["Thun"]))

    (first, second) = pipe.rows(SPAN, order="3")
    assert (first[1], second[1], second[3]) == ("Bern", "Thun", None)
    assert first[3] == second[2] == START + timedelta(seconds=1, microseconds=1)


def test_a_history_grows_with_its_columns(pipe):
    stream = stream_of(**HISTORY)
    pipe.load(stream, batch_of(id=[1], at=pa.array([1], pa.int32())), cursor=Cursor("at"))

    pipe.load(stream, batch_of(id=[1], at=[2**40], city=["Bern"]), cursor=Cursor("at"))

    assert pipe.rows(SPAN, order="3") == [(1, None, 1, 2**40), (1, "Bern", 2**40, None)]
    assert pipe.types()["_headrace_valid_to"] == "bigint"


def test_the_names_of_the_validity_columns_are_the_streams(pipe):
    stream = stream_of(**KEY, write_disposition="scd2", history={"valid_from": "since", "valid_to": "until"})

    pipe.load(stream, batch_of(id=[1], name=["a"]))
    pipe.load(stream, batch_of(id=[1], name=["b"]))

    assert pipe.rows("name, until IS NULL, since IS NULL") == [("a", False, False), ("b", True, False)]


@pytest.mark.parametrize(("first", "second"), [(KEY, SNAPSHOT), (SNAPSHOT, KEY)])
def test_a_table_becomes_a_history_or_ceases_to_be_one_only_anew(pipe, first, second):
    pipe.load(stream_of(**first), batch_of(id=[1, 2], city=["a", "b"]))

    with pytest.raises(ChangeLossy, match="cannot go on with it"):
        pipe.load(stream_of(**second), batch_of(id=[1], city=["b"]))

    assert pipe.rows("id, city") == [(1, "a"), (2, "b")]
    pipe.load(stream_of(**second), batch_of(id=[1], city=["b"]), full_refresh=True)
    assert pipe.rows("id, city") == [(1, "b")]


def test_a_column_that_is_to_say_when_a_row_changed_has_to_arrive(pipe):
    stream = stream_of(**KEY, write_disposition="scd2", history={"changed_at": "modified"})

    with pytest.raises(ConfigInvalid, match="the column 'modified' says when a row changed, and it did not arrive"):
        pipe.load(stream, batch_of(id=[1]))


def test_the_value_before_the_last_change_is_kept(pipe):
    stream = stream_of(**BEFORE)
    rows = {"id": [1, 1, 1, 2], "city": ["Chur", "Bern", "Thun", "Basel"], "at": [3, 1, 2, 1], "n": [0, 0, 0, 0]}
    pipe.load(stream, batch_of(**rows), cursor=Cursor("at"))
    together = pipe.rows("id, city, previous_city, city_changed_at")

    pipe.load(stream, batch_of(id=[1, 2], city=["Chur", "Biel"], at=[4, 5], n=[9, 9]), cursor=Cursor("at"))
    late = pipe.load(stream, batch_of(id=[2], city=["Zug"], at=[2], n=[9]), cursor=Cursor("at"))

    assert together == [(1, "Chur", "Thun", 3), (2, "Basel", None, None)]
    assert pipe.rows("id, city, previous_city, city_changed_at, n") == [
        (1, "Chur", "Thun", 3, 9),
        (2, "Biel", "Basel", 5, 9),
    ]
    assert counts(late) == {"read": 1, "duplicate": 1}


def test_a_row_that_a_whole_load_does_not_bring_goes(pipe):
    stream = stream_of(**KEY, deletes={"missing": "hard"})
    pipe.load(stream, batch_of(id=[1, 2, 3], name=["a", "b", "c"]))

    entry = pipe.load(stream, batch_of(id=[1, 3, 4], name=["a", "C", "d"]))

    assert pipe.rows("id, name") == [(1, "a"), (3, "C"), (4, "d")]
    assert counts(entry) == {"read": 3, "inserted": 1, "updated": 1, "unchanged": 1, "deleted": 1}
    assert entry.rows_after == 3


def test_a_row_that_a_whole_load_does_not_bring_is_marked_until_it_comes_again(pipe):
    stream = stream_of(**KEY, deletes={"missing": "soft"})
    pipe.load(stream, batch_of(id=[1, 2], name=["a", "b"]))
    pipe.load(stream, batch_of(id=[1], name=["a"]))
    marked = pipe.rows("id, _headrace_deleted")
    again = pipe.load(stream, batch_of(id=[1], name=["a"]))

    back = pipe.load(stream, batch_of(id=[1, 2], name=["a", "b"]))

    assert marked == [(1, False), (2, True)]
    assert counts(again) == {"read": 1, "unchanged": 1}
    assert pipe.rows("id, _headrace_deleted") == [(1, False), (2, False)]
    assert counts(back) == {"read": 2, "updated": 1, "unchanged": 1}


DEAD = Dead({"url": "/things?page=2"}, "HTTP 500")


@pytest.mark.parametrize(
    ("arrived", "why"),
    [
        ([batch_of(id=[1, None], n=[1, 2])], "quarantine"),
        ([batch_of(id=[1, 2], n=["1", "x"])], "quarantine"),
        ([batch_of(id=[1], n=[1]), DEAD], "quarantine"),
        ([], "nothing arrived"),
    ],
)
def test_nothing_counts_as_missing_where_something_could_not_be_kept(pipe, arrived, why):
    stream = stream_of(**KEY, deletes={"missing": "hard"})
    pipe.load(stream, batch_of(id=[1, 2], n=[1, 2]))

    pipe.load(stream, *arrived)

    assert pipe.rows("id, n") == [(1, 1), (2, 2)]
    assert any(isinstance(event, Warned) and why in event.message for event in pipe.heard)


def test_a_surrogate_key_is_the_one_that_dbt_utils_makes(pipe):
    stream = stream_of(**KEY, surrogate_key={"name": "thing_key", "columns": ("id", "name", "ok")})

    pipe.load(stream, batch_of(id=[1, 2], name=["a", None], ok=[True, False]))
    pipe.load(stream, batch_of(id=[1], name=["b"], ok=[True]))

    def made(text):
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    null = "_dbt_utils_surrogate_key_null_"
    assert pipe.rows("id, thing_key") == [(1, made("1-b-true")), (2, made(f"2-{null}-false"))]
    parts = [f"coalesce(CAST({column} AS VARCHAR), '{null}')" for column in ("id", "name", "ok")]
    assert pipe.rows("count(*)", "1").pop() == (2,)
    joined = " || '-' || ".join(parts)
    assert pipe.connection.rows(f"SELECT count(*) FROM raw.things WHERE thing_key = md5({joined})") == [(2,)]


def test_a_surrogate_key_that_comes_later_is_given_to_the_rows_that_are_there(pipe):
    pipe.load(stream_of(**KEY), batch_of(id=[1, 2], name=["a", "b"]))

    keyed = stream_of(**KEY, surrogate_key={"name": "thing_key", "columns": ("id",)})
    entry = pipe.load(keyed, batch_of(id=[2], name=["b"]))

    assert pipe.rows("id, thing_key") == [
        (each, hashlib.md5(str(each).encode(), usedforsecurity=False).hexdigest()) for each in (1, 2)
    ]
    assert counts(entry) == {"read": 1, "unchanged": 1}


def test_a_surrogate_key_of_values_that_engines_write_differently_is_refused(pipe):
    stream = stream_of(surrogate_key={"name": "thing_key", "columns": ("price",)})

    with pytest.raises(ConfigInvalid, match="'price' of the surrogate key is double"):
        pipe.load(stream, batch_of(price=[1.5]))


def test_an_added_column_has_no_name_that_arrives(pipe):
    stream = stream_of(surrogate_key={"name": "id", "columns": ("id",)})

    with pytest.raises(ConfigInvalid, match="a column 'id' arrived, and headrace is to add one of that name"):
        pipe.load(stream, batch_of(id=[1]))
