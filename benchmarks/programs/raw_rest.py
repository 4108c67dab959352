"""The least that pages of an API into DuckDB cost: fetch some at once, keep them as they came, unnest them in one statement."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import urllib3

what, url, token, pages, at_once = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
pool = urllib3.PoolManager(maxsize=at_once, headers={"Authorization": f"Bearer {token}"})


def fetch(number: int) -> bytes:
    answer = pool.request("GET", f"{url}/records?page={number}")
    assert answer.status == 200, answer.status
    return answer.data


with ThreadPoolExecutor(at_once) as threads, Path("landed.jsonl").open("wb") as landed:
    for body in threads.map(fetch, range(1, pages + 1)):
        if what == "load":
            landed.write(body + b"\n")

if what == "load":
    import duckdb

    record = (
        "STRUCT(id BIGINT, created_at TIMESTAMP, name VARCHAR, email VARCHAR, country VARCHAR, amount DOUBLE, "
        "quantity BIGINT, active BOOLEAN, note VARCHAR, address STRUCT(city VARCHAR, zip VARCHAR))"
    )
    with duckdb.connect("out.duckdb") as session:
        session.execute(
            "CREATE TABLE records AS SELECT unnest(data, max_depth := 2) FROM read_json('landed.jsonl', "
            f"format = 'newline_delimited', columns = {{'data': '{record}[]'}})"
        )
