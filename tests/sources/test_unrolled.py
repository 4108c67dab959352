"""Large JSON documents are read as lines of JSON, a part at a time: what comes of them is what comes of reading them at once."""

import json
import tracemalloc

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sources_arrived import emptied, rows, tables

from headrace.batch import Batch, Scan
from headrace.errors import FileUnreadable, HeadraceError, RecordsNotFound, StatementFailed
from headrace.extract import documents, unrolled


@pytest.fixture
def read(read, tmp_path, monkeypatch):
    """Of documents of any size; with `unrolls`, by looking at so many first and last bytes for where the list is."""

    def reading(*, unrolls=None, **given):
        monkeypatch.setattr(unrolled, "_LARGE", 0 if unrolls else 1 << 40)
        monkeypatch.setattr(unrolled, "_HEAD", unrolls)
        monkeypatch.setattr(unrolled, "_TAIL", unrolls)
        emptied(tmp_path / "scratch")
        return read(**given)

    return reading


def told(local, arrived):
    """The rows of what arrived with their columns, what was kept out, and how many were read."""
    held, kept, read = [], [], 0
    for table, refused, number in tables(local, arrived):
        held += [sorted(row.items()) for row in table.to_pylist()]
        kept += [(row["reason"], row["raw"]) for row in refused.to_pylist()] if refused else []
        read += number
    return held, sorted(kept), read


TEXTS = st.text(alphabet='a"\\[]{},:\n\r\té \U0001f600', max_size=6)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.sampled_from([1.5, 0.1, 1e300]) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
RECORDS = st.lists(st.fixed_dictionaries({"id": st.integers(0, 9), "v": VALUES, "w": TEXTS}), min_size=3, max_size=8)
AROUND = [
    ("{records}", [None, "$", "[*]", "nothing"]),
    ('{{"data": {records}}}', [None, "data", "$.data[*]", "$['data']", "[*]"]),
    (
        '{{"meta": {{"tags": ["x"], "n": 1}}, "data": {records}, "next": null, "tags": ["]", "}}"]}}',
        [None, "data", "tags"],
    ),
    ('{{"a": {{"b]": {{"c": {records}, "d": [[]]}}}}}}', [None, "$.a['b]'].c", "a"]),
    ('[{{"page": 1}}, {records}]', [None, "$[1]", "[1][*]", "[0]"]),
    ('{{"data": [1, 2], "data": {records}}}', [None, "data"]),
    ('{{"data": {records}, "data": [{{"id": 1}}]}}', [None, "data"]),
    ('{{"one": {records}, "two": [{{"id": 1}}]}}', [None, "one", "two"]),
    (
        '[{{"g": 1, "items": {records}}}, {{"g": 2}}, {{"items": [{{"id": 7}}]}}]',
        [None, "[*].items", "$[*].items[*]", "items"],
    ),
]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    records=RECORDS,
    place=st.sampled_from([(around, selector) for around, selectors in AROUND for selector in selectors]),
    written=st.sampled_from(
        [{}, {"indent": 2}, {"ensure_ascii": False}, {"indent": "\t", "separators": (" ,", " : ")}]
    ),
    blanks=st.sampled_from(["", "\n", "\r\n  "]),
    mark=st.booleans(),
    most=st.sampled_from([30, 60, 200]),
)
@example(
    records=[{"id": 1, "v": ']}, {"x": [', "w": '], "k": "'}] * 3,
    place=(AROUND[1][0], "data"),
    written={},
    blanks="",
    mark=False,
    most=60,
)
def test_a_document_gives_the_same_at_once_and_as_lines(tmp_path, local, read, records, place, written, **how):
    around, selector = place
    text = how["blanks"] + around.format(records=json.dumps(records, **written)) + how["blanks"]
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf" * how["mark"] + text.encode())
    spec = {"path": "a.json", "data_selector": selector}

    try:
        expected = told(local, read(**spec))
    except HeadraceError as error:
        with pytest.raises(type(error)):
            read(unrolls=how["most"], **spec)
        return
    arrived = read(unrolls=how["most"], **spec)
    try:
        assert told(local, arrived) == expected
    except StatementFailed:  # the load would come back with the file as unfit
        assert isinstance(arrived[0], Scan)
        assert told(local, read(unrolls=how["most"], unfit=["a.json"], **spec)) == expected


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.sampled_from(
        [one.format(records=json.dumps([{"id": n, "v": [n, "]"]} for n in range(9)])) for one, _ in AROUND]
    ),
    cut=st.integers(1, 200),
    put=st.sampled_from(["", "]", "}", ",", '"', "x", "[", "\x00"]),
)
def test_a_document_that_is_none_is_none_as_lines_either(tmp_path, local, read, text, cut, put):
    text = text[: min(cut, len(text) - 1)] + put + text[cut + len(put) :] * bool(put)
    (tmp_path / "a.json").write_text(text)

    def outcome(most):
        try:
            return told(local, read(unrolls=most, path="a.json", unfit=["a.json"]))
        except HeadraceError as error:
            return type(error)

    assert outcome(40) == outcome(None)


