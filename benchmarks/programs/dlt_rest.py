"""dlt's rest_api with its Parquet loader."""

import sys

import dlt
from dlt.sources.rest_api import rest_api_source

url, token, database = sys.argv[1:]
source = rest_api_source(
    {
        "client": {"base_url": url, "auth": {"type": "bearer", "token": token}},
        "resources": [
            {
                "name": "records",
                "endpoint": {
                    "path": "records",
                    "data_selector": "data",
                    "paginator": {"type": "page_number", "base_page": 1, "total_path": "pages"},
                },
            }
        ],
    }
)
pipeline = dlt.pipeline(
    "race", pipelines_dir="pipelines", destination=dlt.destinations.duckdb(database), dataset_name="race"
)
pipeline.run(source, loader_file_format="parquet")
