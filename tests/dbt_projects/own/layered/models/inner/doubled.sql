with base as (select * from {{ ref("base") }}) select id, amount * 2 as amount from base
