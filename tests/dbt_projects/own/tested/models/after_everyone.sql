select count(*) as n from {{ ref("everyone") }}
