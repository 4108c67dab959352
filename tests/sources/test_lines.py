"""JSON lines that are read where they lie: what a sample did not show is never changed in silence."""

import gzip
import json
from decimal import Decimal

import pytest

from headrace.batch import Batch, Scan
from headrace.errors import StatementFailed
from headrace.extract import lines
from headrace.extract.source import open_stream
from headrace.project.file_sources import FilesStream
from headrace.project.sources import Stream
from headrace.retry import SYSTEM
from headrace.sql.lines import UNFIT
from headrace.sql.scan import scan_query, together

_REST = r'"big": 1, "price": 1.5, "ok": true, "name": "a\u00e9\"b", "at": {"x": [1.5, "y"]}, "none": null'
SHOWN = [f'{{"id": {n}, {_REST}}}' for n in range(20_000)]


@pytest.fixture
def arrived(tmp_path, local):
    def arriving(text, name="a.jsonl", **spec):
        raw = text if isinstance(text, bytes) else text.encode()
        (tmp_path / name).write_bytes(raw)
        stream = Stream(source="f", name="s", spec=FilesStream(path=name, **spec), folder=str(tmp_path))
        return list(
            open_stream(stream, cursor=None, resume={}, local=local, clock=SYSTEM, scratch=tmp_path / "scratch")
        )

    return arriving


def table(local, scan):
    return local.table(scan_query(scan, "origin"))


@pytest.fixture
def shown(monkeypatch):
    """The lines of a file whose sample does not reach the last of them."""
    monkeypatch.setattr(lines, "_PIECE", 2000)
    return lambda last: "\n".join([*SHOWN, last, *SHOWN[:200]])


def test_lines_are_read_in_place_with_the_types_of_the_sample(arrived, local):
    (scan,) = arrived("\n".join(SHOWN))

    assert isinstance(scan, Scan)
    assert table(local, scan).slice(7, 1).to_pylist() == [
        {"id": 7, "big": 1, "price": 1.5, "ok": True, "name": 'aé"b', "at": '{"x":[1.5,"y"]}', "origin": "a.jsonl"}
    ]


@pytest.mark.parametrize(
    "last",
    [
        '{"id": 1.5}',
        '{"id": 12345678901234567890}',
        '{"id": 123456789012345678901234567890}',
        '{"id": "12"}',
        '{"id": true}',
        '{"id": 1e30}',
        '{"price": 9007199254740993}',
        '{"price": 1e400}',
        '{"price": 1e-400}',
        '{"price": "1.5"}',
        '{"price": false}',
        '{"ok": 1}',
        '{"ok": "true"}',
        '{"name": {"x": 1}}',
        '{"name": [1]}',
        '{"name": 1e-400}',
        '{"at": {"x": 1e-400}}',
        '{"at": {"x": 1.23456789e-320}}',
        '{"none": 1}',
        '{"new": 1}',
        '{"id": 1, "id": 2}',
        '{"id": 1, "ID": 2}',
        '{"id": 1, "big": 1, "price": 1.5, "ok": true, "name": "x", "at": 1, "none": null, "new": null}',
        "[1]",
        "7",
        "null",
        "{broken",
        '{"id": 1} {"id": 2}',
    ],
)
def test_a_line_that_the_sample_did_not_show_stops_the_read(arrived, local, shown, last):
    (scan,) = arrived(shown(last))

    with pytest.raises(StatementFailed):
        table(local, scan)


def test_a_file_that_does_not_fit_is_named(arrived, local, shown):
    (scan,) = arrived(shown('{"new": 1}'))

    with pytest.raises(StatementFailed, match=f"a.jsonl {UNFIT}"):
        table(local, scan)


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ("{}", {}),
        ('{"id": null}', {}),
        ('{"name": null, "none": null}', {}),
        ('{"price": 3}', {"price": 3.0}),
        ('{"price": 1e17}', {"price": 1e17}),
        ('{"price": 0.0}', {"price": 0.0}),
        ('{"name": 7}', {"name": "7"}),
        ('{"name": "1.10"}', {"name": "1.10"}),
        ('{"name": "\\u0041\\ud83d\\ude00 12345678901234567890"}', {"name": "A😀 12345678901234567890"}),
        ('{"at": "text"}', {"at": '"text"'}),
        ('{"at": 123456789012345678901234567890}', {"at": "123456789012345678901234567890"}),
    ],
)
def test_a_line_that_fits_is_what_it_says(arrived, local, shown, last, expected):
    (scan,) = arrived(shown(last))

    row = table(local, scan).slice(20_000, 1).to_pylist()[0]

    assert {key: value for key, value in row.items() if value is not None and key != "origin"} == expected


