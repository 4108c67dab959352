"""A table in partitions: made as rows come, searched only where a key can be, and the same rows as a table in one piece."""

import itertools
import tempfile
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import duckdb
import psycopg
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.errors import ChangeLossy, ConfigInvalid, NotSupported
from headrace.landing import Landing
from headrace.table import Table
from headrace.warehouse.opening import open_warehouse

from .conftest import Pipe, batch_of, nested, stream_of

on_engines = pytest.mark.parametrize("warehouse", ["duckdb", "postgres"], indirect=True)
on_all = pytest.mark.parametrize("warehouse", ["duckdb", "postgres", "parquet"], indirect=True)
on_postgres = pytest.mark.parametrize("warehouse", ["postgres"], indirect=True)

MONTHS = {"column": "day", "granularity": "month"}
KEYED = {"primary_key": ("id", "day"), "partition_by": MONTHS}
_numbers = itertools.count()


def days(*texts):
    return pa.array([text and date.fromisoformat(text) for text in texts], pa.date32())


def partitions(pipe, table="things"):
    """Each partition and its rows."""
    found = pipe.connection.rows(
        "SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid "
        f"WHERE i.inhparent = 'raw.{table}'::regclass ORDER BY 1"
    )
    return {
        name.removeprefix(f"{table}__"): pipe.connection.rows(f'SELECT count(*) FROM raw."{name}"')[0][0]
        for (name,) in found
    }


@on_postgres
def test_partitions_are_made_as_rows_arrive_and_rows_without_a_value_have_one_too(pipe):
    stream = stream_of(write_disposition="append", partition_by=MONTHS)
    pipe.load(stream, batch_of(id=[1, 2, 3], day=days("2026-01-31", "2026-02-01", None)))

    pipe.load(stream, batch_of(id=[4, 5], day=days("2026-02-28", "2025-12-31")))

    assert partitions(pipe) == {"2025_12": 1, "2026_01": 1, "2026_02": 2, "others": 1}
    assert pipe.rows("id", "1") == [(1,), (2,), (3,), (4,), (5,)]


@on_postgres
@pytest.mark.parametrize(
    ("by", "values", "expected"),
    [
        ({"column": "v", "step": 100}, [-1, 0, 99, 250, None], {"0": 2, "200": 1, "m100": 1, "others": 1}),
        ({"column": "v", "step": 10}, [2**63 - 1, -(2**63), 5], {"0": 1, "others": 2}),
        ("v", ["AT", "a t", None, "AT"], {"at_fa868488": 2, "a_t_d4cbc199": 1, "others": 1}),
        ("v", [True, False], {"false_68934a3e": 1, "true_b326b506": 1}),
    ],
)
def test_steps_of_numbers_and_plain_values_make_partitions_too(pipe, by, values, expected):
    pipe.load(stream_of(write_disposition="append", partition_by=by), batch_of(id=list(range(len(values))), v=values))

    assert {name: rows for name, rows in partitions(pipe).items() if rows} == expected


@on_postgres
def test_a_time_with_a_zone_belongs_to_its_month_in_utc(pipe):
    stream = stream_of(
        write_disposition="append", columns={"at": "timestamptz"}, partition_by={"column": "at", "granularity": "month"}
    )

    pipe.load(stream, batch_of(id=[1, 2], at=["2026-02-01T00:30:00+02:00", "infinity"]))

    assert partitions(pipe) == {"2026_01": 1, "others": 1}


@on_postgres
def test_a_table_that_is_loaded_anew_gets_its_partitions_and_keeps_grants_and_views(pipe):
    stream = stream_of(**KEYED)
    pipe.load(stream, batch_of(id=[1, 2], day=days("2026-01-05", "2026-02-05")))
    for sql in (
        "DROP ROLE IF EXISTS reading",
        "CREATE ROLE reading",
        "GRANT SELECT ON raw.things TO reading",
        "CREATE VIEW raw.over AS SELECT id FROM raw.things",
    ):
        pipe.connection.execute(sql)

    pipe.load(stream, batch_of(id=[3], day=days("2026-02-06")), full_refresh=True)
    pipe.load(stream, batch_of(id=[4, 3], day=days("2026-03-06", "2026-02-06")))

    assert partitions(pipe) == {"2026_02": 1, "2026_03": 1}
    assert pipe.connection.rows("SELECT id FROM raw.over ORDER BY 1") == [(3,), (4,)]
    assert pipe.connection.rows("SELECT has_table_privilege('reading', 'raw.things', 'SELECT')") == [(True,)]
    pipe.connection.execute("DROP OWNED BY reading")
    pipe.connection.execute("DROP ROLE reading")


