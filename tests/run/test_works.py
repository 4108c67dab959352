"""What happens around models: hooks, unit tests, snapshots, freshness."""

import datetime as dt

import pyarrow as pa
import pytest

from headrace.batch import Batch
from headrace.events import BatchFinished, CheckFinished
from headrace.landing import Landing
from headrace.run import streams
from headrace.run.execute import Options
from headrace.run.freshness import source_freshness
from headrace.run.plan import Verbs
from headrace.run.streams import signature
from headrace.transform.batches import Rest
from headrace.warehouse.opening import open_warehouse

ORDERS = "select 1 as id, 'new' as status, 2.5 as amount"
PAID = """
select id, status, amount * 2 as twice from {{ ref('orders') }}
{% if is_incremental() %} where id > (select max(id) from {{ this }}) {% endif %}
"""
UNIT = """
unit_tests:
  - name: doubles
    model: paid
    given:
      - input: ref('orders')
        rows: [{{id: 1, amount: 3}}, {{id: 2, amount: null}}]
    expect:
      rows: [{{id: 1, twice: {twice}}}, {{id: 2, twice: null}}]
  - name: only_new
    model: paid
    overrides: {{macros: {{is_incremental: true}}}}
    given:
      - input: ref('orders')
        format: csv
        rows: |
          id,amount
          1,3
          2,4
      - input: this
        rows: [{{id: 1}}]
    expect:
      format: sql
      rows: select 2 as id, cast(null as varchar) as status, 8 as twice
"""


def test_a_unit_test_that_fails_stops_its_model_and_shows_the_difference(works):
    works.write(**{"models/orders.sql": ORDERS, "models/paid.sql": PAID, "models/u.yml": UNIT.format(twice=7)})

    status = works.run()

    assert status == {
        "model.shop.orders": "success",
        "unit_test.shop.paid.doubles": "error",
        "unit_test.shop.paid.only_new": "success",
        "model.shop.paid": "skipped",
    }
    message = works.why("unit_test.shop.paid.doubles").message
    assert "- 1  7" in message
    assert "+ 1  6" in message


def test_unit_tests_that_pass_let_the_model_be_built(works):
    works.write(**{"models/orders.sql": ORDERS, "models/paid.sql": PAID, "models/u.yml": UNIT.format(twice=6)})

    status = works.run()

    assert set(status.values()) == {"success"}
    assert works.sql("select id, twice from main.paid")[0][0] == 1


SOURCED = """
sources: [{name: raw, tables: [{name: items}]}]
unit_tests:
  - name: guessed
    model: paid
    given: [{input: "source('raw', 'items')", rows: [{id: 1}]}]
    expect: {rows: [{id: 1}]}
"""


def test_a_unit_test_over_a_source_that_is_not_there_needs_rows_with_types(works):
    works.write(**{"models/paid.sql": "select id from {{ source('raw', 'items') }}", "models/u.yml": SOURCED})

    guessed = works.run(select=["guessed"])
    message = works.why("unit_test.shop.paid.guessed").message
    works.write(**{"models/u.yml": SOURCED.replace("rows: [{id: 1}]}]", "format: sql, rows: select 1 as id}]")})
    typed = works.run(select=["guessed"])

    assert set(guessed.values()) == {"error"}
    assert "raw.items is not there" in message
    assert set(typed.values()) == {"success"}


def test_hooks_run_before_the_first_step_and_after_the_last_with_results(works):
    start = "create table if not exists main.log (moment varchar)"
    end = "insert into main.log values ('{{ results | length }} {{ results[0].status }} {{ results[0].node.name }} {{ schemas | join }}')"
    works.write(**{"models/orders.sql": ORDERS})
    with (works.root / "headrace.yml").open("a") as file:
        file.write(f'on-run-start: "{start}"\non-run-end: "{end}"\n')

    works.run()

    assert works.sql("select moment from main.log") == [("1 success orders main",)]


def test_a_failing_hook_at_the_start_skips_every_step(works):
    works.write(**{"models/orders.sql": ORDERS})
    with (works.root / "headrace.yml").open("a") as file:
        file.write('on-run-start: "select * from nowhere"\n')

    status = works.run()

    assert status["model.shop.orders"] == "skipped"
    assert "error" in status.values()


