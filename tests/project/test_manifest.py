from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from headrace.errors import (
    ConfigInvalid,
    CycleFound,
    HeadraceError,
    NameTaken,
    RefUnknown,
    SourceUnknown,
    TemplateInvalid,
)
from headrace.events import Event, Warned, listening
from headrace.project.loading import load_settings
from headrace.project.manifest import load_manifest
from headrace.project.nodes import DataTest, Model, SourceTable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from headrace.project.manifest import Manifest

    Make = Callable[..., Manifest]


def test_refs_sources_and_config_are_found_in_the_file(manifest: Make):
    shop = manifest(
        {
            "seeds/stores.csv": "id\n1\n",
            "sources/api.yml": "type: files\nstreams: {orders: {path: o.csv}}",
            "models/staging/orders.sql": "{{ config(materialized='table', tags=['a']) }}select * from {{ source('api', 'orders') }}",
            "models/revenue.sql": "select * from {{ ref('orders') }} join {{ ref('shop', 'stores') }}",
        }
    )

    orders, revenue = shop.ref("orders"), shop.ref("revenue")

    assert orders.depends_on == ("source.shop.api.orders",)
    assert isinstance(orders, Model)
    assert (orders.materialized, orders.tags, orders.fqn) == ("table", ("a",), ("shop", "staging", "orders"))
    assert revenue.depends_on == ("model.shop.orders", "seed.shop.stores")
    assert shop.source("api", "orders").table.schema == "api"


@pytest.mark.parametrize(
    ("tree", "yaml", "inline", "expected"),
    [
        ("{}", "{}", "", "view"),
        ("{shop: {+materialized: table}}", "{}", "", "table"),
        ("{shop: {+materialized: table, marts: {+materialized: ephemeral}}}", "{}", "", "ephemeral"),
        ("{shop: {marts: {m: {materialized: table}}}}", "{}", "", "table"),
        ("{shop: {+materialized: table}}", "{materialized: ephemeral}", "", "ephemeral"),
        ("{shop: {+materialized: table}}", "{materialized: ephemeral}", "{{ config(materialized='view') }}", "view"),
        ("{other: {+materialized: table}}", "{}", "", "view"),
    ],
)
def test_the_nearest_config_wins(manifest: Make, tree: str, yaml: str, inline: str, expected: str):
    shop = manifest(
        {
            "headrace.yml": f"name: shop\ntargets: {{dev: 'duckdb://'}}\nmodels: {tree}\n",
            "models/marts/m.sql": f"{inline}select 1",
            "models/marts/m.yml": f"models: [{{name: m, config: {yaml}}}]",
        }
    )

    model = shop.ref("m")

    assert isinstance(model, Model)
    assert model.materialized == expected


def test_tags_add_up_and_meta_merges(manifest: Make):
    shop = manifest(
        {
            "headrace.yml": "name: shop\ntargets: {dev: 'duckdb://'}\nmodels: {shop: {+tags: a, +meta: {x: 1}}}\n",
            "models/m.sql": "{{ config(tags=['c', 'a']) }}select 1",
            "models/m.yml": "models: [{name: m, config: {tags: [b], meta: {y: 2}}}]",
        }
    )

    assert shop.ref("m").tags == ("a", "b", "c")
    assert shop.ref("m").meta == {"x": 1, "y": 2}


@pytest.mark.parametrize(
    ("macros", "table"),
    [
        ("", "main_marts.sales"),
        ("{% macro generate_schema_name(name, node) %}{{ name or target.schema }}{% endmacro %}", "marts.sales"),
        (
            "{% macro default__generate_alias_name(a, node) %}{{ node.fqn | join('_') }}{% endmacro %}",
            "main_marts.shop_m",
        ),
    ],
)
def test_a_table_is_named_by_the_projects_macros(manifest: Make, macros: str, table: str):
    shop = manifest({"macros/n.sql": macros, "models/m.sql": "{{ config(schema='marts', alias='sales') }}select 1"})

    assert str(shop.ref("m").table) == table


def test_what_only_a_warehouse_knows_is_empty_in_the_first_pass(manifest: Make):
    text = """{% set rows = run_query('select 1') %}{% for r in rows.columns[0].values() %}{{ ref('none') }}{% endfor %}
{% if execute %}{{ ref('none') }}{% endif %}{% call statement('x') %}select 1{% endcall %}
{% if is_incremental() %}{{ ref('none') }}{% endif %}{{ adapter.get_columns_in_relation(this) | length }}
-- depends_on: {{ ref('other') }}"""

    shop = manifest({"models/m.sql": text, "models/other.sql": "select 1"})

    assert shop.ref("m").depends_on == ("model.shop.other",)


IDS = [
    ("customers", "customer_id", "unique", "test.jaffle_shop.unique_customers_customer_id.c5af1ff4b1"),
    ("customers", "customer_id", "not_null", "test.jaffle_shop.not_null_customers_customer_id.5c9bf9911d"),
    (
        "orders",
        "status",
        "{accepted_values: {values: [placed, shipped, completed, return_pending, returned]}}",
        "test.jaffle_shop.accepted_values_orders_status__placed__shipped__completed__return_pending__returned.be6b5b5ec3",
    ),
    (
        "orders",
        "customer_id",
        "{relationships: {arguments: {to: ref('customers'), field: customer_id}}}",
        "test.jaffle_shop.relationships_orders_customer_id__customer_id__ref_customers_.c6ec7f58f2",
    ),
]


