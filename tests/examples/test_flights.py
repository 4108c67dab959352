"""The numbers were computed from the CSV files without headrace."""

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import duckdb
import psycopg
import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "flights"
PUNCTUALITY = {
    # carrier: flights, cancelled, arrived, minutes late, more than a quarter of an hour late
    "9E": (18460, 1044, 17294, 127624, 4309),
    "AA": (32729, 636, 31947, 11638, 6004),
    "AS": (714, 2, 709, -7041, 102),
    "B6": (54635, 466, 54049, 511194, 14111),
    "DL": (48110, 349, 47658, 78366, 8690),
    "EV": (54173, 2817, 51108, 807324, 16028),
    "F9": (685, 3, 681, 14928, 254),
    "FL": (3260, 73, 3175, 63868, 1065),
    "HA": (342, 0, 342, -2365, 43),
    "MQ": (26397, 1234, 25037, 269767, 6777),
    "OO": (32, 3, 29, 346, 7),
    "UA": (58665, 686, 57782, 205589, 12592),
    "US": (20536, 663, 19831, 42232, 3559),
    "VX": (5162, 31, 5116, 9027, 924),
    "WN": (12275, 192, 12044, 116214, 2994),
    "YV": (601, 56, 544, 8463, 171),
}
WEATHER = {
    ("EWR", "fair"): (109534, 2273, 1465432),
    ("EWR", "poor"): (4532, 492, 114188),
    ("EWR", "unknown"): (642, 19, 10263),
    ("EWR", "wet"): (6127, 455, 186752),
    ("JFK", "fair"): (100361, 1244, 1039448),
    ("JFK", "poor"): (4713, 247, 124178),
    ("JFK", "unknown"): (546, 5, 7393),
    ("JFK", "wet"): (5659, 367, 154245),
    ("LGA", "fair"): (95432, 2374, 824990),
    ("LGA", "poor"): (3893, 384, 82311),
    ("LGA", "unknown"): (368, 4, 2860),
    ("LGA", "wet"): (4969, 391, 140140),
}


def build(folder, *arguments, **environment):
    return subprocess.run(
        [sys.executable, str(folder / "run.py"), "build", *arguments],
        env={**os.environ, "PYTHONUTF8": "1", **environment},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


def marts(query):
    punctuality = query("SELECT carrier, flights, cancelled, arrived, minutes_late, late FROM {}punctuality")
    weather = query("SELECT origin, conditions, flights, cancelled, minutes_late FROM {}weather_delays")
    return {row[0]: row[1:] for row in punctuality}, {row[:2]: row[2:] for row in weather}


def test_flights_are_built_in_duckdb(example):
    folder = example(EXAMPLE)

    done = build(folder)

    assert done.returncode == 0, done.stdout + done.stderr
    with closing(duckdb.connect(str(folder / "flights.duckdb"), read_only=True)) as connection:
        assert marts(lambda sql: connection.execute(sql.format("")).fetchall()) == (PUNCTUALITY, WEATHER)
        flights = connection.execute("SELECT count(*), count(dep_delay), sum(distance) FROM stg_flights").fetchall()
    assert flights == [(336_776, 328_521, 350_217_607)]


@pytest.mark.timeout(300)
def test_the_same_project_is_built_in_postgres(example, postgres_url):
    done = build(example(EXAMPLE), "-t", "postgres", FLIGHTS_POSTGRES_URL=postgres_url)

    assert done.returncode == 0, done.stdout + done.stderr
    with psycopg.connect(postgres_url) as connection:
        assert marts(lambda sql: connection.execute(sql.format("").encode()).fetchall()) == (PUNCTUALITY, WEATHER)