def test_hooks_of_a_model_see_it_and_one_outside_the_transaction_stays_when_the_model_fails(works):
    before = "{'sql': 'create table if not exists main.seen (what varchar)', 'transaction': False}"
    inside = "insert into main.seen values ('inside')"
    after = "insert into main.seen select status from {{ this }}"
    config = f'{{{{ config(materialized=\'table\', pre_hook=[{before}, "{inside}"], post_hook="{after}") }}}}'
    works.write(**{"models/orders.sql": config + ORDERS})

    works.run()
    works.write(**{"models/orders.sql": config + "select 1 as id, 1 / 0.0 = 'x' as status from nowhere"})
    works.run()

    assert works.sql("select what from main.seen order by 1") == [("inside",), ("new",)]


def test_a_failed_test_leaves_the_table_published_and_skips_what_comes_after_it(works):
    works.write(
        **{
            "models/orders.sql": ORDERS,
            "models/paid.sql": PAID,
            "models/o.yml": "models: [{name: orders, columns: [{name: status, data_tests: [{accepted_values: {arguments: {values: [paid]}}}]}]}]",
        }
    )

    status = works.run()

    assert status["model.shop.orders"] == "success"
    assert status["model.shop.paid"] == "skipped"
    assert works.sql("select status from main.orders") == [("new",)]


def test_a_snapshot_of_a_project_keeps_versions_from_run_to_run(works):
    snapshot = """{% snapshot kept %}
        {{ config(target_schema='snaps', unique_key='id', strategy='check', check_cols=['status']) }}
        select * from {{ ref('orders') }}
        {% endsnapshot %}"""
    works.write(**{"models/orders.sql": ORDERS, "snapshots/kept.sql": snapshot})

    works.run()
    works.write(**{"models/orders.sql": ORDERS.replace("new", "paid")})
    status = works.run()

    assert status["snapshot.shop.kept"] == "success"
    assert works.sql("select status, dbt_valid_to is null from snaps.kept order by dbt_valid_from") == [
        ("new", False),
        ("paid", True),
    ]


@pytest.mark.parametrize(
    ("hours", "status", "age"), [(1, "pass", 3600.0), (30, "warn", 108000.0), (60, "error", 216000.0)]
)
def test_a_source_is_as_fresh_as_its_newest_row(works, hours, status, age):
    now = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)
    works.write(
        **{
            "models/s.yml": """
sources:
  - name: raw
    schema: main
    config:
      loaded_at_field: seen_at
      freshness: {warn_after: {count: 24, period: hour}, error_after: {count: 2, period: day}, filter: id > 0}
    tables: [{name: events}]
"""
        }
    )
    works.do(
        "create table main.events as select 1 as id, cast('2026-02-01' as timestamp) - interval '"
        f"{hours} hours' as seen_at union all select 0, cast('2026-02-01' as timestamp)"
    ) if works.url.startswith("duckdb") else [
        works.do("create schema if not exists main"),
        works.do(
            f"create table main.events as select 1 as id, timestamp '2026-02-01' - interval '{hours} hours' as seen_at"
            " union all select 0, timestamp '2026-02-01'"
        ),
    ]

    with open_warehouse(works.url).connect() as connection:
        manifest = works.load()
        (found,) = source_freshness(manifest, connection, manifest.nodes, now)

    assert (found.status, found.age) == (status, age)


def test_a_source_that_cannot_be_asked_is_a_runtime_error(works):
    works.write(
        **{
            "models/s.yml": """
sources:
  - name: raw
    config: {loaded_at_field: at, freshness: {warn_after: {count: 1, period: hour}}}
    tables: [{name: events}]
"""
        }
    )

    with open_warehouse(works.url).connect() as connection:
        manifest = works.load()
        (found,) = source_freshness(manifest, connection, manifest.nodes, dt.datetime.now(dt.UTC))

    assert found.status == "runtime error"
    assert "events" in found.error


def test_zoned_times_are_read_as_rows(works):
    with open_warehouse(works.url).connect() as connection:
        ((moment, number),) = connection.rows("select cast('2026-01-02 03:04:05+02' as timestamp with time zone), 7")

    assert (moment, number) == (dt.datetime(2026, 1, 2, 1, 4, 5, tzinfo=dt.UTC), 7)


def test_only_snapshots_run_when_only_they_are_asked_for(works):
    snapshot = "{% snapshot kept %}{{ config(unique_key='id', strategy='check', check_cols='all') }} select 1 as id{% endsnapshot %}"
    works.write(**{"models/orders.sql": ORDERS, "snapshots/kept.sql": snapshot})

    status = works.run(Verbs(load=False, seed=False, model=False, test=False), options=Options(threads=1))

    assert status == {"snapshot.shop.kept": "success"}


