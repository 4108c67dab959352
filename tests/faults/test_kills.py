"""SIGKILL at any moment of an incremental merge pipeline: run again, and the tables are what they should be."""

import json
import os
import random
import shutil
import subprocess
import sys
import textwrap
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from headrace.labs.api import Api
from headrace.labs.misbehaviour import Misbehaviour
from headrace.labs.realism import Realism
from headrace.labs.shop import Shop
from headrace.state import ledger
from headrace.table import Table
from headrace.warehouse.opening import open_warehouse

MOMENTS = int(os.environ.get("HEADRACE_MOMENTS", "12"))
"""How many of a run's moments are tried, evenly spread."""
SHOP = Shop(
    seed=7,
    orders=120,
    realism=Realism(
        late=0, hard_deletes=0, duplicates=0, bad_types=0, bad_dates=0, bad_enums=0, null_burst_day=None, drift_day=None
    ),
)
FAULTS = Misbehaviour(too_many_every=None, error_every=None, truncated=False, repeated_row=True, bad_record=True)
FILES = {
    "headrace.yml": """
        name: killed
        targets: {{dev: "{target}"}}
        sources:
          api:
            type: rest
            client:
              base_url: {api}
              auth: {{type: bearer, token: open-sesame}}
            streams:
              orders:
                path: orders
                params: {{page_size: 25}}
                paginator: {{type: page_number, base_page: 1, total_path: pages}}
                data_selector: data
                primary_key: [order_id]
                incremental: {{cursor_path: updated_at, start_param: updated_since}}
                columns: {{total: {{type: "decimal(12,2)"}}}}
              customers:
                path: customers
                params: {{limit: 40}}
                paginator: {{type: cursor, cursor_path: next_cursor, cursor_param: cursor}}
                data_selector: customers
                write_disposition: replace
        """,
    "models/stg_orders.sql": "select order_id, customer_id, status, total, updated_at from {{{{ source('api', 'orders') }}}}",
    "models/spent.sql": """
        {{{{ config(materialized='incremental', unique_key='order_id') }}}}
        select order_id, total, updated_at from {{{{ ref('stg_orders') }}}}
        {{% if is_incremental() %}}
        where updated_at >= (select max(updated_at) from {{{{ this }}}})
        {{% endif %}}
        """,
    "models/revenue.sql": """
        {{{{ config(materialized='table') }}}}
        select status, count(*) as orders, sum(total) as total from {{{{ ref('stg_orders') }}}} group by 1
        """,
    "models/schema.yml": """
        models:
          - name: spent
            columns: [{{name: order_id, data_tests: [unique, not_null]}}]
          - name: revenue
            columns: [{{name: status, data_tests: [unique, not_null]}}]
        """,
}


@pytest.fixture(scope="module")
def api():
    with Api(SHOP, FAULTS) as served:
        yield served


