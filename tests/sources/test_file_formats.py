"""Files of each format: every value exact, or its row rejected with the place where it stands."""

import io
import json
import uuid
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import fastavro
import openpyxl
import pyarrow as pa
import pyarrow.feather
import pytest
from sources_arrived import rejected

from headrace.batch import Batch
from headrace.errors import FileUnreadable, RecordsNotFound
from headrace.extract import arrow, avro, fixed, xml


def rows(arrived):
    assert all(isinstance(one, Batch) for one in arrived)
    return [row for one in arrived for row in one.rows.to_pylist()]


def marks(batch):
    return {field.name: (field.metadata or {}).get(b"headrace", b"").decode() for field in batch.rows.schema}


def goes_on_anywhere(read, arrived, **spec):
    assert len(arrived) > 1
    for after, batch in enumerate(arrived, 1):
        again = read(json.loads(json.dumps(batch.resume)), **spec)
        assert rows(again) == rows(arrived[after:])
    return True


# Arrow


TABLE = pa.table(
    {
        "orderId": pa.array([1, 2, 3]),
        "big": pa.array([2**64 - 1, 0, None], pa.uint64()),
        "word": pa.array(["a", "b", None]).dictionary_encode(),
        "at": pa.array([1_000, 2_000, None], pa.timestamp("ns", "Europe/Berlin")),
        "took": pa.array([1_000, 2_000, None], pa.duration("ns")),
        "price": pa.array([Decimal("1.50"), Decimal("2.25"), None], pa.decimal128(38, 2)),
        "wide": pa.array([Decimal("1.50"), Decimal("2.25"), None], pa.decimal256(50, 2)),
        "place": pa.array([{"x": 1, "tags": ["a"]}, {"x": None, "tags": []}, None]),
        "by": pa.array([[("a", 1)], [], None], pa.map_(pa.string(), pa.int64())),
        "none": pa.nulls(3),
    }
)


def written(path, table, kind):
    if kind == "feather":
        pyarrow.feather.write_feather(table, str(path))
        return
    maker = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
    with pa.OSFile(str(path), "wb") as sink, maker(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)


@pytest.mark.parametrize("kind", ["file", "stream", "feather"])
def test_arrow_keeps_its_types(tmp_path, read, kind):
    written(tmp_path / "a.arrow", TABLE, kind)

    arrived = read(path="a.arrow")

    assert rows(arrived)[0] == {
        "order_id": 1, "big": Decimal(2**64 - 1), "word": "a", "at": datetime(1970, 1, 1, 0, 0, 0, 1, UTC),
        "took": "00:00:00.000001", "price": Decimal("1.50"), "wide": "1.50", "place": '{"x":1,"tags":["a"]}',
        "by": '{"a":1}',
    }  # fmt: skip
    assert [set(row.values()) for row in rows(arrived)][2] == {3, None}
    assert {name: mark for name, mark in marks(arrived[0]).items() if mark} == {
        "took": "interval",
        "place": "json",
        "by": "json",
    }
    assert sum(batch.read for batch in arrived) == 3


def test_arrow_goes_on_at_any_batch(tmp_path, read, monkeypatch):
    monkeypatch.setattr(arrow, "_ROWS", 7)
    written(tmp_path / "a.arrow", pa.table({"id": range(20)}), "feather")

    arrived = read(path="a.arrow")

    assert [row["id"] for row in rows(arrived)] == list(range(20))
    assert goes_on_anywhere(read, arrived, path="a.arrow")


def test_objects_of_arrow_become_columns_where_that_is_asked(tmp_path, read):
    written(tmp_path / "a.arrow", TABLE.select(["place"]), "file")

    assert rows(read(path="a.arrow", nested="flatten"))[0] == {"place__x": 1, "place__tags": '["a"]'}


@pytest.mark.parametrize(
    ("column", "raw"),
    [
        (pa.array([1_000, 1_500], pa.timestamp("ns")), "1970-01-01 00:00:00.0000015"),
        (pa.array([1_000, 1_500], pa.timestamp("ns", "UTC")), "1970-01-01 00:00:00.0000015"),
        (pa.array([1_000, 1_500], pa.time64("ns")), 1500),
        (pa.array([1_000, 1_500], pa.duration("ns")), 1500),
    ],
)
def test_a_time_that_microseconds_do_not_hold_is_rejected_as_it_was(tmp_path, read, column, raw):
    written(tmp_path / "a.arrow", pa.table({"at": column}), "file")

    (batch,) = read(path="a.arrow")

    assert (batch.rows.num_rows, batch.read) == (1, 2)
    ((one),) = rejected([batch])
    assert (one["origin"], one["column"], json.loads(one["raw"])) == ("a.arrow:2", "at", {"at": raw})


