"""Laws: whatever order changes come in, and however often, the table is what a plain program would keep."""

import itertools
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.cursor import Cursor
from headrace.landing import Landing
from headrace.table import Table

from .conftest import Pipe, batch_of, nested, stream_of

KEYED = {"primary_key": ("id",), "incremental": {"cursor_path": "at"}, "deletes": {"column": "gone"}}
_numbers = itertools.count()

change = st.tuples(st.integers(1, 3), st.booleans())
"""A key, and whether the change deletes it; its place in the list is its time, so that no two are of one time."""

lists = st.lists(
    st.fixed_dictionaries({"n": st.integers(0, 2), "deep": st.lists(st.integers(0, 9), max_size=2)}), max_size=3
)


def as_time(at):
    """A time as APIs write it that leave out what is zero: as text, half seconds sort before whole ones."""
    return f"2026-01-01T00:00:{at // 2:02}{'.5' * (at % 2)}Z"


def pipe_of(pipe):
    """A table and a landing of its own for each example, in the warehouse that the test has."""
    fresh = Pipe(pipe.connection, Landing(Path(tempfile.mkdtemp(dir=pipe.landing.folder.parent))))
    fresh.table = Table("raw", f"things{next(_numbers)}")
    return fresh


def table_after(changes):
    """What a program keeps that sees the changes once, in the order of their times."""
    kept = {}
    for at, (key, gone) in enumerate(changes):
        if gone:
            kept.pop(key, None)
        else:
            kept[key] = at
    return sorted(kept.items())


@pytest.mark.parametrize("warehouse", ["duckdb", "postgres", "parquet"], indirect=True)  # it deletes
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(changes=st.lists(change, min_size=1, max_size=8), written=st.sampled_from([int, as_time]), data=st.data())
def test_any_order_and_repetition_of_changes_gives_the_same_table(pipe, changes, written, data):
    dated = [(key, at, gone) for at, (key, gone) in enumerate(changes)]
    repeated = data.draw(st.lists(st.sampled_from(dated), max_size=4))
    shuffled = data.draw(st.permutations([*dated, *repeated]))
    size = data.draw(st.integers(1, 5))
    own = pipe_of(pipe)
    stream = replace(stream_of(**KEYED), name=own.table.name)

    cursor = Cursor("at")
    for part in _batched(shuffled, size):
        ids, ats, gones = (list(column) for column in zip(*part, strict=True))
        batch = batch_of(str(written(max(ats))), id=ids, at=[written(at) for at in ats], gone=gones)
        cursor = own.load(stream, batch, cursor=cursor).cursor

    found = own.connection.rows(f'SELECT id, "at" FROM raw.{own.table.name} ORDER BY 1')
    assert [tuple(row) for row in found] == [(key, written(at)) for key, at in table_after(changes)]


@pytest.mark.parametrize("warehouse", ["duckdb", "postgres", "parquet"], indirect=True)  # two tables change together
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    changes=st.lists(st.tuples(st.integers(1, 3), st.booleans(), lists), min_size=1, max_size=6),
    way=st.sampled_from(["merge", "scd2"]),
    data=st.data(),
)
def test_rows_in_any_order_leave_the_elements_that_an_unnest_of_the_rows_gives(pipe, changes, way, data):
    dated = [(key, at, gone, found) for at, (key, gone, found) in enumerate(changes)]
    repeated = data.draw(st.lists(st.sampled_from(dated), max_size=3))
    shuffled = data.draw(st.permutations([*dated, *repeated]))
    own = pipe_of(pipe)
    stream = replace(stream_of(**KEYED, nested="tables", write_disposition=way), name=own.table.name)

    cursor = Cursor("at")
    for part in _batched(shuffled, data.draw(st.integers(1, 4))):
        ids, ats, gones, found = (list(column) for column in zip(*part, strict=True))
        batch = nested(str(max(ats)), id=ids, at=ats, gone=gones, found=found)
        cursor = own.load(stream, batch, cursor=cursor).cursor

    there = own.connection.inspect("raw")
    held = own.connection.rows(f'SELECT id, "at" FROM raw.{own.table.name}')
    by_time = {at: found for _, at, _, found in dated}
    # A version that says what the one before it said is not kept, so its elements are those of the one that is.
    values = sorted((key, at, n, one["n"]) for key, at in held for n, one in enumerate(by_time[at]))
    numbers = sorted(
        (key, at, n, m, each)
        for key, at in held
        for n, one in enumerate(by_time[at])
        for m, each in enumerate(one["deep"])
    )
    assert _joined(own, there, "found", "l.n") == values
    assert _joined(own, there, "found__deep", "l.value") == numbers
    if way == "merge":
        kept = table_after([(key, gone) for key, gone, _ in changes])
        assert sorted(tuple(row) for row in held) == kept


def _joined(own, there, path, value):
    """The elements with the row that they are of, found by their ids from the inside out."""
    held = there.get(Table("raw", f"{own.table.name}__{path}"))
    if held is None or held.schema.get(value.removeprefix("l.")) is None:
        # No list had an element: there is no table of it, or one without columns and rows.
        assert held is None or own.connection.rows(f"SELECT 1 FROM raw.{own.table.name}__{path}") == []
        return []
    outer, _, inner = path.rpartition("__")
    above = f"JOIN raw.{own.table.name}__{outer} AS o ON o._headrace_row = l._headrace_parent" if outer else ""
    index = "o._headrace_index, l._headrace_index" if outer else "l._headrace_index"
    of = "o" if outer else "l"
    rows = own.connection.rows(
        f'SELECT p.id, p."at", {index}, {value} FROM raw.{own.table.name}__{path} AS l {above} '
        f"JOIN raw.{own.table.name} AS p ON p._headrace_row = {of}._headrace_parent AND p._headrace_row = l._headrace_root "
        "AND p.id = l._headrace_root_id"
    )
    total = own.connection.rows(f"SELECT count(*) FROM raw.{own.table.name}__{path}")
    assert total == [(len(rows),)], f"an element of {inner or outer} has no row"
    return sorted(tuple(row) for row in rows)


def _batched(values, size):
    return [values[start : start + size] for start in range(0, len(values), size)]


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    log=st.lists(st.integers(0, 2), min_size=1, max_size=10),
    cuts=st.lists(st.integers(1, 10), max_size=3),
)
def test_appending_a_growing_log_from_its_cursor_on_keeps_each_row_once(pipe, log, cuts):
    times = list(itertools.accumulate(log))
    rows = [(number // 2, at) for number, at in enumerate(times)]
    own = pipe_of(pipe)
    stream = stream_of(write_disposition="append", incremental={"cursor_path": "at"})
    stream = replace(stream, name=own.table.name)

    cursor = Cursor("at")
    for length in [*sorted(min(cut, len(rows)) for cut in cuts), len(rows)]:
        edge = int(cursor.value) if cursor.value else -1
        news = [row for row in rows[:length] if row[1] >= edge]
        ids, ats = (list(column) for column in zip(*news, strict=True))
        cursor = own.load(stream, batch_of(str(max(ats)), id=ids, at=ats), cursor=cursor).cursor

    found = own.connection.rows(f'SELECT id, "at" FROM raw.{own.table.name}')
    assert sorted(tuple(row) for row in found) == sorted(rows)
