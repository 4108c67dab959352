{{ config(incremental_strategy='append') }}
select id, {{ var('day') }} as run, '{{ is_incremental() }}' as grown from {{ ref('events') }} where day = 1
