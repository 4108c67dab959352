{#- What materializations of a project's own are written with: relations, their making and their replacing. -#}

{% macro load_cached_relation(relation) -%}
    {{ return(adapter.get_relation(relation.database, relation.schema, relation.identifier)) }}
{%- endmacro %}

{% macro get_or_create_relation(database, schema, identifier, type) -%}
    {%- set held = adapter.get_relation(database, schema, identifier) -%}
    {%- if held -%}{{ return([true, held]) }}{%- endif -%}
    {{ return([false, api.Relation.create(database=database, schema=schema, identifier=identifier, type=type)]) }}
{%- endmacro %}

{% macro make_intermediate_relation(base_relation, suffix='__dbt_tmp') -%}
    {{ return(base_relation.incorporate(path={'identifier': base_relation.identifier ~ suffix})) }}
{%- endmacro %}

{% macro make_temp_relation(base_relation, suffix='__dbt_tmp') -%}
    {{ return(adapter.dispatch('make_temp_relation', 'dbt')(base_relation, suffix)) }}
{%- endmacro %}

{% macro default__make_temp_relation(base_relation, suffix) -%}
    {{ return(base_relation.incorporate(path={'identifier': base_relation.identifier ~ suffix, 'schema': none, 'database': none})) }}
{%- endmacro %}

{% macro make_backup_relation(base_relation, backup_relation_type, suffix='__dbt_backup') -%}
    {{ return(base_relation.incorporate(path={'identifier': base_relation.identifier ~ suffix}, type=backup_relation_type)) }}
{%- endmacro %}

{% macro drop_relation(relation) -%}
    {%- do adapter.drop_relation(relation) -%}
{%- endmacro %}

{% macro drop_relation_if_exists(relation) -%}
    {%- if relation is not none -%}{%- do adapter.drop_relation(relation) -%}{%- endif -%}
{%- endmacro %}

{% macro truncate_relation(relation) -%}
    {%- do adapter.truncate_relation(relation) -%}
{%- endmacro %}

{% macro rename_relation(from_relation, to_relation) -%}
    {%- do adapter.rename_relation(from_relation, to_relation) -%}
{%- endmacro %}

{% macro create_schema(relation) -%}
    {%- do adapter.create_schema(relation) -%}
{%- endmacro %}

{% macro drop_schema(relation) -%}
    {%- do adapter.drop_schema(relation) -%}
{%- endmacro %}

{% macro create_table_as(temporary, relation, compiled_code, language='sql') -%}
    {{ return(adapter.dispatch('create_table_as', 'dbt')(temporary, relation, compiled_code)) }}
{%- endmacro %}

{% macro default__create_table_as(temporary, relation, compiled_code) -%}
    create {{ 'temporary ' if temporary }}table {{ relation.include(database=false, schema=not temporary) }} as (
    {{ compiled_code }}
    )
{%- endmacro %}

{% macro get_create_table_as_sql(temporary, relation, sql) -%}
    {{ return(create_table_as(temporary, relation, sql)) }}
{%- endmacro %}

{% macro create_view_as(relation, sql) -%}
    {{ return(adapter.dispatch('create_view_as', 'dbt')(relation, sql)) }}
{%- endmacro %}

{% macro default__create_view_as(relation, sql) -%}
    create view {{ relation.include(database=false) }} as (
    {{ sql }}
    )
{%- endmacro %}

{% macro get_create_view_as_sql(relation, sql) -%}
    {{ return(create_view_as(relation, sql)) }}
{%- endmacro %}

{% macro get_columns_in_relation(relation) -%}
    {{ return(adapter.get_columns_in_relation(relation)) }}
{%- endmacro %}

{% macro get_columns_in_query(select_sql) -%}
    {{ return(adapter.get_column_schema_from_query(select_sql) | map(attribute='name') | list) }}
{%- endmacro %}

{% macro get_column_schema_from_query(select_sql, select_sql_header=none) -%}
    {{ return(adapter.get_column_schema_from_query(select_sql)) }}
{%- endmacro %}

{% macro run_hooks(hooks, inside_transaction=True) -%}
    {%- for hook in hooks if hook.transaction == inside_transaction -%}
        {%- set statement_of_hook = render(hook.sql) | trim -%}
        {%- if statement_of_hook -%}{%- do adapter.add_query(statement_of_hook) -%}{%- endif -%}
    {%- endfor -%}
{%- endmacro %}

{% macro noop_statement(name=none, message=none, code=none, rows_affected=none, res=none) -%}
    {{- write(caller()) -}}
    {%- if name is not none -%}
        {{ store_raw_result(name, message=message, code=code, rows_affected=rows_affected, agate_table=res) }}
    {%- endif -%}
{%- endmacro %}

{% macro make_hook_config(sql, inside_transaction) -%}
    {{ tojson({'sql': sql, 'transaction': inside_transaction}) }}
{%- endmacro %}

{% macro before_begin(sql) -%}{{ make_hook_config(sql, inside_transaction=false) }}{%- endmacro %}

{% macro in_transaction(sql) -%}{{ make_hook_config(sql, inside_transaction=true) }}{%- endmacro %}

{% macro after_commit(sql) -%}{{ make_hook_config(sql, inside_transaction=false) }}{%- endmacro %}

{% macro set_sql_header(config) -%}
    {%- do config.set('sql_header', caller()) -%}
{%- endmacro %}

{#- Rights, comments and indexes are given by the engine to whatever a materialization made. -#}

{% macro apply_grants(relation, grant_config, should_revoke=True) -%}{%- endmacro %}

{% macro should_revoke(existing_relation, full_refresh_mode=True) -%}{{ return(existing_relation is not none) }}{%- endmacro %}

{% macro persist_docs(relation, model, for_relation=true, for_columns=true) -%}{%- endmacro %}

{% macro create_indexes(relation) -%}{%- endmacro %}

{% macro snapshot_get_time() -%}
    {{ return(adapter.dispatch('snapshot_get_time', 'dbt')()) }}
{%- endmacro %}

{% macro default__snapshot_get_time() -%}
    now()::timestamp without time zone
{%- endmacro %}

{% macro duckdb__snapshot_get_time() -%}
    now()::timestamp
{%- endmacro %}