def test_what_is_not_a_number_and_json_has_no_word_for_is_rejected(tmp_path, read):
    written(tmp_path / "a.arrow", pa.table({"in": [{"x": 1.0, "y": 'Na"N'}, {"x": float("nan")}]}), "file")

    (batch,) = read(path="a.arrow")

    assert [json.loads(row["in"]) for row in rows([batch])] == [{"x": 1.0, "y": 'Na"N'}]
    assert [row["origin"] for row in rejected([batch])] == ["a.arrow:2"]


def test_feather_of_the_first_version_is_refused(tmp_path, read):
    (tmp_path / "a.feather").write_bytes(b"FEA1" + b"\0" * 50)

    with pytest.raises(FileUnreadable, match="version 1"):
        read(path="a.feather")


# Avro

FIELDS = {
    "id": "long",
    "name": ["null", "string"],
    "price": {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 4},
    "fixed_price": {"type": "fixed", "name": "f8", "size": 8, "logicalType": "decimal", "precision": 12, "scale": 2},
    "ms": {"type": "long", "logicalType": "timestamp-millis"},
    "us": {"type": "long", "logicalType": "timestamp-micros"},
    "ns": {"type": "long", "logicalType": "timestamp-nanos"},
    "local": {"type": "long", "logicalType": "local-timestamp-micros"},
    "day": {"type": "int", "logicalType": "date"},
    "clock": {"type": "int", "logicalType": "time-millis"},
    "clock_us": {"type": "long", "logicalType": "time-micros"},
    "key": {"type": "string", "logicalType": "uuid"},
    "color": {"type": "enum", "name": "color", "symbols": ["RED", "BLUE"]},
    "raw": "bytes",
    "mark": {"type": "fixed", "name": "f2", "size": 2},
    "ratio": "float",
    "amount": "double",
    "ok": "boolean",
    "place": {"type": "record", "name": "place", "fields": [{"name": "x", "type": "int"}, {"name": "c", "type": "color"}]},
    "tags": {"type": "array", "items": ["null", "string"]},
    "by": {"type": "map", "values": {"type": "int", "logicalType": "date"}},
    "either": ["null", "int", "string"],
    "tree": ["null", {"type": "record", "name": "tree", "fields": [{"name": "n", "type": "int"}, {"name": "in", "type": ["null", "tree"]}]}],
}  # fmt: skip
RECORD = {
    "id": 2**62 + 1, "name": "é", "price": Decimal("1234567890123456.7891"), "fixed_price": Decimal("-1.50"),
    "ms": datetime(2024, 1, 2, 3, 4, 5, 678000, UTC), "us": datetime(2024, 1, 2, 3, 4, 5, 678901, UTC),
    "ns": 1_704_164_645_678_901_000, "local": datetime(2024, 1, 2, 3, 4, 5, 678901), "day": date(1900, 1, 2),  # noqa: DTZ001
    "clock": time(3, 4, 5, 678000), "clock_us": time(3, 4, 5, 678901), "key": uuid.UUID(int=7), "color": "BLUE",
    "raw": b"\x00\xff", "mark": b"ab", "ratio": 0.5, "amount": 0.1, "ok": True, "place": {"x": 1, "c": "RED"},
    "tags": ["a", None], "by": {"b": date(2024, 1, 1)}, "either": "x", "tree": {"n": 1, "in": {"n": 2, "in": None}},
}  # fmt: skip
EMPTY = {
    **RECORD, "name": None, "tags": [], "by": {}, "either": 7, "tree": None,
}  # fmt: skip


def avro_of(records, fields=FIELDS, codec="null", **more):
    schema = {"type": "record", "name": "r", "fields": [{"name": name, "type": of} for name, of in fields.items()]}
    out = io.BytesIO()
    fastavro.writer(out, fastavro.parse_schema(schema), records, codec=codec, **more)
    return out.getvalue()


