"""A merge by hand on Postgres: rows go there by ADBC's COPY; the merge and the note of what was loaded are one transaction."""

import sys

import pyarrow.parquet as pq
from adbc_driver_postgresql import dbapi

way, path, url = sys.argv[1:]
file = pq.ParquetFile(path)
columns = ", ".join(file.schema_arrow.names)
changed = ", ".join(f"{name} = staged.{name}" for name in file.schema_arrow.names if name != "id")
WAYS = {
    "base": [
        "CREATE TABLE records AS SELECT * FROM staged",
        "CREATE TABLE state (loaded text, loaded_at timestamptz)",
    ],
    "delete": [
        "DELETE FROM records USING staged WHERE staged.id = records.id",
        f"INSERT INTO records ({columns}) SELECT {columns} FROM staged",
    ],
    "merge": [
        (
            f"MERGE INTO records USING staged ON records.id = staged.id WHEN MATCHED THEN UPDATE SET {changed} "
            f"WHEN NOT MATCHED THEN INSERT ({columns}) VALUES ({', '.join(f'staged.{name}' for name in file.schema_arrow.names)})"
        )
    ],
}

with dbapi.connect(url) as session, session.cursor() as cursor:
    cursor.adbc_ingest("staged", file.iter_batches(), mode="create", temporary=True)
    for statement in [*WAYS[way], f"INSERT INTO state VALUES ('{path}', now())"]:
        cursor.execute(statement)
    session.commit()
