"""A table of Postgres into DuckDB by hand: ADBC gives Arrow, one CREATE TABLE AS takes it; numeric, which comes as text, is cast."""

import json
import sys

import duckdb
from adbc_driver_postgresql import dbapi

url, out, columns = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
wanted = ", ".join(
    f"CAST({name} AS {kind}) AS {name}" if kind.startswith("DECIMAL") else name for name, kind in columns.items()
)
with dbapi.connect(url) as session, session.cursor() as cursor, duckdb.connect(out) as target:
    cursor.execute("SELECT * FROM records")
    arrived = cursor.fetch_record_batch()
    target.register("arrived", arrived)
    target.execute(f"CREATE TABLE records AS SELECT {wanted} FROM arrived")
