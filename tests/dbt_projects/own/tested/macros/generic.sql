{% test older_than(model, column_name, years=0) %}
    {{ config(fail_calc='coalesce(sum(age), 0)') }}
    select * from {{ model }} where {{ column_name }} <= {{ years }}
{% endtest %}
