"""What would have to happen, in order."""

import pytest

from headrace.project.loading import load_settings
from headrace.project.manifest import load_manifest
from headrace.run.plan import Verbs, make_plan
from headrace.run.steps import BuildModel, LoadStream, RunCheck

FILES = {
    "headrace.yml": """
        name: shop
        targets: {dev: "duckdb:///shop.duckdb"}
        sources:
          ref: {type: files, path: data/*.csv}
        """,
    "data/stores.csv": "id,name\n1,North\n",
    "models/stg_stores.sql": "select id, name from {{ source('ref', 'stores') }}",
    "models/named.sql": "{{ config(materialized='ephemeral') }} select * from {{ ref('stg_stores') }}",
    "models/a.sql": "select * from {{ ref('named') }}",
    "models/b.sql": "select * from {{ ref('stg_stores') }}",
    "models/c.sql": "select * from {{ ref('a') }}",
    "tests/a_and_b.sql": "select 1 from {{ ref('a') }} join {{ ref('b') }} using (id) where false",
}


def project(folder, **more):
    for name, text in {**FILES, **more}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = text.splitlines()
        indent = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
        path.write_text("\n".join(line[indent:] for line in lines) + "\n")
    return load_manifest(load_settings(folder, environ={}))


def test_streams_come_before_models_and_ephemeral_models_are_no_steps(tmp_path):
    manifest = project(tmp_path)

    plan = make_plan(manifest, manifest.graph.order)

    assert isinstance(plan.steps["source.shop.ref.stores"], LoadStream)
    assert "model.shop.named" not in plan.steps
    assert plan.needs["model.shop.a"] == {"model.shop.stg_stores"}
    order = list(plan.steps)
    assert order.index("source.shop.ref.stores") < order.index("model.shop.stg_stores") < order.index("model.shop.a")


def test_a_test_of_two_models_holds_up_one_of_them_which_waits_for_the_other(tmp_path):
    manifest = project(tmp_path)

    plan = make_plan(manifest, manifest.graph.order)

    (held_up,) = [one for one, step in plan.steps.items() if isinstance(step, BuildModel) and step.checks]
    (other,) = {"model.shop.a", "model.shop.b"} - {held_up}
    assert plan.after[held_up] == {other}
    assert plan.needs[held_up] == {"model.shop.stg_stores"}


def test_tests_that_read_each_others_models_all_hold_up_a_publication_and_nothing_goes_round_in_a_circle(tmp_path):
    yml = """
        models:
          - name: {one}
            columns:
              - name: id
                data_tests: [{{relationships: {{arguments: {{to: "ref('{other}')", field: id}}}}}}]
        """
    manifest = project(
        tmp_path, **{"models/a.yml": yml.format(one="a", other="b"), "models/b.yml": yml.format(one="b", other="a")}
    )

    plan = make_plan(manifest, manifest.graph.order)

    held = [check.name for step in plan.steps.values() if isinstance(step, BuildModel) for check in step.checks]
    assert len(held) == 3
    assert not any(isinstance(step, RunCheck) for step in plan.steps.values())


def test_a_test_of_an_ephemeral_model_runs_before_what_is_built_from_it(tmp_path):
    manifest = project(
        tmp_path, **{"models/named.yml": "models: [{name: named, columns: [{name: id, data_tests: [not_null]}]}]"}
    )

    plan = make_plan(manifest, manifest.graph.order)

    (test,) = [one for one, step in plan.steps.items() if isinstance(step, RunCheck)]
    assert plan.needs[test] == {"model.shop.stg_stores"}
    assert test in plan.needs["model.shop.a"]
    assert test not in plan.needs["model.shop.b"]


def test_a_test_whose_model_is_not_built_runs_on_its_own(tmp_path):
    manifest = project(tmp_path)

    plan = make_plan(manifest, manifest.graph.order, Verbs(load=False, seed=False, model=False))

    assert [type(step) for step in plan.steps.values()] == [RunCheck]


@pytest.mark.parametrize(
    ("verbs", "kinds"), [(Verbs(test=False), {LoadStream, BuildModel}), (Verbs(model=False, test=False), {LoadStream})]
)
def test_a_command_does_its_kinds_of_step_only(tmp_path, verbs, kinds):
    manifest = project(tmp_path)

    plan = make_plan(manifest, manifest.graph.order, verbs)

    assert {type(step) for step in plan.steps.values()} == kinds
    assert not any(getattr(step, "checks", ()) for step in plan.steps.values())


def test_where_tables_are_published_always_each_test_is_a_step_that_holds_up_what_comes_after_all_it_reads(tmp_path):
    yml = "models: [{name: stg_stores, columns: [{name: id, data_tests: [not_null]}]}]"
    files = {"models/s.yml": yml, "models/d.sql": "select * from {{ ref('a') }} join {{ ref('b') }} using (id)"}
    manifest = project(tmp_path, **{"headrace.yml": FILES["headrace.yml"] + "publish: always\n"}, **files)

    plan = make_plan(manifest, manifest.graph.order)

    (of_one,) = [one for one in plan.steps if one.startswith("test.shop.not_null")]
    assert plan.needs[of_one] == {"model.shop.stg_stores"}
    assert {one for one in plan.steps if of_one in plan.needs[one]} == {"model.shop.a", "model.shop.b"}
    assert {one for one in plan.steps if "test.shop.a_and_b" in plan.needs[one]} == {"model.shop.d"}
    assert plan.needs["test.shop.a_and_b"] == {"model.shop.a", "model.shop.b"}


@pytest.mark.parametrize(("file", "publish"), [("headrace.yml", "after_tests"), ("dbt_project.yml", "always")])
def test_a_dbt_project_publishes_always_and_a_headrace_project_after_tests(tmp_path, file, publish):
    (tmp_path / file).write_text(
        "name: shop\n" + ("profile: p\n" if file.startswith("dbt") else "targets: {dev: 'duckdb://'}\n")
    )
    (tmp_path / "profiles.yml").write_text("p: {target: dev, outputs: {dev: {type: duckdb, path: x.duckdb}}}\n")

    settings = load_settings(tmp_path, environ={})

    assert settings.publish == publish
