"""dlt's own way for files of JSON lines, with its Parquet loader."""

import sys
from pathlib import Path

import dlt
from dlt.sources.filesystem import filesystem, read_jsonl

source, database = Path(sys.argv[1]), sys.argv[2]
files = filesystem(bucket_url=source.parent.as_uri(), file_glob=source.name)
pipeline = dlt.pipeline(
    "race", pipelines_dir="pipelines", destination=dlt.destinations.duckdb(database), dataset_name="race"
)
pipeline.run((files | read_jsonl()).with_name("records"), loader_file_format="parquet")
