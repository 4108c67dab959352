"""What nodes and macros depend on, as dbt's manifest says it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from headrace.errors import ConfigInvalid
from headrace.project.macro_calls import arguments, called
from headrace.project.shown import node_dict

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace.project.manifest import Manifest

    Make = Callable[..., Manifest]

MACROS = """
{# {% macro not_this() %}{% endmacro %} #}
{% macro first(relation, names=['a, b'], other={'x': (1, 2)}) %}
  {# {{ third() }} #}
  {% raw %}{{ third() }}{% endraw %}
  {{ second() }} {{ dbt.type_string() }} {% set x = run_query('select 1') %} {{ adapter.dispatch('chosen', 'shop')() }}
{% endmacro %}

{% macro second() %}{{ first(1) }}{% endmacro %}
{% macro third() %}{% endmacro %}
{% macro default__chosen() %}{% endmacro %}
{% macro duckdb__chosen() %}{% endmacro %}
"""


def test_a_macro_depends_on_what_its_text_calls_by_name_or_by_dispatch(manifest: Make):
    shop = manifest({"macros/all.sql": MACROS})
    macros = shop.templates.macros

    calls = called(macros.find("first"), macros, "duckdb")

    assert calls == ["macro.shop.second", "macro.dbt.type_string", "macro.dbt.run_query", "macro.shop.duckdb__chosen"]
    assert called(macros.find("second"), macros, "duckdb") == ["macro.shop.first"]
    assert called(macros.find("third"), macros, "duckdb") == []


def test_a_macro_is_shown_without_its_neighbours_and_with_its_parameters(manifest: Make):
    shop = manifest({"macros/all.sql": MACROS})

    assert shop.macro_nodes["macro.shop.third"].text == "{% macro third() %}{% endmacro %}"
    assert "macro.shop.not_this" not in shop.macro_nodes
    assert arguments(shop.templates.macros.find("first")) == ["relation", "names", "other"]


def test_what_a_hook_names_is_needed_before_the_model(manifest: Make):
    shop = manifest(
        {
            "macros/note.sql": "{% macro note(x) %}insert into log select {{ x }}{% endmacro %}",
            "models/log.sql": "select 1 as x",
            "models/a.sql": "{{ config(post_hook=\"{{ note('1') }} -- {{ ref('log') }}\") }}select 1 as x",
        }
    )

    node = shop.ref("a")

    assert node.depends_on == ("model.shop.log",)
    assert node.macros == ("macro.shop.note",)


def test_a_test_depends_on_its_macro_and_on_what_limits_its_rows(manifest: Make):
    columns = "{name: x, data_tests: [unique, not_null, {accepted_values: {arguments: {values: [1]}}}]}"
    shop = manifest(
        {
            "models/a.sql": "select 1 as x",
            "models/a.yml": f"models: [{{name: a, columns: [{columns}]}}]",
        }
    )
    tests = {node.kind: node.macros for node in shop.nodes.values() if node.unique_id.startswith("test.")}

    assert tests == {
        "unique": ("macro.dbt.test_unique",),
        "not_null": ("macro.dbt.test_not_null",),
        "accepted_values": ("macro.dbt.test_accepted_values", "macro.dbt.get_where_subquery"),
    }
    assert shop.ref("a").primary_key == ("x",)


def test_a_date_of_deprecation_gets_its_time_and_zone(manifest: Make):
    shop = manifest(
        {
            "models/a.sql": "select 1 as x",
            "models/a.yml": "models: [{name: a, deprecation_date: 2027-01-31 00:00:00+02:00}]",
        }
    )

    assert node_dict(shop.ref("a"), shop.settings)["deprecation_date"] == "2027-01-31T00:00:00+02:00"


def test_a_date_of_deprecation_that_is_none_is_refused(manifest: Make):
    with pytest.raises(ConfigInvalid, match="soon"):
        manifest({"models/a.sql": "select 1 as x", "models/a.yml": "models: [{name: a, deprecation_date: soon}]"})
