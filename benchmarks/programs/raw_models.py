"""The least that models with tests cost: their SQL through the client, one commit for each."""

import json
from pathlib import Path

import duckdb

with duckdb.connect("out.duckdb") as session:
    session.execute("create table main.start as from read_csv('start.csv')")
    for create, test in json.loads(Path("steps.json").read_text()):
        session.execute("begin")
        session.execute(create).fetchall()
        assert session.execute(test).fetchone() == (0,)
        session.execute("commit")
