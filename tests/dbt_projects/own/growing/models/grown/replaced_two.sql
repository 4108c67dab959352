{{ config(incremental_strategy='delete+insert', unique_key=['id', 'day']) }}
select id, day, word || {{ var('day') }} as word from {{ ref('events') }} where day >= {{ var('day') }} - 1
