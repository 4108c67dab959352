"""A column whose type changes at the source, through a merge: it grows in place, or what does not fit is kept out; never half of it."""

from datetime import UTC, date, datetime, time
from decimal import Decimal

import pyarrow as pa
import pytest

from headrace import quarantine
from headrace.errors import ChangeLossy, SchemaFrozen

from .conftest import batch_of, nested, stream_of

pytestmark = pytest.mark.parametrize("warehouse", ["duckdb", "postgres"], indirect=True)

KEYED = {"primary_key": ("id",)}
TEXT, BIG, SMALL, BOOLEAN, FLOAT, DAY = pa.string(), pa.int64(), pa.int32(), pa.bool_(), pa.float64(), pa.date32()
CLOCK, LOCAL, MOMENT, BYTES, LIST = (
    pa.time64("us"),
    pa.timestamp("us"),
    pa.timestamp("us", "UTC"),
    pa.binary(),
    pa.list_(BIG),
)
NOON, DAY_ONE, DAY_TWO = datetime.fromisoformat("2024-01-02 12:00:00.000007"), date(2024, 1, 2), date(2024, 1, 3)


def exact(precision, scale, *values):
    return pa.array([Decimal(value) for value in values], pa.decimal128(precision, scale))


def of(kind, *values):
    return pa.array(values, kind)


GROWS = {
    "smaller whole numbers into larger": (of(SMALL, 1, 7), of(BIG, 2**40, 3), "bigint", [1, 2**40, 3]),
    "larger whole numbers stay": (of(BIG, 1, 2**40), of(SMALL, 2, 3), "bigint", [1, 2, 3]),
    "decimals get more digits": (
        exact(10, 2, "1.25", "99999999.99"), exact(12, 4, "1.0625", "2.5"), "decimal(12,4)",
        [Decimal("1.25"), Decimal("1.0625"), Decimal("2.5")],
    ),
    "decimals keep their digits": (
        exact(12, 4, "1.0625", "2"), exact(10, 2, "1.25", "99999999.99"), "decimal(12,4)",
        [Decimal("1.0625"), Decimal("1.25"), Decimal("99999999.99")],
    ),
    "whole numbers into decimals": (
        of(BIG, 1, 7), exact(10, 2, "1.25", "3"), "decimal(21,2)", [1, Decimal("1.25"), 3],
    ),
    "whole numbers that doubles hold": (of(BIG, 1, 7), of(FLOAT, 0.5, 2.0), "double", [1.0, 0.5, 2.0]),
    "days into times": (
        of(DAY, DAY_ONE, None), of(LOCAL, NOON, NOON), "timestamp", [datetime.combine(DAY_ONE, time()), NOON, NOON],
    ),
    "times take days": (of(LOCAL, NOON, None), of(DAY, DAY_TWO, None), "timestamp", [NOON, datetime.combine(DAY_TWO, time()), None]),
    "text takes numbers": (of(TEXT, "x", "2"), of(BIG, 5, 6), "varchar", ["x", "5", "6"]),
    "text takes days": (of(TEXT, "x", "2"), of(DAY, DAY_TWO, None), "varchar", ["x", "2024-01-03", None]),
}  # fmt: skip


@pytest.mark.parametrize("case", GROWS)
def test_a_type_grows_in_place_and_every_value_is_the_same_after_it(pipe, case):
    first, second, kind, values = GROWS[case]
    stream = stream_of(**KEYED)
    pipe.load(stream, batch_of(id=[1, 2], v=first))

    entry = pipe.load(stream, batch_of(id=[2, 3], v=second))

    assert pipe.types()["v"] == kind
    assert pipe.rows("id, v", "1") == list(zip([1, 2, 3], values, strict=True))
    assert (entry.inserted, entry.updated, entry.quarantined) == (1, 1, 0)


CLASHES = {
    "text into whole numbers": (of(BIG, 1, 2), of(TEXT, "x", "3"), "bigint", [1, 2, 3], ["1", "x", "3"]),
    "truth into numbers": (of(BIG, 1, 7), of(BOOLEAN, True, False), "bigint", [1, 7], ["1", "true", "false"]),
    "numbers into truth": (of(BOOLEAN, True, False), of(BIG, 1, 7), "boolean", [True, False], ["true", "1", "7"]),
    "lists into numbers": (of(BIG, 1, 7), of(LIST, [1, 2], [3]), "bigint", [1, 7], ["1", "[1, 2]", "[3]"]),
    "text into days": (
        of(DAY, DAY_ONE, DAY_TWO), of(TEXT, "x", "2024-02-01"), "date",
        [DAY_ONE, DAY_TWO, date(2024, 2, 1)], ["2024-01-02", "x", "2024-02-01"],
    ),
    "moments into times without a zone": (
        of(LOCAL, NOON, NOON), of(MOMENT, NOON.replace(tzinfo=UTC), None), "timestamp",
        [NOON, NOON, None], None,
    ),
    "times into hours": (
        of(CLOCK, time(1, 2, 3), time(4)), of(LOCAL, NOON, None), "time", [time(1, 2, 3), time(4), None], None,
    ),
    "fractions into numbers that doubles do not hold": (
        of(BIG, 1, 2**53 + 1), of(FLOAT, 0.5, 2.0), "bigint", [1, 2**53 + 1, 2], ["1", "0.5", None],
    ),
    "large numbers into doubles": (
        of(FLOAT, 0.5, 2.0), of(BIG, 2**53 + 1, 7), "double", [0.5, 2.0, 7.0], None,
    ),
}  # fmt: skip
"""For each what the table has by itself (one that is kept out leaves what was there), and under `data_type: evolve` where that is text."""