EVENTS = """{{ config(materialized='table', event_time='seen') }}
select 1 as id, cast('2026-01-01 10:00:00' as timestamp) as seen
union all select 2, cast('2026-01-02 11:00:00' as timestamp)
union all select 3, cast('2026-01-03 12:00:00' as timestamp)
"""
DAILY = """{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='seen', begin='2026-01-01',
    batch_size='day') }}
select id, seen, '{{ model.batch.id if model.batch }}' as batch, {{ is_incremental() | int }} as adds from {{ ref('events') }}
"""


def flags(**given):
    return Options(threads=1, flags=given)


def test_a_microbatch_model_is_built_day_by_day_from_its_begin(works):
    works.write(**{"models/events.sql": EVENTS, "models/daily.sql": DAILY})

    works.run(options=flags(EVENT_TIME_END="2026-01-04"))

    rows = works.sql("select id, batch, adds from main.daily order by id")
    assert rows == [(1, "20260101", 0), (2, "20260102", 1), (3, "20260103", 1)]


def test_a_window_of_the_command_line_is_built_again_and_nothing_else(works):
    works.write(**{"models/events.sql": EVENTS, "models/daily.sql": DAILY})
    works.run(options=flags(EVENT_TIME_END="2026-01-04"))
    works.write(**{"models/daily.sql": DAILY.replace("select id,", "select id * 10 as id,")})

    works.run(options=flags(EVENT_TIME_START="2026-01-02", EVENT_TIME_END="2026-01-03"))

    assert works.sql("select id from main.daily order by id") == [(1,), (3,), (20,)]


def test_a_batch_that_fails_takes_no_other_with_it_and_is_tried_again_alone(works):
    broken = DAILY.replace(
        "select id,",
        "select 6 / nullif(id - 2, 0) as sixth, {{ 'nope' if model.batch and model.batch.id == '20260102' else 'id' }} as id,",
    )
    works.write(**{"models/events.sql": EVENTS, "models/daily.sql": broken})

    status = works.run(options=flags(EVENT_TIME_END="2026-01-04"))

    assert status["model.shop.daily"] == "partial success"
    assert "2 of 3 batches" in works.why("model.shop.daily").message
    assert works.sql("select id from main.daily order by id") == [(1,), (3,)]
    windows = [one for one in works.said if isinstance(one, BatchFinished)]
    assert [one.status for one in windows] == ["success", "error", "success"]

    works.write(**{"models/daily.sql": broken.replace("'nope'", "'20'")})
    ends = {
        one: tuple((each.start, each.end) for each in windows if each.status == one) for one in ("success", "error")
    }
    rest = {"model.shop.daily": Rest(ends["success"], ends["error"])}
    again = works.run(select=["daily"], options=Options(threads=1, rests=rest))

    assert again == {"model.shop.daily": "success"}
    assert works.sql("select id, batch from main.daily order by id") == [
        (1, "20260101"),
        (3, "20260103"),
        (20, "20260102"),
    ]
    assert [one.status for one in works.said if isinstance(one, BatchFinished)] == ["reused", "reused", "success"]


def test_nothing_is_built_after_a_first_batch_that_failed(works):
    broken = DAILY.replace(
        "select id,", "select {{ 'nope' if model.batch and model.batch.id == '20260101' else 'id' }} as id,"
    )
    works.write(
        **{
            "models/events.sql": EVENTS,
            "models/daily.sql": broken,
            "models/after.sql": "select * from {{ ref('daily') }}",
        }
    )

    status = works.run(options=flags(EVENT_TIME_END="2026-01-04"))

    assert (status["model.shop.daily"], status["model.shop.after"]) == ("error", "skipped")
    assert [one.status for one in works.said if isinstance(one, BatchFinished)] == ["error", "skipped", "skipped"]
    assert works.why("model.shop.daily").where.startswith("models/daily.sql")


def test_a_window_is_whole_and_hooks_surround_all_of_them(works):
    hooks = ", pre_hook='create table if not exists main.noted as select 1 as n where false', post_hook='insert into main.noted values (1)'"
    works.write(
        **{
            "models/events.sql": EVENTS,
            "models/daily.sql": DAILY.replace("batch_size='day'", "batch_size='day'" + hooks),
        }
    )

    works.run(options=flags(EVENT_TIME_START="2026-01-02T08:00", EVENT_TIME_END="2026-01-03T08:00"))

    assert works.sql("select id from main.daily order by id") == [(2,), (3,)]
    assert works.sql("select n from main.noted") == [(1,)]


