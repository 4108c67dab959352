"""JSON lines of which a few are no records: the others are read in place, and nothing is otherwise than where all are read in Batches."""

import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sources_arrived import emptied, tables

from headrace.batch import Scan
from headrace.errors import StatementFailed
from headrace.extract import torn_lines
from headrace.load.parts import FilesUnfit


@pytest.fixture
def read(read, tmp_path, monkeypatch):
    """Of files of any size; with `mends`, what is no record is cut out of them."""

    def reading(*, mends, **given):
        monkeypatch.setattr(torn_lines, "_WORTH", 0 if mends else 1 << 40)
        emptied(tmp_path / "scratch")
        return read(**given)

    return reading


def told(local, arrived):
    """The rows of what arrived, what was kept out, and how many were read."""
    rows, kept, read = [], [], 0
    for table, refused, number in tables(local, arrived):
        rows += table.to_pylist()
        kept += refused.to_pylist() if refused else []
        read += number
    return rows, sorted(kept, key=lambda row: row["origin"]), read


GOOD = [b'{"id":1,"v":"a"}', b'{"id": 2, "v": "{"}', b' {"v":"\\n","id":3}', b"", b'{"id":4,"v":"\xc3\xa9"}']
BAD = [
    b'{"id":1,"v":"a',
    b"5",
    b"[1]",
    b'":2}',
    b"null",
    b"{}{}",
    b"x",
    b'{"id":1}{"id":2}',
    b"   ",
    b'{"id":07}',
    b"{",
    b'"{"',
]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(st.sampled_from(GOOD) | st.sampled_from(BAD), min_size=1, max_size=20),
    ends=st.sampled_from([b"\n", b"\r\n"]),
    last=st.booleans(),
    mark=st.booleans(),
    unfit=st.sampled_from([(), ("a.jsonl",)]),
)
@example(lines=[BAD[0], BAD[0]], ends=b"\r\n", last=False, mark=True, unfit=())
def test_what_is_no_record_is_cut_out_and_nothing_else_is_otherwise(tmp_path, local, read, lines, ends, **how):
    text = ends.join([b'{"id":0,"v":"first"}', *lines]) + ends * how["last"]
    (tmp_path / "a.jsonl").write_bytes(b"\xef\xbb\xbf" * how["mark"] + text)

    exact = told(local, read(mends=False, unfit=["a.jsonl"], path="a.jsonl"))
    arrived = read(mends=True, unfit=how["unfit"], path="a.jsonl")
    try:
        assert told(local, arrived) == exact
    except StatementFailed:  # the load would come back with the file as unfit
        assert isinstance(arrived[0], Scan)


@pytest.mark.parametrize("unfit", [(), ("a.jsonl",)])
def test_the_records_around_torn_lines_are_read_in_place(tmp_path, local, read, unfit):
    lines = [json.dumps({"id": n}) for n in range(100)]
    (tmp_path / "a.jsonl").write_text("\n".join([*lines[:50], '{"id": 5', "7", *lines[50:], '{"id']))

    (scan,) = read(mends=True, unfit=unfit, path="a.jsonl")
    rows, kept, count = told(local, [scan])

    assert isinstance(scan, Scan)
    assert [row["id"] for row in rows] == list(range(100))
    assert [(row["origin"], row["raw"]) for row in kept] == [
        ("a.jsonl:103", '"{\\"id"'), ("a.jsonl:51", '"{\\"id\\": 5"'), ("a.jsonl:52", "7")
    ]  # fmt: skip
    assert count == 103


def test_what_does_not_fit_without_its_torn_lines_either_is_read_in_batches_and_kept_once(tmp_path, lake, monkeypatch):
    monkeypatch.setattr(torn_lines, "_WORTH", 0)
    more = "".join(f'{{"id": {n}, "text": "{"x" * 100}"}}\n' for n in range(20_000))
    (tmp_path / "a.jsonl").write_text(more + '{"id": 5\n{"id": 1.5, "text": "y"}\n' + more)
    here, spec = lake(), {"path": "a.jsonl", "write_disposition": "append"}

    for _ in range(2):
        with pytest.raises(FilesUnfit) as unfit:
            here.load(**spec)
        (package,) = here.landing.pending("lake.things")
        package.reopen(unfit.value.origins)
    entry = here.load(**spec)

    assert (entry.read, entry.inserted, entry.quarantined) == (40_002, 40_001, 1)
    assert here.connection.rows("SELECT origin FROM headrace.quarantine") == [("a.jsonl:20001",)]
