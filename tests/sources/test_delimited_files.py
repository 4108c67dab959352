"""CSV as it comes: how it is written is found once and kept, and a line that does not fit is rejected with its number."""

import json
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sources_arrived import rejected, rows

from headrace.batch import Batch, FileChanged, Scan
from headrace.errors import FileUnreadable, StatementFailed
from headrace.extract import delimited, pieces
from headrace.project.file_sources import FilesStream
from headrace.sql.lines import UNFIT
from headrace.sql.scan import scan_query


def words(one):
    return (one.words if isinstance(one, Scan) else one.resume)["dialect"]


@pytest.mark.parametrize("sign", [",", ";", "\t", "|", "^"])
def test_the_sign_between_values_is_found_and_kept(tmp_path, local, read, sign):
    (tmp_path / "a.csv").write_text(f'id{sign}v\n1{sign}"a{sign}, b; c"\n2{sign}x\n')

    (scan,) = read(path="a.csv")

    assert rows(local, [scan]) == [{"id": 1, "v": f"a{sign}, b; c"}, {"id": 2, "v": "x"}]
    assert words(scan)["delimiter"] == sign


def test_a_comma_before_the_fraction_is_found_and_kept(tmp_path, local, read):
    (tmp_path / "a.csv").write_text("id;price;text;day\n1;1,50;a,b;2024-01-02\n2;-1234,5;1.5;2024-01-03\n3;7;;\n")

    (scan,) = read(path="a.csv")

    assert [row["price"] for row in rows(local, [scan])] == [Decimal("1.50"), Decimal("-1234.50"), Decimal("7.00")]
    assert rows(local, [scan])[1]["text"] == "1.5"
    assert words(scan)["decimal"] == ","


def test_numbers_are_written_as_the_stream_says(tmp_path, local, read):
    (tmp_path / "a.csv").write_text("id;price\n1;1.234.567,89\n2;12.34\n3;1,5\n4;x\n")

    (batch,) = read(path="a.csv", decimal=",", thousands=".", columns={"price": {"type": "decimal(12,2)"}})

    assert rows(local, [batch]) == [{"id": 1, "price": Decimal("1234567.89")}, {"id": 3, "price": Decimal("1.50")}]
    assert [(row["origin"], json.loads(row["raw"])) for row in rejected([batch])] == [
        ("a.csv:3", {"id": "2", "price": "12.34"}),
        ("a.csv:5", {"id": "4", "price": "x"}),
    ]


def test_quotes_and_escapes_are_found(tmp_path, local, read):
    (tmp_path / "a.csv").write_text("id,v\n1,'a, b'\n2,'c'\n")
    (tmp_path / "b.csv").write_text('id,v\n1,"say \\"hi\\", twice"\n2,"x"\n')

    assert rows(local, read(path="a.csv")) == [{"id": 1, "v": "a, b"}, {"id": 2, "v": "c"}]
    assert rows(local, read(path="b.csv"))[0] == {"id": 1, "v": 'say "hi", twice'}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_an_encoding_is_found(tmp_path, local, read, encoding):
    (tmp_path / "a.csv").write_bytes(("id,v\n" + "1,é€\n" * 1000).encode(encoding))

    (scan,) = read(path="a.csv")

    assert rows(local, [scan])[999] == {"id": 1, "v": "é€"}


def test_the_next_files_are_read_by_the_words_of_the_first(tmp_path, local, read):
    (tmp_path / "a.csv").write_bytes("id;v\n1;é\n".encode("cp1252"))
    (first,) = read(path="*.csv")
    known = {"files": {first.origin: first.stamp}, "dialect": words(first)}
    (tmp_path / "b.csv").write_bytes("id;v\n2;x,y\n3;Ã©\n".encode("cp1252"))

    (second,) = read(known, path="*.csv", write_disposition="append")

    assert rows(local, [second]) == [{"id": 2, "v": "x,y"}, {"id": 3, "v": "Ã©"}]
    assert words(second) == words(first) == {**words(first), "encoding": "cp1252", "delimiter": ";"}


