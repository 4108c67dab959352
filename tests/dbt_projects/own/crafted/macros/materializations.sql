{% materialization logbook, default %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing = adapter.get_relation(database=this.database, schema=this.schema, identifier=this.identifier) -%}
    {%- set wanted = config.require('wanted') -%}
    {%- set word = config.get('word', default='none') -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {% if existing is none or should_full_refresh() %}
        {% if existing is not none %}{% do adapter.drop_relation(existing) %}{% endif %}
        {% call statement('main') %}
            create table {{ target_relation.include(database=false) }} as select entries.*, '{{ word }}' as word, 'made' as how from ({{ sql }}) as entries
        {% endcall %}
    {% else %}
        {%- set columns = adapter.get_columns_in_relation(existing) | map(attribute='name') | list -%}
        {% call statement('main') %}
            insert into {{ existing }} ({{ columns | map('lower') | join(', ') }}) select entries.*, '{{ word }}', 'added to {{ columns | length }} columns' from ({{ sql }}) as entries
        {% endcall %}
    {% endif %}
    {% call statement('counted', fetch_result=True) %}select count(*) from {{ target_relation }}{% endcall %}
    {%- set rows = load_result('counted')['data'][0][0] -%}
    {% if rows < wanted %}{% do exceptions.raise_compiler_error('the log has ' ~ rows ~ ' rows, ' ~ wanted ~ ' are wanted') %}{% endif %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{% materialization swapped, default %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set intermediate = make_intermediate_relation(target_relation) -%}
    {%- set backup = make_backup_relation(target_relation, 'table') -%}
    {%- set temporary = make_temp_relation(target_relation) -%}
    {{ drop_relation_if_exists(load_cached_relation(intermediate)) }}
    {{ drop_relation_if_exists(load_cached_relation(backup)) }}
    {{ run_hooks(pre_hooks) }}
    {% do run_query(create_table_as(True, temporary, 'select 1 as n')) %}
    {% call statement('main') %}{{ get_create_table_as_sql(False, intermediate, sql) }}{% endcall %}
    {% do create_indexes(intermediate) %}
    {% if existing is not none %}{% do adapter.rename_relation(existing, backup) %}{% endif %}
    {% do adapter.rename_relation(intermediate, target_relation) %}
    {{ run_hooks(post_hooks) }}
    {% do persist_docs(target_relation, model) %}
    {% do adapter.commit() %}
    {{ drop_relation_if_exists(backup) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{% materialization view, default %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {{ drop_relation_if_exists(load_cached_relation(this)) }}
    {% call statement('main') %}create table {{ target_relation.include(database=false) }} as select 'not a view' as kind, v.* from ({{ sql }}) as v{% endcall %}
    {% do adapter.commit() %}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{% materialization stamped, adapter='duckdb' %}
    {% do stamp('adapter of the project') %}
    {{ return({'relations': []}) }}
{% endmaterialization %}

{% materialization stamped, adapter='postgres' %}
    {% do stamp('adapter of the project') %}
    {{ return({'relations': []}) }}
{% endmaterialization %}

{% materialization stamped, default %}
    {% do stamp('default of the project') %}
    {{ return({'relations': []}) }}
{% endmaterialization %}

{% macro stamp(word) %}
    {% do run_query('create table if not exists ' ~ target.schema ~ '.stamps (word varchar)') %}
    {% call statement('main') %}insert into {{ target.schema }}.stamps values ('{{ word }}'){% endcall %}
    {% do adapter.commit() %}
{% endmacro %}

{% materialization nothing, default %}
    {% call noop_statement('main', 'nothing', 'NOTHING', 0) %}{{ sql }}{% endcall %}
    {{ return({'relations': []}) }}
{% endmaterialization %}