@pytest.mark.parametrize("case", CLASHES)
def test_what_the_type_does_not_hold_is_kept_out_and_the_rest_is_merged(pipe, case):
    first, second, kind, values, _ = CLASHES[case]
    stream = stream_of(**KEYED)
    pipe.load(stream, batch_of(id=[1, 2], v=first))
    before = pipe.types()["v"]

    entry = pipe.load(stream, batch_of(id=[2, 3], v=second, new=["a", "b"]))

    assert pipe.types()["v"] == before == (kind or before)
    assert [row[1] for row in pipe.rows("id, v", "1")] == values
    kept = quarantine.show(pipe.connection)
    assert entry.read == entry.quarantined + entry.inserted + entry.updated + entry.unchanged
    assert {(one.reason, one.column) for one in kept} == {("type", "v")}
    assert len(kept) == entry.quarantined > 0


@pytest.mark.parametrize("case", [case for case in CLASHES if CLASHES[case][4]])
def test_under_evolve_the_column_is_text_and_every_row_is_merged(pipe, case):
    first, second, _, _, texts = CLASHES[case]
    stream = stream_of(**KEYED, schema_contract={"data_type": "evolve"})
    pipe.load(stream, batch_of(id=[1, 2], v=first))

    entry = pipe.load(stream, batch_of(id=[2, 3], v=second, new=["a", "b"]))

    assert pipe.types()["v"] == "varchar"
    found = [row[1] for row in pipe.rows("id, v", "1")]
    assert [one for one, text in zip(found, texts, strict=True) if text] == [text for text in texts if text]
    assert (entry.inserted, entry.updated, entry.quarantined) == (1, 1, 0)


@pytest.mark.parametrize("case", [*CLASHES, "decimals get more digits", "days into times"])
def test_frozen_nothing_of_the_load_is_kept(pipe, case):
    first, second = (CLASHES | GROWS)[case][:2]
    stream = stream_of(**KEYED, schema_contract={"data_type": "freeze"})
    pipe.load(stream, batch_of(id=[1, 2], v=first))
    before = pipe.types(), pipe.rows()

    if case == "large numbers into doubles":
        assert pipe.load(stream, batch_of(id=[2, 3], v=second, new=["a", "b"])).quarantined == 1
        return
    with pytest.raises(SchemaFrozen):
        pipe.load(stream, batch_of(id=[2, 3], v=second, new=["a", "b"]))

    assert (pipe.types(), pipe.rows()) == before


def test_a_list_takes_no_number_unless_the_engine_keeps_lists_as_json(pipe):
    stream = stream_of(**KEYED)
    pipe.load(stream, batch_of(id=[1, 2], v=of(LIST, [1, 2], [3])))
    kept = pipe.types()["v"]

    entry = pipe.load(stream, batch_of(id=[2, 3], v=of(BIG, 1, 7)))

    assert (kept, entry.quarantined) in [("list(bigint)", 2), ("json", 0)]
    assert pipe.types()["v"] == kept
    assert len(pipe.rows("id, v", "1")) == 2 + entry.inserted


def test_an_object_among_numbers_and_texts_costs_its_own_row_and_no_other(pipe):
    stream = stream_of(**KEYED)
    pipe.load(stream, nested(id=[1], n=[10], x=[1.5], t=["a"]))

    entry = pipe.load(
        stream,
        nested(
            id=[2, 3, 4, 5], n=[20, {"a": 1}, None, 40], x=[2.5, 1.0, {"b": 2}, None], t=["b", "c", "d", {"c": "é"}]
        ),
    )

    assert (entry.read, entry.inserted, entry.quarantined) == (4, 2, 2)
    assert pipe.rows("id, n, x, t") == [(1, 10, 1.5, "a"), (2, 20, 2.5, "b"), (5, 40, None, '{"c": "\\u00e9"}')]


