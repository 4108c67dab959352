select 'a' as word, 2 as rate
