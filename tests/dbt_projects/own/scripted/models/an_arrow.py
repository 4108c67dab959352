import pyarrow.compute as pc


def model(dbt, session):
    table = dbt.ref("scripted", "numbers").to_arrow_table()
    return table.filter(pc.less(table["n"], 3))