def test_bytes_do_not_become_text(pipe):
    stream = stream_of(**KEYED, schema_contract={"data_type": "evolve"})
    pipe.load(stream, batch_of(id=[1, 2], v=of(BYTES, b"a", b"b")))
    before = pipe.types(), pipe.rows()

    with pytest.raises(ChangeLossy, match="text holds no bytes"):
        pipe.load(stream, batch_of(id=[2, 3], v=of(TEXT, "x", "y"), new=["a", "b"]))

    assert (pipe.types(), pipe.rows()) == before


def test_a_changed_a_new_and_a_dropped_column_come_through_one_merge(pipe):
    stream = stream_of(**KEYED, schema_contract={"data_type": "evolve"})
    pipe.load(stream, batch_of(id=[1, 2], amount=[10, 20], old=["a", "b"]))

    entry = pipe.load(stream, batch_of(id=[2, 3], amount=["20 CHF", "30"], new=["n", "m"]))

    assert pipe.rows("id, amount, old, new", "1") == [
        (1, "10", "a", None), (2, "20 CHF", None, "n"), (3, "30", None, "m")
    ]  # fmt: skip
    assert (entry.inserted, entry.updated) == (1, 1)


def test_a_declared_type_that_the_stored_values_do_not_survive_is_refused_before_anything_is_written(pipe):
    pipe.load(stream_of(**KEYED), batch_of(id=[1], v=["x"], w=[1]))
    before = pipe.types(), pipe.rows()

    for columns in ({"v": {"type": "bigint"}}, {"w": {"type": "smallint"}}, {"w": {"type": "date"}}):
        with pytest.raises(ChangeLossy, match="without changing values"):
            pipe.load(stream_of(**KEYED, columns=columns), batch_of(id=[2], v=["2"], w=[2]))

    assert (pipe.types(), pipe.rows()) == before


BY_TYPE = {"data_type": {"timestamp": "freeze", "text": "evolve", "bool": "discard_row", "bigint": "discard_value"}}


@pytest.mark.parametrize(
    ("first", "second", "rows", "counted"),
    [
        (of(BIG, 1), of(TEXT, "x", "3"), [(1, 1), (2, None), (3, 3)], (2, 0, 0)),
        (of(BOOLEAN, True), of(TEXT, "x", "false"), [(1, True), (3, False)], (1, 1, 0)),
        (of(DAY, DAY_ONE), of(TEXT, "x", "2024-01-03"), [(1, DAY_ONE), (3, DAY_TWO)], (1, 0, 1)),
    ],
    ids=["discard_value", "discard_row", "quarantine"],
)
def test_each_type_has_a_contract_of_its_own_and_the_others_wait_in_quarantine(pipe, first, second, rows, counted):
    stream = stream_of(**KEYED, schema_contract=BY_TYPE)
    pipe.load(stream, batch_of(id=[1], v=first))

    entry = pipe.load(stream, batch_of(id=[2, 3], v=second))

    assert pipe.rows("id, v", "1") == rows
    assert (entry.inserted, entry.filtered, entry.quarantined) == counted


@pytest.mark.parametrize("columns", [{}, {"v": {"type": "timestamp"}}], ids=["found", "declared"])
def test_a_type_that_is_frozen_by_name_stops_the_load_also_where_it_was_declared(pipe, columns):
    stream = stream_of(**KEYED, columns=columns, schema_contract=BY_TYPE)
    pipe.load(stream, batch_of(id=[1], v=of(LOCAL, NOON)))

    with pytest.raises(SchemaFrozen, match="timestamp"):
        pipe.load(stream, batch_of(id=[2], v=["soon"]))

    assert pipe.rows("id, v", "1") == [(1, NOON)]


def test_a_column_that_has_a_contract_wins_over_its_type_and_a_type_over_all_others(pipe):
    contract = {"data_type": {"bigint": "freeze", "*": "discard_row"}}
    stream = stream_of(**KEYED, schema_contract=contract, columns={"v": {"contract": "discard_value"}})
    pipe.load(stream, batch_of(id=[1], v=[1], w=[True]))

    entry = pipe.load(stream, batch_of(id=[2, 3], v=["x", "3"], w=["maybe", "true"]))

    assert pipe.rows("id, v, w", "1") == [(1, 1, True), (3, 3, True)]
    assert (entry.inserted, entry.filtered) == (1, 1)


def test_a_column_whose_texts_are_all_gone_becomes_what_arrives(pipe):
    stream = stream_of(write_disposition="merge", **KEYED)
    pipe.load(stream, batch_of(id=[1, 2], b=of(TEXT, "true", "x")))
    pipe.load(stream, batch_of(id=[1, 2], b=of(TEXT, None, None)))

    pipe.load(stream, batch_of(id=[2, 3], b=of(BIG, 7, 2**40)))

    assert pipe.rows("id, b", "1") == [(1, None), (2, 7), (3, 2**40)]
    assert pipe.types()["b"] == "bigint"