@on_postgres
def test_a_replaced_table_has_its_new_rows_and_readers_see_the_old_ones_until_then(pipe, postgres_url):
    stream = stream_of(write_disposition="replace", partition_by=MONTHS)
    pipe.load(stream, batch_of(id=[1], day=days("2026-01-05")))
    seen = []

    with psycopg.connect(postgres_url, autocommit=True) as reader:
        reader.execute("SET lock_timeout = '5s'")
        real = pipe.connection._commit

        def commit():
            seen.append(reader.execute("SELECT id FROM raw.things").fetchall())
            real()

        pipe.connection._commit = commit
        pipe.load(stream, batch_of(id=[2], day=days("2026-02-05")))

    assert seen[-1] == [(1,)]
    assert pipe.rows("id", "1") == [(2,)]


@on_postgres
def test_a_new_column_comes_to_all_partitions(pipe):
    stream = stream_of(**KEYED)
    pipe.load(stream, batch_of(id=[1], day=days("2026-01-05")))

    pipe.load(stream, batch_of(id=[1, 2], day=days("2026-01-05", "2026-02-05"), note=["x", "y"]))

    assert pipe.rows("id, note", "1") == [(1, "x"), (2, "y")]


@on_postgres
@pytest.mark.parametrize(
    ("first", "then", "said"),
    [
        (None, MONTHS, "is not in partitions, and the stream says RANGE"),
        (MONTHS, None, r"is in partitions by RANGE \(day\), and the stream says nothing"),
        (MONTHS, {"column": "day", "granularity": "day"}, "would overlap partition"),
    ],
)
def test_a_table_that_is_split_otherwise_is_left_as_it_is(pipe, first, then, said):
    pipe.load(
        stream_of(write_disposition="append", partition_by=first),
        batch_of(id=[1, 2], day=days("2026-01-05", "2026-01-07")),
    )

    with pytest.raises(ChangeLossy, match=said) as failed:
        pipe.load(stream_of(write_disposition="append", partition_by=then), batch_of(id=[3], day=days("2026-01-06")))

    assert "--full-refresh" in failed.value.hint
    assert pipe.rows("id", "1") == [(1,), (2,)]


@on_engines
@pytest.mark.parametrize(
    ("by", "said"),
    [
        ({"column": "dya", "granularity": "day"}, "names the column 'dya', which did not arrive"),
        ({"column": "id", "granularity": "day"}, "'id' of `partition_by` is bigint, and partitions are made of dates"),
        ({"column": "day", "step": 5}, "'day' of `partition_by` is date, and partitions are made of whole numbers"),
        ("price", "is double, and partitions are made of whole numbers, text and dates"),
    ],
)
def test_a_column_that_cannot_split_a_table_is_an_error(pipe, by, said):
    with pytest.raises(ConfigInvalid, match=said):
        pipe.load(stream_of(partition_by=by), batch_of(id=[1], day=days("2026-01-05"), price=[1.5]))


@on_postgres
def test_partitions_without_measure_are_an_error(pipe, monkeypatch):
    monkeypatch.setattr("headrace.load.partitioning.MOST", 3)

    with pytest.raises(ConfigInvalid, match="more than 3 partitions of 'id'") as failed:
        pipe.load(stream_of(partition_by="id"), batch_of(id=[1, 2, 3, 4]))

    assert "granularity" in failed.value.hint


@on_engines
def test_a_key_that_moved_to_another_partition_is_found_unless_it_is_said_that_none_does(pipe):
    moving = stream_of(primary_key="id", partition_by=MONTHS)
    pipe.load(moving, batch_of(id=[1, 2], day=days("2026-01-05", "2026-02-05"), v=["a", "b"]))

    entry = pipe.load(moving, batch_of(id=[1, 2], day=days("2026-03-05", None), v=["c", "d"]))

    assert (entry.inserted, entry.updated) == (0, 2)
    assert pipe.rows("id, v", "1") == [(1, "c"), (2, "d")]


