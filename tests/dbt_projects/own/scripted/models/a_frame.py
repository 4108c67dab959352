import pandas as pd


def doubled(frame):
    frame["twice"] = frame["n"] * 2
    return frame


def model(dbt, session):
    frame = dbt.ref("numbers").df()
    return pd.DataFrame(doubled(frame)[["n", "twice"]])