def test_an_empty_run_reads_no_rows(works):
    works.write(**{"models/orders.sql": ORDERS, "models/paid.sql": PAID})

    works.run(options=flags(EMPTY=True))

    assert works.sql("select count(*) from main.paid") == [(0,)]


@pytest.mark.parametrize(
    ("config", "rows"),
    [
        ("incremental_strategy='insert_overwrite', partition_by='day'", [("a", 1), ("b", 3)]),
        ("incremental_strategy='insert_overwrite'", [("b", 3)]),
        ("""unique_key="day || '!'" """, [("a", 1), ("b", 3)]),
    ],
)
def test_parts_of_a_table_are_replaced(works, config, rows):
    model = "{{ config(materialized='incremental', CONFIG) }}".replace("CONFIG", config)
    works.write(**{"models/m.sql": model + "select 'a' as day, 1 as n union all select 'b', 2"})
    works.run()
    works.write(**{"models/m.sql": model + "select 'b' as day, 3 as n"})

    works.run()

    assert works.sql("select day, n from main.m order by 1, 2") == rows


CONTRACT = """
models:
  - name: m
    config: {contract: {enforced: true}}
    constraints: [{type: primary_key, columns: [id]}]
    columns:
      - {name: id, data_type: integer, constraints: [{type: not_null}]}
      - {name: n, data_type: integer, constraints: [{type: check, expression: n > 0}, {type: foreign_key, to: "ref('p')", to_columns: [id]}]}
  - name: p
    config: {contract: {enforced: true}}
    columns: [{name: id, data_type: integer, constraints: [{type: unique}]}]
"""


@pytest.mark.parametrize("row", ["null, 1", "1, 0", "1, 7"])
def test_the_constraints_of_a_contract_are_enforced_by_the_engine(works, row):
    model = (
        "{{ config(materialized='table') }} select cast(A as integer) as id, cast(B as integer) as n -- {{ ref('p') }}"
    )
    good, bad = (model.replace("A", one.split(", ")[0]).replace("B", one.split(", ")[1]) for one in ("1, 1", row))
    parent = "{{ config(materialized='table') }} select 1 as id"
    works.write(**{"models/m.sql": good, "models/p.sql": parent, "models/c.yml": CONTRACT})
    first = works.run()
    works.write(**{"models/m.sql": bad})

    second = works.run(select=["m"])

    assert first == {"model.shop.p": "success", "model.shop.m": "success"}
    assert second == {"model.shop.m": "error"}
    assert works.sql("select id, n from main.m") == [(1, 1)]


def test_indexes_headers_and_rights_are_made_with_a_table(works):
    config = "materialized='table', indexes=[{'columns': ['id'], 'unique': True}], sql_header='create temporary table head as select 7 as n'"
    rights = ", grants={'select': ['public']}" if works.url.startswith("postgres") else ""
    works.write(**{"models/m.sql": f"{{{{ config({config}{rights}) }}}} select n as id from head"})

    status = [works.run(), works.run()]

    assert status == [{"model.shop.m": "success"}] * 2
    assert works.sql("select id from main.m") == [(7,)]
    if works.url.startswith("postgres"):
        asked = (
            "select has_table_privilege('public', 'main.m', 'select'), count(*) from pg_indexes where tablename = 'm'"
        )
        assert works.sql(asked) == [(True, 1)]
    else:
        assert works.sql("select is_unique from duckdb_indexes() where table_name = 'm'") == [(True,)]


PYTHON = """
def model(dbt, session):
    dbt.config(materialized="table")
    orders = dbt.ref("orders")
    return RESULT
"""


@pytest.mark.parametrize(
    "result", ["orders.filter('id > 0')", "orders.to_arrow_table()", "session.sql('select 1 as id, 2 as n')"]
)
def test_a_model_in_python_gives_a_table(works, result):
    works.write(**{"models/orders.sql": ORDERS, "models/p.py": PYTHON.replace("RESULT", result)})
    works.write(**{"models/after.sql": "select id from {{ ref('p') }}"})

    status = [works.run(), works.run()]

    assert set(status[1].values()) == {"success"}
    assert works.sql("select id from main.after") == [(1,)]


