def model(dbt, session):
    return dbt.source("outside", "words").order("n").limit(2)
