{{ config(incremental_strategy='append', full_refresh=false) }}
select id, {{ var('day') }} as run from {{ ref('events') }} where day = 1
