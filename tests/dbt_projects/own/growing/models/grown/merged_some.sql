{{ config(incremental_strategy='merge', unique_key='id', merge_update_columns=['word']) }}
select id, day, word, amount from {{ ref('events') }} where day = {{ var('day') }}
