"""Singer taps as sources: a small tap of our own, whose behaviour its config says."""

import json
import sys
import textwrap

import duckdb
import pytest

TAP = """
import json, os, sys
args = dict(zip(sys.argv[1::2], sys.argv[2::2]))
config = json.load(open(args["--config"]))
SCHEMA = {"type": "object", "properties": {
    "id": {"type": "integer"},
    "at": {"type": ["null", "string"], "format": "date-time"},
    "price": {"type": ["null", "number"], "multipleOf": 0.01},
    "exact": {"type": "string", "format": "singer.decimal", "additionalProperties": {"precision": 20, "scale": 4}},
    "note": {"type": ["null", "string"]},
    "more": {"type": ["null", "object"]},
}}

def say(**message):
    sys.stdout.write(json.dumps(message) + "\\n")
    sys.stdout.flush()

if "--discover" in sys.argv:
    if config.get("mute"):
        sys.exit("I cannot discover")
    streams = [{"tap_stream_id": "shop-orders", "stream": "orders", "key_properties": ["id"], "schema": SCHEMA,
                "metadata": [{"breadcrumb": [], "metadata": {"inclusion": "available"}}]},
               {"tap_stream_id": "shop-others", "stream": "others", "schema": {"properties": {}}, "metadata": []}]
    print(json.dumps({"streams": streams}))
    sys.exit()

catalog = json.load(open(args["--catalog"]))
(one,) = [entry for entry in catalog["streams"] if entry["metadata"][0]["metadata"]["selected"]]
state = json.load(open(args["--state"])) if "--state" in args else {}
print("INFO started with state", state, file=sys.stderr)
say(type="SCHEMA", stream="others", schema={"properties": {}}, key_properties=[])
say(type="SCHEMA", stream="orders", schema=SCHEMA, key_properties=["id"])
if config.get("version"):
    say(type="ACTIVATE_VERSION", stream="orders", version=1)
first = state.get("next", 0)
for number in range(first, config["rows"]):
    if number == config.get("crash_at") and first == 0 and not os.path.exists("crashed"):
        open("crashed", "w").close()
        print("CRITICAL token s3cr3ttoken refused", file=sys.stderr)
        sys.exit(3)
    if number == config.get("garbage_at"):
        print("Traceback: something", flush=True)
    say(type="RECORD", stream="others", record={"id": number})
    say(type="RECORD", stream="orders", record={"id": number, "at": "2026-01-01T10:00:00Z", "price": 0.1 + number,
        "exact": "1.2500", "note": '{"type": "STATE", "value": 1}', "more": {"a": [number]}})
    if config.get("state_every") and (number + 1) % config["state_every"] == 0:
        say(type="STATE", value={"next": number + 1})
if config.get("batch"):
    say(type="BATCH", stream="orders", encoding={"format": "jsonl", "compression": "gzip"}, manifest=[config["batch"]])
say(type="STATE", value={"next": config["rows"]})
"""


@pytest.fixture
def project(tmp_path):
    """`project(rows=5)` writes a project of the tap with that config; `stream` are the keys of its stream."""

    def write(
        *, url="duckdb:///p.duckdb", stream="{stream: shop-orders}", name="orders", command=None, catalog=None, **config
    ):
        (tmp_path / "tap.py").write_text(TAP)
        said = {
            "type": "singer",
            "command": command or [sys.executable, "tap.py"],
            "config": {"token": "secret:tap_token", "rows": 5, **config},
            **({"catalog": catalog} if catalog else {}),
        }
        text = f"type: singer\ncommand: {json.dumps(said['command'])}\nconfig: {json.dumps(said['config'])}\n"
        text += f"catalog: {catalog}\n" * bool(catalog) + f"streams:\n  {name}: {stream}\n"
        whole = f"name: p\ntargets: {{dev: '{url}'}}\nsources:\n  tap:\n" + textwrap.indent(text, "    ")
        (tmp_path / "headrace.yml").write_text(whole)
        return tmp_path

    return write


@pytest.fixture
def load(run):
    def call(*more):
        return run("load", *more, env={"TAP_TOKEN": "s3cr3ttoken"})

    return call


def test_a_taps_rows_have_its_keys_and_its_exact_types(load, project, tmp_path):
    project()

    ended = load()

    assert ended.code == 0, ended.out
    assert "5 rows read = 5 inserted" in ended.out
    with duckdb.connect(str(tmp_path / "p.duckdb")) as session:
        types = dict(
            session.execute(
                "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = 'orders'"
            ).fetchall()
        )
        rows = session.execute(
            "SELECT id, price::TEXT, exact::TEXT, note, more::TEXT FROM tap.orders ORDER BY id"
        ).fetchall()
        assert session.execute("SELECT disposition FROM headrace.loads").fetchall() == [("merge",)]
    assert (types["id"], types["price"], types["exact"]) == ("BIGINT", "DECIMAL(38,2)", "DECIMAL(20,4)")
    assert types["at"] == "TIMESTAMP WITH TIME ZONE"
    assert rows[4] == (4, "4.10", "1.2500", '{"type": "STATE", "value": 1}', '{"a":[4]}')


def test_the_state_is_committed_with_its_rows_and_handed_back(load, project, target):
    url, ask = target
    project(url=url)
    load()
    project(url=url, rows=8)

    ended = load("-o", "json")

    loaded = json.loads(ended.out)["loads"][0]
    assert (loaded["read"], loaded["inserted"]) == (3, 3)
    assert ask("SELECT count(*), max(id) FROM tap.orders") == [(8, 7)]
    state = json.loads(ask("SELECT state FROM headrace.loads ORDER BY committed_at DESC LIMIT 1")[0][0])
    assert state["resume"]["state"] == {"next": 8}


