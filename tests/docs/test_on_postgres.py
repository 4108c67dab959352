"""The same commands on a real PostgreSQL, from a profile of dbt's."""

import json
import shutil

import psycopg
import pytest
import yaml
from dbt_artifacts_parser.parser import parse_catalog, parse_manifest, parse_run_results, parse_sources
from psycopg.conninfo import conninfo_to_dict

from headrace.cli.main import invoke
from headrace.cli.options import Asked


@pytest.fixture
def do(mill, postgres_url, monkeypatch, capsys):
    """`do("build", "-q")` in the project, whose targets are in one database; exit code, stdout, stderr."""
    known = conninfo_to_dict(postgres_url)
    output = {
        "type": "postgres",
        "host": known.get("host", "localhost"),
        "user": known["user"],
        "password": known.get("password", ""),
        "port": int(known.get("port", 5432)),
        "dbname": known["dbname"],
        "threads": 2,
    }
    outputs = {"dev": {**output, "schema": "main"}, "ci": {**output, "schema": "ci"}}
    (mill / "profiles.yml").write_text(yaml.safe_dump({"mill": {"target": "dev", "outputs": outputs}}))
    text = (mill / "models" / "schema.yml").read_text()
    (mill / "models" / "schema.yml").write_text(text.replace("data_type: double", "data_type: double precision"))
    monkeypatch.chdir(mill)

    def call(*words):
        code = invoke(words, Asked.first_look(words))
        out, err = capsys.readouterr()
        return code, out, err

    return call


def rows(url, sql):
    with psycopg.connect(url) as session:
        return session.execute(sql).fetchall()


def test_a_project_is_built_and_its_artifacts_are_sound(mill, do, postgres_url):
    built = do("build", "-q")
    generated = do("docs", "generate", "-q")
    fresh = do("source", "freshness", "-q")

    assert (built[0], generated[0], fresh[0]) == (0, 0, 1), (built, generated, fresh)
    assert rows(postgres_url, "select customer, revenue from main.revenue") == [(10, 12.5)]
    read = {
        name: json.loads((mill / "target" / f"{name}.json").read_text())
        for name in ("manifest", "run_results", "catalog", "sources")
    }
    assert parse_manifest(read["manifest"]).metadata.adapter_type == "postgres"
    assert {str(one["status"]) for one in read["run_results"]["results"]} == {"success", "pass"}
    parse_run_results(read["run_results"])
    revenue = parse_catalog(read["catalog"]).nodes["model.mill.revenue"]
    assert revenue.columns["customer"].type == "integer"
    assert read["catalog"]["nodes"]["model.mill.stg_orders"]["metadata"]["type"] == "VIEW"
    parse_sources(read["sources"])
    assert read["sources"]["results"][0]["status"] == "error"


def test_another_environment_is_deferred_to_and_cloned(mill, do, postgres_url):
    do("build", "-q")
    shutil.copytree(mill / "target", mill / "prod")

    run = do("run", "-q", "-t", "ci", "-s", "revenue", "--defer", "--state", "prod")
    cloned = do("clone", "-t", "ci", "--state", "prod", "-o", "json")

    assert run[0] == 0, run
    assert rows(postgres_url, "select revenue from ci.revenue") == [(12.5,)]
    assert {one["unique_id"] for one in json.loads(cloned[1])["cloned"]} == {
        "seed.mill.raw_orders",
        "model.mill.stg_orders",
    }
    assert rows(postgres_url, "select count(*) from ci.stg_orders") == [(2,)]


def test_a_failure_is_retried(mill, do, postgres_url):
    (mill / "models" / "marts" / "revenue.sql").write_text("select nothing from {{ ref('stg_orders') }}")
    failed = do("build", "-q")
    (mill / "models" / "marts" / "revenue.sql").write_text("select 1.5 as revenue, 10 as customer")

    again = do("retry", "-o", "json")

    assert failed[0] == 1
    assert again[0] == 0, again
    assert json.loads(again[1])["steps"][0]["step"] == "model.mill.revenue"


def test_rows_are_shown_sql_is_compiled_and_macros_are_called(do):
    do("build", "-q")

    shown = do("show", "--inline", "select count(*) as n from {{ ref('revenue') }}", "-o", "json")
    compiled = do("compile", "-s", "revenue")
    called = do("run-operation", "say", "--args", "{what: hello}")
    looked = do("doctor", "-o", "json")

    assert json.loads(shown[1])["nodes"][0]["rows"] == [[1]]
    assert "sum(amount)" in compiled[1]
    assert called[1].splitlines()[0] == "said hello"
    assert looked[0] == 0
