"""A table of Postgres into DuckDB by hand: ADBC gives Arrow, one CREATE TABLE AS takes it; numeric, which comes as text, is cast."""

import sys

import duckdb
from adbc_driver_postgresql import dbapi

url, out = sys.argv[1:]
with dbapi.connect(url) as session, session.cursor() as cursor, duckdb.connect(out) as target:
    cursor.execute("SELECT * FROM records")
    arrived = cursor.fetch_record_batch()
    target.register("arrived", arrived)
    target.execute("CREATE TABLE records AS SELECT * REPLACE (CAST(amount AS DECIMAL(12, 2)) AS amount) FROM arrived")
