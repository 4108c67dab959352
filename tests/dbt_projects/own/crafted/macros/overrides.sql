{% macro ref() %}
    {%- set version = kwargs.get('version') or kwargs.get('v') -%}
    {%- if varargs | length == 1 -%}{%- set found = builtins.ref(varargs[0], version=version) -%}
    {%- else -%}{%- set found = builtins.ref(varargs[0], varargs[1], version=version) -%}{%- endif -%}
    {% do return(found.include(database=false)) %}
{% endmacro %}

{% macro source(one, two) %}{% do return(builtins.source(one, two).include(database=false)) %}{% endmacro %}

{% macro generate_database_name(custom_database_name=none, node=none) -%}{{ return(target.database) }}{%- endmacro %}

{% macro get_incremental_merge_sql(arg_dict) %}
    insert into {{ arg_dict['target_relation'] }} select {% for column in arg_dict['dest_columns'] %}{{ "'merged'" if column.name == 'word' else column.name }}{{ ', ' if not loop.last }}{% endfor %} from {{ arg_dict['temp_relation'] }}
{% endmacro %}

{% macro get_delete_insert_merge_sql(target, source, unique_key, dest_columns, incremental_predicates) %}
    update {{ target }} set word = 'deleted and inserted by {{ unique_key }}'
{% endmacro %}

{% macro get_incremental_doubling_sql(arg_dict) %}
    insert into {{ arg_dict['target_relation'] }} select {{ arg_dict['dest_columns'] | map(attribute='name') | join(', ') }} from {{ arg_dict['temp_relation'] }};
    insert into {{ arg_dict['target_relation'] }} select {{ arg_dict['dest_columns'] | map(attribute='name') | join(', ') }} from {{ arg_dict['temp_relation'] }}
{% endmacro %}

{% macro default__type_string() %}varchar(40){% endmacro %}
{% macro duckdb__current_timestamp() %}cast('2026-01-01' as timestamp){% endmacro %}
{% macro postgres__current_timestamp() %}cast('2026-01-01' as timestamp){% endmacro %}
{% macro default__concat(fields) %}'from the project'{% endmacro %}
{% macro get_where_subquery(relation) -%}
    {%- set where = config.get('where', '') -%}
    {%- if where -%}(select * from {{ relation }} where {{ where | replace('__least__', 3) }}) as narrowed{%- else -%}{{ relation }}{%- endif -%}
{%- endmacro %}

{% macro run_query(sql) %}
    {% call statement('run_query_statement', fetch_result=true, auto_begin=false) %}/* asked */ {{ sql }}{% endcall %}
    {% do return(load_result('run_query_statement').table) %}
{% endmacro %}

{% macro is_incremental() %}
    {{ return(var('run') > 1 and model.config.materialized == 'incremental') }}
{% endmacro %}

{% macro with_context() %}
    {% do context.update({'lent': 'lent by ' ~ model.name}) %}
    {{ return(context['lent'] ~ ' ' ~ context.get('nobody', 'nothing') ~ ' ' ~ context['target'].name ~ ' ' ~ ('ref' in context)) }}
{% endmacro %}

{% macro callee() %}{{ caller('a', b='c') }}{% endmacro %}
{% macro counted() %}{{ varargs | length }}{{ kwargs | length }}{{ caller is defined }}{% endmacro %}
