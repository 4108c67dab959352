"""dlt's merge of Arrow tables into DuckDB, with its Parquet loader."""

import sys

import dlt
import pyarrow.parquet as pq


@dlt.resource(name="records", write_disposition="merge", primary_key="id")
def records():
    yield pq.read_table(sys.argv[1])


pipeline = dlt.pipeline(
    "race", pipelines_dir="pipelines", destination=dlt.destinations.duckdb("out.duckdb"), dataset_name="race"
)
pipeline.run(records(), loader_file_format="parquet")
