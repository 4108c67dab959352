import pytest

from headrace.load.exact import fits, try_cast, widens
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
    Kind,
    Type,
    decimal,
)
from headrace.warehouse.embedded import Embedded

BLOB = Type(Kind.BLOB)


@pytest.fixture(scope="module")
def local():
    session = Embedded.in_memory()
    yield session
    session.close()


@pytest.mark.parametrize(
    ("value", "arrived", "to", "kept"),
    [
        ("'12'", VARCHAR, BIGINT, True),
        ("'1.5'", VARCHAR, BIGINT, False),
        ("'1e3'", VARCHAR, BIGINT, False),
        ("'99999999999999999999'", VARCHAR, BIGINT, False),
        ("'abc'", VARCHAR, BIGINT, False),
        ("''", VARCHAR, BIGINT, False),
        ("NULL", VARCHAR, BIGINT, True),
        ("'1.50'", VARCHAR, decimal(10, 1), True),
        ("'1.55'", VARCHAR, decimal(10, 1), False),
        ("'0.1'", VARCHAR, DOUBLE, True),
        ("'9007199254740993'", VARCHAR, DOUBLE, False),
        ("'yes'", VARCHAR, BOOLEAN, False),
        ("'true'", VARCHAR, BOOLEAN, True),
        ("'2024-02-30'", VARCHAR, DATE, False),
        ("'2024-02-29'", VARCHAR, DATE, True),
        ("'2024-02-29 10:00:00'", VARCHAR, DATE, False),
        ("'2024-02-29 10:00:00+02:00'", VARCHAR, TIMESTAMP, False),
        ("'2024-02-29 10:00:00'", VARCHAR, TIMESTAMP, True),
        ("'2024-02-29 10:00:00+02:00'", VARCHAR, TIMESTAMPTZ, True),
        ("4.0::DOUBLE", DOUBLE, BIGINT, True),
        ("4.5::DOUBLE", DOUBLE, BIGINT, False),
        ("'nan'::DOUBLE", DOUBLE, BIGINT, False),
        ("9007199254740993::BIGINT", BIGINT, DOUBLE, False),
        ("9007199254740992::BIGINT", BIGINT, DOUBLE, True),
        ("1.25::DECIMAL(10,2)", decimal(10, 2), decimal(10, 1), False),
        ("true", BOOLEAN, BIGINT, False),
        ("TIMESTAMP '2024-01-01 00:00:00'", TIMESTAMP, DATE, True),
        ("TIMESTAMP '2024-01-01 10:00:00'", TIMESTAMP, DATE, False),
        ("TIMESTAMPTZ '2024-01-01 00:00:00+00'", TIMESTAMPTZ, TIMESTAMP, False),
        ("TIMESTAMPTZ '2024-01-01 00:00:00+00'", TIMESTAMPTZ, DATE, False),
        ("TIMESTAMP '2024-01-01 10:00:00'", TIMESTAMP, TIMESTAMPTZ, True),
        ("'ab'", VARCHAR, BLOB, True),
        (r"'a\x41'", VARCHAR, BLOB, False),
        ("'0.12345678901234567890'", VARCHAR, DOUBLE, False),
        ("'0.50000000000000000000'", VARCHAR, DOUBLE, True),
        ("'1e400'", VARCHAR, DOUBLE, False),
        ("'1e-400'", VARCHAR, DOUBLE, False),
        ("'0e5'", VARCHAR, DOUBLE, True),
        ("'inf'", VARCHAR, DOUBLE, True),
        ("'12'::JSON", JSON, BIGINT, True),
        ("'1.5'::JSON", JSON, BIGINT, False),
        ("'{\"a\": 1}'::JSON", JSON, BIGINT, False),
        ("'\"12\"'::JSON", JSON, BIGINT, True),
        ("'0.12345678901234567890'::JSON", JSON, DOUBLE, False),
        ("'2.5'::JSON", JSON, DOUBLE, True),
        ("'true'::JSON", JSON, BOOLEAN, True),
        ("'\"2024-02-29\"'::JSON", JSON, DATE, True),
        ("'[1]'::JSON", JSON, DATE, False),
    ],
)
def test_a_value_goes_in_exactly_or_not_at_all(local, value, arrived, to, kept):
    found = local.rows(
        f"SELECT {fits('v', arrived, to)}, {try_cast('v', arrived, to)} IS NULL, v IS NULL FROM (SELECT {value} AS v)"
    )

    assert found == [(kept, not kept or value == "NULL", value == "NULL")]


@pytest.mark.parametrize(
    ("value", "text"),
    [('"a b"', "a b"), ('"a\\"b"', 'a"b'), ('{"a":1}', '{"a":1}'), ("0.12345678901234567890", "0.12345678901234567890"), ("null", None)],
)  # fmt: skip
def test_json_that_is_a_text_becomes_that_text_and_all_else_what_is_written(local, value, text):
    found = local.rows(
        f"SELECT {fits('v', JSON, VARCHAR)}, {try_cast('v', JSON, VARCHAR)} FROM (SELECT $1::JSON AS v)", [value]
    )

    assert found == [(True, text)]


@pytest.mark.parametrize(
    ("held", "arrived", "grown"),
    [
        (INTEGER, BIGINT, BIGINT),
        (BIGINT, decimal(10, 2), decimal(21, 2)),
        (DATE, TIMESTAMP, TIMESTAMP),
        (VARCHAR, BIGINT, VARCHAR),
        (BIGINT, VARCHAR, None),
        (BIGINT, JSON, None),
        (BIGINT, DOUBLE, None),
        (BOOLEAN, BIGINT, None),
    ],
)
def test_a_column_grows_by_itself_only_where_it_keeps_its_kind(held, arrived, grown):
    assert widens(held, arrived) == grown