def test_a_file_that_is_written_otherwise_is_an_error_and_no_guess(tmp_path, local, read):
    known = {
        "dialect": {"encoding": "utf-8", "delimiter": ";", "quote": '"', "escape": '"', "header": True, "decimal": "."}
    }
    (tmp_path / "a.csv").write_text("id,v\n1,2\n")
    (tmp_path / "b.csv").write_text("id;v\n1;2\n", "utf-16")
    (tmp_path / "c.csv").write_bytes("id;v\n1;é\n2;x\n".encode("cp1252"))

    with pytest.raises(FileUnreadable, match="',' between its values"):
        read(known, path="a.csv", write_disposition="append")
    with pytest.raises(FileUnreadable, match="mark of utf-16"):
        read(known, path="b.csv", write_disposition="append")
    (batch,) = read(known, path="c.csv", write_disposition="append")
    assert rows(local, [batch]) == [{"id": 2, "v": "x"}]
    assert [(row["origin"], row["detail"]) for row in rejected([batch])] == [
        ("c.csv:2", "bytes that are not in the encoding of the file")
    ]


def test_what_the_stream_says_counts_more_than_what_was_found(tmp_path, local, read):
    (tmp_path / "a.csv").write_text("id,v;1\n2,x;3\n")
    known = {
        "dialect": {"encoding": "utf-8", "delimiter": ";", "quote": '"', "escape": '"', "header": True, "decimal": "."}
    }

    (scan,) = read(known, path="a.csv", delimiter=",", header=False, write_disposition="append")

    assert rows(local, [scan]) == [{"column0": "id", "column1": "v;1"}, {"column0": "2", "column1": "x;3"}]


def test_headers_are_names_whatever_stands_there(tmp_path, local, read):
    (tmp_path / "a.csv").write_text("ID,,Value,Value,value_2,Größe €\n1,2,3,4,5,6\n")
    (tmp_path / "b.csv").write_text("a,b\n1,x\n2,y\n")
    (tmp_path / "c.csv").write_text("1,x\n2,y\n")

    (named,) = read(path="a.csv", header=True)

    assert list(rows(local, [named])[0].values()) == [1, 2, 3, 4, 5, 6]
    assert len(set(named.options["columns"])) == 6
    assert list(named.options["columns"])[:3] == ["id", "column1", "value"]
    assert rows(local, read(path="b.csv"))[0] == {"a": 1, "b": "x"}
    assert rows(local, read(path="c.csv"))[0] == {"column0": 1, "column1": "x"}


BAD = b"\n".join(
    [
        b"id,v,note",
        b"1,2,a",
        b"2,3",
        b"3,4,b,c",
        b'4,5,"two\nlines"',
        b"",
        b'5,6,"not closed',
        b"6,x,y",
        b"7,\xff,z",
        b"8,a\x00b,z",
        b'9,"a"b,z',
        b"10,1,last",
        b"",
    ]
)


def test_each_line_that_is_none_is_rejected_with_its_number_and_the_rest_is_read(tmp_path, local, read):
    (tmp_path / "a.csv").write_bytes(BAD)

    arrived = read(path="a.csv", encoding="utf-8", columns={"v": {"type": "bigint"}})

    assert rows(local, arrived) == [
        {"id": 1, "v": 2, "note": "a"},
        {"id": 4, "v": 5, "note": "two\nlines"},
        {"id": 10, "v": 1, "note": "last"},
    ]
    found = {row["origin"]: (row["reason"], row["column"], row["detail"]) for row in rejected(arrived)}
    assert found == {
        "a.csv:3": ("malformed", "note", "2 values where 3 are expected"),
        "a.csv:4": ("malformed", None, "4 values where 3 are expected"),
        "a.csv:8": ("malformed", None, "a quote is not closed"),
        "a.csv:9": ("type", "v", "'x' is not bigint"),
        "a.csv:10": ("malformed", None, "bytes that are not in the encoding of the file"),
        "a.csv:11": ("malformed", None, "a value holds the character zero"),
        "a.csv:12": ("malformed", None, "not a line of CSV: ',' expected after '\"'"),
    }
    assert sum(batch.read for batch in arrived) == 10
    assert {row["raw"] for row in rejected(arrived)} >= {"2,3", '5,6,"not closed', "7,\ufffd,z", "8,a\\0b,z"}


