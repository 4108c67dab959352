"""A dbt project with one of everything that artifacts show, in a folder of the test's own."""

import pytest

FILES = {
    "dbt_project.yml": """\
name: mill
version: "1.0"
profile: mill
models:
  mill:
    +materialized: view
    marts: {+materialized: table, +tags: [mart]}
""",
    "profiles.yml": """\
mill:
  target: dev
  outputs:
    dev: {type: duckdb, path: mill.duckdb}
    ci: {type: duckdb, path: mill.duckdb, schema: ci}
""",
    "seeds/raw_orders.csv": "id,customer,amount,loaded_at\n1,10,5.5,2026-01-01 00:00:00\n2,10,7.0,2026-01-02 00:00:00\n",
    "models/stg_orders.sql": "select id as order_id, customer, amount from {{ ref('raw_orders') }}\n",
    "models/marts/revenue.sql": "select customer, {{ total('amount') }} as revenue from {{ ref('stg_orders') }} group by customer\n",
    "models/schema.yml": """\
version: 2
sources:
  - name: raw
    schema: main
    loaded_at_field: loaded_at
    freshness: {warn_after: {count: 12, period: hour}, error_after: {count: 1, period: day}}
    tables:
      - name: raw_orders
models:
  - name: stg_orders
    description: Orders as they came.
    columns:
      - name: order_id
        description: The key.
        data_tests: [unique, not_null]
  - name: revenue
    description: "{{ doc('revenue') }}"
    meta: {owner: finance}
    columns:
      - name: revenue
        data_type: double
        data_tests:
          - not_null: {config: {severity: warn}}
""",
    "models/docs.md": "{% docs revenue %}What customers *paid*.{% enddocs %}\n",
    "macros/total.sql": "{% macro total(column) %}sum({{ column }}){% endmacro %}\n",
    "macros/say.sql": "{% macro say(what, loud=false) %}{% do log('said ' ~ what, info=true) %}{% endmacro %}\n",
    "tests/no_debts.sql": "select * from {{ ref('revenue') }} where revenue < 0\n",
}


@pytest.fixture
def mill(tmp_path):
    """The project's folder."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path
