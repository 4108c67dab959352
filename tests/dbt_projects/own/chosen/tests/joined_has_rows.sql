select 1 as one from {{ ref('joined') }} having count(*) < 1
