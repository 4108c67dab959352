{{ config(materialized='table') }}
{%- set answers = run_query('select 40 + 2 as answer') -%}
{%- set called -%}{% call(x, b='z') callee() %}{{ x }}{{ b }}{% endcall %}{%- endset -%}
select '{{ with_context() }}' as context, '{{ lent }}' as lent, {{ dbt.concat(['a', 'b']) }} as joined, {{ dbt.any_value('1') }} as any_one,
    '{{ dbt.type_string() }}' as string, {{ dbt.current_timestamp() }} as now, '{{ answers.columns[0].values()[0] if execute }}' as answer,
    '{{ called }}' as called, '{{ counted(1, 2, a=3) }}' as counted, '{{ ref("log") }}' as log, '{{ source("outside", "stamps") }}' as stamps,
    '{{ set_strict([1, 1]) | length }}{{ zip_strict([1], [2]) | list }}{{ local_md5("a") }}' as sets,
    '{{ model.name }} {{ model.unique_id }} {{ model.resource_type }} {{ model.config.materialized }} {{ model.fqn | join(".") }} {{ model.original_file_path }} {{ model.alias }} {{ model.package_name }} {{ model.path }}' as model,
    '{{ invocation_args_dict["which"] }} {{ invocation_args_dict["vars"]["run"] }}' as arguments, '{{ selected_resources | length > 3 }}{{ thread_id is string }}' as chosen,
    '{{ flags.WHICH }}{{ dbt_metadata_envs.get("TEAM") }}{{ invocation_id | length }}' as flags