@pytest.mark.parametrize("codec", ["null", "deflate", "bzip2", "xz"])
def test_avro_keeps_its_logical_types(tmp_path, read, codec):
    (tmp_path / "a.avro").write_bytes(avro_of([RECORD, EMPTY], codec=codec))

    (batch,) = read(path="a.avro")

    first, second = rows([batch])
    assert first == {
        **RECORD, "ns": datetime(2024, 1, 2, 3, 4, 5, 678901, UTC), "key": str(uuid.UUID(int=7)),
        "place": '{"x":1,"c":"RED"}', "tags": '["a",null]', "by": '{"b":"2024-01-01"}', "either": '"x"',
        "tree": '{"n":1,"in":{"n":2,"in":null}}',
    }  # fmt: skip
    assert {name: second[name] for name in ("name", "tags", "by", "either", "tree")} == {
        "name": None, "tags": "[]", "by": "{}", "either": "7", "tree": None,
    }  # fmt: skip
    assert marks(batch)["key"] == "uuid"
    assert {name for name, mark in marks(batch).items() if mark == "json"} == {"place", "tags", "by", "either", "tree"}


def test_avro_goes_on_at_any_batch(tmp_path, read, monkeypatch):
    monkeypatch.setattr(avro, "_ROWS", 7)
    (tmp_path / "a.avro").write_bytes(avro_of([{"id": n} for n in range(30)], {"id": "long"}, sync_interval=10))

    arrived = read(path="a.avro")

    assert [row["id"] for row in rows(arrived)] == list(range(30))
    assert goes_on_anywhere(read, arrived, path="a.avro")


def test_avro_of_values_that_are_no_records_has_one_column(tmp_path, read):
    out = io.BytesIO()
    fastavro.writer(out, fastavro.parse_schema("long"), [1, 2])
    (tmp_path / "a.avro").write_bytes(out.getvalue())

    assert rows(read(path="a.avro")) == [{"value": 1}, {"value": 2}]


def test_avro_that_is_cut_off_is_refused(tmp_path, read):
    (tmp_path / "a.avro").write_bytes(avro_of([RECORD] * 100)[:-30])

    with pytest.raises(FileUnreadable, match=r"a\.avro cannot be read as Avro"):
        read(path="a.avro")


# Workbooks


