"""Every value of every type comes back exactly as it went in."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from headrace.errors import StatementFailed
from headrace.schema import Column, Kind, Schema, Type, decimal
from headrace.table import Table

TABLE = Table("raw", "cells")

EXACT = {
    "boolean": (Type(Kind.BOOLEAN), ["true", "false"]),
    "smallint": (Type(Kind.SMALLINT), ["-32768", "32767"]),
    "integer": (Type(Kind.INTEGER), ["-2147483648", "2147483647"]),
    "bigint": (Type(Kind.BIGINT), ["-9223372036854775808", "9223372036854775807"]),
    "hugeint": (Type(Kind.HUGEINT), ["170141183460469231731687303715884105727", "-7"]),
    "decimal of 38 digits": (decimal(38, 10), ["1234567890123456789012345678.0123456789", "-0.0000000001"]),
    "decimal": (decimal(18, 3), ["999999999999999.999", "0.000"]),
    "float": (Type(Kind.FLOAT), ["0.1", "3.4028235e+38", "nan", "-inf"]),
    "double": (Type(Kind.DOUBLE), ["0.1", "1.7976931348623157e+308", "5e-324", "nan", "inf", "-inf", "-0.0"]),
    "varchar": (
        Type(Kind.VARCHAR),
        ["", " a ", "NULL", "\\N", "\\.", "a\n\\.\nb", '"', "'", "a,b", "é😀", "\r\n", "\\x41"],
    ),
    "date": (Type(Kind.DATE), ["2024-02-29", "0001-01-01", "9999-12-31", "0044-03-15 (BC)", "infinity", "-infinity"]),
    "time": (Type(Kind.TIME), ["00:00:00", "23:59:59.999999", "24:00:00"]),
    "timestamp": (
        Type(Kind.TIMESTAMP),
        ["2024-02-29 12:34:56.000001", "0001-01-01 00:00:00", "0044-03-15 (BC) 01:02:03", "infinity"],
    ),
    "timestamptz": (
        Type(Kind.TIMESTAMPTZ),
        ["2024-02-29 12:34:56.000001+00", "1969-12-31 23:59:59+00", "0044-03-15 (BC) 01:02:03+00", "-infinity"],
    ),
    "interval": (Type(Kind.INTERVAL), ["1 year 2 months 3 days 04:05:06.5", "-1 days", "00:00:00.000001"]),
    "uuid": (Type(Kind.UUID), ["d280d44f-5522-42cc-b1c8-14166f05db50"]),
    "blob": (Type(Kind.BLOB), ["\\x00\\xFF", "", "abc"]),
}


@pytest.mark.parametrize("of", EXACT)
def test_values_come_back_exactly(session, of):
    kind, texts = EXACT[of]
    rows = pa.table({"n": range(len(texts) + 1), "text": [*texts, None]})
    session.local.register("texts", rows)
    word = {"decimal": str(kind)}.get(kind.kind.value, kind.kind.value)
    query = f"SELECT n, CAST(text AS {word}) AS cell FROM texts"
    wanted = session.local.rows(f"SELECT n, CAST(cell AS VARCHAR) FROM ({query}) ORDER BY n")

    session.load_local(TABLE, query)

    found = session.query("SELECT n, cell FROM raw.cells").read_all()
    session.local.register("found", found)
    back = session.local.rows(f"SELECT n, CAST(CAST(cell AS {word}) AS VARCHAR) FROM found ORDER BY n")
    assert back == wanted
    assert session.inspect("raw")[TABLE].schema.get("cell") == Column("cell", kind)


def test_arrow_rows_come_back_exactly(session):
    data = pa.table(
        {
            "number": pa.array([1.5, None, float("inf")], pa.float64()),
            "exact": pa.array(["1.000000001", "-2", None]).cast(pa.decimal128(38, 9)),
            "text": ["", None, "😀"],
            "moment": pa.array([0, None, -1], pa.timestamp("us", "UTC")),
            "bytes": pa.array([b"\x00\xff", b"", None]),
        }
    )

    session.load(TABLE, data.to_reader())

    back = session.query("SELECT * FROM raw.cells").read_all()
    assert back.cast(data.schema.set(3, back.schema.field(3))).to_pydict() == data.to_pydict()


def test_json_keeps_its_digits(session):
    document = {"big": 12345678901234567890, "deep": {"list": [1.10, None, "é😀"]}}
    session.local.register("texts", pa.table({"text": [json.dumps(document), "null", None]}))

    session.load_local(TABLE, "SELECT CAST(text AS JSON) AS cell FROM texts")

    back = session.query("SELECT cell FROM raw.cells").read_all().column("cell").to_pylist()
    assert json.loads(back[0]) == document
    assert "12345678901234567890" in back[0]
    assert back[1:] == ["null", None]
    assert [json.loads(cell) if cell else None for (cell,) in session.rows("SELECT cell FROM raw.cells")] == [
        document,
        None,
        None,
    ]


def test_nested_values_keep_their_content(session):
    data = pa.table({"items": [[1, None], [], None], "who": [{"name": "Ada", "tags": ["x"]}, None, None]})

    session.load(TABLE, data.to_reader())

    back = session.query("SELECT items, who FROM raw.cells").read_all().to_pylist()
    plain = [{name: json.loads(cell) if isinstance(cell, str) else cell for name, cell in row.items()} for row in back]
    assert plain == data.to_pylist()


def test_an_unsigned_number_fits_into_what_it_becomes(session):
    session.load_local(TABLE, "SELECT CAST(18446744073709551615 AS UBIGINT) AS cell")

    assert session.rows("SELECT CAST(cell AS varchar) FROM raw.cells") == [("18446744073709551615",)]
    assert session.inspect("raw")[TABLE].schema == Schema((Column("cell", decimal(20, 0)),))


def test_text_with_nul_is_kept_or_refused_but_never_cut(session):
    data = pa.table({"cell": ["a\0b"]})

    if session.capabilities.dialect == "duckdb":
        session.load(TABLE, data.to_reader())
        assert session.rows("SELECT cell FROM raw.cells") == [("a\0b",)]
    else:
        with pytest.raises(StatementFailed) as caught:
            session.load(TABLE, data.to_reader())
        assert "NUL" in caught.value.hint
        assert session.rows("SELECT 1") == [(1,)]


def test_a_row_of_several_megabytes_comes_back(session):
    long = "ä" * 3_000_000

    session.load(TABLE, pa.table({"cell": [long, "b"]}).to_reader())

    assert session.query("SELECT cell FROM raw.cells").read_all().column("cell").to_pylist() == [long, "b"]