def test_a_load_with_nothing_new_keeps_the_state(load, project, target):
    url, ask = target
    project(url=url)
    load()

    again, then = load(), load()

    assert "0 rows read" in again.out
    assert "0 rows read" in then.out
    assert ask("SELECT count(*) FROM tap.orders") == [(5,)]


@pytest.mark.parametrize("state_every", [None, 2])
@pytest.mark.parametrize("how", ["append", "merge"])
def test_a_tap_that_breaks_off_loses_nothing_and_brings_nothing_twice(load, project, target, state_every, how):
    url, ask = target
    project(
        url=url,
        rows=9,
        crash_at=7,
        state_every=state_every,
        stream=f"{{stream: shop-orders, write_disposition: {how}}}",
    )

    broken = load()
    again = load()

    assert broken.code == 1
    assert "the tap ended with code 3" in broken.out
    assert "CRITICAL token *** refused" in broken.out
    assert again.code == 0, again.out
    assert ask("SELECT count(*), count(DISTINCT id) FROM tap.orders") == [(9, 9)]


def test_a_replaced_table_is_read_whole_each_time(load, project, tmp_path):
    project(stream="{stream: shop-orders, write_disposition: replace}", version=True)
    load()

    ended = load()

    assert "5 rows read = 5 inserted" in ended.out
    assert "warning" not in ended.out


def test_a_full_refresh_hands_back_no_state(load, project):
    project()
    load()

    assert "5 rows read" in load("-f").out


def test_a_new_version_of_a_table_that_is_not_replaced_is_said(load, project):
    project(version=True)

    assert "the tap began a new version of the table" in load().out


def test_a_batch_of_a_file_is_rows(load, project, tmp_path):
    import gzip

    path = tmp_path / "batch.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"id": 100, "price": 1.5}\n{"id": 101, "price": 2.25}\n'))
    project(batch=f"file://{path}")

    ended = load()

    assert "7 rows read = 7 inserted" in ended.out, ended.out


def test_incremental_asks_the_tap_for_that_replication_key(load, project, tmp_path):
    project(stream="{stream: shop-orders, incremental: at}")
    (tmp_path / "spy.py").write_text(
        "import shutil, sys, runpy\n"
        "if '--catalog' in sys.argv: shutil.copy(sys.argv[sys.argv.index('--catalog') + 1], 'seen.json')\n"
        "runpy.run_path('tap.py', run_name='__main__')\n"
    )
    project(stream="{stream: shop-orders, incremental: at}", command=[sys.executable, "spy.py"])

    ended = load()

    assert ended.code == 0, ended.out
    said = json.loads((tmp_path / "seen.json").read_text())["streams"][0]["metadata"][0]["metadata"]
    assert (said["replication-method"], said["replication-key"]) == ("INCREMENTAL", "at")
    with duckdb.connect(str(tmp_path / "p.duckdb")) as session:
        assert (
            session.execute("SELECT cursor_value FROM headrace.loads").fetchone()[0].startswith("2026-01-01T10:00:00")
        )


def test_a_catalog_file_stands_for_a_tap_that_cannot_discover(load, project, tmp_path):
    (tmp_path / "catalog.json").write_text(
        json.dumps({"streams": [{"tap_stream_id": "orders", "stream": "orders", "schema": {}}]})
    )
    project(mute=True, catalog="catalog.json", stream="{}")

    ended = load()

    assert "5 rows read = 5 inserted" in ended.out, ended.out


@pytest.mark.parametrize(
    ("called", "told"), [("order", "; did you mean 'orders'?"), ("xyz", "of which `catalog:` names a file\n")]
)
def test_a_tap_that_sends_nothing_but_other_streams_is_told_of(load, project, tmp_path, called, told):
    (tmp_path / "catalog.json").write_text(
        json.dumps({"streams": [{"tap_stream_id": called, "stream": called, "schema": {}}]})
    )
    project(mute=True, catalog="catalog.json", stream="{}", name=called)

    ended = load()

    assert ended.code == 0, ended.out
    assert f"tap.{called}: the tap sent nothing of '{called}', but messages of 'orders', 'others'" in ended.out
    assert told in ended.out


def test_a_tap_that_has_nothing_new_is_no_reason_for_a_word(load, project):
    project(rows=0)

    assert "warning" not in load().out


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"command": ["no-such-tap"]}, "'no-such-tap' cannot be started"),
        ({"mute": True}, "I cannot discover"),
        ({"stream": "{stream: shop-order}"}, "did you mean 'shop-orders'?"),
        ({"garbage_at": 3}, "a line that is no message of Singer's: Traceback: something"),
        ({"command": [sys.executable, "-c", "print('hello')"]}, "is no catalog: 'hello"),
        ({"command": [sys.executable, "-c", "print('[]')"]}, "has no list of streams"),
        ({"catalog": "nowhere.json"}, "there is no file nowhere.json"),
        ({"batch": "s3://bucket/key"}, "is no file of this machine"),
        ({"batch": "file:///nowhere/at/all"}, "a batch of the tap cannot be read"),
    ],
)
def test_what_a_tap_does_wrong_is_told(load, project, said, told):
    project(**said)

    ended = load()

    assert ended.code == 1
    assert told in ended.out
    assert "Traceback (most" not in ended.out + ended.err
    assert "s3cr3ttoken" not in ended.out + ended.err


def test_a_tap_without_streams_is_refused(run, tmp_path):
    (tmp_path / "headrace.yml").write_text(
        "name: p\ntargets: {dev: duckdb:///p.duckdb}\nsources:\n  tap: {type: singer, command: tap-x, streams: {}}\n"
    )

    ended = run("load")

    assert ended.code == 2
    assert "headrace.yml:4" in ended.err