@pytest.mark.parametrize(
    "number", ["0.123456789012345678", "1234567890123456.75", "123456789012345678e2", "-1.00000000000000000001"]
)
@pytest.mark.parametrize("before", range(4))
def test_a_number_of_more_digits_than_a_double_keeps_is_seen_wherever_it_stands(arrived, shown, number, before):
    found = arrived(shown('{{"at": {}{{"x": {}}}}}'.format(" " * before, number)))

    assert all(isinstance(one, Batch) for one in found)
    assert any(number.strip("-") in text for one in found for text in one.rows["at"].to_pylist() if text)


@pytest.mark.parametrize("number", ["0.12345678901234567", "123456789012345.67"])
def test_digits_that_a_double_would_change_are_kept_where_the_column_is_a_decimal(arrived, shown, number):
    found = arrived(shown(f'{{"id": 1, "price": {number}}}'), columns={"price": {"type": "decimal(38,20)"}})

    assert all(isinstance(one, Batch) for one in found)
    assert Decimal(number) in [value for one in found for value in one.rows["price"].to_pylist()]


@pytest.mark.parametrize("last", ['{"t":0.12345678901234567,"o":{"y":1}}', '{"t":"a","o":{"y":0.12345678901234567}}'])
def test_digits_that_a_double_would_change_stop_the_read_where_the_column_is_text(arrived, local, monkeypatch, last):
    monkeypatch.setattr(lines, "_PIECE", 2000)
    rest = ['{"t":"a","o":{"y":0.5}}'] * 40_000
    (scan,) = arrived("\n".join([*rest, last, *rest[:200]]))

    with pytest.raises(StatementFailed, match=UNFIT):
        table(local, scan)


def test_doubles_of_as_many_digits_as_programs_write_do_not_slow_a_file_down(arrived, local):
    (scan,) = arrived("\n".join(f'{{"id":{n},"x":{n / 7!r}}}' for n in range(9000)))

    assert table(local, scan).column("x").to_pylist() == [n / 7 for n in range(9000)]


def test_long_whole_numbers_and_texts_of_digits_do_not_slow_a_file_down(arrived, local):
    (scan,) = arrived("\n".join(f'{{"id": {10**17 + n}, "card": "{10**18 + n}"}}' for n in range(9000)))

    assert table(local, scan).slice(8999, 1).to_pylist() == [
        {"id": 10**17 + 8999, "card": str(10**18 + 8999), "origin": "a.jsonl"}
    ]


def test_lines_of_up_to_sixteen_megabytes_are_read_in_place_wherever_a_buffer_ends(arrived, local):
    sizes = [20] * 9000 + [(1 << 24) - 50, 9_000_000, 20, (1 << 24) - 50, 3_000_000, 15_000_000, 20]

    (scan,) = arrived("\n".join(f'{{"id":{n},"x":"{"x" * size}"}}' for n, size in enumerate(sizes)))

    found = table(local, scan)
    assert found.column("id").to_pylist() == list(range(len(sizes)))
    assert [len(value.as_py()) for value in found.column("x")] == sizes


def test_declared_types_hold_what_they_hold_in_batches(arrived, local, shown):
    columns = {"id": {"type": "decimal(9,2)"}, "name": {"type": "varchar"}, "day": {"type": "date"}}
    (scan,) = arrived(shown('{"id": "1.25", "name": {"x": 1}}'), columns=columns)

    last = table(local, scan).slice(20_000, 1).to_pylist()[0]

    assert (str(last["id"]), last["name"], last["day"]) == ("1.25", '{"x":1}', None)


def test_a_value_that_breaks_a_declared_type_stops_the_read(arrived, local, shown):
    (scan,) = arrived(shown('{"id": 1.255}'), columns={"id": {"type": "decimal(9,2)"}})

    with pytest.raises(StatementFailed, match=UNFIT):
        table(local, scan)


