import gzip
import json
import zipfile
from decimal import Decimal

import pytest
from sources_arrived import rows

from headrace.batch import Scan
from headrace.errors import FilesNotFound, FileUnreadable
from headrace.extract import documents


def test_a_type_is_chosen_only_where_every_value_survives_it(tmp_path, local, read):
    (tmp_path / "a.csv").write_text(
        "id;Zip Code;amount;exp;day;flag\n1;007;1.50;1e5;2024-01-02;true\n2;012;12.255;2;2024-02-29;FALSE\n"
    )

    (scan,) = read(path="*.csv")

    assert scan.options["columns"] == {
        "id": "BIGINT",
        "zip_code": "VARCHAR",
        "amount": "DECIMAL(18,3)",
        "exp": "VARCHAR",
        "day": "DATE",
        "flag": "BOOLEAN",
    }
    assert rows(local, [scan])[1]["amount"] == Decimal("12.255")


def test_a_value_that_breaks_a_declared_type_and_a_broken_line_are_rejected(tmp_path, local, read):
    (tmp_path / "a.csv").write_text("id,price\n1,1.25\nx,2\n2,3.999\n3\n4,1.50\n")

    (batch,) = read(path="a.csv", columns={"id": {"type": "bigint"}, "price": {"type": "decimal(6,2)"}})

    assert rows(local, [batch]) == [{"id": 1, "price": Decimal("1.25")}, {"id": 4, "price": Decimal("1.50")}]
    assert [(row["reason"], row["column"], row["origin"]) for row in batch.rejected.to_pylist()] == [
        ("malformed", "price", "a.csv:5"),
        ("type", "id", "a.csv:3"),
        ("type", "price", "a.csv:4"),
    ]
    assert batch.read == 5


def test_the_files_of_a_glob_share_types_and_differ_in_columns(tmp_path, local, read):
    (tmp_path / "a.csv").write_text("id,v\n1,1\n")
    (tmp_path / "b.csv").write_text("v,new,id\n1.5,x,2\n")

    scans = read(path="*.csv")

    assert [scan.options["columns"] for scan in scans] == [
        {"id": "BIGINT", "v": "DECIMAL(20,1)"},
        {"v": "DECIMAL(20,1)", "new": "VARCHAR", "id": "BIGINT"},
    ]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_an_encoding_is_what_is_said_and_else_what_is_found(tmp_path, local, read, encoding):
    (tmp_path / "a.csv").write_bytes("id,v\n1,é\n".encode(encoding))

    said, found = read(path="a.csv", encoding=encoding), read(path="a.csv")

    assert rows(local, said) == rows(local, found) == [{"id": 1, "v": "é"}]


def test_an_encoding_that_cannot_be_told_says_what_to_set(tmp_path, local, read):
    (tmp_path / "a.csv").write_bytes(b"id,v\n1,\x81\n")

    (scan,) = read(path="a.csv", encoding="latin-1")

    assert rows(local, [scan]) == [{"id": 1, "v": "\x81"}]
    with pytest.raises(FileUnreadable) as raised:
        read(path="a.csv")
    assert "encoding:" in raised.value.hint


def test_a_mark_at_the_beginning_a_gzip_and_a_zip_change_nothing(tmp_path, local, read):
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbfid,v\n1,x\n")
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(b"id,v\n2,y\n"))
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as packed:
        packed.writestr("../in/d.csv", "id,v\n3,z\n")

    arrived = [*read(path="*.csv*"), *read(path="*.zip"), *read(path="*.zip")]

    assert rows(local, arrived) == [
        {"id": number, "v": letter} for number, letter in ((1, "x"), (2, "y"), (3, "z"), (3, "z"))
    ]
    assert sorted(path.name[17:] for path in (tmp_path / "scratch").iterdir()) == ["b.csv", "d.csv"]


def test_a_file_that_was_read_is_not_read_again_until_it_changes(tmp_path, read):
    (tmp_path / "a.csv").write_text("id\n1\n")
    (tmp_path / "b.csv").write_text("id\n2\n")
    stamps = {scan.origin: scan.stamp for scan in read(path="*.csv")}

    (tmp_path / "b.csv").write_text("id\n22\n")

    (only,) = read({"files": stamps}, path="*.csv", write_disposition="append")
    assert only.path.endswith("b.csv")
    assert len(read({}, path="*.csv", write_disposition="replace")) == 2


