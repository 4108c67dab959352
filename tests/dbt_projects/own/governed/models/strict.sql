select 1 as id, 'x' as word, cast(1.5 as decimal(10, 2)) as amount
