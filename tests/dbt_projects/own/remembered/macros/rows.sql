{% macro rows_of_the_day() %}(
    select 1 as id, 'a{% if var("day") >= 2 %}2{% endif %}' as word, cast('2026-01-0{{ var("day") if var("day") >= 2 else 1 }} 00:00:00' as timestamp) as changed
    {% if var("day") < 3 %}union all select 2, 'b', cast('2026-01-01 00:00:00' as timestamp){% endif %}
    {% if var("day") != 2 %}union all select 3, 'c', cast('2026-01-01 00:00:00' as timestamp){% endif %}
    {% if var("day") >= 2 %}union all select 4, 'd', cast('2026-01-02 00:00:00' as timestamp){% endif %}
) as rows_of_the_day{% endmacro %}
