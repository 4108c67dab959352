def model(dbt, session):
    table = dbt.ref("numbers")
    if len(table) > 0:
        raise ValueError("no good")
    return table
