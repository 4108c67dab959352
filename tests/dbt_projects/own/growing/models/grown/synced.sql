{{ config(incremental_strategy='append', on_schema_change='sync_all_columns') }}
select id{% if var('day') < 2 %}, day{% else %}, word{% endif %} from {{ ref('events') }} where day = {{ var('day') }}
