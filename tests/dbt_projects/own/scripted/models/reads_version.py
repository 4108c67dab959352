def model(dbt, session):
    return dbt.ref("versioned", v=1).union(dbt.ref("versioned"))
