{% macro shout(x) %}{{ return(adapter.dispatch('shout', 'helper')(x)) }}{% endmacro %}
{% macro default__shout(x) %}'{{ x }}!'{% endmacro %}
{% test not_negative(model, column_name, limit=0) %}select * from {{ model }} where {{ column_name }} < {{ limit }}{% endtest %}
