import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.errors import RecordsNotFound
from headrace.extract.records import Shape, rows_of
from headrace.extract.selecting import find_selector
from headrace.naming import distinct_names, normalised
from headrace.schema import parse_type
from headrace.warehouse.embedded import Embedded


def test_numbers_keep_every_digit(local):
    body = (
        '[{"huge": 12345678901234567890, "big": 9007199254740993, "real": 1.5, "long": 0.12345678901234567890,'
        ' "in": {"x": 0.12345678901234567890}, "whole": 3}, {"real": 2, "whole": null}]'
    )

    rows = rows_of([("p", body)], Shape("$"), local).rows

    assert {field.name: str(field.type) for field in rows.schema} == {
        "huge": "decimal128(20, 0)",
        "big": "int64",
        "real": "double",
        "long": "string",
        "in": "string",
        "whole": "int64",
    }
    assert rows.to_pylist()[0] == {
        "huge": Decimal(12345678901234567890),
        "big": 9007199254740993,
        "real": 1.5,
        "long": "0.12345678901234567890",
        "in": '{"x":0.12345678901234567890}',
        "whole": 3,
    }
    assert rows.schema.field("in").metadata == {b"headrace": b"json"}


def test_a_value_that_breaks_its_declared_type_or_is_no_record_is_rejected(local):
    body = '[{"p": "12.34", "d": "2024-01-02"}, {"p": 12.345}, {"d": "2024-01-02T10:00:00"}, 7, {"p": null}]'
    columns = {"p": parse_type("decimal(12,2)"), "d": parse_type("date"), "absent": parse_type("uuid")}

    found = rows_of([("page 1", body)], Shape("$", columns), local)

    assert found.rows["p"].to_pylist() == [Decimal("12.34"), None]
    assert found.rows.column_names == ["p", "d", "absent"]
    assert [(row["reason"], row["column"], row["origin"]) for row in found.rejected.to_pylist()] == [
        ("type", "p", "page 1"),
        ("type", "d", "page 1"),
        ("record", None, "page 1"),
    ]
    assert found.read == 5


def test_a_declared_decimal_is_cast_from_the_text_and_not_from_a_double(local):
    body = '[{"v": 0.12345678901234567}, {"v": 1234567890123456.12}]'

    found = rows_of([("p", body)], Shape("$", {"v": parse_type("decimal(38,17)")}), local)

    assert found.rows["v"].to_pylist() == [Decimal("0.12345678901234567"), Decimal("1234567890123456.12")]


@pytest.mark.parametrize(
    ("body", "selector"),
    [
        ("[]", "$"),
        ('{"features": [{"a": [1]}], "n": 1}', "$['features']"),
        ('{"data": {"items": [{"a": 1}]}}', "$['data']['items']"),
        ('{"data": [], "tags": ["x"]}', "$['data']"),
        ('{"id": 1}', "$"),
    ],
)
def test_the_records_are_found_where_there_is_one_place_for_them(local, body, selector):
    assert find_selector(local, body) == selector


def test_several_lists_of_records_have_to_be_told_apart(local):
    with pytest.raises(RecordsNotFound, match="several lists"):
        find_selector(local, '{"a": [{"x": 1}], "b": [{"y": 1}]}')


@pytest.mark.parametrize(("missing", "kept"), [("include", 2), ("exclude", 1)])
def test_a_record_without_a_cursor_is_kept_or_rejected_as_told(local, missing, kept):
    found = rows_of([("p", '[{"t": 2}, {"x": 1}]')], Shape("$", cursor_path="t", missing=missing), local)

    assert found.rows.num_rows == kept
    assert found.cursor == "2"
    with pytest.raises(RecordsNotFound):
        rows_of([("p", '[{"t": 2}, {"x": 1}]')], Shape("$", cursor_path="t", missing="raise"), local)


def test_mixed_kinds_become_text_where_text_keeps_them_and_json_where_not(local):
    body = '[{"a": 1, "b": 1, "c": true}, {"a": "x", "b": [1], "c": 2}]'

    rows = rows_of([("p", body)], Shape("$"), local).rows

    assert rows.to_pylist() == [{"a": "1", "b": "1", "c": "true"}, {"a": "x", "b": "[1]", "c": "2"}]
    assert [field.metadata for field in rows.schema] == [None, {b"headrace": b"json"}, {b"headrace": b"json"}]


