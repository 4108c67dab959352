def model(dbt, session):
    dbt.config(materialized="incremental")
    return session.sql("select 1 as n, 'x' as word")
