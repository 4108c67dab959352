"""A merge by hand: the new rows, and the note of what was loaded, in one transaction."""

import sys

import duckdb

way, path = sys.argv[1:]
ROWS = f"read_parquet('{path}')"
WAYS = {
    "delete": [
        "DELETE FROM records WHERE EXISTS (SELECT 1 FROM staged WHERE staged.id = records.id)",
        "INSERT INTO records FROM staged",
    ],
    "merge": [
        (
            "MERGE INTO records USING staged ON records.id = staged.id "
            "WHEN MATCHED THEN UPDATE WHEN NOT MATCHED THEN INSERT"
        )
    ],
}

with duckdb.connect("out.duckdb") as session:
    session.execute("BEGIN")
    if way == "base":
        session.execute(f"CREATE TABLE records AS FROM {ROWS}")
        session.execute("CREATE TABLE state (loaded VARCHAR, loaded_at TIMESTAMP)")
    else:
        session.execute(f"CREATE TEMP TABLE staged AS FROM {ROWS}")
        for statement in WAYS[way]:
            session.execute(statement)
    session.execute("INSERT INTO state VALUES (?, current_timestamp::TIMESTAMP)", [path])
    session.execute("COMMIT")