def workbook(path, sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, lines in sheets.items():
        sheet = book.create_sheet(name)
        for line in lines:
            sheet.append(line)
    book.save(path)


def test_a_column_of_a_sheet_has_the_type_of_its_cells(tmp_path, read):
    moment = datetime(2024, 1, 2, 3, 4, 5)  # noqa: DTZ001
    workbook(
        tmp_path / "a.xlsx",
        {
            "Orders": [
                ["Order ID", "price", "day", "at", "clock", "ok", "zip", "mixed", "took", "none"],
                [1, 1.5, date(2024, 1, 2), moment, time(3, 4), True, "007", 1, timedelta(hours=30), None],
                [2, 3, date(2024, 2, 29), None, None, False, "08", "x", None, None],
                [None] * 10,
                [2**53, 1e300, None, None, None, None, None, None, None, None],
            ],
            "other": [["x"], [1]],
        },
    )

    (batch,) = read(path="a.xlsx")

    assert rows([batch]) == [
        {"order_id": 1, "price": 1.5, "day": date(2024, 1, 2), "at": moment, "clock": time(3, 4), "ok": True, "zip": "007", "mixed": "1", "took": "30:00:00"},
        {"order_id": 2, "price": 3.0, "day": date(2024, 2, 29), "at": None, "clock": None, "ok": False, "zip": "08", "mixed": "x", "took": None},
        {"order_id": 2**53, "price": 1e300, "day": None, "at": None, "clock": None, "ok": None, "zip": None, "mixed": None, "took": None},
    ]  # fmt: skip
    assert (batch.origin, batch.read) == ("a.xlsx!Orders", 3)


def test_a_sheet_and_a_range_are_what_is_said(tmp_path, read):
    workbook(tmp_path / "a.xlsx", {"one": [["x"]], "two": [["title"], [], [None, "id", "v"], [None, 1, "a"], [None, 2, "b"], ["sum", 3]]})  # fmt: skip

    by_name = read(path="a.xlsx", sheet="two", range="B3:C5")
    by_number = read(path="a.xlsx", sheet=2, range="B3:")
    without = read(path="a.xlsx", sheet=2, range="B4:C5", header=False)

    assert rows(by_name) == [{"id": 1, "v": "a"}, {"id": 2, "v": "b"}]
    assert rows(by_number)[2] == {"id": 3, "v": None}
    assert rows(without)[0] == {"column0": 1, "column1": "a"}
    with pytest.raises(FileUnreadable, match="no sheet 'three'") as raised:
        read(path="a.xlsx", sheet="three")
    assert raised.value.hint == "there is one, two"
    with pytest.raises(FileUnreadable, match="no range of cells"):
        read(path="a.xlsx", range="B")


def test_an_error_in_a_cell_is_rejected_with_its_row_or_nothing(tmp_path, read):
    workbook(tmp_path / "a.xlsx", {"s": [["id", "v"], [1, 2], [2, "#N/A"], [3, 4], ["#DIV/0!", 1]]})

    quarantined = read(path="a.xlsx")
    nothing = read(path="a.xlsx", error_cells="null")

    assert rows(quarantined) == [{"id": 1, "v": 2}, {"id": 3, "v": 4}]
    assert [(row["reason"], row["column"], row["origin"], row["raw"]) for row in rejected(quarantined)] == [
        ("cell", "v", "a.xlsx!s:3", "#N/A"),
        ("cell", "id", "a.xlsx!s:5", "#DIV/0!"),
    ]
    assert rows(nothing)[1] == {"id": 2, "v": None}
    assert (quarantined[0].read, nothing[0].read) == (4, 4)


def test_a_cell_that_breaks_a_declared_type_is_rejected_with_its_row(tmp_path, read):
    workbook(tmp_path / "a.xlsx", {"s": [["id", "v"], [1, 2], [1.5, 3], ["x", 4]]})

    (batch,) = read(path="a.xlsx", columns={"id": {"type": "bigint"}, "v": {"type": "decimal(5,2)"}})

    assert rows([batch]) == [{"id": 1, "v": Decimal("2.00")}]
    assert [(row["detail"], row["origin"]) for row in rejected([batch])] == [
        ("'1.5' is not bigint", "a.xlsx!s:3"),
        ("'x' is not bigint", "a.xlsx!s:4"),
    ]


@pytest.mark.parametrize(
    "raw", [b"", b"PK\x03\x04 no", b"PK\x05\x06" + b"\0" * 18, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"]
)
def test_what_is_no_workbook_is_refused(tmp_path, read, raw):
    (tmp_path / "a.xlsx").write_bytes(raw)

    with pytest.raises(FileUnreadable):
        read(path="a.xlsx", format="excel")


# XML

XML = """<?xml version="1.0"?>
<shop xmlns:s="urn:s" name="x"><meta><n>1</n></meta>
  <s:order id="1"><total>1.50</total><line>a</line><line>b</line><at city="Bonn">home</at></s:order>
  <order id="2"><total>x</total><note/></order>
  <order>plain &amp; <![CDATA[<b>]]></order>
</shop>"""


def test_elements_of_xml_that_come_again_are_records(tmp_path, read):
    (tmp_path / "a.xml").write_text(XML)

    found, said = read(path="a.xml"), read(path="a.xml", data_selector="/shop/order")

    assert (
        rows(found)
        == rows(said)
        == [
            {"id": "1", "total": "1.50", "line": '["a","b"]', "at": '{"@city":"Bonn","#text":"home"}', "text": None},
            {"id": "2", "total": "x", "line": None, "at": None, "text": None},
            {"id": None, "total": None, "line": None, "at": None, "text": "plain & <b>"},
        ]
    )


def test_a_record_of_xml_that_breaks_a_declared_type_is_rejected_with_its_number(tmp_path, read):
    (tmp_path / "a.xml").write_text(XML)

    (batch,) = read(path="a.xml", columns={"total": {"type": "decimal(9,2)"}})

    assert [row["total"] for row in rows([batch])] == [Decimal("1.50"), None]
    assert [(row["column"], row["origin"]) for row in rejected([batch])] == [("total", "a.xml:2")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "windows-1252"])
def test_xml_is_in_the_encoding_that_it_says(tmp_path, read, encoding):
    text = f'<?xml version="1.0" encoding="{encoding}"?><a><b>é</b><b>ü</b></a>'
    (tmp_path / "a.xml").write_bytes(text.encode(encoding))

    assert rows(read(path="a.xml")) == [{"text": "é"}, {"text": "ü"}]


def test_xml_goes_on_at_any_batch(tmp_path, read, monkeypatch):
    monkeypatch.setattr(xml, "_BATCH", 40)
    monkeypatch.setattr(xml, "_BLOCK", 64)
    (tmp_path / "a.xml").write_text("<a>" + "".join(f"<b><id>{n}</id></b>" for n in range(20)) + "</a>")

    arrived = read(path="a.xml")

    assert [row["id"] for row in rows(arrived)] == [str(n) for n in range(20)]
    assert goes_on_anywhere(read, arrived, path="a.xml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<a><b>1</b>", "not XML"),
        ("", "not XML"),
        ('<!DOCTYPE a [<!ENTITY x "y">]><a><b>&x;</b></a>', "document type"),
    ],
)
def test_what_is_no_plain_xml_is_refused(tmp_path, read, text, said):
    (tmp_path / "a.xml").write_text(text)

    with pytest.raises(FileUnreadable, match=said):
        read(path="a.xml")


