{% macro tell(place, what) %}insert into {{ target.schema }}.told values ('{{ place }}', '{{ what | replace("'", "") }}'){% endmacro %}

{% macro noted(node) %}
    {%- set comment = {'app': 'corpus', 'target': target.name} -%}
    {%- if node -%}{%- do comment.update(node=node.unique_id) -%}{%- endif -%}
    {{ return(tojson(comment)) }}
{% endmacro %}

{% macro tell_results(results) %}
    {% if execute %}
    {%- for result in results | sort(attribute='node.unique_id') %}
        {{ tell(result.node.resource_type ~ ' ' ~ result.node.name, result.status ~ ' ' ~ (result.failures if result.failures is not none else '-') ~ ' ' ~ (result.execution_time >= 0) ~ ' ' ~ (result.message is string) ~ ' ' ~ (result.to_dict() is mapping)) }};
    {%- endfor %}
    {% endif %}
{% endmacro %}
