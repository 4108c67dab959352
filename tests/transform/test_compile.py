import pytest

from headrace.errors import (
    MacroFailed,
    Place,
    RefUnknown,
    SecretMissing,
    StatementFailed,
    TemplateInvalid,
)
from headrace.table import Table
from headrace.transform.compile import inject
from headrace.transform.linemap import Piece, trace


def piece(text, path="models/m.sql"):
    return Piece(text, Place(path), text)


def test_a_ref_becomes_the_quoted_name_of_the_table(mill, model):
    mill.add(model("up", "select 1 as a"))

    compiled = mill.compile(model("m", "select * from {{ ref('up') }}"))

    assert compiled.sql == 'select * from "mart"."up"'


def test_an_audited_result_stands_in_for_the_published_table(mill, model):
    mill.add(model("up", "select 1 as a"))

    compiled = mill.compile(
        model("m", "select * from {{ ref('up') }}"), audited={"model.shop.up": Table("mart", "up__new")}
    )

    assert compiled.sql == 'select * from "mart"."up__new"'


def test_an_unknown_ref_says_what_it_could_have_been(mill, model):
    mill.add(model("orders", "select 1 as a"))

    with pytest.raises(RefUnknown) as caught:
        mill.compile(model("m", "select * from {{ ref('order') }}"))

    assert caught.value.hint == "did you mean 'orders'?"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("select * from c", "with c as (\nselect 1\n)\nselect * from c"),
        ("with a as (select 2) select * from a", "with c as (\nselect 1\n), a as (select 2) select * from a"),
        ("WITH RECURSIVE a as (select 2) select 1", "WITH RECURSIVE c as (\nselect 1\n), a as (select 2) select 1"),
        ("-- with love\nselect 1", "with c as (\nselect 1\n)\n-- with love\nselect 1"),
        ("/* with /* nested */ with */ with a as (select 2) select 1",
         "/* with /* nested */ with */ with c as (\nselect 1\n), a as (select 2) select 1"),
        ("select 'with x as' from c", "with c as (\nselect 1\n)\nselect 'with x as' from c"),
        ("select * from (with a as (select 2) select * from a)",
         "with c as (\nselect 1\n)\nselect * from (with a as (select 2) select * from a)"),
        ("within", "with c as (\nselect 1\n)\nwithin"),
        ("with/**/a as (select 2) select 1", "with c as (\nselect 1\n),/**/a as (select 2) select 1"),
        ('with "a" as (select 2) select 1', 'with c as (\nselect 1\n), "a" as (select 2) select 1'),
        ("  -- only this\n  with\n a as (select 2)\nselect 1",
         "  -- only this\n  with c as (\nselect 1\n),\n a as (select 2)\nselect 1"),
    ],
)  # fmt: skip
def test_a_query_is_put_before_or_into_the_with_of_a_statement(body, expected):
    pieces = inject(piece(body), [("c", piece("select 1", "models/c.sql"))])

    assert "".join(part.text for part in pieces) == expected


def test_nested_ephemeral_models_come_once_each_and_before_what_needs_them(mill, model):
    mill.add(
        model("base", "select 1 as a -- the end;", "ephemeral"),
        model("left", "with w as (select * from {{ ref('base') }}) select * from w;", "ephemeral"),
        model("right", "select * from {{ ref('base') }}", "ephemeral"),
    )

    compiled = mill.compile(
        model("m", "select l.a, r.a as b from {{ ref('left') }} as l, {{ ref('right') }} as r, {{ ref('base') }}")
    )

    assert compiled.ephemeral == ("model.shop.base", "model.shop.left", "model.shop.right")
    assert compiled.sql.count("__dbt__cte__base as (") == 1
    assert mill.connection.rows(compiled.sql) == [(1, 1)]


def test_a_variable_of_the_package_wins_over_a_global_one(mill, model):
    mill.vars = {"a": 1, "shop": {"a": 2}}

    assert mill.compile(model("m", "select {{ var('a') }}, {{ var('b', 3) }}")).sql == "select 2, 3"


def test_a_misspelt_variable_is_an_error_with_the_close_one(mill, model):
    mill.vars = {"start_date": 1}

    with pytest.raises(TemplateInvalid) as caught:
        mill.compile(model("m", "select {{ var('start_dat') }}"))

    assert caught.value.hint == "did you mean 'start_date'?"


def test_a_missing_environment_variable_is_an_error_unless_it_has_a_default(mill, model):
    assert mill.compile(model("m", "select {{ env_var('N', '7') }}")).sql == "select 7"

    with pytest.raises(SecretMissing):
        mill.compile(model("m", "select {{ env_var('N') }}"))


def test_a_macro_that_raises_is_an_error_at_its_call(mill, model):
    with pytest.raises(MacroFailed) as caught:
        mill.compile(model("m", "select 1\n{{ exceptions.raise_compiler_error('no more') }}"))

    assert caught.value.what.startswith("no more")
    assert caught.value.where.line == 2


def test_a_macro_runs_a_query_and_reads_its_columns(mill, model):
    raw = """{% set found = run_query("select 1 as a, 'x' as b union all select 2, 'y' order by 1") -%}
select {{ found.columns[0].values() | join(',') }}, '{{ found.columns['b'].values()[1] }}', {{ found.rows | length }},
{{ found.column_names | join(' ') | length }}"""

    compiled = mill.compile(model("m", raw))

    assert mill.connection.rows(compiled.sql) == [(1, 2, "y", 2, 3)]


def test_a_call_statement_keeps_its_result_under_a_name(mill, model):
    raw = "{% call statement('s', fetch_result=True) %}select 41 as a{% endcall %}select {{ load_result('s')['data'][0][0] + 1 }}"

    assert mill.compile(model("m", raw)).sql == "select 42"


