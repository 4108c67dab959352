select id, amount * 3 as amount from {{ ref("base") }}
