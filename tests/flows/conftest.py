"""The command line as a process of its own."""

import os
import subprocess
import sys
from dataclasses import dataclass

import duckdb
import psycopg
import pytest


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


def headrace(*arguments, cwd, env=None, timeout=120):
    """Run a command to its end."""
    plain = {
        name: value for name, value in os.environ.items() if not name.startswith(("HEADRACE_", "DBT_", "NO_COLOR"))
    }
    done = subprocess.run(
        [sys.executable, "-m", "headrace", *arguments],
        cwd=cwd,
        env={**plain, "PYTHONUTF8": "1", **(env or {})},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def run(tmp_path):
    """`run("build", "-s", "x")` in a folder of the test's own."""

    def call(*arguments, cwd=tmp_path, env=None):
        return headrace(*arguments, cwd=cwd, env=env)

    return call


@pytest.fixture(params=["duckdb", "postgres"])
def target(request, tmp_path):
    """A target's URL, and how to ask it."""
    if request.param == "duckdb":
        path = tmp_path / "target.duckdb"

        def ask(sql):
            with duckdb.connect(str(path), read_only=True) as session:
                return session.sql(sql).fetchall()

        return f"duckdb:///{path}", ask
    url = request.getfixturevalue("postgres_url")

    def asked(sql):
        with psycopg.connect(url) as session:
            return session.execute(sql).fetchall()

    return url, asked


FILES = {
    "headrace.yml": "name: small\ntargets:\n  dev: duckdb:///small.duckdb\n  other: duckdb:///other.duckdb\n",
    "seeds/raw_orders.csv": "id,amount\n1,10.5\n2,20.0\n3,\n",
    "models/orders.sql": "select id as order_id, amount\nfrom {{ ref('raw_orders') }}\n",
    "models/revenue.sql": "{{ config(materialized='table') }}\nselect sum(amount) as revenue\nfrom {{ ref('orders') }}\n",
    "models/schema.yml": """\
models:
  - name: orders
    columns:
      - {name: order_id, data_tests: [unique, not_null]}
      - name: amount
        data_tests:
          - not_null: {config: {severity: warn}}
""",
}


@pytest.fixture
def small(tmp_path):
    """The smallest project with a seed, two models and tests of both severities, in the folder that `run` works in."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


@pytest.fixture
def change(small):
    """`change("models/orders.sql", "amount", "amonut")` in the small project."""

    def edit(name, old, new):
        text = (small / name).read_text()
        assert old in text
        (small / name).write_text(text.replace(old, new))

    return edit
