{{ config(meta={'owner': 'ann', 'nested': {'deep': [1, 2]}}) }}
select a.id from {{ ref('stg_a') }} as a left join {{ ref('stg_b') }} as b on a.id = b.id
