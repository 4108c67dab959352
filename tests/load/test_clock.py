"""A clock that was a year ahead and is put right: what came later counts as later, whatever the clock says."""

from datetime import timedelta
from itertools import pairwise

import pytest

from headrace import quarantine
from headrace.batch import Batch
from headrace.cursor import Cursor
from headrace.events import Warned, listening
from headrace.landing import Landing
from headrace.load.loader import load
from headrace.state import files, ledger

from .conftest import START, batch_of, stream_of
from .test_ways import KEY, SNAPSHOT

AHEAD = timedelta(days=365)
APPEND = {"write_disposition": "append", "incremental": {"cursor_path": "at"}}
JUMPS = [AHEAD, timedelta(0), -AHEAD, timedelta(days=1)]


def loaded(pipe, stream, at, *arrived, cursor=None):
    """A load at a time by the clock."""
    package = pipe.package(stream, *arrived, cursor=cursor)
    with listening(pipe.heard.append):
        return load(pipe.connection, stream, pipe.table, package, run="r", now=START + at)


def test_the_next_load_begins_where_the_last_one_ended_and_not_the_one_with_the_latest_time(pipe):
    stream = stream_of(**APPEND)
    first = loaded(pipe, stream, AHEAD, batch_of(cursor="2", at=[1, 2], n=[1, 2]), cursor=Cursor("at"))
    second = loaded(pipe, stream, timedelta(0), batch_of(cursor="3", at=[3], n=[3]), cursor=first.cursor)

    last = ledger.last_load(pipe.connection, stream.label)

    assert last == second
    assert last.cursor == Cursor("at", "3")
    assert [entry.load_id for entry in ledger.loads(pipe.connection)] == [second.load_id, first.load_id]
    told = [one.message for one in pipe.heard if isinstance(one, Warned)]
    assert told == [
        f"{stream.label}: the clock is 31536000 s behind the last load's, so this load is dated after that one"
    ]


def test_clocks_that_differ_by_a_second_are_worth_no_word(pipe):
    stream = stream_of(**APPEND)
    loaded(pipe, stream, timedelta(seconds=1), batch_of(at=[1]), cursor=Cursor("at"))
    loaded(pipe, stream, timedelta(0), batch_of(at=[2]), cursor=Cursor("at"))

    assert not [one for one in pipe.heard if isinstance(one, Warned)]


def test_versions_have_their_order_and_none_ends_before_it_begins(pipe):
    stream = stream_of(**SNAPSHOT)

    for number, at in enumerate(JUMPS):
        loaded(pipe, stream, at, batch_of(id=[1, number + 10], city=[f"c{number}", "x"]))

    spans = pipe.rows("_headrace_valid_from, _headrace_valid_to, city", order="1")
    assert all(end is None or start < end for start, end, _ in spans)
    own = [(start, end) for start, end, city in spans if city.startswith("c")]
    assert len(own) == len(JUMPS)
    assert [end for _, end in own if end is None] == [None]
    assert all(before[1] == after[0] for before, after in pairwise(own))


@pytest.mark.parametrize("first", JUMPS)
def test_the_version_of_a_file_that_was_read_last_is_the_known_one_though_the_landing_is_lost(pipe, tmp_path, first):
    stream = stream_of(**KEY, write_disposition="merge")
    for number, at in enumerate((first, timedelta(0))):
        moment = int((START + at).timestamp() * 1e9)
        pipe.landing = Landing(tmp_path / f"landing{number}", clock=lambda now=moment: now)
        rows = batch_of(id=[1]).rows
        batch = Batch(rows, read=1, origin="a.csv", resume={"files": {"a.csv": f"version {number}"}})
        loaded(pipe, stream, at, batch)

    assert files.stamps(pipe.connection, stream.label) == {"a.csv": "version 1"}
    assert [one.stamp for one in files.loaded(pipe.connection, stream.label)] == ["version 1", "version 0"]


def test_what_was_replayed_or_dropped_is_settled_though_it_was_kept_in_the_future(pipe):
    stream = stream_of(write_disposition="append")
    loaded(pipe, stream, timedelta(0), batch_of(id=[1], n=[1]))
    loaded(pipe, stream, AHEAD, batch_of(id=[2, 3], n=["x", "y"]))
    dropped, replayed = quarantine.open_rows(pipe.connection, stream.label)

    quarantine.settle(pipe.connection, [dropped.id], "dropped", START)
    package = pipe.landing.beside(stream.label, None, "sig")
    package.write(batch_of(id=[2], n=[7]))
    package.finish(settles=[replayed.id])
    pipe.load_package(stream, package)

    assert quarantine.open_rows(pipe.connection, stream.label) == []


def test_what_a_replay_refuses_again_is_open_once_more_though_the_clock_went_back(pipe):
    stream = stream_of(write_disposition="append")
    loaded(pipe, stream, timedelta(0), batch_of(id=[1], n=[1]))
    loaded(pipe, stream, AHEAD, batch_of(id=[2], n=["x"]))
    (kept,) = quarantine.open_rows(pipe.connection, stream.label)

    package = pipe.landing.beside(stream.label, None, "sig")
    package.write(batch_of(id=[2], n=["x"]))
    package.finish(settles=[kept.id])
    pipe.load_package(stream, package)

    assert [row.id for row in quarantine.open_rows(pipe.connection, stream.label)] == [kept.id]