def test_the_records_of_a_large_document_are_read_in_place_wherever_their_list_is(tmp_path, local, read):
    records = [{"id": n, "name": "x" * 20, "tags": [n]} for n in range(200_000)]
    (tmp_path / "a.json").write_text(json.dumps({"data": records, "total": 200_000}, indent=1))

    (scan,) = read(unrolls=unrolled._HEAD, path="*.json")

    assert isinstance(scan, Scan)
    assert scan.origin == "a.json"
    assert rows(local, [scan])[-1] == {"id": 199_999, "name": "x" * 20, "tags": "[199999]"}


def test_a_large_document_of_which_a_part_is_loaded_goes_on_behind_it(tmp_path, local, read, monkeypatch):
    monkeypatch.setattr(documents, "_CHUNK", 64)
    (tmp_path / "a.json").write_text(json.dumps([{"id": n, "at": f"2026-01-{n:02}"} for n in range(1, 30)]))
    spec = {"unrolls": 60, "path": "a.json", "incremental": {"cursor_path": "at"}, "write_disposition": "append"}

    arrived = read(**spec)

    assert len(arrived) > 3
    assert all(isinstance(one, Batch) for one in arrived)
    for after, batch in enumerate(arrived, 1):
        again = read(resume=json.loads(json.dumps(batch.resume)), **spec)
        assert rows(local, again) == rows(local, arrived[after:])


def test_an_element_that_is_no_record_is_rejected_with_its_number(tmp_path, local, read):
    (tmp_path / "a.json").write_text(json.dumps([{"id": 1}, 5, [{"id": 3}], {"id": 4}]))

    (batch,) = read(unrolls=16, path="a.json")

    assert rows(local, [batch]) == [{"id": 1}, {"id": 4}]
    assert [(row["raw"], row["origin"]) for row in batch.rejected.to_pylist()] == [
        ("5", "a.json:2"),
        ('[{"id":3}]', "a.json:3"),
    ]


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        (
            '[{"id": 1}, {"id": 2}, {"id": "x]',
            "a.json is not JSON in record 3: unexpected end of data",
            "mend the file",
        ),
        ('[{"id": 1}, {"id": 2}, {"id":', "begins as a list, and ends with", "fetch it anew"),
        ('[{"id": 1}, {"id": 2},\n', "begins as a list, and ends with", "fetch it anew"),
        ('[{"id": 1}, {"id": 2}] {"id": 3}, {"id": 4}]', "goes on in line 1, behind the end", "jsonl"),
        ('[{"id": 1}, {"id": 2} {"id": 3}]', "a.json is not JSON in record 3: unexpected character", "mend the file"),
        ('{"data": [{"id": 1}, {"id": 2}', "a.json is cut off: it ends in line 1", "fetch it anew"),
        ('{"a": [{"id": 1}], "b": [{"id": 2}]}', "several lists", "data_selector"),
    ],
)
def test_a_large_document_that_is_none_says_what_is_wrong(tmp_path, read, text, said, hint):
    (tmp_path / "a.json").write_text(text)

    with pytest.raises((FileUnreadable, RecordsNotFound), match=r"a\.json|several") as raised:
        read(unrolls=16, path="a.json")

    assert said in str(raised.value)
    assert hint in raised.value.hint


def test_nothing_where_the_selector_says_is_an_error_and_not_a_record(tmp_path, read):
    (tmp_path / "a.json").write_text('{"data": null, "rows": []}')

    assert [one.read for selector in ("data", "rows") for one in read(path="a.json", data_selector=selector)] == [0, 0]
    with pytest.raises(RecordsNotFound, match=r"a\.json has nothing at 'row'") as raised:
        read(path="a.json", data_selector="row")
    assert "data_selector" in raised.value.hint


def test_of_a_large_document_only_a_part_is_held_at_once(tmp_path, local, read):
    (tmp_path / "a.json").write_text(json.dumps([{"id": n, "name": "x" * 100} for n in range(200_000)]))
    tracemalloc.start()

    try:
        read(unrolls=unrolled._HEAD, path="a.json")
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
