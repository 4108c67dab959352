"""Tables of many columns and of large cells: what is held in memory does not grow with them."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys

import psycopg
import pytest
import sources_pulling as pulling

MEASURED = """
import json, resource, sys
from pathlib import Path
from headrace.batch import Batch
from headrace.extract.source import open_stream
from headrace.landing import Landing
from headrace.project.database_sources import Database, DatabaseStream
from headrace.project.file_sources import FilesStream
from headrace.project.sources import Stream
from headrace.retry import SYSTEM
from headrace.warehouse.embedded import Embedded

url, table, folder, most = sys.argv[1:]
database = Database(url=url, rows_per_batch=int(most)) if url else None
stream = Stream(source="shop", name=table, spec=DatabaseStream() if url else FilesStream(path=table), database=database, folder=folder)
local, package = Embedded.in_memory(), Landing(Path(folder) / "landing" / table).begin("shop." + table, None, "")
rows = size = largest = 0
for batch in open_stream(stream, cursor=None, resume={}, local=local, clock=SYSTEM, scratch=Path(folder)):
    if not isinstance(batch, Batch):
        continue
    package.write(batch)
    rows, size, largest = rows + batch.rows.num_rows, size + batch.rows.nbytes, max(largest, batch.rows.nbytes)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps({"rows": rows, "size": size >> 20, "largest": largest >> 20, "peak": peak}))
"""


def landed(tmp_path, url, table, most=100_000):
    """What came of a table, or without an address of a file, and how many MB the process that read and landed it held at most."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, url, table, str(tmp_path), str(most)],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def shop(postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as session:
        yield session


def test_cells_of_a_megabyte_do_not_fill_the_memory(shop, postgres_url, tmp_path):
    # Repeated text is small on the server's disk, so that nothing but the reading tells how wide it is.
    shop.execute("CREATE TABLE documents (id int PRIMARY KEY, body text)")
    shop.execute("INSERT INTO documents SELECT i, repeat('lorem ipsum ', 87382) FROM generate_series(1, 400) AS i")
    shop.execute("CREATE TABLE small (id int PRIMARY KEY, body text)")
    shop.execute("INSERT INTO small SELECT i, 'x' FROM generate_series(1, 400) AS i")
    shop.execute("ANALYZE")

    little = landed(tmp_path, postgres_url, "small")
    much = landed(tmp_path, postgres_url, "documents", most=200)

    assert (much["rows"], much["size"]) == (400, 400)
    assert much["largest"] <= 64
    assert much["peak"] - little["peak"] < 350, f"{much}, and for next to nothing {little}"


def test_two_hundred_columns_do_not_fill_the_memory(shop, postgres_url, tmp_path):
    columns = ", ".join(f"c{at} bigint" for at in range(200))
    shop.execute(f"CREATE TABLE wide (id int PRIMARY KEY, {columns})")
    shop.execute(
        f"INSERT INTO wide SELECT i, {', '.join(f'i * {at}' for at in range(200))} FROM generate_series(1, 50000) AS i"
    )
    shop.execute("ANALYZE")

    shop.execute("CREATE TABLE small AS SELECT 1 AS id")

    little = landed(tmp_path, postgres_url, "small")
    wide = landed(tmp_path, postgres_url, "wide")

    assert wide["rows"] == 50_000
    assert wide["largest"] <= 64
    assert wide["peak"] - little["peak"] < 350, f"{wide}, and for next to nothing {little}"