def test_names_are_snake_case_and_those_that_collide_get_a_number():
    assert [normalised(name) for name in ("orderId", "Order ID", "HTTPCode", "_private", "2nd", "é-x", "@type")] == [
        "order_id",
        "order_id",
        "http_code",
        "_private",
        "_2nd",
        "é_x",
        "type",
    ]
    paths = [("orderId",), ("order_id",), ("Order ID",)]
    assert distinct_names(paths) == {("orderId",): "order_id_3", ("order_id",): "order_id", ("Order ID",): "order_id_2"}


_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**37), 10**37),
    st.floats(allow_nan=False, allow_infinity=False, width=64),
    st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(["a", "b", "c"]), _values), min_size=1, max_size=6))
def test_no_value_is_changed_on_its_way_from_json_to_a_column(records):
    local = Embedded.in_memory()

    rows = rows_of([("p", json.dumps(records))], Shape("$"), local).rows
    local.close()

    names = set(rows.column_names)
    for record, row in zip(records, rows.to_pylist() if names else [{}] * len(records), strict=True):
        for name in "abc":
            sent, got = record.get(name), row.get(name)
            if rows.column_names and name in names and rows.schema.field(name).metadata and got is not None:
                got = json.loads(got)
            if isinstance(got, str) and not isinstance(sent, str):
                got = json.loads(got)
            assert got == sent
            assert isinstance(got, bool) == isinstance(sent, bool)


@pytest.mark.parametrize("body", ["[{}]", '[{"a": null}, {}]'])
def test_records_without_any_value_are_rejected_and_not_lost(local, body):
    found = rows_of([("p", body)], Shape("$"), local)

    assert found.rows.num_rows == 0
    assert {row["reason"] for row in found.rejected.to_pylist()} == {"record"}
    assert found.rejected.num_rows == found.read == len(json.loads(body))


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1e-400", "1.8e308"])
def test_a_number_that_no_double_can_be_stays_as_it_is_written_and_breaks_a_declared_double(local, number):
    body = f'[{{"x": {number}}}, {{"x": 0.0}}, {{"x": 1.5e300}}]'

    found = rows_of([("p", body)], Shape("$", {}), local)
    declared = rows_of([("p", body)], Shape("$", {"x": parse_type("double")}), local)

    assert found.rows["x"].to_pylist() == [number, "0.0", "1.5e300"]
    assert declared.rows["x"].to_pylist() == [0.0, 1.5e300]
    assert declared.rejected["raw"].to_pylist() == [f'{{"x":{number}}}']


@pytest.mark.parametrize("flatten", [False, True])
def test_a_record_in_which_a_key_is_twice_is_rejected_by_the_name_of_the_key(local, flatten):
    fine = ['{"a": 1, "b": null}', '{"b": {}}', '{"b": {"x": 1, "y": null}}', '{"a": null, "t": 1, "b": {"a": 1}}']
    twice = ['{"a": 1, "a": 1}', '{"b": null, "a": 2, "b": {"x": 1}}', '{"a": 1, "t": 5, "é\'": 1, "é\'": null}']
    within = '{"a": 1, "b": {"x": 1, "y": 2, "x": 1}}'
    shape = Shape("$", flatten=flatten, cursor_path="t")

    found = rows_of([("p", f"[{', '.join([*fine, *twice, within])}]")], shape, local)

    kept_out = [(row["reason"], row["column"], row["detail"], row["raw"]) for row in found.rejected.to_pylist()]
    told = [("record", key, f"the key '{key}' is there twice") for key in ("a", "b", "é'", *(["x"] if flatten else []))]
    raw = [text.replace(": ", ":").replace(", ", ",") for text in (*twice, *([within] if flatten else []))]
    assert kept_out == [(*said, text) for said, text in zip(told, raw, strict=True)]
    assert found.rows.num_rows == len(fine) + (not flatten)
    assert found.read == 8


def test_a_record_of_thousands_of_objects_is_parsed_once_and_not_once_for_each(local):
    local.execute("SET memory_limit = '150MB'")
    record = {f"k{n}": {"a": n, "b": [None, "x"]} for n in range(2000)}

    rows = rows_of([("p", json.dumps([record, {"k1": None}]))], Shape("$"), local).rows

    assert [json.loads(text) for text in rows.slice(0, 1).to_pylist()[0].values()] == list(record.values())
    assert rows.column("k1").to_pylist() == ['{"a":1,"b":[null,"x"]}', None]


def test_more_keys_than_a_table_has_columns_are_no_columns(local):
    with pytest.raises(RecordsNotFound, match=r"have 10,001 keys.*10,000 at most") as raised:
        rows_of([("p", json.dumps({f"k{n}": 1 for n in range(10_001)}))], Shape("$"), local)

    assert "data_selector" in raised.value.hint
