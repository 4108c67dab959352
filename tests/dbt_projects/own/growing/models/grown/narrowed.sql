{{ config(incremental_strategy='delete+insert', unique_key='id', incremental_predicates=['day > 1']) }}
select id, day, word from {{ ref('events') }} where day = {{ var('day') }}
