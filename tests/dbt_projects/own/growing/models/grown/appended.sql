{{ config(incremental_strategy='append') }}
select id, day, word from {{ ref('events') }}
{% if is_incremental() %}where day > (select max(day) from {{ this }}){% endif %}
