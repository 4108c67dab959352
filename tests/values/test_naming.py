"""Laws of names: whatever sources call things, columns have distinct names that every engine takes, and keep them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.naming import CONVENTIONS, Names, distinct_names, naming, table_name, written
from headrace.table import Table, shortened

AWKWARD = ["Id", "ID", "id", "id ", "iD_2", "id_2", "", " ", "💧", "🔥", "_headrace_row", "_HEADRACE_row", "rowid", "CTID", "2nd",
           'a"b', "a.b", "a b", "select", "ß", "SS", "é", "e\u0301", "x" * 80, "x" * 81, "ä" * 40, "\ud800", "[1]"]  # fmt: skip
names = st.one_of(st.sampled_from(AWKWARD), st.text(max_size=12))
paths = st.lists(st.lists(names, min_size=1, max_size=2).map(tuple), unique=True, max_size=12)
conventions = st.sampled_from(CONVENTIONS)


@given(paths, conventions)
def test_any_names_become_distinct_ones_that_every_engine_takes(found, convention):
    columns = list(Names(convention).of(found).values())

    assert len({column.casefold() for column in columns}) == len(found)
    for column in columns:
        assert 1 <= len(column.encode()) <= 63
        assert "\x00" not in column
        assert not column.casefold().startswith("_headrace_")
        assert column.casefold() not in ("rowid", "ctid", "xmin", "xmax", "cmin", "cmax", "tableoid")


@given(paths, conventions, st.randoms(use_true_random=False))
def test_names_do_not_depend_on_the_order_in_which_they_come(found, convention, random):
    shuffled = random.sample(found, len(found))

    assert Names(convention).of(shuffled) == Names(convention).of(found)


@given(paths, paths, paths, conventions)
def test_a_name_stays_whatever_others_come_in_this_load_or_a_later_one(first, second, third, convention):
    known = Names(convention)
    was = known.of(first)
    grown = known.of([*dict.fromkeys([*second, *first])])

    later = Names(convention, known.renamed, [*was.values(), *grown.values()])
    now = later.of([*dict.fromkeys([*third, *second, *first])])

    assert was.items() <= grown.items() <= now.items()
    assert len({column.casefold() for column in now.values()}) == len(now)


@pytest.mark.parametrize(
    ("convention", "expected"),
    [
        ("snake_case", ["order_id", "order_id_2", "http_code", "a_b"]),
        ("sql_ci", ["orderid", "order_id", "httpcode", "a_b"]),
        ("direct", ["orderId", "Order ID", "HTTPCode", "a.b"]),
    ],
)
def test_a_convention_says_how_a_name_is_written(convention, expected):
    found = [("orderId",), ("Order ID",), ("HTTPCode",), ("a.b",)]

    columns = Names(convention).of(found)

    assert sorted(columns.values()) == sorted(expected)
    assert written("HTTPCode", convention) == expected[2]


def test_columns_that_are_read_in_a_block_are_named_as_it_says():
    known = Names("direct")
    with naming(known):
        assert distinct_names([("Id",), ("rowid",)]) == {("Id",): "Id", ("rowid",): "rowid_"}

    assert known.renamed == {"rowid": "rowid_"}
    assert distinct_names([("Id",)]) == {("Id",): "id"}


@given(st.lists(st.text(min_size=1, max_size=200), unique=True, max_size=8))
def test_long_names_are_cut_and_stay_distinct(found):
    assert len({shortened(name.encode(errors="replace").decode(), 63) for name in found}) == len(
        {name.encode(errors="replace").decode() for name in found}
    )


def test_no_table_beside_another_takes_the_name_of_one_beside_a_third():
    long = "orders_of_a_shop_whose_name_is_longer_than_any_engine_would_have_it_"

    beside = [Table("raw", f"{long}{end}").beside("staged").name for end in "ab"]

    assert beside[0] != beside[1]
    assert all(len(name) <= 63 and name.endswith("__staged") for name in beside)
    assert table_name("orders__staged") == "orders__staged_"


@given(paths, paths, conventions)
def test_names_that_were_known_are_known_again(first, second, convention):
    known = Names(convention)
    was = known.of(first)

    now = Names(convention, known.known).of([*dict.fromkeys([*second, *first])])

    assert was.items() <= now.items()
