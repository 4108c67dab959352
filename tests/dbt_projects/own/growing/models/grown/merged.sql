{{ config(incremental_strategy='merge', unique_key='id') }}
select id, day, word, amount from {{ ref('events') }} where day = {{ var('day') }}
