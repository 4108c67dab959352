{% macro note(place, node) %}insert into {{ target.schema }}.hooked values ('{{ place }}', '{{ node }}'){% endmacro %}
