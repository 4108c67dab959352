def model(dbt, session):
    numbers = dbt.ref("numbers")
    return numbers.aggregate("sum(n)::bigint as total, string_agg(word, '-' order by n) as words")
