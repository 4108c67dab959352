select count(*) as n from {{ ref('wrong') }}
