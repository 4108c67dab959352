"""One statement: the least that lines of CSV into DuckDB cost."""

import sys

import duckdb

COLUMNS = {
    "id": "BIGINT",
    "created_at": "TIMESTAMP",
    "updated_at": "TIMESTAMP",
    "customer_id": "BIGINT",
    "status": "VARCHAR",
    "country": "VARCHAR",
    "amount": "DECIMAL(12, 2)",
    "quantity": "BIGINT",
    "active": "BOOLEAN",
    "note": "VARCHAR",
    "email": "VARCHAR",
    "name": "VARCHAR",
}

with duckdb.connect(sys.argv[2]) as session:
    session.execute(f"CREATE TABLE records AS FROM read_csv('{sys.argv[1]}', header = true, columns = {COLUMNS})")
