"""dlt's sql_database with its pyarrow backend, from Postgres into DuckDB, with its Parquet loader."""

import sys

import dlt
from dlt.sources.sql_database import sql_table

url = sys.argv[1].replace("postgresql://", "postgresql+psycopg2://")
pipeline = dlt.pipeline(
    "race", pipelines_dir="pipelines", destination=dlt.destinations.duckdb("out.duckdb"), dataset_name="race"
)
records = sql_table(credentials=url, table="records", backend="pyarrow", reflection_level="full_with_precision")
pipeline.run(records, loader_file_format="parquet")