@pytest.mark.parametrize("columns", ["id int PRIMARY KEY, body text", "id int UNIQUE NOT NULL, body text"])
def test_a_range_that_turns_out_too_wide_is_cut_and_each_row_arrives_once(
    shop, postgres_url, tmp_path, monkeypatch, columns
):
    monkeypatch.setattr("headrace.extract.ranges.LARGEST", 200_000)
    shop.execute(f"CREATE TABLE things ({columns})")
    shop.execute(
        "INSERT INTO things SELECT i, repeat('x', CASE WHEN i IN (3, 4, 900) THEN 1000000 ELSE 500 END) FROM generate_series(1, 1000) AS i"
    )
    shop.execute("ANALYZE things")
    pull = pulling.Pull(postgres_url, tmp_path, rows_per_batch=400)
    with pytest.raises(pulling.Broken):
        pull.load("things", stop_after=3)

    entry = pull.load("things")

    assert (entry.read, entry.inserted) == (1000, 1000)
    assert pull.rows("SELECT count(DISTINCT id), sum(length(body)) FROM raw.things") == [(1000, 3_000_000 + 997 * 500)]
    sizes = [segment.rows for segment in pull.landing.loaded("shop.things")[0].segments]
    assert max(sizes) < 400
    assert min(sizes) <= 2
    pull.close()


def test_a_cut_range_is_of_the_same_state_as_the_others(shop, postgres_url, tmp_path, monkeypatch):
    monkeypatch.setattr("headrace.extract.ranges.LARGEST", 100_000)
    shop.execute("CREATE TABLE things (id int PRIMARY KEY, body text)")
    shop.execute("INSERT INTO things SELECT i, repeat('x', 1000) FROM generate_series(1, 1000) AS i")
    shop.execute("ANALYZE things")
    pull = pulling.Pull(postgres_url, tmp_path, rows_per_batch=400)
    from headrace.extract.source import open_stream
    from headrace.retry import SYSTEM

    arriving = open_stream(
        pull.stream("things"), cursor=None, resume={}, local=pull.connection.local, clock=SYSTEM, scratch=tmp_path
    )
    first = next(arriving)
    shop.execute("DELETE FROM things WHERE id > 500")
    rest = list(arriving)
    pull.close()

    assert sum(batch.rows.num_rows for batch in (first, *rest)) == 1000


def test_large_blobs_of_sqlite_come_a_few_at_a_time(tmp_path):
    session = sqlite3.connect(tmp_path / "shop.db", isolation_level=None)
    session.execute("CREATE TABLE documents (id INTEGER PRIMARY KEY, body BLOB)")
    session.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250) "
        "INSERT INTO documents SELECT i, zeroblob(1000000) FROM n"
    )
    session.execute("CREATE TABLE small AS SELECT id FROM documents")
    session.close()

    little = landed(tmp_path, "sqlite:///shop.db", "small")
    much = landed(tmp_path, "sqlite:///shop.db", "documents")

    assert much["rows"] == 250
    assert much["largest"] <= 64
    assert much["peak"] - little["peak"] < 350, f"{much}, and for next to nothing {little}"


def test_a_table_of_sqlite_has_as_many_columns_as_it_can_have(tmp_path):
    session = sqlite3.connect(tmp_path / "shop.db", isolation_level=None)
    session.execute(f"CREATE TABLE wide ({', '.join(f'c{n}' for n in range(1900))})")
    session.execute(f"INSERT INTO wide VALUES ({', '.join(map(str, range(1900)))})")
    session.close()

    assert landed(tmp_path, "sqlite:///shop.db", "wide")["rows"] == 1


@pytest.mark.parametrize("name", ["wide.csv", "wide.jsonl"])
def test_what_hundreds_of_columns_of_a_file_hold_is_asked_without_room_for_the_square_of_them(tmp_path, name):
    values = [7, "x", "2024-01-02", 1.50, True, 0.12345678901234567] * 50
    header = ",".join(f"c{n}" for n in range(len(values)))
    records = json.dumps({f"c{n}": value for n, value in enumerate(values)})
    rows = [header, *[",".join(map(str, values))] * 10] if name.endswith("csv") else [records] * 10
    (tmp_path / name).write_text("\n".join(rows) + "\n")
    (tmp_path / f"small-{name}").write_text("id,n\n1,2\n" if name.endswith("csv") else '{"id": 1}\n')

    little, wide = landed(tmp_path, "", f"small-{name}"), landed(tmp_path, "", name)

    assert wide["peak"] - little["peak"] < 350, f"{wide}, and for next to nothing {little}"
