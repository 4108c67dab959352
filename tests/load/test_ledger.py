from datetime import UTC, datetime, timedelta

import pytest

from headrace.errors import LedgerUnbalanced
from headrace.state import ledger
from headrace.state.ledger import Build, Entry

NOW = datetime(2026, 1, 1, 12, 30, 15, 123456, tzinfo=UTC)


@pytest.fixture
def session(warehouse):
    with warehouse.connect() as connection:
        ledger.ensure(connection)
        yield connection


def entry(number, **values):
    at = NOW + timedelta(minutes=number)
    known = {"load_id": f"l{number}", "run_id": "r", "stream": "a.b", "target": "raw.b", "disposition": "append"}
    return Entry(**{**known, "source": "a", "started_at": at, "committed_at": at, **values})


def test_an_entry_comes_back_as_it_was_written(session):
    written = entry(
        1,
        read=3,
        inserted=1,
        duplicate=2,
        cursor_field="at",
        cursor_value="7",
        schema={"id": "bigint"},
        state={"files": {"a.csv": "1:2"}},
        rows_after=9,
    )

    ledger.record(session, written)

    assert ledger.has(session, "l1") == written
    assert ledger.has(session, "l2") is None


def test_an_entry_that_does_not_balance_is_refused(session):
    with pytest.raises(LedgerUnbalanced, match="2 rows were read but 1 is accounted for"):
        ledger.record(session, entry(1, read=2, inserted=1))

    assert ledger.loads(session) == []


def test_deleted_rows_are_among_the_updated_ones():
    entry(1, read=1, updated=1, deleted=1).check()


def test_loads_are_listed_newest_first_by_stream_and_table(session):
    for each in (entry(1), entry(3), entry(2, stream="a.c", target="raw.c")):
        ledger.record(session, each)

    assert [each.load_id for each in ledger.loads(session)] == ["l3", "l2", "l1"]
    assert [each.load_id for each in ledger.loads(session, label="a.b", limit=1)] == ["l3"]
    assert [each.load_id for each in ledger.loads(session, table="raw.c")] == ["l2"]
    assert ledger.last_load(session, "a.b").load_id == "l3"
    assert ledger.last_load(session, "x.y") is None


def test_the_tables_are_made_once_and_found_by_other_sessions(session, warehouse):
    ledger.record(session, entry(1))

    with warehouse.connect() as other:
        ledger.ensure(other)

        assert len(ledger.loads(other)) == 1


def test_builds_are_kept_by_node(session):
    build = Build(
        run_id="r",
        node="model.shop.a",
        target="main.a",
        kind="table",
        rows=3,
        started_at=NOW,
        finished_at=NOW + timedelta(seconds=1),
        passed=2,
        code="abc",
    )

    ledger.record_builds(session, [build])

    assert ledger.builds(session, "model.shop.a") == [build]
    assert ledger.builds(session, "model.shop.b") == []
