{#- Models that are files: where one goes that says no place of its own, and views over those that a run does not build. -#}

{% macro external_location(relation, config) -%}
    {%- set whole = (config.get('options') or {}).get('partition_by') is none -%}
    {{- adapter.external_root() }}/{{ relation.identifier }}{% if whole %}.{{ config.get('format') or 'parquet' }}{% endif -%}
{%- endmacro %}

{% macro register_upstream_external_models() -%}
    {%- if execute -%}
        {%- set seen = [] -%}
        {%- for key in selected_resources -%}
            {%- for one in graph.nodes.get(key, {}).get('depends_on', {}).get('nodes', []) -%}
                {%- set above = graph.nodes.get(one) -%}
                {%- if above and one not in seen and one not in selected_resources and above.config.materialized == 'external' -%}
                    {%- do seen.append(one) -%}
                    {%- set view = api.Relation.create(database=above.database, schema=above.schema, identifier=above.alias) -%}
                    {%- set options = dict(above.config.get('options') or {}) -%}
                    {%- if above.config.get('format') -%}{%- do options.update(format=above.config.format) -%}{%- endif -%}
                    {%- set location = above.config.get('location') or external_location(view, above.config) -%}
                    {%- do adapter.create_schema(view) -%}
                    {%- do run_query("create or replace view " ~ view ~ " as select * from '"
                        ~ adapter.external_read_location(location, options) ~ "'") -%}
                {%- endif -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
