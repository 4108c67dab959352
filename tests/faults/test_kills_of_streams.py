"""SIGKILL while windows, children, a job's result and ranges of a table are read: run again, each row is there once."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys

import pytest

from headrace.state import ledger
from headrace.warehouse.opening import open_warehouse

MOMENTS = 10
"""How many of a load's moments are tried, evenly spread."""
DAYS = [f"2024-01-{day:02}" for day in range(1, 13)]
FIRST_ROWS, ROWS = 300, 900
CHANGES = {"cursor_path": "at", "start_param": "from", "initial_value": DAYS[0]}
JOB = {
    "create": {"path": "jobs", "json": {"what": "all"}, "id_path": "id"},
    "poll": {"path": "jobs/{job.id}", "status_path": "state", "interval": 0.02, "timeout": 30},
    "download": {"url_path": "file"},
}
STREAMS = {
    "windows": {
        "path": "windows", "primary_key": "id",
        "incremental": {**CHANGES, "end_param": "to", "end_value": DAYS[-1], "step": "2d"},
    },
    "parents": {"path": "parents", "primary_key": "id"},
    "children": {
        "path": "parents/{resources.parents.id}/children", "primary_key": "id", "paginator": "cursor",
        "incremental": {**CHANGES, "scope": "parent"},
    },
    "made": {"path": "", "job": JOB, "decoder": "csv", "primary_key": "id", "paginator": "single_page", "columns": {"id": "bigint"}},
}  # fmt: skip


def written(project, api):
    """A project with an API of all these kinds and a table that is read in ranges."""
    shared = {"data_selector": "data", "paginator": "single_page"}
    streams = {
        name: ({**shared, **spec} if name != "made" else spec) for name, spec in STREAMS.items()
    }  # fmt: skip
    table = {"write_disposition": "append", "incremental": "id", "rows_per_batch": 100, "columns": {"note": "varchar"}}
    sources = {
        "api": {"type": "rest", "client": {"base_url": api.url}, "streams": streams},
        "base": {"type": "database", "url": "sqlite:///base.sqlite", "streams": {"things": table}},
    }
    project.mkdir()
    (project / "headrace.yml").write_text(
        json.dumps({"name": "killed", "targets": {"dev": "duckdb:///killed.duckdb"}, "sources": sources})
    )
    filled(project, 0, FIRST_ROWS)


def filled(project, first, last):
    with sqlite3.connect(project / "base.sqlite") as session:
        session.execute("CREATE TABLE IF NOT EXISTS things (id INTEGER PRIMARY KEY, note TEXT)")
        session.executemany("INSERT INTO things VALUES (?, ?)", [(n, f"note {n}") for n in range(first, last)])
    session.close()


def served(api):
    """The API's routes; `api.made` are the jobs that were begun."""
    api.made = []
    children = {n: [{"id": n * 100 + at, "at": DAYS[at]} for at in range(6)] for n in range(1, 6)}

    def windows(api, asked):
        since, until = asked.params["from"], asked.params["to"]
        return {"data": [{"id": at, "at": day} for at, day in enumerate(DAYS) if since <= day < until]}, {}

    def of_parent(api, asked):
        rows = [row for row in children[int(asked.path.split("/")[2])] if row["at"] >= asked.params["from"]]
        start = int(asked.params.get("cursor", 0))
        following = start + 2 if start + 2 < len(rows) else None
        return {"data": rows[start : start + 2], "cursors": {"next": following}}, {}

    def begun(api, asked):
        api.made.append(asked.body)
        return {"id": len(api.made)}, {}

    def polled(api, asked):
        return {"state": "done", "file": f"{api.url}/file"}, {}

    api.routes = {
        "/windows": windows,
        "/parents": lambda api, asked: ({"data": [{"id": n} for n in children]}, {}),
        "/jobs": begun,
        "/file": lambda api, asked: (b"id,name\n" + b"".join(b"%d,a\n" % n for n in range(200)), {}),
        **{f"/parents/{n}/children": of_parent for n in children},
        **{f"/jobs/{n}": polled for n in range(1, 9)},
    }
    return {
        "api.windows": list(range(len(DAYS) - 1)),
        "api.parents": list(children),
        "api.children": [row["id"] for rows in children.values() for row in rows],
        "api.made": list(range(200)),
        "base.things": list(range(ROWS)),
    }


def assert_each_row_is_there_once(project, expected):
    warehouse = open_warehouse(f"duckdb:///{project / 'killed.duckdb'}")
    with warehouse.connect() as connection:
        found = {table: connection.rows(f"SELECT id FROM {table} ORDER BY id") for table in expected}
        loads = ledger.loads(connection)
    warehouse.close()
    for entry in loads:
        entry.check()
    assert {table: [one for (one,) in rows] for table, rows in found.items()} == expected
    inserted = {table: sum(entry.inserted for entry in loads if entry.target == table) for table in expected}
    assert inserted == {table: len(rows) for table, rows in expected.items()}


@pytest.mark.crash
@pytest.mark.timeout(900)
def test_killed_in_a_window_a_child_a_job_or_a_range_each_row_is_there_once(api, killer, tmp_path):
    project, copy = tmp_path / "project", tmp_path / "copy"
    expected = served(api)
    written(project, api)
    assert killer(["--project-dir", str(project), "load", "-s", "source:base"])["code"] == 0, (
        tmp_path / "output"
    ).read_text()
    filled(project, FIRST_ROWS, ROWS)
    argv = ["--project-dir", str(copy), "--no-color", "load", "--threads", "2"]

    def again():
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(project, copy)
        api.made.clear()

    again()
    moments, kills = killer(argv, block=1)["moments"], 0
    for number in range(MOMENTS):
        again()
        kills += killer(argv, block=1, moment=1 + number * moments // MOMENTS)["killed"]

        ended = killer(argv)

        assert ended["code"] == 0, (tmp_path / "output").read_text()
        assert_each_row_is_there_once(copy, expected)

    assert kills >= MOMENTS - 2


@pytest.mark.crash
@pytest.mark.parametrize("asked", ["/jobs/1", "/file", "/windows", "/parents/3/children"])
def test_killed_by_the_time_of_an_answer_no_job_is_made_again_and_each_row_is_there_once(api, tmp_path, asked):
    project, expected, victim = tmp_path / "project", served(api), []
    written(project, api)
    filled(project, FIRST_ROWS, ROWS)
    answer = api.routes[asked]

    def deadly(api, what):
        if victim:
            os.kill(victim.pop(), signal.SIGKILL)
        return answer(api, what)

    api.routes[asked] = deadly
    stream = "made" if asked in ("/jobs/1", "/file") else "windows" if asked == "/windows" else "children"
    command = [sys.executable, "-m", "headrace", "--project-dir", str(project), "load"]
    with subprocess.Popen(
        [*command, "-s", f"+source:api.{stream}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        victim.append(process.pid)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)

    assert process.returncode == -signal.SIGKILL
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(api.made) == 1
    assert_each_row_is_there_once(project, expected)