@on_engines
def test_a_merge_looks_only_where_its_keys_can_be(pipe):
    fixed = stream_of(primary_key="id", partition_by={**MONTHS, "immutable": True})
    pipe.load(fixed, batch_of(id=[1, 2, 3], day=days("2026-01-05", "2026-02-05", None), v=["a", "b", "c"]))

    with pipe.connection.noting() as statements:
        entry = pipe.load(fixed, batch_of(id=[2, 3], day=days("2026-02-05", None), v=["x", "y"]))

    judged = next(sql for sql in statements if 'AS "_headrace_verdict"' in sql)
    assert "t.\"day\" >= CAST('2026-02-05' AS" in judged
    assert (entry.inserted, entry.updated) == (0, 2)
    assert pipe.rows("id, v", "1") == [(1, "a"), (2, "x"), (3, "y")]


@on_engines
@pytest.mark.parametrize("values", [[True, False], ["AT", "é"], [1, -1]])
def test_a_key_with_the_column_in_it_is_merged_whatever_its_type(pipe, values):
    stream = stream_of(primary_key=("id", "v"), partition_by="v")
    pipe.load(stream, batch_of(id=[1, 1], v=values, said=["a", "b"]))

    entry = pipe.load(stream, batch_of(id=[1, 2], v=values, said=["c", "d"]))

    assert (entry.inserted, entry.updated) == (1, 1)
    assert pipe.rows("id, said", "2") == [(1, "b"), (1, "c"), (2, "d")]


change = st.tuples(st.integers(1, 3), st.integers(0, 2), st.integers(0, 1), st.booleans())
"""A key, the month it is in, a value, and whether it is deleted; its place in the list is its time."""


@on_all
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(changes=st.lists(change, min_size=1, max_size=8), moving=st.booleans(), data=st.data())
def test_a_pruned_merge_gives_the_table_that_one_of_everything_gives(pipe, changes, moving, data):
    first = date(2026, 1, 15)
    rows = [
        {
            "id": key,
            "day": None if moving and month == 2 else first + timedelta(days=31 * month),
            "v": value,
            "at": at,
            "gone": gone,
        }
        for at, (key, month, value, gone) in enumerate(changes)
    ]
    shuffled = data.draw(st.permutations([*rows, *data.draw(st.lists(st.sampled_from(rows), max_size=3))]))
    size = data.draw(st.integers(1, 5))
    key = ("id",) if moving else ("id", "day")
    ways = {"primary_key": key, "incremental": {"cursor_path": "at"}, "deletes": {"column": "gone"}}

    types = {"id": pa.int64(), "day": pa.date32(), "v": pa.int64(), "at": pa.int64(), "gone": pa.bool_()}
    found = []
    for by in (None, MONTHS):
        own = Pipe(pipe.connection, Landing(Path(tempfile.mkdtemp(dir=pipe.landing.folder.parent))))
        own.table = Table("raw", f"things{next(_numbers)}")
        stream = replace(stream_of(**ways, partition_by=by), name=own.table.name)
        entries = [
            own.load(stream, batch_of(**{name: pa.array([row[name] for row in part], types[name]) for name in types}))
            for part in (shuffled[start : start + size] for start in range(0, len(shuffled), size))
        ]
        held = own.connection.rows(f'SELECT id, day, v, "at" FROM raw.{own.table.name} ORDER BY 1, 2')
        found.append((held, [(entry.inserted, entry.updated, entry.unchanged, entry.duplicate) for entry in entries]))

    assert found[0] == found[1]


WAYS = {
    "merge": {},
    "insert_only": {},
    "delete_insert": {},
    "scd2": {"deletes": {"column": "gone"}},
    "scd3": {"history": {"previous": ("v",)}},
}
TYPES = {"id": pa.int64(), "day": pa.date32(), "v": pa.int64(), "at": pa.int64(), "gone": pa.bool_()}
STAYING = {
    "in the key": {"primary_key": ("id", "day"), "partition_by": MONTHS},
    "promised": {"primary_key": "id", "partition_by": {**MONTHS, "immutable": True}},
    "moving": {"primary_key": "id", "partition_by": MONTHS},
}
"""Why a key stays where it is, if it does."""


def day_of(key, month, gone, staying):
    """A key whose place is promised has one month; a row that only says that it is gone says nothing of it."""
    if staying == "promised":
        return None if gone else date(2026, 1, 15) + timedelta(days=31 * (key % 3))
    return date(2026, 1, 15) + timedelta(days=31 * month)


