def model(dbt, session):
    dbt.config(materialized="incremental", incremental_strategy="delete+insert", unique_key="n")
    run = dbt.ref("runs").limit(1).fetchall()[0][0]
    numbers = dbt.ref("numbers")
    if dbt.is_incremental:
        return numbers.filter("n >= 2").project(f"n + {run} - 2 as n, 'grown {run}' as word")
    return numbers.project(f"n, 'made {run}' as word")
