{% test a_generic(model, values) %}{{ config(fail_calc='sum(1)') }}select * from {{ model }} where 1 in ({{ values | join(',') }}){% endtest %}
{% macro shout_local() %}false{% endmacro %}
