"""All faults of the wire, and clocks that jump, through the command line into both engines."""

import json
import os
import subprocess
import sys

import psycopg
import pytest
from faults_wire import BROKEN, Wire, answer

from headrace.state import ledger
from headrace.warehouse.opening import open_warehouse

FAULTS = sorted(BROKEN.items(), key=lambda one: one[0] != "a circle of redirects")
"""All of them, for pages from the second on; one redirects to the second page."""
PAGES = len(FAULTS) + 1
PROJECT = """
name: gauntlet
targets: {{dev: '{target}'}}
sources:
  api:
    type: rest
    client:
      base_url: {api}
      timeout: 0.5
      retry: {{max_attempts: 2, factor: 0.001}}
      rate_limit: {{calls: 100, period: 0.1 s}}
    streams:
      orders:
        path: orders
        data_selector: data
        write_disposition: append
        {stream}
"""
NUMBERED = "paginator: {type: page_number, base_page: 1, total_path: pages, parallel: 4}"
STEPPED = (
    "paginator: single_page\n        "
    "incremental: {cursor_path: at, start_param: since, initial_value: '2020-01-01', step: 1000d, range_start: open}"
)
JUMPING = """
import sys, time
from datetime import datetime, timedelta
shift, real, calls = [0, 365, -365, 1], datetime, [0]

def days():
    calls[0] += 1
    return shift[calls[0] % 4]

class Jumping(real):
    @classmethod
    def now(cls, tz=None):
        return real.now(tz) + timedelta(days=days())

nanoseconds, seconds = time.time_ns, time.time
time.time_ns = lambda: nanoseconds() + days() * 86400 * 10**9
time.time = lambda: seconds() + days() * 86400
import headrace.retry
headrace.retry.datetime = Jumping
from headrace.cli.main import main
sys.argv = ["headrace", *sys.argv[1:]]
sys.exit(main())
"""
"""The command line by a clock that is a year ahead, a year behind and a day ahead in turn."""


@pytest.fixture(params=["duckdb", "postgres"])
def target(request, tmp_path):
    if request.param == "postgres":
        return request.getfixturevalue("postgres_url")
    return f"duckdb:///{tmp_path}/gauntlet.duckdb"


@pytest.fixture
def wire():
    with Wire() as served:
        yield served


def call(folder, *words, script=None):
    """Exit code and output of a command in a process of its own."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("HEADRACE_", "DBT_"))}
    program = ["-c", script] if script else ["-m", "headrace"]
    done = subprocess.run(
        [sys.executable, *program, "--project-dir", str(folder), "--no-color", *words],
        env={**plain, "PYTHONUTF8": "1"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False,
    )  # fmt: skip
    for never in ("Traceback", "should not happen", "HR000"):
        assert never not in done.stdout, done.stdout
    return done.returncode, done.stdout


def rows(target):
    """The ids in the table; the ledger balances and knows of each."""
    warehouse = open_warehouse(target)
    with warehouse.connect() as connection:
        found = [one for (one,) in connection.rows("SELECT id FROM api.orders ORDER BY 1")]
        loads = ledger.loads(connection)
    warehouse.close()
    for entry in loads:
        entry.check()
    assert sum(entry.inserted for entry in loads) == len(found)
    return found


def good(number):
    return answer({"data": [{"id": 2 * number - 1}, {"id": 2 * number}], "pages": PAGES})


def test_thirty_faults_cost_another_try_each_and_no_row(tmp_path, wire, target):
    (tmp_path / "headrace.yml").write_text(PROJECT.format(target=target, api=wire.url, stream=NUMBERED))
    wire.answers["else"] = [answer({"data": []})]
    wire.answers["1"] = [good(1)]
    for number, (_, (broken, _)) in enumerate(FAULTS, 2):
        wire.answers[str(number)] = [broken, good(number)]

    code, said = call(tmp_path, "build")

    assert code == 0, said
    assert rows(target) == list(range(1, 2 * PAGES + 1))


def test_pages_that_are_broken_for_good_are_kept_with_reasons_and_replayed_when_they_are_mended(tmp_path, wire, target):
    (tmp_path / "headrace.yml").write_text(PROJECT.format(target=target, api=wire.url, stream=NUMBERED))
    wire.answers["else"] = [answer({"data": []})]
    dead = {}
    for number, (_, (broken, reason)) in enumerate(FAULTS, 2):
        wire.answers[str(number)] = [broken if number % 3 else good(number)]
        dead |= {number: reason} if number % 3 else {}
    wire.answers["1"] = [good(1)]

    code, said = call(tmp_path, "build")
    kept = json.loads(call(tmp_path, "quarantine", "show", "--limit", "99", "-o", "json")[1])["rows"]
    whole = rows(target)
    for number in dead:
        wire.answers[str(number)] = [good(number)]
    replayed = call(tmp_path, "quarantine", "replay", "api.orders")

    assert code == 0, said
    assert whole == sorted(one for n in range(1, PAGES + 1) if n not in dead for one in (2 * n - 1, 2 * n))
    reasons = {json.loads(one["request"])["state"]["page"]: one["reason"] for one in kept}
    assert {n for n in dead if not any(word in reasons.get(n, "") for word in dead[n].split("|"))} == set()
    assert replayed[0] == 0, replayed[1]
    assert rows(target) == list(range(1, 2 * PAGES + 1))


def test_a_clock_that_jumps_by_a_year_within_and_between_runs_loses_nothing_and_loads_nothing_twice(
    tmp_path, wire, target
):
    (tmp_path / "headrace.yml").write_text(PROJECT.format(target=target, api=wire.url, stream=STEPPED))
    known = []

    def since(params):
        new = [one for one in known if one["at"] > params["since"][:10]]
        return answer({"data": new[:40]})

    wire.answers["else"] = [since]
    for day in range(1, 4):
        known += [{"id": 10 * day + n, "at": f"2021-0{day}-1{n}"} for n in range(5)]
        code, said = call(tmp_path, "build", script=JUMPING)
        assert code == 0, said
        assert rows(target) == [one["id"] for one in known]

    assert call(tmp_path, "build")[0] == 0
    assert rows(target) == [one["id"] for one in known]


@pytest.mark.parametrize("target", ["postgres"], indirect=True)
def test_two_projects_that_load_one_table_at_once_are_one_after_the_other_and_that_is_said(tmp_path, wire, target):
    wire.answers["else"] = [answer({"data": [{"id": 1}], "pages": 1})]
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "headrace.yml").write_text(PROJECT.format(target=target, api=wire.url, stream=NUMBERED))
    assert call(tmp_path / "other", "build")[0] == 0
    command = [sys.executable, "-m", "headrace", "--project-dir", str(tmp_path / "one"), "--no-color", "build"]
    with psycopg.connect(target, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(hashtextextended('headrace load api.orders', 0))")
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as waiting:
            while not other.execute("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").fetchone():
                assert waiting.poll() is None, waiting.stdout.read()
            other.execute("SELECT pg_advisory_unlock_all()")
            said, _ = waiting.communicate(timeout=60)

    assert waiting.returncode == 0, said
    assert "api.orders is being loaded by another run; waiting for it" in said
    assert rows(target) == [1, 1]
