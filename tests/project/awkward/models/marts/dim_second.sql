select 1 as id, 'x' as name from {{ ref('dim', v=1) }}
