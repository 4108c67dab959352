{% macro default__any_value(expression) %}'from the workshop'{% endmacro %}
{% macro default__concat(fields) %}'from the workshop'{% endmacro %}
{% materialization stamped, default %}
    {% do run_query('create table if not exists ' ~ target.schema ~ '.stamps (word varchar)') %}
    {% call statement('main') %}insert into {{ target.schema }}.stamps values ('default of the package'){% endcall %}
    {{ return({'relations': []}) }}
{% endmaterialization %}
