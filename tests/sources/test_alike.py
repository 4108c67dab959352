import json

import pytest

from headrace.batch import Batch, Scan
from headrace.extract import alike
from headrace.extract.source import open_stream
from headrace.project.sources import FilesStream, Stream
from headrace.retry import SYSTEM
from headrace.sql.scan import scan_query

HEAD = [
    json.dumps(
        {"id": one, "Net Price": one + 0.25, "paid": one % 2 == 0, "note": f"n{one}", "at": {"x": one}, "gone": None}
    )
    for one in range(50)
]


@pytest.fixture
def read(tmp_path, local, monkeypatch):
    def reading(lines, small=0, **spec):
        monkeypatch.setattr(alike, "SMALL", small)
        monkeypatch.setattr(alike, "_HEAD", len("\n".join(HEAD)) + 1)
        (tmp_path / "a.jsonl").write_text("\n".join([*HEAD, *lines]) + "\n")
        stream = Stream(source="f", name="s", spec=FilesStream(path="a.jsonl", **spec), folder=str(tmp_path))
        found = open_stream(stream, cursor=None, resume={}, local=local, clock=SYSTEM, scratch=tmp_path / "scratch")
        return list(found)

    return reading


def rows(local, arrived):
    return [
        row
        for one in arrived
        for row in (one.rows if isinstance(one, Batch) else local.table(scan_query(one))).to_pylist()
    ]


@pytest.mark.parametrize(
    "line",
    [
        '{"id": 7, "note": "a \\"quoted\\" line\\nand another, é"}',
        '{"note": null}',
        '{"id": -9223372036854775808, "paid": null, "Net Price": 3}',
        '{"at": [1, {"y": "z"}]}',
        '{"note": 12.5}',
        '{"note": false}',
        "",
    ],
)
def test_a_file_whose_lines_are_alike_is_read_in_place_to_the_same_rows(local, read, line):
    slowly = rows(local, read([line], small=10**9))

    arrived = read([line])

    assert [type(one) for one in arrived] == [Scan]
    assert arrived[0].options["columns"] == {
        "id": "BIGINT", "Net Price": "DOUBLE", "paid": "BOOLEAN", "note": "VARCHAR", "at": "VARCHAR",
    }  # fmt: skip
    assert rows(local, arrived) == slowly
    assert list(slowly[0]) == ["id", "net_price", "paid", "note", "at"]


@pytest.mark.parametrize(
    "line",
    [
        '{"id": 1, "new": 1}',
        '{"id": 1, "id": 2}',
        '{"ID": 1}',
        '{"id": true}',
        '{"id": 18446744073709551615}',
        '{"id": 1.23456789012345678901}',
        '{"Net Price": true}',
        '{"Net Price": 1.23456789012345678901}',
        '{"Net Price": "much"}',
        '{"paid": 1}',
        '{"paid": "perhaps"}',
        '{"note": 1.23456789012345678901}',
        '{"note": {"x": 1}}',
        '{"at": 5}',
        '{"at": "text"}',
        '{"at": {"x": 1.23456789012345678901}}',
        '{"gone": 1}',
        "[1]",
        "5",
        "null",
        '{"id": ',
    ],
)
def test_a_line_that_is_not_like_the_others_sends_the_file_the_way_of_batches(read, line):
    arrived = read([line])

    assert [type(one) for one in arrived] == [Batch]
    assert arrived[0].read == 51


@pytest.mark.parametrize(
    "spec",
    [
        {"columns": {"id": {"type": "varchar"}}},
        {"incremental": {"cursor_path": "id"}},
        {"nested": "flatten"},
        {"data_selector": "at"},
    ],
)
def test_a_stream_that_says_how_its_records_are_read_is_not_read_in_place(read, spec):
    assert all(isinstance(one, Batch) for one in read([], **spec))


def test_whole_numbers_that_turn_out_to_have_fractions_are_doubles(local, read):
    (scan,) = read(['{"id": 1.5}'])

    assert scan.options["columns"]["id"] == "DOUBLE"
    assert rows(local, [scan])[-1]["id"] == 1.5
