"""What can happen to the places that a run needs: a full disk, a folder that is read-only, a database that restarts, two runs."""

import ctypes
import os
import resource
import subprocess
import sys
import threading
import time

import psycopg
import pytest

from headrace.labs.api import Api
from headrace.labs.misbehaviour import WELL_BEHAVED
from headrace.labs.realism import Realism
from headrace.labs.shop import Shop
from headrace.state import ledger
from headrace.warehouse.opening import open_warehouse

CLEAN = Realism(
    late=0, hard_deletes=0, duplicates=0, bad_types=0, bad_dates=0, bad_enums=0, null_burst_day=None, drift_day=None
)
SHOP = Shop(seed=7, orders=300, realism=CLEAN)
PROJECT = """
name: places
targets: {{dev: '{target}'}}
sources:
  api:
    type: rest
    client: {{base_url: {api}, auth: {{type: bearer, token: open-sesame}}, retry: {{factor: 0.01}}}}
    streams:
      orders:
        path: orders
        params: {{page_size: 50}}
        paginator: {{type: page_number, base_page: 1, total_path: pages}}
        data_selector: data
        primary_key: [order_id]
        incremental: {{cursor_path: updated_at, start_param: updated_since}}
"""
MODEL = "{{ config(materialized='table') }}\nselect o.*, repeat(md5(status), 20) as wide from {{ source('api', 'orders') }} as o\n"


@pytest.fixture(scope="module")
def api():
    with Api(SHOP, WELL_BEHAVED) as served:
        yield served


@pytest.fixture(params=["duckdb", "postgres"])
def target(request):
    return "duckdb:///places.duckdb" if request.param == "duckdb" else request.getfixturevalue("postgres_url")


@pytest.fixture
def project(tmp_path, api, target):
    folder = tmp_path / "project"
    (folder / "models").mkdir(parents=True)
    (folder / "headrace.yml").write_text(PROJECT.format(target=target, api=api.url))
    (folder / "models" / "wide.sql").write_text(MODEL)
    return folder


def command(project, *words, before=None):
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("HEADRACE_", "DBT_"))}
    return subprocess.Popen(
        [sys.executable, "-m", "headrace", "--no-color", *(words or ("build",))],
        cwd=project, env={**plain, "PYTHONUTF8": "1"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        preexec_fn=before,  # noqa: PLW1509 - the child calls what sets a limit, and takes no lock
    )  # fmt: skip


def build(project, *words, before=None):
    """Exit code and output of a build."""
    with command(project, *words, before=before) as process:
        said, _ = process.communicate(timeout=120)
    assert "Traceback" not in said, said
    assert "should not happen" not in said, said
    assert "HR000" not in said, said
    return process.returncode, said


def assert_whole(project, target, api):
    url = f"duckdb:///{project / 'places.duckdb'}" if target.startswith("duckdb") else target
    warehouse = open_warehouse(url)
    with warehouse.connect() as connection:
        ids = connection.rows("SELECT order_id FROM api.orders")
        (wide,) = connection.rows("SELECT count(*) FROM wide")
        loads = ledger.loads(connection)
    warehouse.close()
    assert sorted(one for (one,) in ids) == [row["order_id"] for row in api.expected("orders")]
    assert wide == (len(ids),)
    for entry in loads:
        entry.check()
    assert sum(entry.inserted for entry in loads if entry.target == "api.orders") == len(ids)


def limited(size):
    """No file may grow beyond so many bytes, which is what a full disk does to a writer."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def bound_by_permissions():
    """Root is above permissions: without this capability it is not (nobody else has it anyway)."""
    drop, dac_override = 24, 1
    ctypes.CDLL(None).prctl(drop, dac_override, 0, 0, 0)


@pytest.mark.parametrize("size", [0, 3_000, 300_000])
def test_a_disk_that_is_full_is_said_and_with_room_again_nothing_is_lost_or_twice(project, target, api, size):
    code, said = build(project, before=limited(size))

    if code != 0:
        assert code in (1, 2)
        assert "error" in said
        assert any(words in said.lower() for words in ("file too large", "full", "could not write", "no space")), said
    assert build(project)[0] == 0
    assert_whole(project, target, api)
    assert code != 0 or size > (300_000 if target.startswith("duckdb") else 3_000)


def test_a_project_that_may_not_be_written_to_is_an_error_that_names_the_folder(project, target):
    for path in (project, *project.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)

    code, said = build(project, before=bound_by_permissions)

    project.chmod(0o755)
    assert code in (1, 2)
    assert "error" in said
    assert str(project) in said or ".headrace" in said
    assert "ermission denied" in said


def test_two_runs_at_once_are_one_after_the_other_or_one_is_told_so(project, target, api):
    with command(project) as one, command(project) as other:
        said = [process.communicate(timeout=120)[0] for process in (one, other)]
        codes = sorted((one.returncode, other.returncode))

    assert codes in ([0, 0], [0, 1])
    assert "Traceback" not in "".join(said)
    assert codes == [0, 0] or "HR602" in "".join(said)
    assert build(project)[0] == 0
    assert_whole(project, target, api)


@pytest.mark.parametrize("target", ["postgres"], indirect=True)
@pytest.mark.parametrize("after", [0.1, 0.4])
def test_sessions_that_are_ended_in_mid_load_cost_another_try(project, target, api, postgres_server, after):
    database = target.partition("?")[0].rpartition("/")[2]
    stopped = threading.Event()

    def end():
        with psycopg.connect(postgres_server, autocommit=True) as session:
            until = time.monotonic() + after
            while not stopped.wait(0.02) and time.monotonic() < until + 20:
                found = session.execute(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
                    " AND application_name = 'headrace' AND state IS DISTINCT FROM 'idle' AND query <> 'COMMIT' AND clock_timestamp() - backend_start > %s * interval '1 s'",
                    [database, after / 4],
                ).fetchone()
                if found and found[0]:
                    return

    thread = threading.Thread(target=end)
    thread.start()
    code, said = build(project)
    stopped.set()
    thread.join()

    assert code == 0, said
    assert_whole(project, target, api)
    assert build(project)[0] == 0
    assert_whole(project, target, api)
