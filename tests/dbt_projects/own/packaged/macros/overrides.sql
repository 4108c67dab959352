{% macro default__greeting(name) %}hello from the project, {{ name }}{% endmacro %}

{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- if custom_schema_name is none -%}{{ target.schema }}{%- else -%}{{ custom_schema_name | trim }}_{{ node.resource_type }}{%- endif -%}
{%- endmacro %}

{% macro generate_alias_name(custom_alias_name=none, node=none) -%}
    {%- if custom_alias_name -%}{{ custom_alias_name }}{%- elif node.resource_type == 'model' -%}m_{{ node.name }}{%- else -%}{{ node.name }}{%- endif -%}
{%- endmacro %}
