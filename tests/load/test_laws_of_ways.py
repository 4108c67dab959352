"""Laws of each way of loading: however rows come, the table is what a plain program would keep, and each row has one fate."""

import itertools
import tempfile
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.landing import Landing
from headrace.table import Table

from .conftest import Pipe, batch_of, stream_of

_numbers = itertools.count()
SLOW = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow)
on_engines = pytest.mark.parametrize("warehouse", ["duckdb", "postgres"], indirect=True)
few = settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=SLOW)

TYPES = {"id": pa.int64(), "v": pa.string(), "at": pa.int64(), "gone": pa.bool_()}
VALUES = st.sampled_from(["a", "b"])
BATCHES = st.lists(st.lists(st.tuples(st.integers(1, 3), VALUES), min_size=1, max_size=4), min_size=1, max_size=4)
"""Loads one after the other, of rows with a key and a value."""


def own_pipe(pipe, **spec):
    """A table and a landing of its own for each example, in the warehouse that the test has, and its stream."""
    own = Pipe(pipe.connection, Landing(Path(tempfile.mkdtemp(dir=pipe.landing.folder.parent))))
    own.table = Table("raw", f"things{next(_numbers)}")
    return own, replace(stream_of(**spec), name=own.table.name)


def load(own, stream, names, rows):
    columns = zip(*rows, strict=True)
    batch = {name: pa.array(column, TYPES[name]) for name, column in zip(names, columns, strict=True)}
    entry = own.load(stream, batch_of(**batch))
    assert entry.read == len(rows)


def held(own, columns):
    listed = ", ".join(f'"{column}"' for column in columns)
    return sorted(map(tuple, own.connection.rows(f"SELECT {listed} FROM raw.{own.table.name}")), key=repr)


def batched(data, rows):
    """All rows in any order, some of them again, cut into loads."""
    repeated = data.draw(st.lists(st.sampled_from(rows), max_size=3))
    shuffled, size = data.draw(st.permutations([*rows, *repeated])), data.draw(st.integers(1, 5))
    return [shuffled[start : start + size] for start in range(0, len(shuffled), size)]


def histories(changes):
    """The versions of each key: they begin with a change, and end with the next one."""
    found = []
    for at, (key, value, gone) in enumerate(changes):
        later = (when for when, other in enumerate(changes) if when > at and other[0] == key)
        if not gone:
            found.append((key, value, at, next(later, None)))
    return sorted(found, key=repr)


@on_engines
@few
@given(changes=st.lists(st.tuples(st.integers(1, 2), VALUES, st.booleans()), min_size=1, max_size=7), data=st.data())
def test_a_history_is_the_same_however_its_versions_and_deletions_come(pipe, changes, data):
    own, stream = own_pipe(
        pipe,
        primary_key="id",
        write_disposition="scd2",
        incremental={"cursor_path": "at"},
        deletes={"column": "gone"},
        history={"valid_from": "since", "valid_to": "until"},
    )

    for rows in batched(data, [(key, value, at, gone) for at, (key, value, gone) in enumerate(changes)]):
        load(own, stream, ("id", "v", "at", "gone"), rows)

    assert held(own, ("id", "v", "since", "until")) == histories(changes)


@on_engines
@few
@given(batches=BATCHES)
def test_of_each_key_that_arrives_a_delete_insert_keeps_what_arrived_last(pipe, batches):
    own, stream = own_pipe(pipe, write_disposition="delete_insert", merge_key="id")
    kept = []

    for rows in batches:
        load(own, stream, ("id", "v"), rows)
        kept = [row for row in kept if row[0] not in dict(rows)] + rows

    assert held(own, ("id", "v")) == sorted(kept)


@on_engines
@few
@given(batches=BATCHES)
def test_an_insert_only_keeps_the_first_row_of_each_key(pipe, batches):
    own, stream = own_pipe(pipe, write_disposition="insert_only", primary_key="id")
    kept = {}

    for rows in batches:
        load(own, stream, ("id", "v"), rows)
        for key, value in rows:
            kept.setdefault(key, value)

    assert held(own, ("id", "v")) == sorted(kept.items())


def seen(kept, key, value, at):
    """What a row does to a table that keeps the value before the last change; one that is late does nothing."""
    old = kept.get(key)
    if old is None:
        kept[key] = (value, at, None, None)
    elif at >= old[1] and (value, at) != old[:2]:
        past = (old[0], at) if value != old[0] else old[2:]
        kept[key] = (value, at, *past)


@on_engines
@few
@given(changes=st.lists(st.tuples(st.integers(1, 2), VALUES), min_size=1, max_size=7), data=st.data())
def test_the_value_before_the_last_change_is_that_of_a_program_that_sees_the_loads(pipe, changes, data):
    own, stream = own_pipe(
        pipe,
        primary_key="id",
        write_disposition="scd3",
        incremental={"cursor_path": "at"},
        history={"previous": ("v",)},
    )
    kept = {}

    for rows in batched(data, [(key, value, at) for at, (key, value) in enumerate(changes)]):
        load(own, stream, ("id", "v", "at"), rows)
        for row in sorted(rows, key=lambda row: row[2]):
            seen(kept, *row)

    found = held(own, ("id", "v", "at", "previous_v", "v_changed_at"))
    assert found == sorted(((key, *row) for key, row in kept.items()), key=repr)


@on_engines
@few
@given(batches=BATCHES, way=st.sampled_from(["hard", "soft"]))
def test_after_a_whole_load_the_table_has_what_it_brought_and_nothing_else_unmarked(pipe, batches, way):
    own, stream = own_pipe(pipe, primary_key="id", deletes={"missing": way})
    known = {}

    for rows in batches:
        load(own, stream, ("id", "v"), rows)
        known |= dict(rows)

    there = dict(batches[-1])
    if way == "hard":
        assert held(own, ("id", "v")) == sorted(there.items())
    else:
        marked = [(key, value, key not in there) for key, value in known.items()]
        assert held(own, ("id", "v", "_headrace_deleted")) == sorted(marked)