@pytest.mark.parametrize(("model", "column", "test", "expected"), IDS)
def test_generic_tests_have_dbts_names_and_ids(manifest: Make, model: str, column: str, test: str, expected: str):
    shop = manifest(
        {
            "headrace.yml": "name: jaffle_shop\ntargets: {dev: 'duckdb://'}\n",
            "models/customers.sql": "select 1",
            "models/orders.sql": "select 1",
            "models/s.yml": f"models: [{{name: {model}, columns: [{{name: {column}, data_tests: [{test}]}}]}}]",
        }
    )

    (found,) = (node for node in shop.nodes.values() if isinstance(node, DataTest))

    assert found.unique_id == expected
    assert f"model.jaffle_shop.{model}" in found.depends_on
    assert len(found.config.get("alias", found.name)) < 64


def test_a_tests_config_stands_beside_its_arguments_or_among_them_or_below_config(manifest: Make):
    shop = manifest(
        {
            "headrace.yml": "name: shop\ntargets: {dev: 'duckdb://'}\ndata_tests: {shop: {+limit: 5}}\n",
            "models/m.sql": "select 1",
            "macros/t.sql": "{% test pos(model, column_name, min=0) %}select {{ min }} from {{ ref('n') }}{% endtest %}",
            "models/n.sql": "select 1",
            "models/s.yml": """
models:
  - name: m
    columns:
      - name: id
        tests:
          - unique: {name: mine, severity: warn, where: "id > {{ 1 }}", warn_if: ">10"}
          - pos: {min: 3, config: {error_if: ">5", tags: nightly}}
          - not_null: {arguments: {warn_if: ">2", name: inner, config: {error_if: ">7"}}}
""",
        }
    )

    tests = {node.name: node for node in shop.nodes.values() if isinstance(node, DataTest)}
    mine, positive, inner = tests["mine"], tests["pos_m_id__3"], tests["inner"]

    assert (mine.severity, mine.where, mine.warn_if, mine.limit) == ("warn", "id > {{ 1 }}", ">10", 5)
    assert (positive.error_if, positive.tags, positive.kind, positive.column) == (">5", ("nightly",), "pos", "id")
    assert positive.arguments == {"min": 3, "column_name": "id", "model": "{{ get_where_subquery(ref('m')) }}"}
    assert (inner.warn_if, inner.error_if, sorted(inner.arguments)) == (">2", ">7", ["column_name", "model"])
    assert positive.depends_on == ("model.shop.m", "model.shop.n")
    assert positive.raw == "{{ test_pos(**_dbt_generic_test_kwargs) }}"


def test_the_hooks_of_a_package_go_where_its_models_are_switched_off(manifest: Make):
    files = {
        "packages.yml": "packages: [{local: dbt_packages/aid}]",
        "dbt_packages/aid/dbt_project.yml": "name: aid\non-run-start: \"select 1 from {{ ref('noted') }}\"\n",
        "dbt_packages/aid/models/noted.sql": "select 1 as n",
    }
    head = "name: shop\ntargets: {dev: 'duckdb://'}\non-run-end: select 2\n"

    on = manifest({**files, "headrace.yml": head})
    off = manifest({**files, "headrace.yml": head + "models: {aid: {+enabled: false}}\n"})

    assert [hook.name for hook in on.hooks] == ["aid-on-run-start-0", "shop-on-run-end-0"]
    assert [hook.name for hook in off.hooks] == ["shop-on-run-end-0"]
    assert sorted(off.disabled_nodes) == ["model.aid.noted", "operation.aid.aid-on-run-start-0"]


def test_dbts_sources_are_tables_that_others_load_and_describe_our_streams(manifest: Make):
    shop = manifest(
        {
            "sources/api.yml": "type: files\nstreams: {orders: {path: o.csv}}",
            "models/s.yml": """
sources:
  - name: api
    tables: [{name: orders, description: all, columns: [{name: id, description: key, data_tests: [unique]}]}]
  - name: ext
    schema: raw
    tables: [{name: stores, identifier: stores_v2}]
""",
        }
    )

    orders, stores = shop.source("api", "orders"), shop.source("ext", "stores")

    assert orders.stream is not None
    assert (orders.description, orders.columns) == ("all", {"id": "key"})
    assert stores.stream is None
    assert str(stores.table) == "raw.stores_v2"
    assert "source_unique_api_orders_id" in {node.name for node in shop.nodes.values()}


