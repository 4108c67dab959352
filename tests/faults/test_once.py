"""What a pipeline promises, each as a user would try it: what was loaded is there once, whatever died, was lost or was wrong."""

import json
import shutil
import subprocess
import sys

import pytest
from faults_wire import Wire, answer

from headrace.cli.main import invoke
from headrace.cli.options import Asked
from headrace.landing import Package
from headrace.state import ledger
from headrace.warehouse.opening import open_warehouse

PROJECT = """
name: once
targets: {{dev: '{target}'}}
sources:
  api:
    type: rest
    client: {{base_url: {api}, timeout: 5, retry: {{max_attempts: 2, factor: 0.01}}}}
    streams:
      orders:
        path: orders
        data_selector: data
        {stream}
"""
APPEND = "write_disposition: append, incremental: {cursor_path: at, start_param: since}, paginator: single_page"


@pytest.fixture(params=["duckdb", "postgres"])
def target(request, tmp_path):
    if request.param == "postgres":
        return request.getfixturevalue("postgres_url")
    return f"duckdb:///{tmp_path}/once.duckdb"


@pytest.fixture
def wire():
    with Wire() as served:
        yield served


@pytest.fixture
def project(tmp_path, target, wire):
    folder = tmp_path / "project"
    folder.mkdir()

    def write(stream):
        spec = "\n        ".join(stream.split(", ")) if "{" not in stream else stream
        (folder / "headrace.yml").write_text(PROJECT.format(target=target, api=wire.url, stream=spec))
        return folder

    return write


def call(project, capfd, *words):
    """Exit code and output of a command."""
    words = ["--project-dir", str(project), "--no-color", *words]
    code = invoke(words, Asked.first_look(words))
    said = "".join(capfd.readouterr())
    for never in ("Traceback", "should not happen", "HR000"):
        assert never not in said, said
    return code, said


def rows(target, columns="id"):
    """The table, and the ledger, which balances."""
    warehouse = open_warehouse(target)
    with warehouse.connect() as connection:
        found = connection.rows(f"SELECT {columns} FROM api.orders ORDER BY 1")
        loads = ledger.loads(connection)
    warehouse.close()
    for entry in loads:
        entry.check()
    return found, loads


def lines(**keys):
    return "\n        ".join(f"{key}: {json.dumps(value)}" for key, value in keys.items())


INCREMENTAL = {
    "paginator": "single_page",
    "write_disposition": "append",
    "incremental": {"cursor_path": "at", "start_param": "since", "range_start": "open"},
}
DIE = """
import os, sys
from headrace.cli.main import main
from headrace.landing import Package
Package.discard = lambda self: os._exit(9)
sys.argv = ["headrace", *sys.argv[1:]]
sys.exit(main())
"""
"""A process that dies between the commit of a load and the first thing that comes after it."""


def test_a_thousand_rows_that_are_appended_by_a_run_that_dies_are_a_thousand_after_the_next_in_an_empty_folder(
    project, target, wire, capfd
):
    whole = [{"id": n, "at": n} for n in range(1000)]
    wire.answers["else"] = [
        lambda params: answer({"data": [one for one in whole if one["at"] > int(params.get("since", -1))]})
    ]
    folder = project(lines(**INCREMENTAL))
    died = subprocess.run(
        [sys.executable, "-c", DIE, "--project-dir", str(folder), "build"], capture_output=True, check=False
    )
    assert died.returncode == 9, died.stderr
    shutil.rmtree(folder / ".headrace")

    assert call(folder, capfd, "build")[0] == 0

    found, loads = rows(target)
    assert found == [(n,) for n in range(1000)]
    assert [entry.inserted for entry in loads] == [0, 1000]


def test_a_read_that_broke_at_page_100_of_200_goes_on_at_page_100(project, target, wire, capfd):
    def page(params):
        number = int(params["page"])
        return answer({"data": [{"id": number}], "more": number < 200})

    broken = answer({"error": "no"}, status="400 Bad")
    wire.answers["else"] = [page]
    wire.answers["100"] = [broken, page]
    folder = project(
        lines(
            paginator={"type": "page_number", "base_page": 1, "total_path": None, "has_more_path": "more"},
            on_page_error="fail",
        )
    )

    code, said = call(folder, capfd, "build")
    first = len(wire.asked)
    assert code == 1
    assert "page=100 failed" in said
    assert call(folder, capfd, "build")[0] == 0

    assert first == 100
    assert len(wire.asked) == 201
    assert rows(target)[0] == [(n,) for n in range(1, 201)]


