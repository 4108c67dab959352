def model(dbt, session):
    factor = dbt.config.get("factor")
    return dbt.ref("numbers").project(
        f"n * {factor} as n, '{dbt.this.identifier}' as name, {dbt.config.get('none_such', 7)} as seven"
    )
