select count(*) as n from {{ ref('bad') }}