def test_a_model_in_python_that_raises_is_told_with_its_line(works):
    works.write(**{"models/orders.sql": ORDERS, "models/p.py": PYTHON.replace("RESULT", "1 / 0")})

    works.run()

    failed = works.why("model.shop.p")
    assert (failed.code, failed.where) == ("HR210", "models/p.py:5")
    assert "ZeroDivisionError" in failed.message


def test_an_incremental_model_in_python_adds_to_its_table(works):
    code = """
def model(dbt, session):
    dbt.config(materialized="incremental", unique_key="id")
    return session.sql("select 2 as id" if dbt.is_incremental else "select 1 as id")
"""
    works.write(**{"models/p.py": code})

    works.run()
    works.run()

    assert works.sql("select id from main.p order by 1") == [(1,), (2,)]


COPIED = """
{% materialization copied, default %}
  {%- set target = this.incorporate(type='table') -%}
  {%- set half = make_intermediate_relation(target) -%}
  {{ run_hooks(pre_hooks) }}
  {%- do drop_relation_if_exists(load_cached_relation(half)) -%}
  {% call statement('main') %}{{ create_table_as(False, half, sql) }}{% endcall %}
  {%- do drop_relation_if_exists(load_cached_relation(this)) -%}
  {%- do adapter.rename_relation(half, target) -%}
  {{ run_hooks(post_hooks) }}
  {{ return({'relations': [target]}) }}
{% endmaterialization %}
"""


def test_a_materialization_of_the_project_s_own_makes_the_model(works):
    config = "{{ config(materialized='copied', post_hook='insert into {{ this }} values (9)') }}"
    works.write(**{"macros/copied.sql": COPIED, "models/m.sql": config + "select 1 as id"})

    status = [works.run(), works.run()]

    assert status == [{"model.shop.m": "success"}] * 2
    assert works.sql("select id from main.m order by 1") == [(1,), (9,)]


@pytest.mark.parametrize(
    ("strategy", "macro"),
    [
        ("mine", "get_incremental_mine_sql(arg_dict)"),
        (
            "delete+insert",
            "get_delete_insert_merge_sql(target, source, unique_key, dest_columns, incremental_predicates)",
        ),
        ("merge", "ENGINE__get_merge_sql(target, source, unique_key, dest_columns, incremental_predicates)"),
    ],
)
def test_a_strategy_of_the_project_s_own_writes_the_rows(works, strategy, macro):
    macro = macro.replace("ENGINE", works.engine)
    target = "arg_dict.target_relation" if strategy == "mine" else "target"
    body = "{% macro MACRO %}insert into {{ TARGET }} values (7){% endmacro %}".replace("MACRO", macro).replace(
        "TARGET", target
    )
    config = f"{{{{ config(materialized='incremental', unique_key='id', incremental_strategy='{strategy}') }}}}"
    works.write(**{"macros/m.sql": body, "models/m.sql": config + "select 1 as id"})

    works.run()
    works.run()

    assert works.sql("select id from main.m order by 1") == [(1,), (7,)]


def test_how_all_engines_merge_is_not_asked_of_duckdb_as_by_dbt(works):
    body = "{% macro get_merge_sql(target, source, key, columns, predicates) %}insert into {{ target }} values (7){% endmacro %}"
    config = "{{ config(materialized='incremental', unique_key='id', incremental_strategy='merge') }}"
    works.write(**{"macros/m.sql": body, "models/m.sql": config + "select 1 as id"})

    works.run()
    works.run()

    assert works.sql("select id from main.m order by 1") == {"duckdb": [(1,)], "postgres": [(1,), (7,)]}[works.engine]


@pytest.mark.parametrize("macro", ["get_merge_sql", "get_delete_insert_merge_sql"])
def test_the_macros_that_write_rows_can_be_called_by_macros_of_the_project(works, macro):
    body = f"{{% macro get_incremental_mine_sql(a) %}}{{{{ {macro}(a.target_relation, a.temp_relation, a.unique_key, a.dest_columns) }}}}{{% endmacro %}}"
    config = "{{ config(materialized='incremental', unique_key='id', incremental_strategy='mine') }}"
    works.write(**{"macros/m.sql": body, "models/m.sql": config + "select 1 as id, {{ is_incremental() | int }} as n"})

    works.run()
    works.run()

    assert works.sql("select id, n from main.m") == [(1, 1)]