def test_a_file_with_bad_lines_is_read_in_pieces_and_goes_on_at_any(tmp_path, local, read, monkeypatch):
    monkeypatch.setattr(pieces, "_PIECE", 100)
    lines = [f'{n},"text\n{n}",{n / 4}' for n in range(60)]
    (tmp_path / "a.csv").write_text("\n".join(["id,v,n", *lines[:30], "oops", *lines[30:], '60,"x",y']) + "\n")

    arrived = read(path="a.csv", columns={"n": {"type": "decimal(9,2)"}})

    assert len(arrived) > 10
    assert [row["id"] for row in rows(local, arrived)] == list(range(60))
    assert [row["v"] for row in rows(local, arrived)] == [f"text\n{n}" for n in range(60)]
    assert [row["origin"] for row in rejected(arrived)] == ["a.csv:62", "a.csv:123"]
    assert sum(batch.read for batch in arrived) == 62
    for after, batch in enumerate(arrived, 1):
        again = read(
            json.loads(json.dumps(batch.resume)), path="a.csv", write_disposition="append",
            columns={"n": {"type": "decimal(9,2)"}},
        )  # fmt: skip
        assert rows(local, again) == rows(local, arrived[after:])
        assert rejected(again) == rejected(arrived[after:])


def test_a_quote_that_is_never_closed_costs_its_line(tmp_path, local, read, monkeypatch):
    monkeypatch.setattr(pieces, "_PIECE", 200)
    (tmp_path / "a.csv").write_text("id,v\n" + "".join(f'{n},"v{n}"\n' for n in range(40)) + '40,"open\n' + "".join(f'{n},"v{n}"\n' for n in range(41, 80)))  # fmt: skip

    arrived = read(path="a.csv")

    assert [row["id"] for row in rows(local, arrived)] == [n for n in range(80) if n != 40]
    assert [(row["origin"], row["raw"]) for row in rejected(arrived)] == [("a.csv:42", '40,"open')]


def test_a_bad_line_between_values_that_several_characters_part_is_rejected(tmp_path, local, read):
    (tmp_path / "a.csv").write_text('id||v\n1||"a||b|"\n2\n3||c|\n')

    (batch,) = read(path="a.csv", delimiter="||", header=True)

    assert rows(local, [batch]) == [{"id": 1, "v": "a||b|"}, {"id": 3, "v": "c|"}]
    assert [(row["origin"], row["raw"]) for row in rejected([batch])] == [("a.csv:3", "2")]


def test_small_files_are_looked_at_together_and_each_is_what_it_is_alone(tmp_path, local, read):
    texts = {
        "a.csv": "id,v\n1,x\n2,y\n", "b.csv": "id,v\n3,z\n", "c.csv": "id,v\n", "d.csv": "id,v\n4,w\noops\n",
        "e.csv": "id,v\n007,u\n", "f.csv": "v,id\nt,5\n", "g.csv": "id,v\n6,\n",
    }  # fmt: skip
    for name, text in texts.items():
        (tmp_path / name).write_text(text)

    arrived = read(path="*.csv")

    assert {(row["id"], row.get("v")) for row in rows(local, arrived)} == {
        ("1", "x"), ("2", "y"), ("3", "z"), ("4", "w"), ("007", "u"), ("5", "t"), ("6", None),
    }  # fmt: skip
    assert [row["origin"] for one in arrived if isinstance(one, Batch) for row in rejected([one])] == ["d.csv:3"]
    assert {one.origin for one in arrived if isinstance(one, Scan)} == set(texts) - {"d.csv"}


