"""Pages that are read as the ones before them were hold the same values as if each batch were looked at by itself."""

import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from headrace.errors import RecordsNotFound
from headrace.extract import alike
from headrace.extract.alike import Pages
from headrace.extract.records import Shape, rows_of
from headrace.schema import parse_type

PLAIN = {"id": "12", "price": "1.25", "ok": "true", "name": '"a"', "day": '"2024-01-01"', "at": '{"x":1}'}
SPELLED = st.sampled_from(
    ["0", "-0", "7", "100", "1e2", "15e2", "1.5e20", "1e-3", "0.012", "10.0", "1.50", "123456789", "9007199254740993", "1e-400",
     "12345678901234567890", "0.12345678901234567", "true", "false", "null", '"12"', '"true"', '"a.b"', '""', '"{"', '"[x"', '"\\u0041"',
     '"\\n"', '"é😀"', '"null"', "{}", "[]", '{"y":1.5}', '{"y":1e5,"y":2}', '[0.001,"1.0"]', '{"y": 1}']
)  # fmt: skip
RECORD = st.fixed_dictionaries({key: SPELLED | st.just(plain) | st.just(plain) for key, plain in PLAIN.items()})


@pytest.fixture(autouse=True)
def _worth(monkeypatch):
    monkeypatch.setattr(alike, "_WORTH", 0)


def text(*records, more=(), less=()):
    """A page of these records; the last one has `more` keys and `less`."""
    pairs = [list(one.items()) for one in records]
    pairs[-1] = [*((key, value) for key, value in pairs[-1] if key not in less), *more]
    return "[" + ", ".join("{" + ",".join(f"{json.dumps(k)}: {v}" for k, v in one) + "}" for one in pairs) + "]"


def read(pages, body, shape, added=()):
    return pages.rows_of([("second", body)], shape, added)


def values(rows, like):
    """Rows as the table of both batches has them: what is null throughout has no column, and numbers are those of the wider type."""
    columns = {name: rows.column(name).to_pylist() for name in rows.column_names}
    return {
        name: [one if one is None or like.get(name, type(one)) is not float else float(one) for one in column]
        for name, column in columns.items()
        if any(one is not None for one in column)
    }


def kinds(rows):
    return {
        name: next((type(one) for one in rows.column(name).to_pylist() if one is not None), type(None))
        for name in rows.column_names
    }


@given(
    last=RECORD,
    more=st.lists(st.tuples(st.sampled_from(["id", "a", "", "at", "ID"]), SPELLED), max_size=1),
    less=st.sets(st.sampled_from(sorted(PLAIN)), max_size=1),
)
@example(last={**PLAIN, "price": "1e2"}, more=[("a", "1")], less=set())
@example(last={**PLAIN, "ok": "1"}, more=[], less=set())
@example(last={**PLAIN, "day": "1.5e20"}, more=[], less=set())
@example(last={**PLAIN, "day": "12345678901234567890"}, more=[], less=set())
@example(last={**PLAIN, "day": "-9223372036854775807"}, more=[], less=set())
@example(last={**PLAIN, "at": "12345678901234567890"}, more=[], less=set())
@example(last={**PLAIN, "at": "1.5e20"}, more=[], less=set())
@example(last={**PLAIN, "name": "-1e-3"}, more=[], less=set())
@example(last={**PLAIN, "name": "1e-5"}, more=[], less=set())
@example(last={**PLAIN, "name": "123456789012345"}, more=[], less=set())
@example(last={**PLAIN, "name": "0.00012345"}, more=[], less=set())
@example(last={**PLAIN, "id": "1.5"}, more=[], less=set())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_value_is_another_than_in_a_batch_that_is_looked_at_by_itself(local, last, more, less):
    pages, shape = Pages(local), Shape("$")
    pages.rows_of([("first", text(PLAIN, PLAIN))], shape)
    body = text(PLAIN, last, more=more, less=less)

    found, alone = read(pages, body, shape), rows_of([("second", body)], shape, local)

    assert values(found.rows, kinds(found.rows)) == values(alone.rows, kinds(found.rows))
    assert found.read == alone.read
    assert (found.rejected and found.rejected.to_pylist()) == (alone.rejected and alone.rejected.to_pylist())


def test_a_batch_of_narrower_values_has_the_types_of_the_one_before_it(local):
    pages, shape = Pages(local), Shape("$")
    first = pages.rows_of([("first", text({**PLAIN, "more": "1"}))], shape)
    narrow = {"id": "7", "price": "3", "ok": "null", "name": "12", "day": "true", "at": "1.50"}

    found = read(pages, text(narrow), shape)

    assert found.rows.schema == first.rows.schema
    assert list(found.rows.to_pylist()[0].values()) == [7, 3.0, None, "12", "true", "1.5", None]
    assert pages.misses == 0


