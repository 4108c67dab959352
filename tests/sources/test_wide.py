"""Tables of many columns and of large cells: what is held in memory does not grow with them."""

from __future__ import annotations

import importlib.util
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

_spec = importlib.util.spec_from_file_location("sources_pulling", Path(__file__).with_name("pulling.py"))
pulling = importlib.util.module_from_spec(_spec)
sys.modules["sources_pulling"] = pulling
_spec.loader.exec_module(pulling)

MEASURED = """
import resource, sys
sys.argv = ["headrace", *sys.argv[1:]]
from headrace.cli.main import main
try:
    main()
finally:
    print("PEAK", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, file=sys.stderr)
"""


def loaded(tmp_path, url, table):
    """What a load of a table into DuckDB took at most, in MB."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("HEADRACE_", "DBT_"))}
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, "load", f"{url}{'&' if '?' in url else '?'}table={table}", "here.duckdb"],
        cwd=tmp_path,
        env=plain,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stderr.rpartition("PEAK ")[2].split()[0])


def held(tmp_path, sql):
    import duckdb

    with duckdb.connect(str(tmp_path / "here.duckdb"), read_only=True) as session:
        return session.execute(sql).fetchall()


@pytest.fixture
def shop(postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as session:
        yield session


def test_cells_of_a_megabyte_do_not_fill_the_memory(shop, postgres_url, tmp_path):
    # Repeated text is small on the server's disk, so that nothing but the reading tells how wide it is.
    shop.execute("CREATE TABLE documents (id int PRIMARY KEY, body text)")
    shop.execute("INSERT INTO documents SELECT i, repeat('lorem ipsum ', 87382) FROM generate_series(1, 600) AS i")
    shop.execute("CREATE TABLE small (id int PRIMARY KEY, body text)")
    shop.execute("INSERT INTO small SELECT i, 'x' FROM generate_series(1, 600) AS i")
    shop.execute("ANALYZE")

    little = loaded(tmp_path, postgres_url, "small")
    much = loaded(tmp_path, postgres_url, "documents")

    assert held(tmp_path, "SELECT count(*), min(length(body)), max(length(body)) FROM documents") == [
        (600, 1048584, 1048584)
    ]
    assert much - little < 500, f"{much} MB for 600 MB of text, {little} MB for nothing"


def test_two_hundred_columns_do_not_fill_the_memory(shop, postgres_url, tmp_path):
    columns = ", ".join(f"c{at} bigint" for at in range(200))
    shop.execute(f"CREATE TABLE wide (id int PRIMARY KEY, {columns})")
    shop.execute(
        f"INSERT INTO wide SELECT i, {', '.join(f'i * {at}' for at in range(200))} FROM generate_series(1, 100000) AS i"
    )
    shop.execute("ANALYZE")

    peak = loaded(tmp_path, postgres_url, "wide")

    assert held(tmp_path, "SELECT count(*), sum(c199) FROM wide") == [(100_000, 199 * 100_000 * 100_001 // 2)]
    assert peak < 700


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
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400) "
        "INSERT INTO documents SELECT i, zeroblob(1000000) FROM n"
    )
    session.execute("CREATE TABLE small AS SELECT id FROM documents")
    session.close()

    little = loaded(tmp_path, "sqlite:///shop.db", "small")
    much = loaded(tmp_path, "sqlite:///shop.db", "documents")

    assert held(tmp_path, "SELECT count(*), min(octet_length(body)) FROM documents") == [(400, 1_000_000)]
    assert much - little < 400, f"{much} MB for 400 MB of blobs, {little} MB for nothing"