def test_several_tests_of_a_table_are_each_reported_though_one_scan_answers_them(works):
    yml = """
models:
  - name: orders
    columns:
      - {name: id, data_tests: [not_null, unique]}
      - name: status
        data_tests: [not_null, {accepted_values: {arguments: {values: [new]}}}]
"""
    works.write(**{"models/orders.sql": "{{ config(materialized='table') }}" + ORDERS, "models/o.yml": yml})
    works.write(**{"headrace.yml": (works.root / "headrace.yml").read_text().replace("always", "after_tests")})

    good = works.run()
    passed = sorted(one.status for one in works.said if isinstance(one, CheckFinished))
    works.write(**{"models/orders.sql": "{{ config(materialized='table') }}" + ORDERS.replace("new", "lost")})
    bad = works.run()
    told = sorted(one.status for one in works.said if isinstance(one, CheckFinished))

    assert (good, passed) == ({"model.shop.orders": "success"}, ["pass"] * 4)
    assert (bad, told) == ({"model.shop.orders": "error"}, ["fail", "pass", "pass", "pass"])
    assert works.sql("select status from main.orders") == [("new",)]


def test_a_config_that_would_change_what_is_merged_is_refused_and_not_passed_over(works):
    config = "{{ config(materialized='incremental', unique_key='id', merge_update_condition='true') }}"
    works.write(**{"models/m.sql": config + "select 1 as id"})

    works.run()
    works.run()

    assert "merge_update_condition" in works.why("model.shop.m").message


def test_a_file_that_changed_while_a_part_of_it_was_read_is_read_anew(works):
    works.write(
        **{"a.jsonl": '{"id": 1}\n{"id": 2}\n', "sources/f.yml": "type: files\nstreams:\n  a: {path: a.jsonl}\n"}
    )
    (node,) = (node for node in works.load().nodes.values() if getattr(node, "stream", None))
    begun = Landing(works.root / ".headrace" / "landing" / "dev").begin("f.a", None, signature(node.stream))
    begun.write(
        Batch(pa.table({"id": [7]}), 1, resume={"files": {}, "at": {"file": "a.jsonl", "stamp": "old", "byte": 9}})
    )

    assert works.run() == {node.unique_id: "success"}

    assert works.sql("SELECT id FROM f.a ORDER BY id") == [(1,), (2,)]
    assert "a.jsonl was changed while it was read" in str(works.said)


def changing(monkeypatch, path, times):
    """Write to a file of numbers each time before what was read is loaded, so many times."""
    left, load = list(range(times)), streams.load

    def loading(*args, **keys):
        if left:
            left.pop()
            path.write_text(path.read_text() + "9\n")
        return load(*args, **keys)

    monkeypatch.setattr(streams, "load", loading)


def test_a_file_that_changes_between_the_reading_and_the_load_is_read_anew_in_the_same_run(works, monkeypatch):
    works.write(**{"a.csv": "id\n1\n", "sources/f.yml": "type: files\nstreams:\n  a: {path: '*.csv'}\n"})
    changing(monkeypatch, works.root / "a.csv", 1)

    works.run()

    assert works.sql("SELECT id FROM f.a ORDER BY id") == [(1,), (9,)]
    assert works.sql("SELECT name, rows FROM headrace.files") == [("a.csv", 2)]
    assert "a.csv was changed while it was read" in str(works.said)


def test_a_file_that_changes_again_and_again_stops_its_stream_with_nothing_kept(works, monkeypatch):
    works.write(**{"a.csv": "id\n1\n", "sources/f.yml": "type: files\nstreams:\n  a: {path: '*.csv'}\n"})
    changing(monkeypatch, works.root / "a.csv", 99)

    assert list(works.run().values()) == ["error"]

    assert "a.csv was changed each of the 5 times it was read" in str(works.said)
    assert works.sql("SELECT count(*) FROM headrace.loads") == [(0,)]


def test_csv_files_that_a_later_line_shows_to_be_text_are_text(works):
    rows = "".join(f"{n},{n}\n" for n in range(25_000))
    works.write(**{"a.csv": f"id,v\n{rows}", "b.csv": f"id,v\n{rows}7,x\n1\n", "sources/f.yml": "type: files\nstreams:\n  a: {path: '*.csv'}\n"})  # fmt: skip

    works.run()

    assert works.sql("SELECT count(*), max(v) FROM f.a") == [(50_001, "x")]
    assert works.sql("SELECT origin FROM headrace.quarantine") == [("b.csv:25003",)]
    assert works.sql("SELECT read, inserted, quarantined FROM headrace.loads") == [(50_002, 50_001, 1)]