def test_a_batch_like_the_one_before_it_is_not_looked_at_again(local, monkeypatch):
    pages, shape = Pages(local), Shape("$")
    first = pages.rows_of([("first", text(PLAIN, PLAIN))], shape)
    monkeypatch.setattr(alike, "rows_of", None)

    second = read(pages, text(PLAIN, PLAIN, PLAIN), shape)

    assert second.rows.schema == first.rows.schema
    assert second.rows.schema.field("at").metadata == {b"headrace": b"json"}
    assert second.rows.to_pylist() == [first.rows.to_pylist()[0]] * 3
    assert (second.read, second.rejected) == (3, None)


def test_the_next_batch_is_read_as_the_one_that_differed_until_that_was_in_vain_too_often(local):
    pages, shape = Pages(local), Shape("$")
    pages.rows_of([("first", text(PLAIN))], shape)

    known = []
    for key in ("a", "b", "c"):
        read(pages, text({**PLAIN, key: "1"}), shape)
        known.append(pages.known and pages.known[-1].key)

    assert known == ["a", "b", None]
    assert read(pages, text(PLAIN), shape).rows.column_names == list(PLAIN)


def test_records_with_what_is_declared_or_joins_them_are_alike_too(local):
    pages = Pages(local)
    shape = Shape("$", {"price": parse_type("decimal(12,2)"), "absent": parse_type("uuid")})
    added = ['{"parent": 7}']
    first = pages.rows_of([("first", text(PLAIN))], shape, added)
    second = read(pages, text(PLAIN), shape, added)
    wrong = read(pages, text({**PLAIN, "price": "1.255"}), shape, added)

    assert second.rows.equals(first.rows, check_metadata=True)
    assert second.rows["parent"].to_pylist() == [7]
    assert [row["column"] for row in wrong.rejected.to_pylist()] == ["price"]


def test_each_record_of_several_pages_says_which_one_it_came_from(local):
    pages, shape = Pages(local), Shape("$", {"price": parse_type("decimal(12,2)")})
    named = {**PLAIN, "headrace_origin": '"x"', "origin": '"y"'}
    bodies = [("first", text(named, named)), ("second", text(named))]

    looked, alike = pages.rows_of(bodies, shape), pages.rows_of(bodies, shape)
    refused = pages.rows_of([("first", text({**named, "price": "1.255"}, named)), bodies[1]], shape)

    assert pages.misses == 1
    assert looked.origins.to_pylist() == alike.origins.to_pylist() == ["first", "first", "second"]
    assert refused.origins.to_pylist() == ["first", "second"]
    assert looked.rows["origin"].to_pylist() == alike.rows["origin"].to_pylist() == ["y"] * 3


@pytest.mark.parametrize("path", ["id", "day"])
def test_the_cursor_of_a_batch_is_its_highest(local, path):
    shape = Shape("$", cursor_path=path, missing="exclude")
    pages = Pages(local)
    pages.rows_of([("first", text(PLAIN))], shape)
    later = {**PLAIN, "id": "100", "day": '"2024-02-01T00:00:00Z"'}

    found = read(pages, text(PLAIN, later, PLAIN), shape)
    lacking = read(pages, text(PLAIN, {**PLAIN, path: "null"}), shape)

    assert found.cursor == str(json.loads(later[path]))
    assert pages.misses == 1
    assert lacking.rows.num_rows == 1
    assert [row["reason"] for row in lacking.rejected.to_pylist()] == ["cursor"]


def test_a_cursor_that_must_not_be_missing_is_missed_in_a_later_batch_too(local):
    shape, pages = Shape("$", cursor_path="day", missing="raise"), Pages(local)
    pages.rows_of([("first", text(PLAIN))], shape)

    with pytest.raises(RecordsNotFound, match="a record has no 'day'"):
        read(pages, text(PLAIN, {**PLAIN, "day": "null"}), shape)


def test_few_small_pages_are_looked_at_by_themselves(local, monkeypatch):
    monkeypatch.setattr(alike, "_WORTH", 1000)
    pages, shape = Pages(local), Shape("$")
    pages.rows_of([("first", text(PLAIN))], shape)

    assert read(pages, text({**PLAIN, "a": "1"}), shape).rows.num_rows == 1
    assert pages.misses == 0
