{{ config(incremental_strategy='append', on_schema_change='append_new_columns') }}
select id, day{% if var('day') >= 2 %}, word{% endif %} from {{ ref('events') }} where day = {{ var('day') }}