LINES = ["1,a,2", '2,"b",3', '3,"two\nlines",4', "4,d", '5,"open,6', "6,f,x", '7,"""q""",8', "", "8,h,9,10", "9,i\0,1"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(st.sampled_from(LINES), min_size=1, max_size=40))
def test_what_is_wrong_with_a_line_is_the_same_however_the_rest_of_its_piece_is_read(
    tmp_path, local, read, monkeypatch, lines
):
    (tmp_path / "a.csv").write_text("\n".join(["id,v,n", *lines]) + "\n")
    spec = {"path": "a.csv", "columns": {"n": {"type": "bigint"}}, "delimiter": ",", "header": True, "unfit": ["a.csv"]}

    monkeypatch.setattr(delimited, "_FEW_BYTES", 1_000_000)
    whole = read(**spec)
    monkeypatch.setattr(delimited, "_FEW_BYTES", 16)
    halved = read(**spec)

    assert rows(local, halved) == rows(local, whole)
    assert rejected(halved) == rejected(whole)
    assert sum(batch.read for batch in halved) == sum(batch.read for batch in whole)


@pytest.mark.parametrize(
    ("values", "late"),
    [
        ("1", "1.5"), ("1", "007"), ("1", "+1"), ("1", " 1"), ("1", "1e3"), ("1", "x"), ("1", "99999999999999999999"),
        ("1.25", "1.255"), ("1.25", "1e2"), ("1.25", "01.5"), ("true", "yes"), ("2024-01-02", "2024-1-2"),
        ("2024-01-02", "2024-01-02 10:00:00"), ("2024-01-02 03:04:05", "2024-01-02 03:04:05+02"),
        ("2024-01-02T03:04:05Z", "2024-01-02T03:04:05+02:00"), ("2024-01-02 03:04:05", "2024-01-02 03:04:05.1234567"),
        ("", "1"),
    ],
)  # fmt: skip
def test_a_value_that_the_sample_did_not_show_stops_the_read_and_its_column_is_read_by_all_values(
    tmp_path, local, read, monkeypatch, values, late
):
    monkeypatch.setattr(delimited, "_SAMPLE", 10)
    (tmp_path / "a.csv").write_text("id,v\n" + "".join(f"{n},{values}\n" for n in range(20)) + f"20,{late}\n")

    (scan,) = read(path="a.csv")
    again = read(path="a.csv", unfit=["a.csv"])

    with pytest.raises(StatementFailed, match=f"a.csv {UNFIT}"):
        local.table(scan_query(scan, "origin"))
    assert all(isinstance(one, Batch) for one in again)
    assert not rejected(again)
    assert [str(row["v"]) for row in rows(local, again)[20:]] == [late]


@pytest.mark.parametrize("late", ["1", "-7", "0", "9223372036854775807"])
def test_a_value_that_fits_is_what_it_says(tmp_path, local, read, monkeypatch, late):
    monkeypatch.setattr(delimited, "_SAMPLE", 10)
    (tmp_path / "a.csv").write_text("v\n" + "1\n" * 20 + f"{late}\n")

    (scan,) = read(path="a.csv")

    assert rows(local, [scan])[20] == {"v": int(late)}


def test_values_that_are_null_are_those_that_the_stream_names(tmp_path, local, read):
    (tmp_path / "a.csv").write_text("id,v,day\n1,NULL,n/a\n2,,2024-01-02\n")

    (scan,) = read(path="a.csv", null_tokens=["NULL", "n/a"])

    assert rows(local, [scan]) == [{"id": 1, "v": None, "day": None}, {"id": 2, "v": "", "day": date(2024, 1, 2)}]


