{% macro greeting(name) %}{{ return(adapter.dispatch('greeting', 'toolbox')(name)) }}{% endmacro %}
{% macro default__greeting(name) %}hello from the package, {{ name }}{% endmacro %}
{% macro unit() %}{{ return(var('unit', 'none')) }}{% endmacro %}
{% macro doubled(column) %}{{ adapter.dispatch('doubled', 'toolbox')(column) }}{% endmacro %}
{% macro default__doubled(column) %}({{ column }} * 2){% endmacro %}
{% macro duckdb__doubled(column) %}({{ column }} + {{ column }}){% endmacro %}
{% test at_least(model, column_name, least=0) %}
select * from {{ model }} where {{ column_name }} < {{ least }}
{% endtest %}
