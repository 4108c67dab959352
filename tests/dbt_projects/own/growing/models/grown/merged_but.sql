{{ config(incremental_strategy='merge', unique_key='id', merge_exclude_columns=['word']) }}
select id, day, word, amount from {{ ref('events') }} where day = {{ var('day') }}
