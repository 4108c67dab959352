"""Artifacts as other tools read them: by the models that dbt-artifacts-parser makes of dbt's JSON schemas."""

import json

import pytest
from dbt_artifacts_parser.parser import parse_catalog, parse_manifest, parse_run_results, parse_sources

from headrace.cli.main import invoke
from headrace.cli.options import Asked


@pytest.fixture
def do(mill, monkeypatch):
    """`do("build", "-q")` in the project; the exit code."""
    monkeypatch.chdir(mill)

    def call(*words):
        return invoke(words, Asked.first_look(words))

    return call


def artifact(folder, name):
    return json.loads((folder / name).read_text())


@pytest.fixture
def built(mill, do):
    assert do("build", "-q") == 0
    return mill / "target"


def test_the_manifest_is_as_dbts_schema_has_it(built):
    manifest = parse_manifest(artifact(built, "manifest.json"))

    revenue = manifest.nodes["model.mill.revenue"]
    assert revenue.config.materialized == "table"
    assert revenue.config.tags == ["mart"]
    assert revenue.relation_name == '"mill"."main"."revenue"'
    assert revenue.compiled_code.strip().startswith("select customer, sum(amount) as revenue")
    assert revenue.depends_on.nodes == ["model.mill.stg_orders"]
    assert "macro.mill.total" in revenue.depends_on.macros
    assert revenue.description == "What customers *paid*."
    assert manifest.parent_map["model.mill.revenue"] == ["model.mill.stg_orders"]
    assert "test.mill.no_debts" in manifest.child_map["model.mill.revenue"]
    assert manifest.sources["source.mill.raw.raw_orders"].freshness.error_after.count == 1


def test_every_node_of_the_project_is_in_the_manifest(built):
    manifest = artifact(built, "manifest.json")

    kinds = {one["resource_type"] for one in manifest["nodes"].values()}
    assert kinds == {"model", "seed", "test"}
    tests = [one for one in manifest["nodes"].values() if one["resource_type"] == "test"]
    assert sorted(one["name"] for one in tests) == [
        "no_debts",
        "not_null_revenue_revenue",
        "not_null_stg_orders_order_id",
        "unique_stg_orders_order_id",
    ]
    unique = next(one for one in tests if one["name"].startswith("unique"))
    assert unique["attached_node"] == "model.mill.stg_orders"
    assert unique["test_metadata"]["name"] == "unique"
    assert unique["column_name"] == "order_id"


def test_the_results_are_as_dbts_schema_has_them(built):
    results = parse_run_results(artifact(built, "run_results.json"))

    statuses = {one.unique_id: str(getattr(one.status, "value", one.status)) for one in results.results}
    assert statuses["seed.mill.raw_orders"] == "success"
    assert statuses["model.mill.revenue"] == "success"
    assert statuses["test.mill.no_debts"] == "pass"
    assert len(statuses) == 7
    assert results.args["which"] == "build"


def test_a_failing_test_and_what_is_skipped_because_of_it_have_their_statuses(mill, do):
    (mill / "seeds" / "raw_orders.csv").write_text(
        "id,customer,amount,loaded_at\n1,10,5,2026-01-01\n1,11,5,2026-01-01\n"
    )

    code = do("build", "-q")

    results = {one["unique_id"].split(".")[2]: one for one in artifact(mill / "target", "run_results.json")["results"]}
    assert code == 1
    assert results["unique_stg_orders_order_id"]["status"] == "fail"
    assert results["unique_stg_orders_order_id"]["failures"] == 1
    assert results["stg_orders"]["status"] == "success"
    assert results["revenue"]["status"] == "skipped"
    assert results["no_debts"]["status"] == "skipped"


def test_the_compiled_sql_is_where_dbt_puts_it(built):
    compiled = built / "compiled" / "mill"

    assert "sum(amount)" in (compiled / "models" / "marts" / "revenue.sql").read_text()


def test_the_catalog_is_as_dbts_schema_has_it(built, do):
    do("docs", "generate", "-q")

    catalog = parse_catalog(artifact(built, "catalog.json"))
    revenue = catalog.nodes["model.mill.revenue"]
    assert revenue.metadata.type == "BASE TABLE"
    assert [(name, column.type) for name, column in revenue.columns.items()] == [
        ("customer", "INTEGER"),
        ("revenue", "DOUBLE"),
    ]
    assert catalog.nodes["model.mill.stg_orders"].metadata.type == "VIEW"
    assert "source.mill.raw.raw_orders" in catalog.sources


def test_freshness_is_as_dbts_schema_has_it_and_old_rows_are_an_error(built, do):
    code = do("source", "freshness", "-q")

    sources = parse_sources(artifact(built, "sources.json"))
    (one,) = sources.results
    assert code == 1
    assert str(getattr(one.status, "value", one.status)) == "error"
    assert artifact(built, "sources.json")["results"][0]["max_loaded_at"].startswith("2026-01-02T00:00:00")


def test_a_source_that_cannot_be_asked_is_a_runtime_error(mill, do):
    code = do("source", "freshness", "-q", "-o", "target/fresh.json")

    assert code == 1
    assert artifact(mill / "target", "fresh.json")["results"][0]["status"] == "runtime error"
    parse_sources(artifact(mill / "target", "fresh.json"))


def test_a_run_without_tests_says_nothing_of_tests(mill, do):
    (mill / "headrace.yml").write_text("name: mill\n")
    do("seed", "-q")

    assert do("run", "-q", "--target-path", "target") == 0

    results = artifact(mill / "target", "run_results.json")["results"]
    assert {one["unique_id"] for one in results} == {"model.mill.stg_orders", "model.mill.revenue"}


def test_what_uses_tables_is_no_operation_of_a_build(mill, do):
    (mill / "models" / "uses.yml").write_text(
        "exposures: [{name: report, type: dashboard, owner: {name: me}, depends_on: [ref('revenue')]}]\n"
    )

    do("build", "-q")

    statuses = {one["unique_id"]: one["status"] for one in artifact(mill / "target", "run_results.json")["results"]}
    assert statuses["exposure.mill.report"] == "no-op"


def test_no_artifacts_are_written_where_nobody_wants_them(mill, do):
    assert do("build", "-q", "--no-write-json") == 0

    assert not (mill / "target" / "manifest.json").exists()
    assert not (mill / "target" / "run_results.json").exists()


def test_a_headrace_project_writes_artifacts_on_request(mill, do):
    (mill / "headrace.yml").write_text("name: mill\n")

    assert do("build", "-q") == 0
    assert not (mill / "target").exists()
    assert do("build", "-q", "--target-path", "target") == 0

    statuses = {one["unique_id"]: one["status"] for one in artifact(mill / "target", "run_results.json")["results"]}
    assert statuses["test.mill.no_debts"] == "pass"
    parse_manifest(artifact(mill / "target", "manifest.json"))
