"""Lines written as short as can be are proven by their length: it says the same of each line as looking at its keys and values does."""

import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from headrace.batch import Batch, Scan
from headrace.errors import StatementFailed
from headrace.extract import lines
from headrace.extract.source import open_stream
from headrace.project.file_sources import FilesStream
from headrace.project.sources import Stream
from headrace.retry import SYSTEM
from headrace.sql import lines as sql_lines
from headrace.sql.lines import UNFIT, lines_query
from headrace.sql.scan import scan_query

TYPES = {"id": "bigint", "price": "double", "ok": "boolean", "name": "varchar", "day": "varchar", "at": "json"}
FIELDS = [{"key": key, "name": key, "type": of, "declared": False} for key, of in TYPES.items()]
AWKWARD = [*FIELDS, {"key": 'x\\"name', "name": "x", "type": "bigint", "declared": False}]
PLAIN = {"id": "12", "price": "1.25", "ok": "true", "name": '"a"', "day": '"2024-01-01"', "at": '{"x":1}'}
SPELLED = st.sampled_from(
    ["0", "-0", "7", "100", "1e2", "1e5", "1E5", "15e2", "1.5e20", "15e19", "1e-3", "12e-3", "0.012", "10.0", "1.50", "0.5", "5e-1",
     "123456789", "9007199254740993", "1e17", "1e-400", "1e400", "true", "false", "null", '"12"', '"true"', '"a.b"', '""', '"{"',
     '"[x"', '"1e5"', '"12:30"', '"\\u0041"', '"\\n"', '"é😀"', "{}", "[]", '{"y":1.5}', '{"y":1e5}', '{"y":1e5,"y":2}',
     '[0.001,"1.0"]', '{"y": 1}', "null", "null", '{"name":null}', '{"id":null,"u":1}', '"name\\":null"']
)  # fmt: skip
SHOWN = [
    f'{{"id":{n},"price":{n}.25,"ok":true,"name":"n{n}","day":"2024-01-01T00:00:00Z","at":{{"x":"y"}}}}'
    for n in range(1, 9000)
]


@pytest.fixture
def shown(tmp_path, local, monkeypatch):
    """What arrives of a file whose sample does not reach the line that is told."""
    monkeypatch.setattr(lines, "_PIECE", 2000)

    def arriving(last):
        (tmp_path / "a.jsonl").write_text("\n".join([*SHOWN, last, *SHOWN[:200]]))
        stream = Stream(source="f", name="s", spec=FilesStream(path="a.jsonl"), folder=str(tmp_path))
        return list(
            open_stream(stream, cursor=None, resume={}, local=local, clock=SYSTEM, scratch=tmp_path / "scratch")
        )

    return arriving


def said(local, path, fields=FIELDS, *, compact):
    try:
        return local.rows(lines_query([str(path)], fields, ("'a.jsonl'", "origin"), compact=compact))
    except StatementFailed as error:
        return UNFIT if UNFIT in error.what else "not JSON"


