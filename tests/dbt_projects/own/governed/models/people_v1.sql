select 1 as id, 'Ann' as name, 30 as age
