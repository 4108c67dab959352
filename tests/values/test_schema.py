"""Types that join, and what changed between two schemas."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.schema import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INTEGER,
    JSON,
    TIMESTAMP,
    TIMESTAMPTZ,
    VARCHAR,
    Added,
    Clash,
    Column,
    Kind,
    Risky,
    Schema,
    Type,
    Widened,
    changes,
    decimal,
    join,
)

plain = st.sampled_from(
    [BOOLEAN, INTEGER, BIGINT, DOUBLE, VARCHAR, DATE, TIMESTAMP, TIMESTAMPTZ, JSON, Type(Kind.BLOB), Type(Kind.HUGEINT)]
)
types = st.recursive(
    st.one_of(plain, st.integers(1, 38).flatmap(lambda p: st.integers(0, p).map(lambda s: decimal(p, s)))),
    lambda inner: inner.map(lambda item: Type(Kind.LIST, item=item)),
    max_leaves=3,
)


@given(types)
def test_a_type_joins_with_itself_to_itself(one):
    assert join(one, one) == one


@given(types, types)
def test_the_order_of_two_types_does_not_matter(one, other):
    assert join(one, other) == join(other, one)


@given(types, types)
def test_a_join_holds_both_so_joining_again_changes_nothing(one, other):
    joined = join(one, other)

    assert joined is None or (join(joined, one) == joined and join(joined, other) == joined)


@pytest.mark.parametrize(
    ("one", "other", "joined"),
    [
        (INTEGER, BIGINT, BIGINT),
        (BIGINT, decimal(10, 2), decimal(21, 2)),
        (decimal(38, 0), decimal(38, 10), None),
        (INTEGER, DOUBLE, DOUBLE),
        (BIGINT, DOUBLE, None),
        (DATE, TIMESTAMP, TIMESTAMP),
        (TIMESTAMP, TIMESTAMPTZ, None),
        (BIGINT, VARCHAR, VARCHAR),
        (VARCHAR, Type(Kind.BLOB), None),
        (VARCHAR, JSON, JSON),
        (Type(Kind.LIST, item=BIGINT), Type(Kind.LIST, item=VARCHAR), Type(Kind.LIST, item=VARCHAR)),
    ],
)
def test_the_join_is_the_smallest_type_without_loss(one, other, joined):
    assert join(one, other) == joined


def test_changes_say_what_a_table_must_do_for_what_arrives():
    stored = Schema((Column("id", INTEGER), Column("total", BIGINT), Column("at", TIMESTAMP), Column("gone", VARCHAR)))
    arrived = Schema(
        (
            Column("id", BIGINT),
            Column("total", DOUBLE),
            Column("at", TIMESTAMPTZ),
            Column("note", VARCHAR, nullable=False),
        )
    )

    found = changes(stored, arrived)

    assert found == [
        Widened(Column("id", INTEGER), BIGINT),
        Risky(Column("total", BIGINT), DOUBLE),
        Clash(Column("at", TIMESTAMP), TIMESTAMPTZ),
        Added(Column("note", VARCHAR)),
    ]