def test_a_file_that_changed_while_a_part_of_it_was_read_is_said_to(tmp_path, read, monkeypatch):
    monkeypatch.setattr(pieces, "_PIECE", 20)
    (tmp_path / "a.csv").write_text("id,v\n" + "1,2\n" * 20 + "x\n")
    first = read(path="a.csv")[0]

    (tmp_path / "a.csv").write_text("id,v\n" + "1,2\n" * 21)

    with pytest.raises(FileChanged, match=r"a\.csv"):
        read(first.resume, path="a.csv", write_disposition="append")
    (tmp_path / "a.csv").rename(tmp_path / "b.csv")
    with pytest.raises(FileChanged):
        read(first.resume, path="*.csv", write_disposition="append")


PREAMBLE = 'Export of "orders\n# 3 rows, 2024\n\n'


@pytest.mark.parametrize("header", ["id,v\n", ""])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_lines_before_the_header_are_left_out_and_the_others_keep_their_numbers(tmp_path, local, read, header, ends):
    good = (PREAMBLE + header + "1,a\n2,b\n").replace("\n", ends)
    (tmp_path / "a.csv").write_bytes(good.encode())
    (tmp_path / "b.csv").write_bytes((good + f"3{ends}4,d{ends}").encode())
    spec = {"skip_rows": 3, "header": bool(header), "columns": {"v" if header else "column1": "varchar"}}

    (scan,) = read(path="a.csv", **spec)
    (batch,) = read(path="b.csv", **spec)
    (again,) = read(path="a.csv", unfit={"a.csv"}, **spec)

    assert isinstance(scan, Scan)
    assert [tuple(row.values()) for row in rows(local, [scan])] == [(1, "a"), (2, "b")]
    assert [tuple(row.values()) for row in rows(local, [again])] == [(1, "a"), (2, "b")]
    assert [tuple(row.values()) for row in rows(local, [batch])] == [(1, "a"), (2, "b"), (4, "d")]
    assert [row["origin"] for row in rejected([batch])] == [f"b.csv:{6 + bool(header)}"]


def test_a_file_goes_on_in_pieces_after_the_lines_that_are_left_out(tmp_path, local, read, monkeypatch):
    monkeypatch.setattr(pieces, "_PIECE", 64)
    (tmp_path / "a.csv").write_text(PREAMBLE + "id,v\n" + "".join(f"{n},v{n}\n" for n in range(60)) + "x\n")
    spec = {"path": "a.csv", "skip_rows": 3, "columns": {"id": "bigint"}}

    whole = read(**spec)
    rest = read(resume=whole[1].resume, **spec)

    assert [row["id"] for row in rows(local, whole)] == list(range(60))
    assert [row["id"] for row in rows(local, rest)] == [row["id"] for row in rows(local, whole[2:])]
    assert [row["origin"] for row in rejected(rest)] == ["a.csv:65"]


def test_a_file_that_ends_before_its_header_is_empty(tmp_path, read):
    (tmp_path / "a.csv").write_text("only\n")

    with pytest.raises(FileUnreadable, match=r"a\.csv is empty"):
        read(path="a.csv", skip_rows=3)


def test_lines_are_left_out_of_csv_only():
    with pytest.raises(ValueError, match="`skip_rows:` is of CSV and TSV, and the format is excel"):
        FilesStream(path="a.xlsx", format="excel", skip_rows=2)


def test_a_file_with_nothing_but_a_header_has_columns_and_no_rows(tmp_path, local, read):
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbfid,v\n")

    (scan,) = read(path="a.csv")

    assert rows(local, [scan]) == []
    assert list(scan.options["columns"]) == ["id", "v"]


def test_a_column_of_the_path_that_the_file_has_too_is_an_error_and_not_a_guess(tmp_path, read):
    (tmp_path / "year=2024").mkdir()
    (tmp_path / "year=2024" / "a.csv").write_text("id,year\n1,1999\n")

    with pytest.raises(FileUnreadable, match="has a column 'year' of its own, beside the one of its path"):
        read(path="*/a.csv", hive_partitioning=True)