def kept_by(pipe, spec, batches):
    """What a stream's table holds after the batches, and the counts of each load."""
    own = Pipe(pipe.connection, Landing(Path(tempfile.mkdtemp(dir=pipe.landing.folder.parent))))
    own.table = Table("raw", f"things{next(_numbers)}")
    stream = replace(stream_of(**spec), name=own.table.name)
    counts = []
    for part in batches:
        entry = own.load(
            stream, batch_of(**{name: pa.array([row[name] for row in part], TYPES[name]) for name in TYPES})
        )
        counts.append((entry.inserted, entry.updated, entry.unchanged, entry.duplicate, entry.deleted))
    relation = own.connection.inspect("raw")[own.table]
    listed = ", ".join(f'"{one.name}"' for one in relation.schema if not one.name.startswith("_headrace_l"))
    return sorted(own.connection.rows(f"SELECT {listed} FROM raw.{own.table.name}"), key=repr), counts


@on_all
@pytest.mark.parametrize("staying", STAYING)
@pytest.mark.parametrize("way", WAYS)
@settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(changes=st.lists(change, min_size=1, max_size=8), data=st.data())
def test_in_every_way_of_loading_partitions_change_nothing_of_what_is_kept(pipe, way, staying, changes, data):
    rows = [
        {"id": key, "day": day_of(key, month, gone and way == "scd2", staying), "v": value, "at": at, "gone": gone}
        for at, (key, month, value, gone) in enumerate(changes)
    ]
    shuffled, size = data.draw(st.permutations(rows)), data.draw(st.integers(1, 5))
    batches = [shuffled[start : start + size] for start in range(0, len(shuffled), size)]
    spec = {**WAYS[way], **STAYING[staying], "write_disposition": way, "incremental": {"cursor_path": "at"}}

    assert kept_by(pipe, spec, batches) == kept_by(pipe, {**spec, "partition_by": None}, batches)


LISTED = {"merge": {}, "delete_insert": {}, "scd2": {"deletes": {"column": "gone"}}}
"""Ways in which a row goes, is written anew, or stays, and its elements with it."""


def kept_of_lists(pipe, spec, batches):
    """The elements of a stream's rows after the batches, what of each load became of them, and whether each has its row."""
    own = Pipe(pipe.connection, Landing(Path(tempfile.mkdtemp(dir=pipe.landing.folder.parent))))
    own.table = Table("raw", f"things{next(_numbers)}")
    stream = replace(stream_of(**spec, nested="tables"), name=own.table.name)
    for part in batches:
        own.load(stream, nested(**{name: typed(name, [row[name] for row in part]) for name in (*TYPES, "lines")}))
    rows, lines = f"raw.{own.table.name}", f"raw.{own.table.name}__lines"
    if Table("raw", f"{own.table.name}__lines") not in own.connection.inspect("raw"):
        return [], [], 0
    counts = own.connection.rows(
        "SELECT inserted, unchanged, duplicate, filtered, deleted FROM headrace.loads "
        f"WHERE stream = '{stream.label}__lines' ORDER BY committed_at"
    )
    alone = f"SELECT count(*) FROM {lines} WHERE _headrace_root NOT IN (SELECT _headrace_row FROM {rows})"
    found = own.connection.rows(f"SELECT _headrace_root_id, value FROM {lines} ORDER BY 1, 2")
    return found, counts, own.connection.rows(alone)[0][0]


def typed(name, values):
    return pa.array(values, TYPES[name]) if name in TYPES else values


@on_all
@pytest.mark.parametrize("staying", STAYING)
@pytest.mark.parametrize("way", LISTED)
@settings(max_examples=5, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(change, min_size=1, max_size=8), data=st.data())
def test_of_lists_too_partitions_change_nothing_of_what_is_kept(pipe, way, staying, changes, data):
    rows = [
        {
            "id": key,
            "day": day_of(key, month, gone and way == "scd2", staying),
            "v": value,
            "at": at,
            "gone": gone,
            "lines": [at, value],
        }
        for at, (key, month, value, gone) in enumerate(changes)
    ]
    shuffled, size = data.draw(st.permutations(rows)), data.draw(st.integers(1, 5))
    batches = [shuffled[start : start + size] for start in range(0, len(shuffled), size)]
    spec = {**LISTED[way], **STAYING[staying], "write_disposition": way, "incremental": {"cursor_path": "at"}}

    found = kept_of_lists(pipe, spec, batches)

    assert found == kept_of_lists(pipe, {**spec, "partition_by": None}, batches)
    assert found[2] == 0