@pytest.fixture(scope="module")
def killer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("killer")
    command = [sys.executable, str(Path(__file__).with_name("killer.py")), str(folder / "moments")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def run(project, **order):
            argv = ["--project-dir", str(project), "--no-color", "build", "--threads", "2"]
            process.stdin.write(json.dumps({"argv": argv, "log": str(project / "output"), **order}) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield run
        process.stdin.close()


class OnDuckDB:
    """The state after the first day, and copies of it to be killed in."""

    def __init__(self, folder):
        self.folder = folder
        self.target = "duckdb:///killed.duckdb"

    def fresh(self, day_one):
        copy = self.folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(day_one, copy)
        return copy

    def url(self, project):
        return f"duckdb:///{project / 'killed.duckdb'}"


class OnPostgres:
    """As on DuckDB; the database is copied by the server."""

    def __init__(self, folder, server, url):
        self.folder, self.server, self.target = folder, server, url
        self.name = url.partition("?")[0].rpartition("/")[2]
        self.spare = f"{self.name}_one"
        self.kept = False

    def fresh(self, day_one):
        with psycopg.connect(self.server, autocommit=True) as session:
            for name in (self.name, self.spare):
                session.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            if not self.kept:
                session.execute(f'CREATE DATABASE "{self.spare}" TEMPLATE "{self.name}"')
                self.kept = True
            session.execute(f'DROP DATABASE "{self.name}"')
            session.execute(f'CREATE DATABASE "{self.name}" TEMPLATE "{self.spare}"')
        copy = self.folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(day_one, copy)
        return copy

    def url(self, _project):
        return self.target


@pytest.fixture(params=["duckdb", "postgres"])
def place(request, tmp_path):
    if request.param == "duckdb":
        return OnDuckDB(tmp_path)
    return OnPostgres(tmp_path, request.getfixturevalue("postgres_server"), request.getfixturevalue("postgres_url"))


@pytest.fixture
def day_one(place, api, killer, tmp_path):
    project = tmp_path / "project"
    for name, text in FILES.items():
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text.format(target=place.target, api=api.url)))
    api.day = 1
    ended = killer(project)
    assert ended["code"] == 0, (project / "output").read_text()
    api.day = 2
    return project


def assert_as_if_never_killed(project, url, api):
    expected = {row["order_id"]: row for row in api.expected("orders")}
    warehouse = open_warehouse(url)
    with warehouse.connect() as connection:
        orders = connection.rows("SELECT order_id, status, total FROM api.orders")
        spent = connection.rows("SELECT order_id, total FROM spent")
        customers = connection.rows("SELECT customer_id FROM api.customers")
        revenue = connection.rows("SELECT sum(orders), sum(total) FROM revenue")
        loads = ledger.loads(connection)
        size = {"api.orders": len(orders)}
        left = [table for table in connection.inspect("api", "main", "public") if "__" in table.name]
    warehouse.close()
    assert sorted(one for one, *_ in orders) == sorted(expected)
    assert all(
        (expected[one]["status"], Decimal(expected[one]["total"])) == (status, total) for one, status, total in orders
    )
    assert dict(spent) == {one: Decimal(row["total"]) for one, row in expected.items()}
    assert len(spent) == len(expected)
    assert sorted(one for (one,) in customers) == sorted(row["customer_id"] for row in api.expected("customers"))
    assert revenue == [(len(expected), sum(Decimal(row["total"]) for row in expected.values()))]
    assert [table for table in left if table != Table("api", "orders")] == []
    for entry in loads:
        entry.check()
    assert len({entry.load_id for entry in loads}) == len(loads)
    inserted = sum(entry.inserted - entry.deleted for entry in loads if entry.target == "api.orders")
    assert inserted == size["api.orders"]


def finished(killer, project):
    ended = killer(project)
    assert ended["code"] == 0, (project / "output").read_text()


@pytest.mark.crash
@pytest.mark.timeout(900)
def test_killed_at_each_moment_and_run_again_the_tables_are_the_oracles(place, day_one, api, killer):
    project = place.fresh(day_one)
    moments = killer(project)["moments"]
    kills = 0

    for number in range(MOMENTS):
        project = place.fresh(day_one)
        api.day = 2
        kills += killer(project, moment=1 + number * moments // MOMENTS)["killed"]
        finished(killer, project)
        assert_as_if_never_killed(project, place.url(project), api)

    assert kills >= MOMENTS - 2  # threads finish in another order each time, so the last moments may not come


@pytest.mark.crash
@pytest.mark.timeout(900)
def test_killed_again_and_again_at_random_it_comes_to_the_same_end(place, day_one, api, killer):
    chance = random.Random(42)
    kills = 0

    while kills < MOMENTS:
        project = place.fresh(day_one)
        api.day = 2
        for _ in range(chance.randint(1, 4)):
            kills += killer(project, seconds=chance.uniform(0.02, 0.5))["killed"]
        finished(killer, project)
        assert_as_if_never_killed(project, place.url(project), api)
