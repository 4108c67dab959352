import hashlib
import json
import random
from collections import Counter
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.errors import UsageError
from headrace.labs.realism import CALM, Realism
from headrace.labs.shop import TABLES, Shop, cents, settle

DIRTY = Realism(
    late=0.1,
    slowly_changing=0.1,
    soft_deletes=0.05,
    hard_deletes=0.05,
    duplicates=0.1,
    bad_types=0.05,
    bad_dates=0.05,
    bad_enums=0.05,
)


def test_the_same_seed_gives_the_same_shop_and_another_seed_another():
    one, same, other = Shop(3, 200), Shop(3, 200), Shop(4, 200)

    assert one.changes(1) == same.changes(1)
    assert one.changes(5) == same.changes(5)
    assert one.changes(1) != other.changes(1)


def test_the_shop_is_the_same_on_every_python_and_machine():
    text = json.dumps([change for _, change in Shop(1, 100, DIRTY).deliveries(5)])

    assert (
        hashlib.sha256(text.encode()).hexdigest() == "4a0fb047ff83d5aec3de22c92f76a650d57b3a4024b45af54fbd0ab685d06b18"
    )


@pytest.mark.parametrize("orders", [1, 7, 100, 1234])
def test_the_first_day_brings_exactly_the_orders_that_were_asked_for(orders):
    created = {c.key for c in Shop(1, orders, CALM).changes(1) if c.table == "orders" and c.op == "c"}

    assert len(created) == orders


def test_a_shop_without_orders_is_refused():
    with pytest.raises(UsageError, match="at least one order"):
        Shop(1, 0)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), day=st.integers(1, 6), shuffle=st.randoms(use_true_random=False))
def test_changes_in_any_order_come_to_the_snapshot(seed, day, shuffle):
    shop = Shop(seed, 60, DIRTY)
    changes = [change for _, change in shop.deliveries(day)]
    shuffle.shuffle(changes)

    assert settle(changes) == shop.snapshot(day)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), day=st.integers(1, 6))
def test_no_two_versions_of_a_row_have_the_same_time(seed, day):
    versions: dict = {}
    for _, change in Shop(seed, 60, DIRTY).deliveries(day):
        versions.setdefault((change.table, change.key, change.updated_at), []).append(change)

    assert all(change == same[0] for same in versions.values() for change in same)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), day=st.integers(1, 6))
def test_a_clean_shop_adds_up(seed, day):
    tables = Shop(seed, 60, replace(CALM, hard_deletes=0.05)).snapshot(day)
    totals = {order["order_id"]: cents(order["total"]) for order in tables["orders"]}
    lines: Counter = Counter()
    for item in tables["items"]:
        lines[item["order_id"]] += item["quantity"] * cents(item["price"])

    assert lines == totals
    assert {refund["order_id"] for refund in tables["refunds"]} <= set(totals)
    assert all(0 <= cents(refund["amount"]) <= totals[refund["order_id"]] for refund in tables["refunds"])
    for table, key in {"customers": "customer_id", "stores": "store_id"}.items():
        assert {order[key] for order in tables["orders"]} <= {row[key] for row in tables[table]}


def test_what_cannot_be_loaded_is_known_with_its_reason_and_not_in_the_snapshot():
    shop = Shop(1, 500, DIRTY)

    problems = shop.problems(3)

    kinds = {change.problem.kind for change in problems}
    assert kinds == {"type", "date", "enum"}
    for table, rows in shop.snapshot(3).items():
        broken = [c.row for c in problems if c.table == table and not c.problem.loadable]
        assert not [row for row in rows if row in broken]


def test_without_any_realism_nothing_is_wrong_late_or_twice():
    shop = Shop(1, 300, CALM)
    delivered = [change for _, change in shop.deliveries(7)]

    assert shop.problems(7) == []
    assert len({(c.table, c.key, c.updated_at) for c in delivered}) == len(delivered)
    assert len({c.updated_at for c in delivered}) == len(delivered)
    assert not [c for c in delivered if c.op == "d"]


def test_late_changes_arrive_a_day_after_they_happened():
    shop = Shop(1, 500, replace(CALM, late=0.2))

    late = [(day, c) for day, c in shop.deliveries(4) if day > 1 and c.updated_at < f"2026-03-{day + 1:02d}"]

    assert late
    assert {int(c.updated_at[8:10]) - 1 for _, c in late} <= {day - 1 for day, _ in late}


def test_ties_put_many_rows_on_one_time():
    times = Counter(c.updated_at for c in Shop(1, 2000, replace(CALM, ties=True)).changes(1) if c.table == "orders")

    assert max(times.values()) > 1


def test_from_the_day_of_drift_orders_have_another_column():
    shop = Shop(1, 500, replace(CALM, drift_day=3))

    assert not [c for c in shop.changes(2) if "channel" in c.row]
    assert [c for c in shop.changes(3) if "channel" in c.row]


def test_a_null_burst_takes_the_addresses_of_its_day():
    customers = [c for c in Shop(1, 500, replace(CALM, null_burst_day=4)).changes(4) if c.table == "customers"]

    assert len(customers) > 5
    assert all(c.row["email"] is None and c.problem.kind == "null" for c in customers)


def test_a_planted_anomaly_is_a_day_with_few_orders():
    shop = Shop(1, 2800, replace(CALM, anomalies=((6, 0.2),)))

    new = {day: sum(c.table == "orders" and c.op == "c" for c in shop.changes(day)) for day in (5, 6)}

    assert new[6] < new[5] / 3


def test_the_week_has_a_season():
    days = Counter(
        c.row["ordered_at"][:10] for c in Shop(1, 2800, replace(CALM, weekly=True)).changes(1) if c.table == "orders"
    )

    assert days["2026-02-28"] > 1.8 * days["2026-02-23"]


@pytest.mark.parametrize("trait", ["soft_deletes", "hard_deletes"])
def test_deletes_happen_as_they_are_switched(trait):
    shop = Shop(1, 500, replace(CALM, **{trait: 0.05}))

    hard = [c for _, c in shop.deliveries(6) if c.op == "d"]
    soft = [row for row in shop.snapshot(6)["customers"] if row["deleted"]]

    assert bool(hard) == (trait == "hard_deletes")
    assert bool(soft) == (trait == "soft_deletes")


def test_every_trait_of_realism_changes_something():
    calm = list(Shop(1, 400, CALM).deliveries(6))

    for trait in fields(Realism):
        value = getattr(replace(DIRTY, slowly_changing=0.3), trait.name)
        assert list(Shop(1, 400, replace(CALM, **{trait.name: value})).deliveries(6)) != calm, trait.name


def test_tables_are_listed_so_that_what_is_referred_to_comes_first():
    first_seen = list(dict.fromkeys(c.table for c in Shop(1, 300).changes(1)))

    assert sorted(first_seen) == sorted(TABLES)
    assert first_seen[:3] == ["stores", "products", "customers"]


def test_the_dice_of_python_are_left_alone():
    random.seed(5)
    before = random.getstate()

    Shop(1, 50).changes(2)

    assert random.getstate() == before