def test_rows_that_a_dead_run_had_read_to_append_are_not_read_again_by_the_one_that_finishes_it(
    project, target, wire, capfd, monkeypatch
):
    wire.answers["else"] = [answer({"data": [{"id": 1}, {"id": 2}]})]
    folder = project(lines(paginator="single_page", write_disposition="append"))
    with monkeypatch.context() as patch:
        patch.setattr(Package, "complete", property(lambda _: (_ for _ in ()).throw(OSError(28, "No space left"))))
        assert call(folder, capfd, "build")[0] == 1

    code, said = call(folder, capfd, "build")
    finished, _ = rows(target)
    assert call(folder, capfd, "build")[0] == 0

    assert code == 0
    assert "this run finishes what one that died had read" in said
    assert finished == [(1,), (2,)]
    assert rows(target)[0] == [(1,), (1,), (2,), (2,)]


def test_a_replay_that_dies_before_it_loads_is_finished_and_not_done_twice(project, target, wire, capfd, monkeypatch):
    wire.answers["1"] = [answer({"data": [{"id": 1}], "pages": 3})]
    wire.answers["3"] = [answer({"data": [{"id": 3}], "pages": 3})]
    wire.answers["2"] = [answer({}, status="500 No")]
    folder = project(
        lines(paginator={"type": "page_number", "base_page": 1, "total_path": "pages"}, write_disposition="append")
    )
    wire.answers["4"] = [answer({"data": []})]
    assert call(folder, capfd, "build")[0] == 0
    wire.answers["2"] = [answer({"data": [{"id": 2}], "pages": 3})]
    with monkeypatch.context() as patch:
        patch.setattr(
            "headrace.run.replay.load_package", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left"))
        )
        assert call(folder, capfd, "quarantine", "replay", "api.orders")[0] == 1

    assert call(folder, capfd, "quarantine", "replay", "api.orders")[0] == 0
    assert call(folder, capfd, "quarantine", "replay", "api.orders")[0] == 0

    assert rows(target)[0] == [(1,), (2,), (3,)]
    assert not list(folder.glob(".headrace/landing/dev/api.orders/*/package.json"))
    assert "quarantine is empty" in call(folder, capfd, "quarantine", "show")[1]


def test_a_page_that_fails_in_two_runs_is_kept_once(project, target, wire, capfd):
    wire.answers["else"] = [answer({}, status="500 No")]
    wire.answers["1"] = [answer({"data": [{"id": 1}], "more": True})]
    wire.answers["3"] = [answer({"data": [{"id": 3}], "more": False})]
    folder = project(
        lines(
            paginator={"type": "page_number", "base_page": 1, "total_path": None, "has_more_path": "more"},
            write_disposition="replace",
        )
    )

    for _ in range(2):
        assert call(folder, capfd, "build")[0] == 0

    code, said = call(folder, capfd, "quarantine", "ls", "-o", "json")
    assert code == 0
    assert [one["rows"] for one in json.loads(said)["groups"]] == [1]


def test_a_cursor_of_sixty_digits_is_compared_as_a_number_and_kept_to_its_last_digit(project, target, wire, capfd):
    low, high = 9 * 10**58 + 1, 10**59 + 7

    def page(params):
        known = [{"id": 1, "at": str(low)}, {"id": 2, "at": str(high)}]
        return answer({"data": [one for one in known if int(one["at"]) > int(params.get("since", 0))]})

    wire.answers["else"] = [page]
    folder = project(lines(**INCREMENTAL))

    for _ in range(2):
        assert call(folder, capfd, "build")[0] == 0

    found, loads = rows(target, 'id, "at"')
    assert found == [(1, str(low)), (2, str(high))]
    assert {entry.cursor_value for entry in loads} == {str(high)}
