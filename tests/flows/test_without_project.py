"""`headrace load SOURCE TARGET`: the whole engine, and no file but the target."""

import contextlib
import json
import os
import pty
import re
import sqlite3
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import duckdb
import pytest

ORDERS = "id,amount,at\n1,10.50,2026-01-01\n2,20.25,2026-01-02\n3,,2026-01-03\n"


@pytest.fixture
def orders(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text(ORDERS)
    return path


@pytest.fixture
def shop(tmp_path):
    """A SQLite file with a table of two rows, and how to change it."""
    path = tmp_path / "shop.db"

    def change(*statements):
        with sqlite3.connect(path) as session:
            for statement in statements:
                session.execute(statement)

    change(
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, amount DECIMAL(10,2), updated_at TEXT)",
        "INSERT INTO orders VALUES (1, 10.5, '2026-01-01T00:00:00'), (2, 20.25, '2026-01-02T00:00:00')",
    )
    return change


@pytest.mark.usefixtures("orders")
def test_a_file_goes_into_a_table_and_every_row_is_accounted_for(run, target):
    url, ask = target

    ended = run("load", "orders.csv", url)

    assert ended.code == 0, ended.err + ended.out
    assert "3 rows read = 3 inserted" in ended.out
    assert "next: SELECT * FROM" in ended.out
    assert ask("SELECT id, amount FROM orders ORDER BY id")[0] == (1, pytest.approx(10.5))
    assert ask("SELECT read, inserted FROM headrace.loads") == [(3, 3)]


@pytest.mark.usefixtures("orders")
def test_the_same_file_again_changes_nothing_and_a_new_one_is_added(run, target, tmp_path):
    url, ask = target
    words = ("load", "*.csv", url, "--table", "raw.orders", "--primary-key", "id")
    first = run(*words)

    again = run(*words)
    (tmp_path / "more.csv").write_text("id,amount,at\n3,5.00,2026-02-01\n4,6.00,2026-02-01\n")
    more = run(*words)

    assert [one.code for one in (first, again, more)] == [0, 0, 0]
    assert "0 rows read" in again.out
    assert "2 rows read = 1 inserted + 1 updated" in more.out
    assert ask("SELECT count(*), count(amount) FROM raw.orders") == [(4, 4)]


def test_a_databases_cursor_is_kept_in_the_target(run, target, shop):
    url, ask = target
    words = ("load", "sqlite:///shop.db?table=orders", url, "--incremental", "updated_at")
    first = run(*words)
    shop("UPDATE orders SET amount = 11 WHERE id = 1", "INSERT INTO orders VALUES (3, 1, '2026-01-03T00:00:00')")

    then = run(*words, "-o", "json")

    assert first.code == 0, first.out
    load = json.loads(then.out)["loads"][0]
    assert load["inserted"] == 1  # the changed row lies before the cursor, and is not asked for
    assert ask("SELECT id FROM orders ORDER BY id") == [(1,), (2,), (3,)]
    assert ask("SELECT cursor_value FROM headrace.loads ORDER BY committed_at")[-1] == ("2026-01-03T00:00:00",)


def test_two_sources_of_one_table_have_each_their_own_cursor(run, shop, tmp_path):
    shop("CREATE TABLE old (id INTEGER PRIMARY KEY, updated_at TEXT)", "INSERT INTO old VALUES (9, '2020-01-01')")
    run("load", "sqlite:///shop.db?table=orders", "all.duckdb", "--table", "t", "--incremental", "updated_at")

    ended = run("load", "sqlite:///shop.db?table=old", "all.duckdb", "--table", "t", "--incremental", "updated_at")

    assert "1 row read = 1 inserted" in ended.out
    with duckdb.connect(str(tmp_path / "all.duckdb")) as session:
        assert session.sql("SELECT id FROM t ORDER BY id").fetchall() == [(1,), (2,), (9,)]


def test_a_query_is_a_source(run, shop, tmp_path):
    ended = run("load", "sqlite:///shop.db?query=SELECT id, 2 * id AS twice FROM orders", "x.duckdb", "--table", "t")

    assert ended.code == 0, ended.out
    with duckdb.connect(str(tmp_path / "x.duckdb")) as session:
        assert session.sql("SELECT twice FROM t ORDER BY id").fetchall() == [(2,), (4,)]


