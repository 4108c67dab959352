"""The numbers were computed from the GeoJSON file without headrace."""

import os
import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import duckdb

EXAMPLE = Path(__file__).parents[2] / "examples" / "earthquakes"
UNTIL = "1517800000000"
LAST_REVISION = "1517799069849"


def build(folder, *options):
    return subprocess.run(
        [sys.executable, str(folder / "serve.py"), *options, sys.executable, "-m", "headrace", "build"],
        env={**os.environ, "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def asked(done):
    return re.findall(r"GET (\S+) HTTP", done.stderr)


def rows(folder, query):
    with closing(duckdb.connect(str(folder / "earthquakes.duckdb"), read_only=True)) as connection:
        return connection.execute(query).fetchall()


def test_the_second_build_reads_only_what_was_revised_since(example):
    folder = example(EXAMPLE)

    first = build(folder, "--until", UNTIL)
    then = rows(folder, "SELECT count(*) FROM stg_quakes")
    second = build(folder)

    assert first.returncode == 0, first.stdout + first.stderr
    assert second.returncode == 0, second.stdout + second.stderr
    assert then == [(956,)]
    assert rows(folder, "SELECT count(*), count(DISTINCT quake_id) FROM stg_quakes") == [(1679, 1679)]
    assert len(asked(first)) >= 5
    assert not [path for path in asked(first) if "updated_after" in path]
    assert len(asked(second)) >= 4
    assert all(f"updated_after={LAST_REVISION}" in path for path in asked(second))


def test_quakes_are_counted_by_region_and_magnitude(example):
    folder = example(EXAMPLE)

    done = build(folder)

    assert done.returncode == 0, done.stdout + done.stderr
    classes = rows(
        folder,
        "SELECT magnitude_class, sum(quakes), max(strongest) FROM quakes_by_region GROUP BY 1 ORDER BY 2 DESC",
    )
    assert classes == [
        ("micro", 1241, 1.99),
        ("minor", 310, 3.9),
        ("light", 89, 4.9),
        ("moderate", 34, 5.7),
        ("strong", 5, 6.4),
    ]
    regions = rows(folder, "SELECT region, sum(quakes) FROM quakes_by_region GROUP BY 1 ORDER BY 2 DESC LIMIT 4")
    assert regions == [("California", 817), ("Alaska", 311), ("Nevada", 174), ("Puerto Rico", 47)]