def test_json_lines_go_on_at_any_batch_and_a_broken_line_is_rejected(tmp_path, local, read, monkeypatch):
    monkeypatch.setattr(documents, "_CHUNK", 64)
    lines = [json.dumps({"id": n, "textValue": "é" * n}, ensure_ascii=False) for n in range(20)]
    (tmp_path / "a.jsonl").write_text("\n".join([*lines[:10], "{broken", "", *lines[10:]]))

    arrived = read(path="a.jsonl")

    assert [row["id"] for row in rows(local, arrived)] == list(range(20))
    assert sum(batch.read for batch in arrived) == 21
    assert [row["raw"] for batch in arrived if batch.rejected for row in batch.rejected.to_pylist()] == ['"{broken"']
    for after, batch in enumerate(arrived, 1):
        again = read(json.loads(json.dumps(batch.resume)), path="a.jsonl", write_disposition="append")
        assert rows(local, again) == rows(local, arrived[after:])


def test_a_file_of_which_a_part_is_loaded_comes_before_those_that_are_new(tmp_path, local, read, monkeypatch):
    monkeypatch.setattr(documents, "_CHUNK", 64)
    (tmp_path / "m.jsonl").write_text("".join(f'{{"id": {n}}}\n' for n in range(30)) + "{broken")
    first, *rest = read(path="*.jsonl")
    (tmp_path / "a.jsonl").write_text('{"id": 99}\n')

    arrived = read(json.loads(json.dumps(first.resume)), path="*.jsonl", write_disposition="append")

    assert [one.origin for one in arrived] == ["m.jsonl"] * len(rest) + ["a.jsonl"]
    assert rows(local, arrived) == [*rows(local, rest), {"id": 99}]


def test_a_json_document_gives_its_one_list_of_objects(tmp_path, local, read):
    (tmp_path / "a.geojson").write_text('{"type": "x", "meta": {"n": 1}, "features": [{"id": 1, "at": {"x": [1]}}]}')

    (batch,) = read(path="a.geojson")
    (flat,) = read(path="a.geojson", nested="flatten")

    assert rows(local, [batch]) == [{"id": 1, "at": '{"x":[1]}'}]
    assert rows(local, [flat]) == [{"id": 1, "at__x": "[1]"}]


def test_parquet_is_read_in_place_under_plain_names(tmp_path, local, read):
    local.execute(f"COPY (SELECT 1 AS \"orderId\", 2 AS v) TO '{tmp_path}/a.parquet'")

    (scan,) = read(path="*.parquet")

    assert isinstance(scan, Scan)
    assert rows(local, [scan]) == [{"order_id": 1, "v": 2}]


def test_a_pattern_without_files_names_those_that_are_near(tmp_path, read):
    (tmp_path / "orders.csv").write_text("id\n1\n")

    with pytest.raises(FilesNotFound, match=r"'order\.csv'") as raised:
        read(path="order.csv")

    assert raised.value.hint == "there is orders.csv"


def test_a_record_nested_too_deep_for_the_engine_is_rejected_and_leaves_the_engine_whole(tmp_path, local, read):
    (tmp_path / "a.jsonl").write_text('{"id": 1, "x": ' + "[" * 400 + "]" * 400 + '}\n{"id": 2, "x": []}\n')

    (batch,) = read(path="a.jsonl")

    assert [row["id"] for row in rows(local, [batch])] == [2]
    assert [(row["reason"], row["origin"]) for row in batch.rejected.to_pylist()] == [("record", "a.jsonl:1")]
    assert local.rows("SELECT 1") == [(1,)]


def test_a_document_nested_too_deep_for_the_engine_is_refused(tmp_path, read):
    (tmp_path / "a.json").write_text('[{"id": 1, "x": ' + "[" * 400 + "]" * 400 + "}]")

    with pytest.raises(FileUnreadable, match="deeper than 100 levels"):
        read(path="a.json")


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("", "a.json is empty", "[]"),
        (" \n", "a.json is empty", "[]"),
        (
            '{"data": [\n{"é": 1}, {"id',
            "a.json is cut off: it ends in line 2, and its document does not",
            "fetch it anew",
        ),
        (
            '[{"id": 1},\n{"id": 2}\n',
            "a.json is cut off: it ends in line 2, and its document does not",
            "fetch it anew",
        ),
        ('{"id": 1}\n{"id": 2}\n', "a.json goes on in line 2, behind the end of its document", "`format: jsonl`"),
        (
            '[{"é": 1}, oops]',
            "a.json is not JSON in line 1, at character 12: unexpected character at 'oops]'",
            "`format:`",
        ),
    ],
)
def test_a_json_document_that_is_none_says_where_it_ends_to_be_one_and_what_to_do(tmp_path, read, text, said, hint):
    (tmp_path / "a.json").write_text(text)

    with pytest.raises(FileUnreadable) as raised:
        read(path="a.json")

    assert str(raised.value) == said
    assert hint in raised.value.hint
