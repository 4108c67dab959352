select 1 as id, 5 as amount, cast('2026-01-01' as date) as day, 'a' as word union all select 2, 50, cast('2026-01-02' as date), null
