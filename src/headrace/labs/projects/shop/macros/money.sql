{% macro money(expression) %}cast({{ expression }} as decimal(12, 2)){% endmacro %}
