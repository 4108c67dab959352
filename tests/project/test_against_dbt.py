"""A project with all that a dbt project may have, read as dbt-core 1.11.16 reads it: `awkward.json` is taken from dbt's manifest."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from headrace.project.loading import load_settings
from headrace.project.manifest import Manifest, load_manifest
from headrace.project.nodes import Model, Node, Relational, SourceTable, UnitTest

HERE = Path(__file__).parent
EXPECTED = json.loads((HERE / "awkward.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def awkward(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    root = tmp_path_factory.mktemp("projects") / "awkward"
    shutil.copytree(HERE / "awkward", root)
    shutil.copytree(root / "helper_src", root / "dbt_packages" / "helper")
    return load_manifest(load_settings(root, environ={"HOME": "/nowhere"}))


def _like_dbt(node: Node, wanted: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {"fqn": list(node.fqn), "path": node.path, "description": node.description}
    if not isinstance(node, UnitTest):
        shown["tags"] = sorted(node.tags)
    if not isinstance(node, SourceTable):
        shown["depends_on"] = sorted(node.depends_on)
    if "columns" in wanted:
        shown["columns"] = dict(node.columns)
    if isinstance(node, Relational):
        shown |= {"table": [node.table.schema, node.table.name], "meta": dict(node.meta)}
    if "checksum" in wanted:
        shown["checksum"] = node.checksum
    if isinstance(node, Model):
        shown |= {"access": node.access, "version": node.version, "group": node.group}
    return shown | {"config": {key: node.config.get(key) for key in wanted["config"]}}


def test_there_are_the_nodes_that_dbt_finds(awkward: Manifest):
    assert sorted(awkward.nodes) == sorted(EXPECTED["nodes"])
    assert sorted(hook.unique_id for hook in awkward.hooks) == sorted(EXPECTED["hooks"])
    assert sorted(awkward.groups) == EXPECTED["groups"]


@pytest.mark.parametrize("name", EXPECTED["nodes"])
def test_each_node_is_as_dbt_has_it(awkward: Manifest, name: str):
    wanted = EXPECTED["nodes"][name]

    shown = _like_dbt(awkward.nodes[name], wanted)

    for side in (shown, wanted):
        side["config"] = {key: value.lower() if key == "severity" else value for key, value in side["config"].items()}
    assert shown == wanted


def test_hooks_of_packages_run_before_the_projects_own(awkward: Manifest):
    starts = [hook.package for hook in awkward.hooks if hook.when == "on-run-start"]

    assert starts == ["helper", "awkward"]


def test_a_package_sees_its_variables_below_the_projects(awkward: Manifest):
    var = awkward.names("helper")["var"]

    assert (var("helper_var"), var("other_var"), var("scoped"), var("root_var")) == (
        "set by root",
        "helpers own",
        "yes indeed",
        "from root",
    )


def test_two_nodes_of_one_name_are_told_apart_by_their_packages(awkward: Manifest):
    assert awkward.ref("orders").package == "awkward"
    assert awkward.ref("orders", package="helper").package == "helper"
    assert awkward.ref("dim").unique_id == "model.awkward.dim.v2"
    assert awkward.ref("dim", version=1).unique_id == "model.awkward.dim.v1"


def test_what_a_unit_test_is_given_is_read_whatever_its_form(awkward: Manifest):
    test = awkward.nodes["unit_test.awkward.uses_dim.adds_up"]

    assert isinstance(test, UnitTest)
    assert [one.node for one in test.given] == ["model.awkward.dim.v1", "model.awkward.dim.v2"]
    assert [one.rows for one in test.given] == [({"id": 1, "name": "a", "gone": 2},), ({"id": "1", "name": None},)]
    assert test.expect.rows == "select 1 as id, 'a' as name\n"
    assert test.overrides == {"vars": {"root_var": "x"}, "macros": {"is_incremental": False}, "env_vars": {}}


def _read(root: Path, files: dict[str, str]) -> Manifest:
    profile = "shop: {target: dev, outputs: {dev: {type: duckdb, path: shop.duckdb}}}"
    for name, text in {"dbt_project.yml": "name: shop\nprofile: shop\n", "profiles.yml": profile, **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return load_manifest(load_settings(root, environ={"HOME": "/nowhere"}))


@pytest.mark.parametrize(
    "text",
    [
        "select {{ no_such_macro('a') }}",
        "select {{ nothing.at_all(1).more }}",
        "select {{ var('without_a_value') }}",
        "{{ config(enabled=(var('x', false) | as_bool) and true) }}{{ ref('nowhere') }}",
    ],
)
def test_what_matters_only_when_a_model_is_built_does_not_keep_a_dbt_project_from_being_read(tmp_path: Path, text: str):
    shop = _read(tmp_path, {"models/m.sql": text})

    assert {*shop.nodes, *shop.disabled_nodes} == {"model.shop.m"}


def test_a_namespace_that_is_no_package_is_looked_for_in_the_asking_package(tmp_path: Path):
    macros = "{% macro cut(x) %}{{ return(adapter.dispatch('cut', 'macros')(x)) }}{% endmacro %}"
    files = {
        "macros/m.sql": macros + "{% macro default__cut(x) %}{{ config(tags=[x]) }}{% endmacro %}",
        "models/m.sql": "{{ cut('there') }}select 1",
    }

    assert _read(tmp_path, files).nodes["model.shop.m"].tags == ("there",)


def test_names_of_schemas_may_be_dispatched(tmp_path: Path):
    macros = (
        "{% macro generate_schema_name(custom, node) %}{{ return(adapter.dispatch('named')(node)) }}{% endmacro %}"
        "{% macro default__named(node) %}{{ return('of_' ~ node.name) }}{% endmacro %}"
    )

    shop = _read(tmp_path, {"macros/m.sql": macros, "models/m.sql": "select 1"})

    model = shop.nodes["model.shop.m"]
    assert isinstance(model, Model)
    assert model.table.schema == "of_m"


def test_words_of_dbts_yaml_are_those_of_yaml_1_1(tmp_path: Path):
    shop = _read(tmp_path, {"models/m.sql": "select 1", "models/m.yml": "models: [{name: m, meta: {a: yes, b: 012}}]"})

    assert shop.nodes["model.shop.m"].meta == {"a": True, "b": 10}


def test_a_test_of_what_is_not_there_is_left_out(tmp_path: Path):
    files = {
        "models/m.sql": "select 1 as id",
        "models/m.yml": "models: [{name: m, columns: [{name: id, tests: [{relationships: {to: ref('gone'), field: id}}]}]}]",
        "tests/t.sql": "select * from {{ ref('gone') }}",
    }

    assert list(_read(tmp_path, files).nodes) == ["model.shop.m"]
