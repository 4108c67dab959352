def model(dbt, session):
    dbt.config(materialized="table", tags=["python"], packages=["pyarrow"])
    a = dbt.ref("orders")
    b = dbt.source("shop", "orders")
    return a.union(b).union(dbt.ref("dim", v=1))
