{% macro generate_schema_name(custom, node) %}{% if node.resource_type == 'seed' %}seeds_{{ target.name }}{% elif custom %}{{ custom | trim }}{% else %}{{ target.schema }}{% endif %}{% endmacro %}
{% macro note(x) %}select '{{ x }}'{% endmacro %}
{% macro awkward_list() %}{{ return(['a', 'b']) }}{% endmacro %}
{% macro default__shout(x) %}'{{ x }}!!'{% endmacro %}
