{{ config(unique_key='id') }}
select id, day, word from {{ ref('events') }} where day = {{ var('day') }}
