select 1 as one from (select count(*) as n from {{ ref('adults') }}) as a cross join (select count(*) as n from {{ ref('people') }}) as b where a.n > b.n