def test_a_path_that_no_element_of_xml_has_is_refused(tmp_path, read):
    (tmp_path / "a.xml").write_text(XML)

    with pytest.raises(RecordsNotFound, match="/shop/orders"):
        read(path="a.xml", data_selector="shop.orders")


# Lines of fixed width

FIXED = [
    {"id": 4},
    {"name": 6},
    {"name": "price", "width": 7, "type": "decimal(6,2)"},
    {"name": "day", "start": 19, "width": 10},
]


def test_fields_of_fixed_width_are_what_stands_there(tmp_path, read):
    (tmp_path / "a.dat").write_text("0001élan  001.50  2024-01-02\r\n\n0002\n0003 x     1.505  2024-13-01\n")

    (batch,) = read(path="a.dat", fields=FIXED, columns={"day": {"type": "date"}})

    assert rows([batch]) == [
        {"id": "0001", "name": "élan", "price": Decimal("1.50"), "day": date(2024, 1, 2)},
        {"id": "0002", "name": None, "price": None, "day": None},
    ]
    assert [(row["column"], row["detail"], row["origin"]) for row in rejected([batch])] == [
        ("price", "'1.505' is not decimal(6,2)", "a.dat:4")
    ]
    assert batch.read == 3


def test_lines_of_fixed_width_that_are_no_text_are_rejected(tmp_path, read):
    (tmp_path / "a.dat").write_bytes("é1\n".encode() * 3 + b"\xff2\na\x003\nb4\n")

    (batch,) = read(path="a.dat", fields=[{"a": 1}, {"b": 1}], columns={"b": {"type": "bigint"}})

    assert [row["b"] for row in rows([batch])] == [1, 1, 1, 4]
    assert [(row["origin"], row["reason"]) for row in rejected([batch])] == [
        ("a.dat:4", "malformed"),
        ("a.dat:5", "malformed"),
    ]


def test_lines_of_fixed_width_go_on_at_any_batch(tmp_path, read, monkeypatch):
    monkeypatch.setattr(fixed, "_PIECE", 10)
    (tmp_path / "a.dat").write_text("n\n\n" + "".join(f"{n:03d}\n" for n in range(20)))

    arrived = read(path="a.dat", fields=[{"n": 3}], header=True)

    assert [row["n"] for row in rows(arrived)] == [f"{n:03d}" for n in range(20)]
    assert goes_on_anywhere(read, arrived, path="a.dat", fields=[{"n": 3}], header=True)


def test_json_lines_that_are_rejected_have_their_line(tmp_path, read):
    (tmp_path / "a.jsonl").write_text('{"id": 1}\n\n{broken\n{"id": 2}\n[1]\n{"id": "x"}\n')

    (batch,) = read(path="a.jsonl", columns={"id": {"type": "bigint"}}, data_selector="$")

    assert [row["id"] for row in rows([batch])] == [1, 2]
    assert sorted(row["origin"] for row in rejected([batch])) == ["a.jsonl:3", "a.jsonl:5", "a.jsonl:6"]
