"""SIGKILL at each moment of a load, by each way of loading: the same command again, and the target is what it should be."""

import json
import shutil

import duckdb
import psycopg
import pytest
from deltalake import DeltaTable

from headrace.warehouse.opening import open_warehouse

MOMENTS = 7
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


@pytest.mark.crash
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", ["parquet", "delta"])
def test_killed_at_each_moment_of_a_load_that_brings_a_column_all_files_have_it_or_none(killer, tmp_path, kind):
    work, day_one = tmp_path / "work", tmp_path / "day_one"
    (work / "in").mkdir(parents=True)
    lake, pattern = f"{kind}:///{work}/lake", f"{work}/in/*.csv"
    argv = ["load", pattern, lake, "--table", "orders", "--write-disposition", "append", "--no-color"]
    for number in (1, 2, 3):
        (work / "in" / f"{number}.csv").write_text(f"id,amount\n{number},1\n")
        assert killer(argv)["code"] == 0, (tmp_path / "output").read_text()
    (work / "in" / "4.csv").write_text("id,amount,note\n4,5000000000,new\n")
    shutil.copytree(work, day_one)
    moments, kills = killer(argv)["moments"], 0

    for number in range(0, moments, -(-moments // MOMENTS)):
        shutil.rmtree(work)
        shutil.copytree(day_one, work)
        kills += killer(argv, moment=1 + number)["killed"]
        assert killer(argv)["code"] == 0, (tmp_path / "output").read_text()
        opened = open_warehouse(lake)
        with opened.connect() as connection:
            rows = connection.rows("SELECT id, amount, note FROM main.orders ORDER BY 1")
        opened.close()
        assert rows == [(1, 1, None), (2, 1, None), (3, 1, None), (4, 5_000_000_000, "new")]
        if kind == "parquet":
            seen = duckdb.sql(f"SELECT id, amount, note FROM '{work}/lake/orders/*.parquet' ORDER BY 1").fetchall()
            assert seen == rows, f"killed at moment {number + 1} of {moments}"

    assert kills >= MOMENTS // 2


FEWER = 5
"""The same for a load that takes longer."""
SHOP = """\
name: shop
targets: {{dev: "{target}"}}
sources:
  api:
    type: files
    streams:
      orders: {{path: data/*.jsonl, primary_key: id, nested: tables}}
"""
TOGETHER = """
SELECT o.id, l.sku, t.value FROM {orders} AS o
LEFT JOIN {lines} AS l ON l._headrace_root = o._headrace_row
LEFT JOIN {tags} AS t ON t._headrace_parent = l._headrace_row ORDER BY ALL
"""
FIRST = [(1, "a", "x"), (1, "b", None), (2, "c", None)]
SECOND = [(1, "b", "y"), (2, "c", None), (3, "d", "z")]


def held(work, kind):
    """What the tables have together, after a proof that none has a row that belongs to no other."""
    with duckdb.connect(str(work / "shop.duckdb") if kind == "duckdb" else ":memory:") as session:
        at = "api.{}" if kind == "duckdb" else f"read_parquet('{work}/lake/api.{{}}/*.parquet')"
        names = {
            name: at.format(f"orders{end}")
            for name, end in (("orders", ""), ("lines", "__lines"), ("tags", "__lines__tags"))
        }
        for child in ("lines", "tags"):
            alone = f"SELECT * FROM {names[child]} WHERE _headrace_root NOT IN (SELECT _headrace_row FROM {names['orders']})"
            assert session.execute(alone).fetchall() == []
        return session.execute(TOGETHER.format(**names)).fetchall()


@pytest.mark.crash
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("kind", ["duckdb", "parquet"])
def test_killed_at_each_moment_rows_and_the_tables_of_their_lists_agree(killer, tmp_path, kind):
    work, day_one = tmp_path / "work", tmp_path / "day_one"
    (work / "data").mkdir(parents=True)
    target = f"duckdb:///{work}/shop.duckdb" if kind == "duckdb" else f"parquet:///{work}/lake"
    (work / "headrace.yml").write_text(SHOP.format(target=target))
    write(work, 1, {"id": 1, "lines": [{"sku": "a", "tags": ["x"]}, {"sku": "b"}]}, {"id": 2, "lines": [{"sku": "c"}]})
    argv = ["load", "--project-dir", str(work), "--no-color"]
    assert killer(argv)["code"] == 0, (tmp_path / "output").read_text()
    write(work, 2, {"id": 1, "lines": [{"sku": "b", "tags": ["y"]}]}, {"id": 3, "lines": [{"sku": "d", "tags": ["z"]}]})
    shutil.copytree(work, day_one)
    moments, kills = killer(argv)["moments"], 0
    assert held(work, kind) == SECOND

    for number in range(0, moments, -(-moments // FEWER)):
        shutil.rmtree(work)
        shutil.copytree(day_one, work)
        kills += killer(argv, moment=1 + number)["killed"]
        if kind == "duckdb":  # what readers see of a folder is made whole by the next who opens it
            assert held(work, kind) in (FIRST, SECOND)
        assert killer(argv)["code"] == 0, (tmp_path / "output").read_text()
        assert held(work, kind) == SECOND, f"killed at moment {number + 1} of {moments}"

    assert kills >= FEWER // 2


def write(work, number, *rows):
    (work / "data" / f"{number}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))


KEYED = {"primary_key": "id", "incremental": "at"}
BERN, BIEL, CHUR = (1, "Bern", 1), (2, "Biel", 3), (3, "Chur", 4)
WAYS = {
    "insert_only": ({"write_disposition": "insert_only", "primary_key": "id"}, (), [BERN, (2, "Thun", 2), CHUR]),
    "delete_insert": ({"write_disposition": "delete_insert", "merge_key": "id"}, (), [BERN, BIEL, CHUR]),
    "scd2": (
        {"write_disposition": "scd2", **KEYED, "history": {"valid_to": "until"}},
        ("until",),
        [(*BERN, None), (2, "Thun", 2, 3), (*BIEL, None), (*CHUR, None)],
    ),
    "scd3": (
        {"write_disposition": "scd3", **KEYED, "history": {"previous": "city"}},
        ("previous_city",),
        [(*BERN, None), (*BIEL, "Thun"), (*CHUR, None)],
    ),
    "missing": ({"primary_key": "id", "deletes": {"missing": "hard"}}, (), [BIEL, CHUR]),
    "partitions": ({**KEYED, "partition_by": {"column": "at", "step": 2}}, (), [BERN, BIEL, CHUR]),
}
"""How a stream is loaded, what its table has besides the rows' own columns, and what is there after two days."""
AT_MOST = 4
"""How many moments of each way are tried."""


class Databases:
    """What a run works on: a folder and, where the target is a server, its database; kept and restored together."""

    def __init__(self, folder, server):
        self.folder, self.server = folder, server

    def _do(self, sql):
        with psycopg.connect(self.server, autocommit=True) as session:
            # A session of a process that was killed may still be on its way out.
            session.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'killed%'")
            session.execute(sql)

    def url(self, kind):
        if kind != "postgres":
            return {"duckdb": f"duckdb:///{self.folder}/w.duckdb", "parquet": f"parquet:///{self.folder}/lake"}[kind]
        self._do("DROP DATABASE IF EXISTS killed WITH (FORCE)")
        self._do("CREATE DATABASE killed")
        return self.server.replace("/postgres?", "/killed?")

    def keep(self, *, of_server):
        shutil.copytree(self.folder, self.folder.with_name("kept"))
        if of_server:
            self._do("DROP DATABASE IF EXISTS killed_kept")
            self._do("CREATE DATABASE killed_kept TEMPLATE killed")

    def restore(self, *, of_server):
        shutil.rmtree(self.folder)
        shutil.copytree(self.folder.with_name("kept"), self.folder)
        if of_server:
            self._do("DROP DATABASE killed WITH (FORCE)")
            self._do("CREATE DATABASE killed TEMPLATE killed_kept")


def found(url, columns):
    """The table's rows, and how many rows the ledger says were read and inserted."""
    opened = open_warehouse(url)
    with opened.connect() as connection:
        rows = connection.rows(f"SELECT {', '.join(columns)} FROM shop.cities ORDER BY 1, 3")
        counts = connection.rows("SELECT CAST(sum(read) AS BIGINT), CAST(sum(inserted) AS BIGINT) FROM headrace.loads")
    opened.close()
    return rows, counts[0]


@pytest.mark.crash
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("way", "kind"),
    [
        *((way, kind) for way in WAYS if way != "partitions" for kind in ("duckdb", "postgres")),
        ("partitions", "postgres"),
        ("partitions", "parquet"),
    ],
)
def test_killed_at_each_moment_of_each_way_of_loading_every_row_is_there_as_it_should_be(
    killer, tmp_path, postgres_server, way, kind
):
    spec, more, expected = WAYS[way]
    work, of_server = tmp_path / "work", kind == "postgres"
    (work / "in").mkdir(parents=True)
    databases = Databases(work, postgres_server)
    url, columns = databases.url(kind), ["id", "city", '"at"', *more]
    source = {"type": "files", "streams": {"cities": {"path": f"{work}/in/*.csv", **spec}}}
    (work / "headrace.yml").write_text(json.dumps({"name": "k", "targets": {"dev": url}, "sources": {"shop": source}}))
    argv = ["load", "--project-dir", str(work), "--no-color"]
    (work / "in" / "1.csv").write_text("id,city,at\n1,Bern,1\n2,Thun,2\n")
    assert killer(argv)["code"] == 0, (tmp_path / "output").read_text()
    news = "1.csv" if way == "missing" else "2.csv"
    (work / "in" / news).write_text("id,city,at\n2,Biel,3\n3,Chur,4\n")
    databases.keep(of_server=of_server)
    moments, kills = killer(argv)["moments"], 0
    read, inserted = found(url, columns)[1]

    for number in range(0, moments, -(-moments // AT_MOST)):
        databases.restore(of_server=of_server)
        kills += killer(argv, moment=1 + number)["killed"]
        assert killer(argv)["code"] == 0, (tmp_path / "output").read_text()
        rows, counts = found(url, columns)
        assert rows == expected, f"killed at moment {number + 1} of {moments}"
        # What is whole is read again each time, and found to be there.
        assert counts == (counts[0] if way == "missing" else read, inserted)

    assert kills >= AT_MOST // 2
