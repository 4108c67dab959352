"""Names, literals and types as engines write them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.schema import BIGINT, DOUBLE, JSON, TIMESTAMP, TIMESTAMPTZ, VARCHAR, Kind, Type, decimal
from headrace.sql.dialect import name, number, read_type, relation, spell, temporary, text, timestamp
from headrace.table import Table
from headrace.warehouse.embedded import CAPABILITIES, Embedded


@pytest.fixture(scope="module")
def embedded():
    session = Embedded.in_memory()
    yield session
    session.close()


def test_a_quote_in_a_name_is_doubled():
    assert name('a"b') == '"a""b"'
    assert relation(Table("raw", "t.x", "lake")) == '"lake"."raw"."t.x"'


@given(value=st.text(st.characters(min_codepoint=1, exclude_categories=["Cs"])))
def test_any_text_is_read_back_from_its_literal(embedded, value):
    assert embedded.rows(f"SELECT {text(value)}") == [(value,)]


def test_nothing_is_written_as_null():
    assert (text(None), number(None), timestamp(None)) == ("NULL", "NULL", "NULL")


@pytest.mark.parametrize(
    "value", [Decimal("12345678901234567890.12345"), 1e300, -1, 0.1, float("inf"), Decimal("-0.5")]
)
def test_a_number_keeps_its_digits(embedded, value):
    assert embedded.rows(f"SELECT {number(value)}") == [(value,)]


@pytest.mark.parametrize(
    "value",
    [datetime(2024, 2, 29, 1, 2, 3, 4), datetime(2024, 2, 29, 1, 2, 3, 4, UTC)],  # noqa: DTZ001 - both kinds are written
)
def test_a_moment_keeps_its_microseconds_and_its_zone(embedded, value):
    assert embedded.rows(f"SELECT {timestamp(value)} = ?", [value]) == [(True,)]


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("DECIMAL(18,3)", decimal(18, 3)),
        ("numeric(12,2)", decimal(12, 2)),
        ("numeric(5)", decimal(5, 0)),
        ("numeric", VARCHAR),
        ("numeric(50,2)", VARCHAR),
        ("numeric(3,-2)", VARCHAR),
        ("numeric(39,0)", Type(Kind.HUGEINT)),
        ("HUGEINT", Type(Kind.HUGEINT)),
        ("UBIGINT", decimal(20, 0)),
        ("UTINYINT", Type(Kind.SMALLINT)),
        ("UINTEGER", BIGINT),
        ("character varying", VARCHAR),
        ("character varying(20)", VARCHAR),
        ("double precision", DOUBLE),
        ("real", Type(Kind.FLOAT)),
        ("timestamp without time zone", TIMESTAMP),
        ("timestamp(3) without time zone", TIMESTAMP),
        ("TIMESTAMP WITH TIME ZONE", TIMESTAMPTZ),
        ("timestamp(0) with time zone", TIMESTAMPTZ),
        ("TIMESTAMP_NS", TIMESTAMP),
        ("time without time zone", Type(Kind.TIME)),
        ("jsonb", JSON),
        ("JSON", JSON),
        ("bytea", Type(Kind.BLOB)),
        ("MAP(VARCHAR, INTEGER)", JSON),
        ("ENUM('a', 'b')", VARCHAR),
        ("inet", VARCHAR),
        ("VARCHAR[]", Type(Kind.LIST, item=VARCHAR)),
        ("INTEGER[3]", Type(Kind.LIST, item=Type(Kind.INTEGER))),
        ("numeric(10,2)[]", Type(Kind.LIST, item=decimal(10, 2))),
        ("BIGINT[][]", Type(Kind.LIST, item=Type(Kind.LIST, item=BIGINT))),
        (
            'STRUCT(a DECIMAL(4,1), "b, (c)" STRUCT(d VARCHAR[], "e""f" BIGINT))[]',
            Type(
                Kind.LIST,
                item=Type(
                    Kind.STRUCT,
                    fields=(
                        ("a", decimal(4, 1)),
                        (
                            "b, (c)",
                            Type(Kind.STRUCT, fields=(("d", Type(Kind.LIST, item=VARCHAR)), ('e"f', BIGINT))),
                        ),
                    ),
                ),
            ),
        ),
    ],
)
def test_an_engines_word_is_read_as_a_logical_type(word, kind):
    assert read_type(word) == kind


KINDS = st.recursive(
    st.sampled_from([Type(kind) for kind in Kind if kind not in (Kind.DECIMAL, Kind.LIST, Kind.STRUCT)])
    | st.integers(1, 38).flatmap(lambda digits: st.builds(decimal, st.just(digits), st.integers(0, digits))),
    lambda inner: (
        st.builds(lambda item: Type(Kind.LIST, item=item), inner)
        | st.dictionaries(st.sampled_from(["a", "b c", 'd"e', "f,(g"]), inner, min_size=1).map(
            lambda fields: Type(Kind.STRUCT, fields=tuple(fields.items()))
        )
    ),
    max_leaves=5,
)


@given(kind=KINDS)
def test_what_duckdb_calls_a_type_it_was_given_is_that_type(embedded, kind):
    [(word,)] = embedded.rows(f"SELECT typeof(CAST(NULL AS {spell(kind, CAPABILITIES)}))")

    assert read_type(word) == kind


def test_temporary_tables_are_in_a_place_of_their_own():
    assert temporary("x", CAPABILITIES) == Table("main", "x", "temp")