@given(
    values=st.fixed_dictionaries({key: SPELLED | st.just(plain) for key, plain in PLAIN.items()}),
    more=st.lists(
        st.tuples(st.sampled_from(["id", "a", "", "at", "ID", "nama", 'x"name', "ix", "dax"]), SPELLED), max_size=2
    ),
    less=st.sets(st.sampled_from(sorted(PLAIN)), max_size=2),
    blanks=st.sampled_from(["", "", "", " ", "  "]),
    fields=st.sampled_from([FIELDS, AWKWARD]),
    most=st.sampled_from([0, 30]),
)
@example(values={**PLAIN, "price": "1e5"}, more=[("a", "1")], less=set(), blanks="", fields=FIELDS, most=30)
@example(values={**PLAIN, "name": "1e5"}, more=[("a", "1")], less=set(), blanks="", fields=FIELDS, most=30)
@example(values={**PLAIN, "at": '{"y":1e5}'}, more=[("a", "1")], less=set(), blanks="", fields=FIELDS, most=30)
@example(values={**PLAIN, "id": "null"}, more=[("ix", "1")], less={"id"}, blanks="", fields=FIELDS, most=30)
@example(values=PLAIN, more=[("ix", "null")], less={"id"}, blanks="", fields=FIELDS, most=30)
@example(values=PLAIN, more=[("nama", "null")], less={"name"}, blanks="", fields=FIELDS, most=30)
@example(
    values={**PLAIN, "at": '{"name":null}'}, more=[("nama", "null")], less={"name"}, blanks="", fields=FIELDS, most=30
)
@example(
    values={**PLAIN, "at": '{"name":null}'}, more=[("nama", '"ab"')], less={"name"}, blanks="", fields=FIELDS, most=30
)
@example(
    values={**PLAIN, "day": '"name\\":null"'}, more=[("nama", "null")], less={"name"}, blanks="", fields=FIELDS, most=30
)
@example(values=PLAIN, more=[('x"name', "null")], less={"name"}, blanks="", fields=FIELDS, most=30)
@example(values=PLAIN, more=[('x"name', "null")], less=set(), blanks="  ", fields=AWKWARD, most=30)
@example(values={**PLAIN, "price": "1e2"}, more=[], less={"id"}, blanks="  ", fields=FIELDS, most=0)
@example(values={**PLAIN, "price": "1e6"}, more=[("a", "1")], less=set(), blanks="", fields=FIELDS, most=30)
@example(values={**PLAIN, "price": " 1e9"}, more=[("abc", "1")], less=set(), blanks="", fields=FIELDS, most=30)
@example(values={**PLAIN, "id": "null"}, more=[], less={"name"}, blanks="", fields=FIELDS, most=0)
@example(values={**PLAIN, "id": "null"}, more=[("ix", "1")], less={"id"}, blanks="", fields=FIELDS, most=0)
@example(values=PLAIN, more=[("nama", "null")], less={"name"}, blanks="", fields=FIELDS, most=0)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
    max_examples=settings.default.max_examples * 3 // 2,
)
def test_the_length_of_a_line_hides_nothing(local, tmp_path, monkeypatch, *, values, more, less, blanks, fields, most):
    monkeypatch.setattr(sql_lines, "_MANY", most)
    written = [*((key, value) for key, value in values.items() if key not in less), *more]
    text = "{" + ",".join(f"{json.dumps(key)}:{value}" for key, value in written) + blanks + "}"
    (tmp_path / "one.jsonl").write_text(text)

    short, long = (said(local, tmp_path / "one.jsonl", fields, compact=compact) for compact in (True, False))
    assert short == long


def test_compact_lines_are_told_from_others(shown):
    (scan,) = shown(SHOWN[0])

    assert isinstance(scan, Scan)
    assert scan.options["compact"] is True


@pytest.mark.parametrize(
    "last",
    [
        SHOWN[0].replace('"price"', '"new":1,"price"'),
        SHOWN[0].replace('"id":1', '"id":1.5'),
        SHOWN[0].replace('"id":1', '"id":true'),
        SHOWN[0].replace('"price":1.25', '"price":0.123456789012345678'),
        SHOWN[0].replace('"x":"y"', '"x":123456789012345678e2'),
        SHOWN[0].replace('"x":"y"', '"x":1e-400'),
        SHOWN[0].replace('"name":"n1"', '"name":[1]'),
        '{"id":1,"id":2}',
        "[1]",
        "7",
    ],
)
def test_a_compact_line_that_the_sample_did_not_show_stops_the_read(shown, local, last):
    (scan,) = shown(last)

    with pytest.raises(StatementFailed, match=f"a.jsonl {UNFIT}"):
        local.table(scan_query(scan, "origin"))


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ("{}", {}),
        ('{"id": 7}', {"id": 7}),
        ('{"name":"\\u0041 1234567890123456789"}', {"name": "A 1234567890123456789"}),
        ('{"price":1e5}', {"price": 100000.0}),
        ('{"name":7}', {"name": "7"}),
    ],
)
def test_a_line_that_is_not_compact_is_read_all_the_same(shown, local, last, expected):
    (scan,) = shown(last)

    row = local.table(scan_query(scan, "origin")).slice(len(SHOWN), 1).to_pylist()[0]

    assert {key: value for key, value in row.items() if value is not None and key != "origin"} == expected


def test_a_long_number_in_the_sample_brings_batches(shown, monkeypatch):
    monkeypatch.setattr(lines, "_PIECE", 200_000)

    found = shown(SHOWN[0].replace('"price":1.25', '"price":0.123456789012345678'))

    assert all(isinstance(one, Batch) for one in found)