def test_the_adapter_describes_relations_and_columns(mill, model):
    mill.connection.execute("create table mart.t (id integer, label varchar, price decimal(10,2))")
    mill.connection.execute("create view mart.v as select 1 as a")
    raw = """
    {%- set t = adapter.get_relation(database=target.database, schema='mart', identifier='T') -%}
    {%- set v = load_relation(api.Relation.create(schema='mart', identifier='v')) -%}
    {%- set cols = adapter.get_columns_in_relation(t) -%}
    {{ t }} {{ t.is_table }} {{ v.is_view }} {{ adapter.get_relation(none, 'mart', 'nope') is none }}
    {%- for c in cols %} {{ c.quoted }}:{{ c.data_type }}:{{ c.is_string() }}{% endfor %}"""

    compiled = mill.compile(model("m", raw))

    words = compiled.sql.lower().replace("character varying", "varchar").replace("numeric", "decimal").split()
    assert words == [
        '"mart"."t"', "true", "true", "true", '"id":integer:false', '"label":varchar:true', '"price":decimal(10,2):false',
    ]  # fmt: skip


def test_a_temporary_table_is_described_and_dropped_by_its_bare_name(mill, model):
    mill.connection.execute("create table mart.t (id integer)")
    mill.connection.execute("create table mart.t__dbt_tmp (kept integer)")
    raw = """
    {%- set t = adapter.get_relation(database=target.database, schema='mart', identifier='t') -%}
    {%- set temp = make_temp_relation(t) -%}
    {%- set same = temp.incorporate(type='table', path={'database': temp.database, 'schema': temp.schema}) -%}
    {%- do run_query('create temporary table ' ~ temp ~ ' (id integer, label varchar)') -%}
    {{ same }} {{ adapter.get_columns_in_relation(same) | map(attribute='name') | join(' ') }}
    {%- do adapter.drop_relation(same) %} {{ adapter.get_columns_in_relation(same) | length }}
    {{ adapter.get_columns_in_relation(t.include(schema=false)) | length }}"""

    assert mill.compile(model("m", raw)).sql.split() == ['"t__dbt_tmp"', "id", "label", "0", "0"]
    assert mill.connection.rows("select count(*) from mart.t__dbt_tmp") == [(0,)]


def test_a_relation_prints_only_the_parts_that_are_asked_for(mill, model):
    raw = "{{ this }} {{ this.include(schema=false) }} {{ this.quote(identifier=false) }} {{ this.identifier }} {{ this.schema }} {{ this.database }}"

    (database,) = mill.connection.rows("select current_database()")[0]
    assert mill.compile(model("m", raw)).sql == f'"mart"."m" "m" "mart".m m mart {database}'


def test_dispatch_prefers_the_macro_of_the_engine(mill, model):
    mill.macros = """
    {% macro word() %}{{ return(adapter.dispatch('word', 'shop')()) }}{% endmacro %}
    {% macro default__word() %}any{% endmacro %}
    {% macro duckdb__word() %}duck{% endmacro %}"""

    engine = mill.connection.capabilities.dialect
    assert mill.compile(model("m", "select '{{ word() }}'")).sql == (
        "select 'duck'" if engine == "duckdb" else "select 'any'"
    )


def test_an_engine_s_error_points_at_the_line_its_author_wrote(mill, model):
    raw = "{{ config(materialized='table') }}\n\n{% set x = 1 %}\nselect 1 as a,\n  nope as b\n"

    with pytest.raises(StatementFailed) as caught:
        mill.run(model("m", raw))

    assert str(caught.value.where) == "models/m.sql:5:3"


def test_an_engine_s_error_inside_an_ephemeral_model_points_into_its_file(mill, model):
    mill.add(model("eph", "select 1 as a\n  , nope as b", "ephemeral"))

    with pytest.raises(StatementFailed) as caught:
        mill.run(model("m", "with x as (select 1)\nselect * from {{ ref('eph') }}"))

    assert str(caught.value.where) == "models/eph.sql:2:5"


def test_lines_that_a_loop_made_are_traced_to_the_loop():
    raw = "select\n{% for i in range(3) %}\n  f({{ i }}),\n{% endfor %}\n  last\nfrom t"
    text = "select\n\n  f(0),\n\n  f(1),\n\n  f(2),\n\n  last\nfrom t"
    place = Piece(text, Place("m.sql"), raw)

    assert trace([place], 9, 3) == Place("m.sql", 5, 3, "  last")
    assert trace([place], 5).line in (2, 3)
    assert trace([place], 10).line == 6


def test_what_headrace_wrote_has_no_line():
    assert trace([Piece("with c as (\n", Place("m.sql"), None), piece("select 1")], 1) is None


def test_time_zones_are_lent_as_pytz_lends_them(mill, model):
    raw = """
    {%- set noon = modules.datetime.datetime(2026, 7, 1, 12) -%}
    {%- set there = modules.pytz.timezone('America/New_York').localize(noon) -%}
    {{ there.astimezone(modules.pytz.utc).hour }} {{ modules.pytz.utc.localize(noon).isoformat() }}"""

    assert mill.compile(model("m", raw)).sql == "16 2026-07-01T12:00:00+00:00"


def test_a_macro_reads_times_with_a_zone(mill, model):
    raw = "{{ run_query(\"select timestamptz '2026-07-01 12:00:00+02:00' as t, 1 as n\").columns['t'].values()[0].isoformat() }}"

    assert mill.compile(model("m", raw)).sql == "2026-07-01T10:00:00+00:00"
