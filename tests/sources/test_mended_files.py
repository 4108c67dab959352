"""CSV with a few lines that are no rows: the others are read in place, and nothing is otherwise than where all are read line by line."""

import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sources_arrived import tables

from headrace.batch import Batch, Scan
from headrace.errors import StatementFailed
from headrace.extract import delimited, mending
from headrace.load.parts import FilesUnfit

SPEC = {"path": "a.csv", "delimiter": ",", "quote": '"', "escape": '"', "encoding": "utf-8"}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Files of any size are mended."""
    monkeypatch.setattr(delimited, "_WORTH", 0)


def told(local, arrived):
    """The rows of what arrived with their types, what was kept out, and how many were read."""
    rows, kept, read = [], [], 0
    for table, refused, number in tables(local, arrived):
        rows += [(table.schema.names, [str(of) for of in table.schema.types], row) for row in table.to_pylist()]
        kept += refused.to_pylist() if refused else []
        read += number
    return rows, sorted(kept, key=lambda row: int(row["origin"].rpartition(":")[2])), read


GOOD = [
    b"1,a,2",
    b'2,"b",3',
    b'3,"two\nlines",4',
    b'4,"blank\n\nwithin",4',
    b'7,"""q""",8',
    b"8,,",
    b'9,5",6',
    b"10,x y,1.5",
    b"",
]
BAD = [b"4,d", b'5,"open,6', b"6,f,x", b"8,h,9,10", b"9,i\0,1", b"7,\xff,z", b'9,"a"b,1', b'"', b",,,,", b"x", b'1,2,"', b'lines",4', b" ", b"5,\xc3,1"]  # fmt: skip


UNQUOTED = [line for line in BAD if b'"' not in line]
WRITTEN = st.fixed_dictionaries(
    {
        "ends": st.sampled_from([b"\n", b"\r\n"]), "last": st.booleans(), "mark": st.booleans(), "header": st.booleans(),
        "skipped": st.integers(0, 2),
    }
)  # fmt: skip
PLAIN = {"ends": b"\n", "last": True, "mark": False, "header": True, "skipped": 0}
LAW = settings(
    max_examples=settings.default.max_examples * 4 // 5,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def same_as_by_line(tmp_path, local, read, lines, how, types):
    """Whether a file of these lines gives the same in place as line by line."""
    ends, names = how["ends"], {"id": "id", "v": "v", "n": "n"}
    if not how["header"]:
        names = {"id": "column0", "v": "column1", "n": "column2"}
    before = [*[b'pre"amble'] * how["skipped"], *[b"id,v,n"] * how["header"], b"0,first,0"]
    body = ends.join([*before, *(line.replace(b"\n", ends) for line in lines)])
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbf" * how["mark"] + body + ends * how["last"])
    columns = {names[one]: of for one, of in types.items()}
    spec = {**SPEC, "header": how["header"], "skip_rows": how["skipped"], "columns": columns}

    exact = told(local, read(unfit=["a.csv"], **spec))
    arrived = read(**spec)
    try:
        assert told(local, arrived) == exact
    except StatementFailed:  # the load would come back with the file as unfit
        assert isinstance(arrived[0], Scan)


@LAW
@given(
    lines=st.lists(st.sampled_from(GOOD) | st.sampled_from(UNQUOTED), min_size=1, max_size=25),
    how=WRITTEN,
    types=st.sampled_from([{}, {"n": "bigint"}, {"n": "decimal(6,1)", "id": "integer"}]),
)
@example([b"6,f,x", b"1,a,2", b"4,d", b"4,d", b"6,f,x"], {**PLAIN, "ends": b"\r\n"}, {"n": "bigint"})
def test_what_is_wrong_is_cut_out_and_nothing_else_is_otherwise(tmp_path, local, read, lines, how, types):
    same_as_by_line(tmp_path, local, read, lines, how, types)


@LAW
@given(
    lines=st.lists(st.sampled_from(GOOD) | st.sampled_from(BAD), min_size=1, max_size=25),
    how=WRITTEN,
    number=st.sampled_from(["bigint", "varchar"]),
)
@example([b'5,"open,6', b"1,a,2", b'3,"two\nlines",4', b"1,a,2"], PLAIN, "bigint")
@example([b'5,"open,6', b'5,"open,6', b"7,\xff,z", b'9,5",6'], {**PLAIN, "last": False, "header": False}, "bigint")
def test_a_quote_that_is_not_closed_is_cut_out_and_nothing_else_is_otherwise(tmp_path, local, read, lines, how, number):
    # With types of the stream's own: read in pieces, a file in which a quote is open shows only the types of the rows before it.
    same_as_by_line(tmp_path, local, read, lines, how, {"id": "varchar", "v": "varchar", "n": number})


ROWS = [f"{n},v{n},{n}".encode() for n in range(300)]


@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
@pytest.mark.parametrize("at", [0, 150, 299])
@pytest.mark.parametrize(
    ("bad", "detail"),
    [
        (b"4,d", "2 values where 3 are expected"), (b"4,d,5,6", "4 values where 3 are expected"), (b"4,d,x", "'x' is not bigint"),
        (b'5,"open,6', "a quote is not closed"), (b'9,"a"b,1', "not a line of CSV: ',' expected after '\"'"),
        (b"7,\xff,1", "bytes that are not in the encoding of the file"),
    ],
)  # fmt: skip
def test_a_line_that_is_no_row_leaves_the_others_to_be_read_in_place(tmp_path, local, read, bad, detail, at, ends):
    lines = [*ROWS[:at], bad, bad, *ROWS[at:]]
    (tmp_path / "a.csv").write_bytes(ends.join([b"id,v,n", *lines]))

    (scan,) = read(**SPEC, columns={"n": "bigint"})
    rows, kept, count = told(local, [scan])

    assert isinstance(scan, Scan)
    assert [row["id"] for _, _, row in rows] == list(range(300))
    assert [(row["origin"], row["detail"]) for row in kept] == [
        (f"a.csv:{at + 2}", detail),
        (f"a.csv:{at + 3}", detail),
    ]
    assert count == 302


def test_lines_are_cut_out_between_values_of_several_lines(tmp_path, local, read):
    lines = [f'{n},"v\n\n{n}",{n}' for n in range(50)]
    (tmp_path / "a.csv").write_text("\n".join(["id,v,n", *lines[:20], "1", '5,"open,6', *lines[20:], "x,y"]) + "\n")

    (scan,) = read(**SPEC)
    rows, kept, _ = told(local, [scan])

    assert isinstance(scan, Scan)
    assert [row["v"] for _, _, row in rows] == [f"v\n\n{n}" for n in range(50)]
    assert [row["origin"] for row in kept] == ["a.csv:62", "a.csv:63", "a.csv:154"]


def test_a_row_that_is_left_out_still_speaks_for_the_types_of_its_other_columns(tmp_path, local, read):
    (tmp_path / "a.csv").write_text("id,n\n" + "1,2\n" * 50 + "007,x\n")

    arrived = read(**SPEC, columns={"n": "bigint"})

    assert all(isinstance(one, Batch) for one in arrived)
    assert told(local, arrived)[0][0][2] == {"id": "1", "n": 2}


def test_a_file_with_more_bad_lines_than_are_cut_out_is_read_in_pieces(tmp_path, local, read, monkeypatch):
    monkeypatch.setattr(mending, "_MOST", 5)
    (tmp_path / "a.csv").write_text("id,n\n" + "1,2\n" * 50 + "x\n" * 6)

    arrived = read(**SPEC)

    assert all(isinstance(one, Batch) for one in arrived)
    assert len(told(local, arrived)[1]) == 6


def test_a_value_that_is_the_marker_itself_is_kept(tmp_path, local, read):
    (tmp_path / "a.csv").write_text(f"id,n\n{mending._MARK},\n1,2,3\n")

    arrived = read(**SPEC)

    assert told(local, arrived)[0][0][2]["id"] == mending._MARK
    assert [json.dumps(row["raw"]) for row in told(local, arrived)[1]] == ['"1,2,3"']


@pytest.fixture(params=["duckdb", "postgres"])
def target(request):
    return "duckdb://" if request.param == "duckdb" else request.getfixturevalue("postgres_url")


def test_the_counts_balance_where_lines_are_cut_out(tmp_path, lake, monkeypatch, target):
    monkeypatch.setattr(delimited, "_WORTH", 0)
    (tmp_path / "a.csv").write_text("id,n\n" + "1,2\n" * 50 + "x\n" + "3,y\n" + "1,2\n" * 50)
    here = lake(target=target)

    entry = here.load(path="a.csv", write_disposition="append", columns={"n": "bigint"})

    kept = here.connection.rows("SELECT reason, raw, origin FROM headrace.quarantine ORDER BY origin")
    assert (entry.read, entry.inserted, entry.quarantined) == (102, 100, 2)
    assert kept == [("malformed", "x", "a.csv:52"), ("type", '{"id":"3","n":"y"}', "a.csv:53")]
    assert [tuple(row) for row in here.rows("count(*), sum(id), sum(n)")] == [(100, 100, 200)]
    assert here.files() == [("a.csv", 100)]
    assert not here.scratch()


def test_what_was_cut_out_of_a_file_that_is_read_in_pieces_after_all_is_kept_once(tmp_path, lake, monkeypatch):
    monkeypatch.setattr(delimited, "_WORTH", 0)
    monkeypatch.setattr(delimited, "_SAMPLE", 20)
    (tmp_path / "a.csv").write_text("id,n\n" + "1,2\n" * 50 + "x\n" + "1,2.5\n")
    here, spec = lake(), {"path": "a.csv", "write_disposition": "append"}

    with pytest.raises(FilesUnfit) as unfit:
        here.load(**spec)
    (package,) = here.landing.pending("lake.things")
    assert [bool(scan.rejected) for scan in package.scans] == [True]
    package.reopen(unfit.value.origins)
    entry = here.load(**spec)

    assert (entry.read, entry.inserted, entry.quarantined) == (52, 51, 1)
    assert here.connection.rows("SELECT raw, origin FROM headrace.quarantine") == [("x", "a.csv:52")]