@on_engines
def test_elements_of_a_time_when_the_key_was_another_one_are_looked_for_in_all_partitions(pipe):
    january, march = days("2026-01-05"), days("2026-03-05")
    spec = {"nested": "tables", "partition_by": {**MONTHS, "immutable": True}}
    pipe.load(stream_of(**spec, primary_key="id"), nested(id=[1], key=["a"], day=january, lines=[[1]]))
    pipe.load(stream_of(**spec, primary_key="key"), nested(id=[2], key=["b"], day=march, lines=[[2]]))

    pipe.load(stream_of(**spec, primary_key="key"), nested(id=[1], key=["a"], day=january, lines=[[3]]))

    assert pipe.connection.rows("SELECT value FROM raw.things__lines ORDER BY 1") == [(2,), (3,)]


@on_all
def test_rows_that_share_a_merge_key_are_found_in_the_partitions_of_all_of_them(pipe):
    spec = {"write_disposition": "delete_insert", "merge_key": "v", "partition_by": {**MONTHS, "immutable": True}}
    pipe.load(
        stream_of(**spec), batch_of(id=[1, 2, 3], day=days("2026-01-05", "2026-02-05", "2026-01-06"), v=[7, 7, 8])
    )

    pipe.load(stream_of(**spec), batch_of(id=[4], day=days("2026-03-05"), v=[7]))

    assert pipe.rows("id, v", "1") == [(3, 8), (4, 7)]


@on_all
@pytest.mark.parametrize("way", ["merge", "scd2"])
def test_a_row_that_only_says_that_its_key_is_gone_is_searched_everywhere(pipe, way):
    stream = stream_of(
        primary_key="id",
        write_disposition=way,
        incremental="at",
        deletes={"column": "gone"},
        partition_by={**MONTHS, "immutable": True},
    )
    pipe.load(
        stream,
        batch_of(id=[1, 2], day=days("2026-01-05", "2026-02-05"), at=[1, 1], gone=[False, False]),
    )

    pipe.load(stream, batch_of(id=[1, 2], day=days(None, "2026-02-05"), at=[2, 2], gone=[True, False]))

    open_ones = "" if way == "merge" else "WHERE _headrace_valid_to IS NULL"
    assert pipe.connection.rows(f"SELECT DISTINCT id FROM raw.things {open_ones}") == [(2,)]


@on_all
@pytest.mark.parametrize(("begins", "immutable"), [("day", True), ("at", False)])
def test_a_history_whose_versions_are_in_several_partitions_is_searched_whole(pipe, begins, immutable):
    stream = stream_of(
        primary_key="id",
        write_disposition="scd2",
        incremental=begins,
        partition_by={**MONTHS, "immutable": immutable},
        history={"valid_from": "since", "valid_to": "until"},
    )
    january, march = days("2026-01-05"), days("2026-03-05")
    pipe.load(stream, batch_of(id=[1], day=january, at=january, v=["a"]))

    pipe.load(stream, batch_of(id=[1], day=march, at=march, v=["b"]))

    assert pipe.rows("v, CAST(until AS VARCHAR)", "1") == [("a", "2026-03-05"), ("b", None)]


@on_postgres
@pytest.mark.parametrize("lists", ["json", "tables"])
@pytest.mark.parametrize("way", WAYS)
def test_no_statement_of_a_load_reads_a_partition_in_which_its_keys_cannot_be(pipe, way, lists, monkeypatch):
    spec = {**WAYS[way], **STAYING["promised"], "write_disposition": way, "incremental": {"cursor_path": "at"}}
    stream = stream_of(**spec, nested=lists)
    january, february = (
        {"id": [key], "day": days(day), "gone": [False], "lines": [["x"]]}
        for key, day in enumerate(("2026-01-05", "2026-02-05"))
    )
    pipe.load(stream, nested(**january, v=["a"], at=[1]), nested(**february, v=["a"], at=[1]))
    plans, execute = [], pipe.connection.execute

    def explained(sql):
        if '"raw"."things"' in sql and sql.startswith(("UPDATE", "DELETE", "INSERT", "CREATE TEMPORARY TABLE")):
            plans.append("\n".join(line for (line,) in pipe.connection.rows(f"EXPLAIN {sql}")))
        return execute(sql)

    monkeypatch.setattr(pipe.connection, "execute", explained)
    pipe.load(stream, nested(**february, v=["b"], at=[2]))

    assert any("things__2026_02" in plan for plan in plans)
    assert not [plan for plan in plans if "things__2026_01" in plan]


