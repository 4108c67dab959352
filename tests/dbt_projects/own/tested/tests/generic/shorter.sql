{% test shorter(model, column_name, size) %}
    select {{ column_name }} from {{ model }} where length({{ column_name }}) > {{ size }}
{% endtest %}
