{% macro tax() %}7{% endmacro %}
