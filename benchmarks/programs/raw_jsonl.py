"""One statement: the least that lines of JSON into DuckDB cost."""

import sys

import duckdb

COLUMNS = {
    "id": "BIGINT",
    "created_at": "TIMESTAMP",
    "name": "VARCHAR",
    "email": "VARCHAR",
    "country": "VARCHAR",
    "amount": "DOUBLE",
    "quantity": "BIGINT",
    "active": "BOOLEAN",
    "note": "VARCHAR",
    "address": "STRUCT(city VARCHAR, zip VARCHAR)",
}

with duckdb.connect(sys.argv[2]) as session:
    session.execute(
        f"CREATE TABLE records AS FROM read_json('{sys.argv[1]}', format = 'newline_delimited', columns = {COLUMNS})"
    )
