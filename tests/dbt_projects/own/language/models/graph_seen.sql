-- depends_on: {{ ref('words') }}
{% if execute %}
{%- for node in graph.nodes.values() | selectattr('resource_type', 'in', ['model', 'seed', 'test']) | sort(attribute='unique_id') %}
select '{{ node.unique_id }}' as id, '{{ node.name }}' as name, '{{ node.package_name }}' as package, '{{ node.config.materialized }}' as materialized,
    '{{ node.tags | sort | join(",") }}' as tags, '{{ node.depends_on.nodes | sort | join(",") }}' as parents, '{{ node.original_file_path }}' as path
{% if not loop.last %}union all{% endif %}
{%- endfor %}
{% endif %}
