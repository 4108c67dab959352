select 1 as id, 'Ann' as full_name
