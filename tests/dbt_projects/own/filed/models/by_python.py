def model(dbt, session):
    from filed_units import UNIT

    dbt.config(materialized="external", location="out/by_python.parquet")
    return dbt.source("raw", "orders").project(f"id, (amount * {UNIT})::bigint as cents")