@pytest.fixture
def api():
    """A loopback API of 5 orders in pages of 2, which wants a token."""

    class Api(BaseHTTPRequestHandler):
        def do_GET(self):
            asked = parse_qs(urlsplit(self.path).query)
            if self.headers.get("Authorization") != "Bearer t0psecret" and asked.get("api_key") != ["t0psecret"]:
                self.send_response(401)
                self.end_headers()
                return
            page = int(asked.get("page", ["1"])[0])
            rows = [{"id": one} for one in range(1, 6)][2 * page - 2 : 2 * page]
            body = json.dumps({"data": rows, "next": None}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_an_api_is_a_source_whose_keys_are_those_of_a_project(run, api, tmp_path):
    ended = run(
        *("load", f"{api}/v1/orders.json", "x.duckdb", "--primary-key", "id"),
        *("--set", "data_selector=data", "--set", "paginator={type: page_number, base_page: 1, total_path: null}"),
        *("--set", "source.client.auth={type: bearer, token: secret:shop_token}"),
        env={"SHOP_TOKEN": "t0psecret"},
    )

    assert ended.code == 0, ended.out + ended.err
    assert "5 rows read = 5 inserted" in ended.out
    with duckdb.connect(str(tmp_path / "x.duckdb")) as session:
        assert session.sql("SELECT count(*) FROM orders").fetchall() == [(5,)]


def test_a_secret_is_printed_nowhere_and_written_nowhere(run, api, tmp_path):
    failed = run("load", f"{api}/orders?api_key=wr0ngsecret", "x.duckdb", "--log-format", "json", "-o", "json")
    reached = run("load", "postgresql://me:hunter2pass@127.0.0.1:1/db?table=t", "x.duckdb")
    into = run("load", "nothing.csv", "postgresql://me:hunter2pass@127.0.0.1:1/db", "-d")
    half = run("load", "postgresql://me:hunter2pass@127.0.0.1:1/db")

    assert [one.code for one in (failed, reached, into, half)] == [1, 1, 1, 2]
    for ended in (failed, reached, into, half):
        assert "wr0ngsecret" not in ended.out + ended.err
        assert "hunter2pass" not in ended.out + ended.err
    written = [path.read_bytes() for path in (tmp_path / ".headrace").rglob("*") if path.is_file()]
    assert written
    assert not [text for text in written if b"hunter2pass" in text or b"wr0ngsecret" in text]


def test_rows_that_break_a_declared_type_are_kept_out_and_counted(run, orders):
    ended = run("load", orders.name, "x.duckdb", "--columns", "id:bigint,amount:bigint")

    assert "3 rows read = 1 inserted + 2 quarantined" in ended.out
    assert "next: SELECT * FROM headrace.quarantine" in ended.out


def test_a_project_in_the_folder_takes_no_part(run, small):
    ended = run("load", "seeds/raw_orders.csv", "x.duckdb", "--state-dir", "elsewhere")

    assert ended.code == 0, ended.err
    assert "1 success" in ended.out
    assert (small / "elsewhere" / "history.db").is_file()
    assert not (small / ".headrace").exists()


@pytest.mark.usefixtures("orders")
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["orders.csv"], "takes a source and a target"),
        (["a.csv", "b.csv", "c.csv", "x.duckdb"], "one source and one target, and 4 words stand there"),
        (["--table", "x"], "--table goes with a source and a target"),
        (["orders.csv", "x.txt"], "is no target"),
        (["orders.csv", "duckdb://"], "has to be somewhere when the command ends"),
        (["orders.csv", "postgresqll://x/y"], "did you mean 'postgresql'?"),
        (["mysqll://x/y", "x.duckdb"], "did you mean 'mysql'?"),
        (["sqlite:///x.db", "x.duckdb"], "add ?table=NAME"),
        ([".", "x.duckdb"], "is a folder"),
        (["orders.csv", "x.duckdb", "--set", "delimter=x"], "did you mean 'delimiter'?"),
        (["orders.csv", "x.duckdb", "--set", "delimiter"], "is not KEY=VALUE"),
        (["orders.csv", "x.duckdb", "--set", "a=[1"], "the YAML cannot be read"),
        (["orders.csv", "x.duckdb", "--columns", "id"], "is not NAME:TYPE"),
        (["orders.csv", "x.duckdb", "--write-disposition", "apend"], "did you mean 'append'?"),
        (["orders.csv", "x.duckdb", "-s", "a"], "selects streams of a project"),
        (["orders.csv", "duckdb:///${NOPE}.duckdb"], "the variable NOPE has no value"),
    ],
)
def test_what_cannot_be_meant_is_said_before_anything_happens(run, tmp_path, words, told):
    ended = run("load", *words)

    assert ended.code == 2
    assert told in ended.err
    assert "Traceback" not in ended.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["orders.csv"]