def folders(tmp_path):
    """The files of each partition's folder, by their inodes."""
    found = {}
    for file in sorted((tmp_path / "lake" / "raw.things").rglob("*.parquet")):
        found.setdefault(file.parent.name, []).append(file.stat().st_ino)
    return found


def read_folders(tmp_path, columns):
    pattern = tmp_path / "lake" / "raw.things" / "**" / "*.parquet"
    return duckdb.sql(
        f"SELECT {columns} FROM read_parquet('{pattern}', hive_partitioning = true) ORDER BY ALL"
    ).fetchall()


in_folders = pytest.mark.parametrize("warehouse", ["parquet"], indirect=True)


@in_folders
def test_only_the_folders_that_a_merge_changes_are_written_anew(pipe, tmp_path):
    stream = stream_of(**KEYED)
    pipe.load(stream, batch_of(id=[1, 2, 3], day=days("2026-01-05", "2026-02-05", "2026-03-05"), v=["a", "b", "c"]))
    before = folders(tmp_path)

    pipe.load(stream, batch_of(id=[2, 4], day=days("2026-02-05", "2026-04-05"), v=["x", "d"]))

    after = folders(tmp_path)
    assert list(after) == [f"day_month=2026-0{month}" for month in (1, 2, 3, 4)]
    assert {name for name in before if before[name] == after[name]} == {"day_month=2026-01", "day_month=2026-03"}
    assert read_folders(tmp_path, "id, v, day_month") == [
        (1, "a", "2026-01"), (2, "x", "2026-02"), (3, "c", "2026-03"), (4, "d", "2026-04"),
    ]  # fmt: skip


@in_folders
def test_appended_rows_come_to_the_folders_of_their_values_and_what_is_empty_goes(pipe, tmp_path):
    stream = stream_of(write_disposition="append", partition_by="v")
    pipe.load(stream, batch_of(id=[1, 2, 3], v=["a/b c", None, "é"]))
    pipe.load(stream, batch_of(id=[4], v=["a/b c"]))
    names = {name: len(files) for name, files in folders(tmp_path).items()}

    pipe.load(stream_of(write_disposition="replace", partition_by="v"), batch_of(id=[5], v=["é"]))

    assert names == {"v=a%2Fb%20c": 2, "v=__HIVE_DEFAULT_PARTITION__": 1, "v=%C3%A9": 1}
    assert list(folders(tmp_path)) == ["v=%C3%A9"]
    assert read_folders(tmp_path, "id, v") == [(5, "é")]


@in_folders
def test_a_folder_is_split_anew_where_the_stream_says_another_way(pipe, tmp_path):
    for by in (None, MONTHS, {"column": "id", "step": 10}, None):
        stream = stream_of(write_disposition="append", partition_by=by)
        number = len(pipe.heard)
        pipe.load(stream, batch_of(id=[number], day=days("2026-01-05")))
        split = {name.partition("=")[0] for name in folders(tmp_path)}
        assert split == {{None: "raw.things", "day": "day_month", "id": "id_from"}[by and by["column"]]}
    assert pipe.connection.rows("SELECT count(*), count(DISTINCT id) FROM raw.things") == [(4, 4)]


@in_folders
def test_a_partitioned_table_without_rows_keeps_its_columns(pipe, tmp_path):
    stream = stream_of(primary_key="id", partition_by=MONTHS, deletes={"column": "gone"})
    pipe.load(stream, batch_of(id=[1], day=days("2026-01-05"), gone=[False]))

    pipe.load(stream, batch_of(id=[1], day=days("2026-01-05"), gone=[True]))
    pipe.load(stream, batch_of(id=[2], day=days("2026-02-05"), gone=[False]))

    assert read_folders(tmp_path, "id, CAST(day AS VARCHAR)") == [(2, "2026-02-05")]


@pytest.mark.parametrize("url", ["csv:///{0}/things.csv", "delta:///{0}/lake"])
def test_a_target_without_folders_of_its_own_says_that_it_has_no_partitions(url, tmp_path):
    opened = open_warehouse(url.format(tmp_path))
    with opened.connect() as connection:
        pipe = Pipe(connection, Landing(tmp_path / "landing"))
        with pytest.raises(NotSupported, match="partitions are made in a folder of files or a database"):
            pipe.load(stream_of(partition_by="id"), batch_of(id=[1]))
    opened.close()
