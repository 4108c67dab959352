"""Anything at all goes in; what comes out is a result or an error of ours. `HYPOTHESIS_PROFILE=long` looks for longer, by hand."""

import json
import os

import pytest
from faults_wire import Wire, answer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.batch import Batch
from headrace.cli.main import invoke
from headrace.cli.options import Asked
from headrace.errors import HeadraceError
from headrace.extract import rest, singer
from headrace.project.apis import Client
from headrace.project.loading import load_settings
from headrace.project.manifest import load_manifest
from headrace.project.rest_sources import RestStream
from headrace.project.singer_sources import SingerStream, Tap
from headrace.project.sources import Stream
from headrace.retry import SYSTEM, Clock
from headrace.warehouse.embedded import Embedded

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"


def examples(number):
    return settings(
        max_examples=number * 50 if LONG else number,
        deadline=None,
        derandomize=not LONG,
        suppress_health_check=list(HealthCheck),
    )


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["2026-01-31", "1e5", "{}", "\x00", "null"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
RECORDS = st.lists(
    st.dictionaries(
        st.sampled_from(["id", "Id", "a b", "", "x.y", "é", "select"]) | st.text(max_size=4), VALUES, max_size=5
    )
    | VALUES,
    max_size=6,
)
BODY = b'{"data": [{"id": 1, "name": "one", "at": {"x": 1.5}}, {"id": 2}], "more": false}'
PROJECT = """\
name: shop
targets:
  dev: duckdb:///shop.duckdb
vars: {day: 2026-01-31}
sources:
  api:
    type: rest
    client: {base_url: http://127.0.0.1:1, auth: {type: bearer, token: x}, rate_limit: {calls: 5, period: 1 s}}
    streams:
      orders: {path: orders, primary_key: id, incremental: updated_at, columns: {total: {type: "decimal(12,2)"}}}
  ref:
    type: files
    path: data/*.csv
models: {shop: {+materialized: table}}
"""
MODELS = """\
models:
  - name: one
    description: the only one
    config: {materialized: table, tags: [a, b]}
    columns:
      - {name: id, data_tests: [unique, not_null, {accepted_values: {values: [1, 2]}}]}
"""


@pytest.fixture(scope="module")
def local():
    opened = Embedded.in_memory()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def wire():
    with Wire() as served:
        yield served


def read(wire, local, body, **spec):
    """The rows that arrive, or the error of ours."""
    wire.answers["else"] = [body]
    declared = RestStream.model_validate({"path": "orders", "paginator": "single_page", **spec})
    client = Client.model_validate({"base_url": wire.url, "timeout": 0.2, "retry": {"max_attempts": 1}})
    clock = Clock(SYSTEM.now, SYSTEM.monotonic, lambda _: None, lambda: 0.5)
    stream = Stream(source="api", name="orders", spec=declared, client=client)
    try:
        return sum(
            one.read
            for one in rest.read(stream, cursor=None, resume={}, local=local, clock=clock)
            if isinstance(one, Batch)
        )
    except HeadraceError as error:
        return error


@given(RECORDS, st.booleans())
@examples(60)
def test_records_of_any_form_are_all_counted(wire, local, records, flat):
    spec = {"data_selector": "data", "nested": "flatten" if flat else "json"}

    got = read(wire, local, answer(json.dumps({"data": records}).encode()), **spec)

    assert got == len(records) or (isinstance(got, HeadraceError) and got.what)


@given(st.text(alphabet='[]{}",:0123456789.eE-+tfn \\u"aé\ud800\x00', max_size=60))
@examples(60)
def test_texts_that_look_like_json_are_records_or_an_error(wire, local, text):
    got = read(wire, local, answer(text.encode("utf-8", "surrogatepass")))

    assert isinstance(got, int) or got.what


@st.composite
def damaged(draw, whole):
    """Bytes of it deleted, changed, doubled or put in."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(["cut", "drop", "flip", "put", "double"])):
            case "cut":
                del data[at:]
            case "drop":
                del data[at : at + draw(st.integers(1, 9))]
            case "flip" if at < len(data):
                data[at] = draw(st.integers(0, 255))
            case "put":
                data[at:at] = draw(
                    st.binary(max_size=6)
                    | st.sampled_from([b"\r\n", b": ", b"[", b"}", b"- ", b"\t", b"&a ", b"*a", b"!!x "])
                )
            case "double":
                data[at:at] = data[at : at + draw(st.integers(1, 40))]
    return bytes(data)


@given(
    damaged(answer(BODY, "Content-Type: application/json"))
    | damaged(answer(BODY, "Transfer-Encoding: chunked"))
    | damaged(answer(BODY, "Content-Encoding: gzip"))
)
@examples(60)
def test_answers_with_damaged_bytes_are_records_or_an_error(wire, local, response):
    got = read(wire, local, response, data_selector="data")

    assert isinstance(got, int) or got.what


@given(damaged(PROJECT.encode()), damaged(MODELS.encode()), st.booleans())
@examples(80)
def test_damaged_yaml_is_a_project_or_an_error_with_a_place(tmp_path_factory, project, models, which):
    folder = tmp_path_factory.getbasetemp() / "fuzzed"
    (folder / "models").mkdir(parents=True, exist_ok=True)
    (folder / "headrace.yml").write_bytes(project if which else PROJECT.encode())
    (folder / "models" / "one.sql").write_text("select 1 as id")
    (folder / "models" / "one.yml").write_bytes(MODELS.encode() if which else models)

    refused = None
    try:
        load_manifest(load_settings(folder, None, {}))
    except HeadraceError as error:
        refused = error

    assert refused is None or (refused.what and (refused.where is not None or refused.code in WITHOUT_PLACE)), refused


WITHOUT_PLACE = ("HR101", "HR104", "HR207")
"""No project, no such target, two nodes of one name: these are about more than one line."""
WORDS = ["build", "ls", "run", "test", "show", "compile", "runs", "status", "trace", "quarantine", "explain", "-s", "--select", "-o", "json", "--vars", "{a: 1}", "--threads", "0", "-1", "x", "+one", "@", "source:*", "--limit", "--target", "", "--", "\x00", "HR101"]  # fmt: skip


@given(st.lists(st.sampled_from(WORDS) | st.text(max_size=6), max_size=5))
@examples(40)
def test_any_words_on_the_command_line_are_done_or_refused(tmp_path_factory, monkeypatch_module, capsys, words):
    folder = tmp_path_factory.getbasetemp() / "called"
    (folder / "models").mkdir(parents=True, exist_ok=True)
    (folder / "headrace.yml").write_text("name: called\ntargets: {dev: 'duckdb:///called.duckdb'}\n")
    (folder / "models" / "one.sql").write_text("select 1 as id")
    monkeypatch_module.chdir(folder)

    code = invoke(words, Asked.first_look(words))

    said = capsys.readouterr()
    assert code in (0, 1, 2, 3)
    assert "should not happen" not in said.err
    assert "HR000" not in said.out + said.err


ENV = b"# secrets\nTOKEN=abc\nexport USER='x y' # who\nEMPTY=\nLONG=\"a=b#c\"\n"
SELECTORS = b"""selectors:
  - name: nightly
    default: true
    definition:
      union:
        - {method: tag, value: nightly}
        - {method: fqn, value: one, parents: true}
        - intersection: [{method: path, value: models}, {exclude: [one]}]
  - name: plain
    definition: one+
"""


@given(damaged(ENV) | st.binary(max_size=40), damaged(SELECTORS), st.booleans())
@examples(40)
def test_damaged_files_beside_the_project_are_read_or_refused(
    tmp_path_factory, monkeypatch_module, capsys, env, selectors, which
):
    folder = tmp_path_factory.getbasetemp() / "beside"
    (folder / "models").mkdir(parents=True, exist_ok=True)
    (folder / "headrace.yml").write_text("name: beside\ntargets: {dev: 'duckdb:///${TOKEN:-one}.duckdb'}\n")
    (folder / "models" / "one.sql").write_text("select 1 as id")
    (folder / ".env").write_bytes(env if which else ENV)
    (folder / "selectors.yml").write_bytes(SELECTORS if which else selectors)
    words = ["--project-dir", str(folder), "ls", "--selector", "nightly"]

    code = invoke(words, Asked.first_look(words))

    said = capsys.readouterr()
    assert code in (0, 1, 2)
    assert "should not happen" not in said.err
    assert "HR000" not in said.out + said.err


MESSAGES = b"".join(
    json.dumps(one).encode() + b"\n"
    for one in (
        {
            "type": "SCHEMA",
            "stream": "s",
            "schema": {"properties": {"id": {"type": "integer"}}},
            "key_properties": ["id"],
        },
        {"type": "RECORD", "stream": "s", "record": {"id": 1, "x": None}},
        {"type": "RECORD", "stream": "other", "record": {"id": 1}},
        {"type": "RECORD", "stream": "s", "record": {"id": 2.5, "x": {"a": []}}, "time_extracted": "2026-01-01"},
        {"type": "STATE", "value": {"bookmarks": {"s": 2}}},
        {"type": "RECORD", "stream": "s", "record": {"id": 3}},
        {"type": "ACTIVATE_VERSION", "stream": "s", "version": 1},
        {"type": "STATE", "value": {"bookmarks": {"s": 3}}},
    )
)
CATALOG = {"streams": [{"tap_stream_id": "s", "stream": "s", "schema": {"properties": {}}, "metadata": []}]}


@given(
    damaged(MESSAGES)
    | VALUES.map(lambda value: json.dumps({"type": "RECORD", "stream": "s", "record": value}).encode())
)
@examples(25)
def test_what_a_tap_writes_is_records_or_an_error(tmp_path_factory, local, written):
    folder = tmp_path_factory.getbasetemp() / "tapped"
    folder.mkdir(exist_ok=True)
    (folder / "written").write_bytes(written)
    (folder / "catalog.json").write_text(json.dumps(CATALOG))
    tap = Tap.model_validate(
        {"command": ["sh", "-c", f"cat '{folder}/written'"], "catalog": str(folder / "catalog.json")}
    )
    stream = Stream(source="tap", name="s", spec=SingerStream(), tap=tap, folder=str(folder))

    got, failure = [], None
    try:
        got.extend(singer.read(stream, resume={}, local=local, scratch=folder))
    except HeadraceError as error:
        failure = error

    assert failure is None or failure.what
    for one in got:
        refused = one.rejected.num_rows if one.rejected is not None else 0
        assert one.read == one.rows.num_rows + refused


@pytest.fixture(scope="module")
def monkeypatch_module():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.mark.parametrize(
    "name", ["models/one.sql", "models/one.yml", "macros/m.sql", "models/d.md", ".env", "selectors.yml", "headrace.yml"]
)
def test_a_file_of_the_project_that_is_not_utf8_is_named_with_its_line(tmp_path, capsys, name):
    for path, text in {
        "headrace.yml": "name: latin\ntargets: {dev: 'duckdb:///l.duckdb'}\n",
        "models/one.sql": "select 1 as id\n",
        "selectors.yml": SELECTORS.decode(),
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    before = (tmp_path / name).read_bytes() if (tmp_path / name).exists() else b"\n"
    (tmp_path / name).write_bytes(before + "# é\n".encode("latin-1"))
    words = ["--project-dir", str(tmp_path), "--no-color", "ls", "--selector", "nightly"]

    code = invoke(words, Asked.first_look(words))

    said = capsys.readouterr().err
    assert code == 2
    assert "not UTF-8" in said
    assert name.rpartition("/")[2] in said
