"""A project on disk, from its files to checked tables."""

import datetime as dt

import pytest

from headrace.check.tests import run_check
from headrace.project.loading import load_settings
from headrace.project.manifest import load_manifest
from headrace.project.nodes import DataTest, Model, Seed
from headrace.publish import publish
from headrace.transform.compile import compile_node
from headrace.transform.materialize import build
from headrace.transform.runtime import Runtime
from headrace.transform.seeds import build_seed
from headrace.transform.upkeep import finish
from headrace.warehouse.opening import open_warehouse

FILES = {
    "headrace.yml": "name: shop\ntargets:\n  dev: {url: 'URL', schema: mart}\nvars: {least: 2}\n",
    "seeds/raw.csv": "id,customer,amount\n1,ann,2.5\n2,bob,1\n3,ann,4\n4,,9\n",
    "macros/money.sql": "{% macro cents(column) %}({{ column }} * 100){% endmacro %}",
    "models/known.sql": "{{ config(materialized='ephemeral') }}\nselect * from {{ ref('raw') }} where customer is not null",
    "models/customers.sql": (
        "{{ config(materialized='table') }}\n"
        "with k as (select * from {{ ref('known') }})\n"
        "select customer, count(*) as orders, sum({{ cents('amount') }}) as cents from k group by customer"
    ),
    "models/big.sql": "select * from {{ ref('customers') }} where orders >= {{ var('least') }}",
    "models/_.yml": """
models:
  - name: customers
    config: {contract: {enforced: true}}
    columns:
      - name: customer
        data_type: text
        data_tests:
          - unique
          - not_null
          - accepted_values: {arguments: {values: [ann, bob]}}
          - relationships: {arguments: {to: ref('raw'), field: customer}}
      - {name: orders, data_type: bigint}
      - name: cents
        data_type: double precision
        data_tests:
          - at_least: {arguments: {least: 200}, config: {where: "customer = 'bob'"}}
seeds:
  - name: raw
    columns:
      - name: customer
        data_tests:
          - not_null: {config: {severity: warn}}
""",
    "tests/generic/at_least.sql": (
        "{% test at_least(model, column_name, least) %}"
        "select * from {{ model }} where {{ column_name }} < {{ least }}{% endtest %}"
    ),
    "tests/all_there.sql": "select 1 as missing where (select count(*) from {{ ref('big') }}) <> 1",
}


@pytest.fixture(params=["duckdb", "postgres"])
def project(request, tmp_path):
    url = f"duckdb:///{tmp_path}/shop.duckdb" if request.param == "duckdb" else request.getfixturevalue("postgres_url")
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / path).write_text(text.replace("URL", url))
    return load_manifest(load_settings(tmp_path, environ={}))


def test_a_project_is_built_and_each_promise_is_asked(project):
    runtime = Runtime(manifest=project, started=dt.datetime.now(dt.UTC), invocation="i")
    statuses = {}
    with open_warehouse(project.settings.target.url).connect() as connection:
        for node in project.nodes.values():
            with connection.transaction():
                known = connection.inspect("mart")
                compiled = compile_node(node, runtime, connection, known)
                if isinstance(node, Seed):
                    built = build_seed(connection, node, project.settings.root, relations=known)
                if isinstance(node, DataTest):
                    result = run_check(connection, node, compiled.sql)
                    statuses[node.name] = (result.status, result.failures)
                    continue
                if isinstance(node, Model):
                    built = build(connection, node, compiled, relations=known)
                if built.table is not None and not built.published:
                    publish(connection, node.unique_id, built.table, node.table, known, view=built.query)
                finish(connection, node, compiled, built)

        assert connection.rows("select customer, orders, cents from mart.big") == [("ann", 2, 650.0)]
    assert statuses == {
        "unique_customers_customer": ("pass", 0),
        "not_null_customers_customer": ("pass", 0),
        "accepted_values_customers_customer__ann__bob": ("pass", 0),
        "relationships_customers_customer__customer__ref_raw_": ("pass", 0),
        "at_least_customers_cents__200": ("fail", 1),
        "not_null_raw_customer": ("warn", 1),
        "all_there": ("pass", 0),
    }
