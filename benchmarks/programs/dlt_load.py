"""dlt with a file or a table of Postgres: with its best settings, as its documentation begins, or with Arrow made by hand."""

import json
import sys
from pathlib import Path

import dlt
from dlt.sources.filesystem import filesystem, read_csv, read_csv_duckdb, read_jsonl, read_parquet
from dlt.sources.sql_database import sql_table

BATCH = 100_000


def arrow(path):
    """Batches of a file of JSON lines, by pyarrow."""
    import pyarrow.json

    options = pyarrow.json.ReadOptions(block_size=8 << 20)
    with pyarrow.json.open_json(path, read_options=options) as batches:
        yield from batches


def rows(way, source, kind):
    """What dlt is given."""
    if kind == "postgres":
        url = source.replace("postgresql://", "postgresql+psycopg2://")
        if way == "default":
            return sql_table(credentials=url, table="records")
        if way == "best":
            return sql_table(
                credentials=url, table="records", backend="connectorx", reflection_level="full_with_precision"
            )
    if way == "arrow":
        return dlt.resource(arrow(source), name="records")
    readers = {
        ("jsonl", "best"): read_jsonl,
        ("jsonl", "default"): read_jsonl,
        ("csv", "best"): lambda: read_csv_duckdb(chunk_size=BATCH, use_pyarrow=True),
        ("csv", "default"): read_csv,
        ("parquet", "best"): lambda: read_parquet(chunksize=BATCH, use_pyarrow=True),
        ("parquet", "default"): read_parquet,
    }
    path = Path(source)
    files = filesystem(bucket_url=path.parent.as_uri(), file_glob=path.name)
    return (files | readers[kind, way]()).with_name("records")


def main():
    job = json.loads(sys.argv[1])
    resource = rows(job["way"], job["source"], job["kind"])
    if job["key"]:
        resource.apply_hints(write_disposition="merge", primary_key=job["key"])
    postgres, duckdb = dlt.destinations.postgres, dlt.destinations.duckdb
    target = postgres(job["target"]) if job["target"] else duckdb("out.duckdb")
    pipeline = dlt.pipeline("race", pipelines_dir="pipelines", destination=target, dataset_name="race")
    pipeline.run(resource, loader_file_format=None if job["way"] == "default" else "parquet")


main()
