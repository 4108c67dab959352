{{ config(incremental_strategy='append', on_schema_change='fail') }}
select id, day{% if var('day') >= 3 %}, word{% endif %} from {{ ref('events') }} where day = {{ var('day') }}