def test_a_mark_at_the_beginning_blank_lines_and_a_gzip_change_nothing(arrived, local):
    text = "\ufeff" + "\n\n".join(json.dumps({"id": n, "t": "é"}, ensure_ascii=False) for n in range(3)) + "\n"

    (plain,) = arrived(text)
    (packed,) = arrived(gzip.compress(text.encode()), "a.jsonl.gz")
    (windows,) = arrived(text.replace("\n", "\r\n"), "b.jsonl")

    for scan in (plain, packed, windows):
        assert isinstance(scan, Scan)
        assert table(local, scan)["id"].to_pylist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ('{"a": {"b": 1}}', {"nested": "flatten"}),
        ('{"a": [{"b": 1}]}', {"nested": "flatten"}),
        ('{"a": 1, "A": 2}', {}),
        ('{"": 1}', {}),
        ('{"a": {"b": 1}}', {"data_selector": "a"}),
        ('{"a": 1}', {"transform": {"sql": "SELECT * FROM input", "when": "in_flight"}}),
        ('{"a": 1}\n[2]', {}),
    ],
)
def test_what_has_to_be_looked_at_record_by_record_arrives_as_batches(arrived, text, spec):
    (batch,) = arrived(text, **spec)

    assert isinstance(batch, Batch)


OTHERS = {
    "a whole number among fractions": '{"id": 1, "n": 2, "o": [1]}',
    "a fraction among whole numbers": '{"id": 1.5, "n": 2.5, "o": [1]}',
    "a text": '{"id": "1", "n": 2.5, "o": [1]}',
    "truth": '{"id": true, "n": 2.5, "o": [1]}',
    "an object": '{"id": 1, "n": 2.5, "o": {"x": 1}}',
    "nothing": '{"id": 1, "n": null, "o": [1]}',
    "one key more": '{"id": 1, "n": 2.5, "o": [1], "p": 1}',
    "one key less": '{"id": 1, "n": 2.5}',
    "a key twice": '{"id": 1, "n": 2.5, "o": [1], "id": 1}',
    "many digits": '{"id": 1, "n": 2.512345678901234567, "o": [1]}',
    "no line": '{"id": 1, "n": 2.5',
}


@pytest.mark.parametrize("nested", ["json", "flatten"])
@pytest.mark.parametrize("line", OTHERS.values(), ids=OTHERS)
def test_a_small_file_is_what_it_would_be_without_those_before_it(tmp_path, local, line, nested):
    def arriving(pattern):
        stream = Stream(source="f", name="s", spec=FilesStream(path=pattern, nested=nested), folder=str(tmp_path))
        return list(
            open_stream(stream, cursor=None, resume={}, local=local, clock=SYSTEM, scratch=tmp_path / "scratch")
        )

    (tmp_path / "a.jsonl").write_text('{"id": 1, "n": 2.5, "o": [1]}\n{"id": 2, "n": 3.5, "o": [2]}\n')
    (tmp_path / "b.jsonl").write_text(f"{line}\n")

    *_, after = arriving("*.jsonl")
    (alone,) = arriving("b.jsonl")

    def shown(one):
        if isinstance(one, Batch):
            return one.rows.to_pylist(), one.rejected and one.rejected.to_pylist()
        try:
            return table(local, one).to_pylist()
        except StatementFailed as error:
            return f"{one.origin} {UNFIT}" in str(error)

    assert shown(after) == shown(alone)


def test_files_that_are_alike_are_read_by_one_call_and_each_line_knows_its_file(tmp_path, local):
    for name in ("a", "b", "c'd"):
        (tmp_path / f"{name}.jsonl").write_text('{"id": 1}\n' * 2)
    stream = Stream(source="f", name="s", spec=FilesStream(path="*.jsonl"), folder=str(tmp_path))

    first, *more = open_stream(stream, cursor=None, resume={}, local=local, clock=SYSTEM, scratch=tmp_path / "scratch")

    assert all(together(first, one) for one in more)
    found = local.table(scan_query(first, "origin", more)).column("origin").to_pylist()
    assert found == ["a.jsonl"] * 2 + ["b.jsonl"] * 2 + ["c'd.jsonl"] * 2
