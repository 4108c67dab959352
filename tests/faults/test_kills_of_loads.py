"""SIGKILL at each moment of a load without a project: the same command again, and the target is what it should be."""

import shutil

import duckdb
import pytest
from deltalake import DeltaTable

MOMENTS = 24
"""How many of a load's moments are tried, evenly spread."""


@pytest.mark.crash
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("target", "seen"),
    [
        ("parquet:///{0}/lake", "lake/orders/*.parquet"),
        ("{0}/orders.csv", "orders.csv"),
        ("delta:///{0}/lake", "lake/orders"),
    ],
    ids=["folder", "file", "delta"],
)
@pytest.mark.parametrize("how", ["append", "merge"])
def test_killed_at_each_moment_a_file_has_each_row_once(killer, tmp_path, target, seen, how):
    work, day_one = tmp_path / "work", tmp_path / "day_one"
    (work / "in").mkdir(parents=True)
    (work / "in" / "1.csv").write_text("id,amount\n1,1\n2,2\n")
    options = ["--table", "orders"] if "lake" in target else []
    key = ["--primary-key", "id"] if how == "merge" else []
    argv = ["load", f"{work}/in/*.csv", target.format(work), *options, "--write-disposition", how, *key, "--no-color"]
    assert killer(argv)["code"] == 0, (tmp_path / "output").read_text()
    (work / "in" / "2.csv").write_text("id,amount\n2,3\n3,4\n")
    shutil.copytree(work, day_one)
    expected = [(1, 1), (2, 3), (3, 4)] if how == "merge" else [(1, 1), (2, 2), (2, 3), (3, 4)]
    moments, kills = killer(argv)["moments"], 0

    for number in range(0, moments, -(-moments // MOMENTS)):
        shutil.rmtree(work)
        shutil.copytree(day_one, work)  # new times of change would make the files new: copytree keeps them
        kills += killer(argv, moment=1 + number)["killed"]
        assert killer(argv)["code"] == 0, (tmp_path / "output").read_text()
        files = DeltaTable(work / seen).file_uris() if target.startswith("delta") else f"{work}/{seen}"
        rows = duckdb.read_csv(files) if seen.endswith("csv") else duckdb.read_parquet(files)
        rows = rows.project("id::INT, amount::INT").order("ALL").fetchall()
        assert rows == expected, f"killed at moment {number + 1} of {moments}"

    assert kills >= MOMENTS // 2
