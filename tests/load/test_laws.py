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

from .conftest import Pipe, batch_of, stream_of

KEYED = {"primary_key": ("id",), "incremental": {"cursor_path": "at"}, "deletes": {"column": "gone"}}
_numbers = itertools.count()

change = st.tuples(st.integers(1, 3), st.booleans())
"""A key, and whether the change deletes it; its place in the list is its time, so that no two are of one time."""


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
