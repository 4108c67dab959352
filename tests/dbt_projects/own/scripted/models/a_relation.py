def model(dbt, session):
    dbt.config(materialized="table")
    return dbt.ref("numbers").filter("n > 1").project("n, upper(word) as word")
