select count(*) as n from {{ ref("warned") }}
