select count(*) as n from {{ ref('log') }}