@pytest.mark.usefixtures("orders")
def test_a_misspelt_file_says_which_there_is_and_how_to_go_on(run):
    ended = run("load", "ordrs.csv", "x.duckdb")

    assert ended.code == 1
    assert "there is orders.csv" in ended.out
    assert "next: headrace load ordrs.csv x.duckdb" in ended.out


@pytest.mark.parametrize("file", ["orders.parquet", "orders.csv", "orders.jsonl"])
def test_a_file_is_a_target_that_is_merged_into(run, tmp_path, file):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1.csv").write_text(ORDERS)
    first = run("load", "in/*.csv", f"out/{file}", "--primary-key", "id")
    (tmp_path / "in" / "2.csv").write_text("id,amount,at\n3,7.25,2026-01-03\n4,1.00,2026-01-04\n")

    then = run("load", "in/*.csv", f"out/{file}", "--primary-key", "id")

    assert first.code == 0, first.out + first.err
    assert "2 rows read = 1 inserted + 1 updated" in then.out
    rows = duckdb.sql(f"SELECT id, amount::VARCHAR FROM '{tmp_path}/out/{file}' ORDER BY id").fetchall()
    assert [(one, float(amount)) for one, amount in rows] == [(1, 10.5), (2, 20.25), (3, 7.25), (4, 1.0)]


@pytest.mark.parametrize("kind", ["parquet", "delta"])
@pytest.mark.usefixtures("shop")
def test_a_folder_is_a_target_with_a_table_for_each_load(run, tmp_path, kind):
    target = f"{kind}:///lake"
    run(
        "load", "sqlite:///shop.db?table=orders", target, "--incremental", "updated_at", "--write-disposition", "append"
    )

    again = run(
        "load", "sqlite:///shop.db?table=orders", target, "--incremental", "updated_at", "--write-disposition", "append"
    )

    assert again.code == 0, again.out
    assert "1 row read = 1 duplicate" in again.out
    files = f"{tmp_path}/lake/orders/*.parquet"
    assert duckdb.sql(f"SELECT id FROM '{files}' ORDER BY id").fetchall() == [(1,), (2,)]


@pytest.mark.usefixtures("orders")
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["out.parquet", "--table", "t"], "a file holds one table"),
        (["parquet:///"], "has to be somewhere when the command ends"),
        (["parqet:///lake"], "did you mean 'parquet'?"),
    ],
)
def test_what_cannot_be_a_file_target_is_said(run, words, told):
    ended = run("load", "orders.csv", *words)

    assert ended.code == 2
    assert told in ended.err


@pytest.mark.usefixtures("orders")
@pytest.mark.parametrize("kind", ["parquet", "delta"])
def test_a_folder_is_a_target_of_a_projects_loads_and_its_ledger_can_be_asked(run, tmp_path, kind):
    (tmp_path / "headrace.yml").write_text(
        f"name: p\ntargets: {{dev: '{kind}:///lake'}}\nsources:\n  f: {{type: files, path: orders.csv}}\n"
    )
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "m.sql").write_text("select * from {{ source('f', 'orders') }}")

    loaded, traced, built = run("load"), run("trace", "f.orders", "-o", "json"), run("run")

    assert loaded.code == 0, loaded.out
    assert json.loads(traced.out)["totals"]["inserted"] == 3
    assert built.code == 1
    assert "files hold tables, no views" in built.out


def test_on_a_terminal_a_load_shows_a_bar_that_grows(tmp_path):
    (tmp_path / "big.csv").write_text("id,name\n" + "".join(f"{n},name of {n}\n" for n in range(900_000)))
    screen, side = pty.openpty()
    command = [sys.executable, "-m", "headrace", "load", "big.csv", "out.duckdb"]
    shown = b""
    # A machine that builds has no reader, and is shown no bar.
    plain = {key: value for key, value in os.environ.items() if key != "CI"}
    with subprocess.Popen(command, cwd=tmp_path, stdin=side, stdout=side, stderr=side, env={**plain, "TERM": "xterm"}):
        os.close(side)
        with contextlib.suppress(OSError):  # what Linux says when the other side is closed
            while block := os.read(screen, 65536):
                shown += block
    os.close(screen)

    percents = [int(found) for found in re.findall(r"[━─]{20} +(\d+)%", shown.decode())]
    assert percents
    assert percents == sorted(percents)
    assert "900,000 rows read = 900,000 inserted" in shown.decode()
