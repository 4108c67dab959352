select count(*) as n from {{ ref('described') }} where id > {{ var('least', 0) }}
