{{ config(materialized='table') }}
select 1 as id, 1 as day, 'a' as word, 10 as amount
union all select 2, 1, 'b', 20
{% if var('day') >= 2 %}union all select 2, 2, 'b2', 21 union all select 3, 2, 'c', 30{% endif %}
{% if var('day') >= 3 %}union all select 1, 3, 'a3', 11 union all select 4, 3, 'd', 40{% endif %}
