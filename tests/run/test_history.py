import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.errors import PlaceUnusable
from headrace.events import CheckFinished, PageFetched, RowsLoaded, RunFinished, RunStarted, StepFinished, StepStarted
from headrace.run import history
from headrace.run.history import History

BEGUN = """
import sys
from pathlib import Path
from headrace.events import RunStarted, StepStarted
from headrace.run.history import History
listener = History(Path(sys.argv[1]))
listener(RunStarted("r1", "build", "dev", ("model.shop.a", "model.shop.b")))
listener(StepStarted("model.shop.a"))
print("begun", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".headrace" / "history.db"


def finished(listener, run="r1", seconds=1.5):
    listener(RunStarted(run, "build", "dev", ("model.shop.a", "model.shop.b")))
    listener(StepStarted("model.shop.a"))
    listener(CheckFinished("test.shop.t", "model.shop.a", "pass", 0, 0.1))
    listener(StepFinished("model.shop.a", "success", seconds, rows=3))
    listener(StepStarted("model.shop.b"))
    listener(StepFinished("model.shop.b", "error", 0.5, message="no such column", code="HR501", where="b.sql:1:2"))
    listener(RunFinished(run, "error", 2.5))


def test_a_run_is_kept_with_its_steps_and_checks(path):
    with History(path) as listener:
        finished(listener)

    (record,) = history.runs(path)
    steps = history.steps(path, record)
    assert (record.status, record.seconds, record.counts) == ("error", 2.5, {"success": 1, "error": 1})
    assert [(step.id, step.status, step.rows) for step in steps] == [
        ("model.shop.a", "success", 3),
        ("model.shop.b", "error", None),
    ]
    assert (steps[1].message, steps[1].code, steps[1].where) == ("no such column", "HR501", "b.sql:1:2")
    assert history.checks(path, record) == [CheckFinished("test.shop.t", "model.shop.a", "pass", 0, 0.1)]


def test_a_load_is_kept_with_its_counts(path):
    loaded = RowsLoaded("api.orders", "raw.orders", "l1", 10, 4, 2, 1, 1, 1, 1)

    with History(path) as listener:
        listener(RunStarted("r1", "load", "dev", ("source.shop.api.orders",)))
        listener(PageFetched("api.orders", 1, 10, 1000))
        listener(loaded)
        listener(RunFinished("r1", "success", 1.0))

    assert history.loads(path, history.runs(path)[0]) == [loaded]


def test_the_newest_run_comes_first_and_is_found_by_the_beginning_of_its_id(path):
    with History(path) as listener:
        finished(listener, "2026-one")
        finished(listener, "2026-two")

    assert [record.id for record in history.runs(path)] == ["2026-two", "2026-one"]
    assert history.run(path, "2026-o").id == "2026-one"
    assert history.run(path, "2027") is None


def test_durations_are_of_the_last_success(path):
    with History(path) as listener:
        finished(listener, "r1", seconds=1.5)
        finished(listener, "r2", seconds=4.0)

    assert history.durations(path, "dev") == {"model.shop.a": 4.0}
    assert history.durations(path, "prod") == {}


def test_a_project_without_history_has_no_runs(path):
    assert history.runs(path) == []
    assert history.run(path, "r") is None
    assert history.durations(path, "dev") == {}


def test_a_run_can_be_read_while_it_goes_on_and_is_killed_when_its_process_is_gone(path):
    with subprocess.Popen(
        [sys.executable, "-c", BEGUN, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "begun\n"
        during = history.runs(path)[0]
        steps_during = [step.status for step in history.steps(path, during)]
        os.kill(process.pid, signal.SIGKILL)
        process.wait()

    after = history.runs(path)[0]
    assert (during.status, steps_during) == ("running", ["running", "planned"])
    assert after.status == "killed"
    assert [step.status for step in history.steps(path, after)] == ["killed", "planned"]


def test_a_full_disk_silences_the_history_and_not_the_run(path):
    with History(path) as listener:
        listener._session.execute("PRAGMA max_page_count = 1")
        listener(RunStarted("r1", "build", "dev", tuple(f"model.shop.m{n}" for n in range(2000))))
        listener(StepStarted("model.shop.m1"))

    assert "full" in str(listener.failed)


def test_what_happens_inside_a_step_is_written_when_the_step_ends_in_one_transaction(path):
    commits = []

    with History(path) as listener:
        listener(RunStarted("r1", "build", "dev", ("model.shop.m",)))
        listener._session.set_trace_callback(lambda sql: commits.append(sql) if sql == "COMMIT" else None)
        listener(StepStarted("model.shop.m"))
        for number in range(100):
            listener(CheckFinished(f"test.shop.t{number}", "model.shop.m", "pass", 0, 0.1))
        listener(StepFinished("model.shop.m", "success", 1.0, rows=1))

    assert len(commits) == 2


@pytest.mark.parametrize("content", [b"", b"no database"])
def test_a_history_that_was_not_made_to_its_end_is_empty_and_a_damaged_one_is_an_error(tmp_path, content):
    path = tmp_path / "history.db"
    path.write_bytes(content)

    if not content:
        assert history.runs(path) == []
        assert history.durations(path, "dev") == {}
    for use in (lambda: history.runs(path), lambda: history.History(path)) if content else ():
        with pytest.raises(PlaceUnusable, match=r"history\.db: file is not a database"):
            use()