@pytest.mark.parametrize(
    ("files", "kind", "place", "word"),
    [
        (
            {"models/m.sql": "select *\nfrom {{ ref('ordrs') }}"},
            RefUnknown,
            "models/m.sql:2:14",
            "did you mean 'orders'?",
        ),
        ({"models/m.sql": "from {{ source('api', 'x') }}"}, SourceUnknown, "models/m.sql:1:17", "sources:"),
        (
            {"models/m.sql": "{{ ref('off') }}", "models/off.sql": "{{ config(enabled=false) }}"},
            RefUnknown,
            "models/m.sql:1:9",
            "enabled",
        ),
        ({"models/a/orders.sql": "select 1"}, NameTaken, "models/orders.sql", "models/a/orders.sql"),
        ({"models/m.sql": "{{ config(alias='orders') }}select 1"}, NameTaken, "models/", "alias"),
        ({"models/m.sql": "{{ config(materialized='tabel') }}"}, ConfigInvalid, "models/m.sql", "'table'"),
        ({"models/m.py": "x"}, TemplateInvalid, "models/m.py", "def model"),
        ({"models/s.yml": "models: [{name: orders, colums: []}]"}, ConfigInvalid, "models/s.yml:1:25", "'columns'"),
        ({"models/s.yml": "model: []"}, ConfigInvalid, "models/s.yml:1:1", "'models'"),
        (
            {"models/s.yml": "models: [{name: orders, tests: [uniqe]}]"},
            TemplateInvalid,
            "models/s.yml:1:33",
            "'unique'",
        ),
        (
            {"models/s.yml": "models:\n- name: orders\n  tests:\n  - unique:\n    severity: warn"},
            ConfigInvalid,
            "models/s.yml:4:5",
            "indent",
        ),
        ({"models/s.yml": "models: [{name: orders, versions: [{x: 1}]}]"}, ConfigInvalid, "models/s.yml:1:25", ""),
        ({"models/x.sql": "{{ ref('y') }}", "models/y.sql": "{{ ref('x') }}"}, CycleFound, "None", ""),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    manifest: Make, files: dict[str, str], kind: type[HeadraceError], place: str, word: str
):
    with pytest.raises(kind) as caught:
        manifest({"models/orders.sql": "select 1", **files})

    assert str(caught.value.where).startswith(place)
    assert word in (caught.value.hint or "")


def test_a_disabled_model_is_gone_with_its_tests(manifest: Make):
    shop = manifest(
        {
            "models/m.sql": "{{ config(enabled=var('on', false)) }}select 1",
            "models/s.yml": "models: [{name: m, columns: [{name: id, tests: [unique]}]}]",
        }
    )

    assert dict(shop.nodes) == {}
    assert shop.disabled == {"m"}


def test_properties_of_nothing_are_a_warning(manifest: Make):
    heard: list[Event] = []

    with listening(heard.append):
        manifest({"models/s.yml": "models: [{name: gone}]"})

    assert [event.message for event in heard if isinstance(event, Warned)] == ["there is no model 'gone' to describe"]


def test_config_for_a_package_that_is_not_there_is_a_warning(manifest: Make):
    heard: list[Event] = []

    with listening(heard.append):
        manifest({"headrace.yml": "name: shop\ntargets: {dev: 'duckdb://'}\nmodels: {shp: {+materialized: table}}\n"})

    assert [event.message for event in heard if isinstance(event, Warned)] == [
        "the config under models: shp: holds for nothing (did you mean 'shop'?)"
    ]


def test_a_file_that_did_not_change_is_not_rendered_again(write: Callable[[dict[str, str]], Path]):
    root = write({"models/a.sql": "{{ config(tags=[env_var('T', 'x')]) }}", "models/b.sql": "{{ ref('a') }}"})

    def read(**environ: str) -> Any:
        return load_manifest(load_settings(root, environ=environ))

    first = read()
    stamp = (root / ".headrace" / "cache" / "facts.json").stat().st_mtime_ns
    again = read()
    kept = (root / ".headrace" / "cache" / "facts.json").stat().st_mtime_ns
    other = read(T="y")
    write({"models/a.sql": "select 1"})
    changed = read()

    assert first.nodes == again.nodes
    assert stamp == kept
    assert (first.ref("a").tags, other.ref("a").tags, changed.ref("a").tags) == (("x",), ("y",), ())


def test_a_macro_or_variable_that_changed_is_seen_through_the_cache(write: Callable[[dict[str, str]], Path]):
    root = write(
        {
            "models/a.sql": "{{ config(tags=[tag(), var('v', 'none')]) }}",
            "macros/t.sql": "{% macro tag() %}one{% endmacro %}",
        }
    )

    first = load_manifest(load_settings(root, environ={})).ref("a").tags
    write({"macros/t.sql": "{% macro tag() %}two{% endmacro %}"})
    second = load_manifest(load_settings(root, vars={"v": "given"}, environ={})).ref("a").tags

    assert (first, second) == (("one", "none"), ("two", "given"))


def test_a_sources_node_is_a_source_table(manifest: Make):
    shop = manifest({"models/s.yml": "sources: [{name: ext, tables: [{name: a, config: {enabled: no}}, {name: b}]}]"})

    assert [type(node) for node in shop.nodes.values()] == [SourceTable]
    assert set(shop.sources) == {("ext", "b")}
