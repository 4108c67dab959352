"""One statement: the least that a file of JSON lines or of CSV into DuckDB costs."""

import json
import sys

import duckdb

path, out, columns = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
call = (
    f"read_csv('{path}', header = true, columns = {columns})"
    if path.endswith(".csv")
    else f"read_json('{path}', format = 'newline_delimited', columns = {columns})"
)
with duckdb.connect(out) as session:
    session.execute(f"CREATE TABLE records AS FROM {call}")
