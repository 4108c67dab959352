"""A shop whose data is repeatable: the changes of each day, and the oracle that knows what they come to.

Everything follows from `seed`, `orders` and `realism`; no clock is read. Only `Random.random` is drawn from, whose sequence Python
promises to keep. Amounts are decimal text, times are ISO 8601 in UTC.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from headrace.errors import UsageError
from headrace.labs import names
from headrace.labs.dice import Dice
from headrace.labs.realism import Realism

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Row: TypeAlias = dict[str, Any]

TABLES: dict[str, str] = {
    "stores": "store_id",
    "products": "product_id",
    "customers": "customer_id",
    "orders": "order_id",
    "items": "item_id",
    "refunds": "refund_id",
}
"""The tables and their keys, in the order in which they refer to each other."""

FIRST_DAY = date(2026, 3, 2)
HISTORY = 28
SEASON = (0.7, 0.8, 0.9, 1.0, 1.3, 1.5, 0.8)
STATUSES = ("placed", "shipped", "delivered", "cancelled", "returned")
AFTER_PLACED = ("shipped",) * 12 + ("cancelled",)
AFTER_SHIPPED = ("delivered",) * 8 + ("returned",)
LONG_AGO = ("delivered",) * 17 + ("cancelled", "cancelled", "returned")
TIERS = ("bronze", "silver", "gold")
QUARTERS = 96


class Problem(NamedTuple):
    """What is wrong with a delivered row: `kind` is type, date, enum or null. Types and dates cannot be loaded."""

    column: str
    kind: Literal["type", "date", "enum", "null"]
    value: str | None

    @property
    def loadable(self) -> bool:
        """Whether the row fits the table, so that only a test can find the problem."""
        return self.kind in ("enum", "null")


class Change(NamedTuple):
    """A delivered version of a row: `op` is c, u or d; a deleted row has its key and `updated_at` alone."""

    table: str
    op: Literal["c", "u", "d"]
    key: int
    updated_at: str
    row: Row
    problem: Problem | None = None


@dataclass(slots=True)
class _Stock:
    """What the simulation has to remember from day to day."""

    customers: dict[int, Row] = field(default_factory=dict)
    products: dict[int, Row] = field(default_factory=dict)
    open: dict[int, Row] = field(default_factory=dict)
    """Orders that can still change."""
    items: dict[int, list[int]] = field(default_factory=dict)
    """The items of open orders."""
    cancelled: dict[int, list[int]] = field(default_factory=dict)
    order: int = 0
    item: int = 0
    refund: int = 0
    moment: int = 0


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop with so many orders on its first day; each later day brings a twenty-eighth of that, more or less."""

    seed: int = 1
    orders: int = 1000
    realism: Realism = field(default_factory=Realism)

    def __post_init__(self) -> None:
        if self.orders < 1:
            raise UsageError(f"a shop needs at least one order, not {self.orders}")

    def deliveries(self, last: int) -> Iterator[tuple[int, Change]]:
        """All that is delivered until the end of day `last`, with the day it is delivered on."""
        stock, late = _Stock(), list[Change]()
        for day in range(1, last + 1):
            dice = Dice(random.Random(f"{self.seed}/{day}/dirt"))  # noqa: S311 - repeatable data, no secret
            waiting, late = late, []
            for change in self._happens(stock, day):
                if day > 1 and dice.hit(self.realism.late):
                    late.append(change)
                else:
                    for delivered in self._dirty(change, day, dice):
                        yield day, delivered
            for change in waiting:
                yield day, change

    def changes(self, day: int) -> list[Change]:
        """What is delivered on that day; the first day brings the whole history before it."""
        return [change for on, change in self.deliveries(day) if on == day]

    def snapshot(self, day: int) -> dict[str, list[Row]]:
        """The oracle: each table, by key, as a pipeline without mistakes has it after that day. What cannot be loaded is not in it."""
        return settle(change for _, change in self.deliveries(day))

    def problems(self, day: int) -> list[Change]:
        """The delivered rows with which something is wrong, until the end of that day."""
        return [change for _, change in self.deliveries(day) if change.problem]

    def _happens(self, stock: _Stock, day: int) -> Iterator[Change]:
        dice = Dice(random.Random(f"{self.seed}/{day}"))  # noqa: S311 - repeatable data, no secret
        if day == 1:
            yield from self._opening(stock, dice)
        else:
            yield from self._follow_up(stock, day, dice)
            yield from self._people(stock, day, dice)
            count = self.orders / HISTORY * self._season(day) * (0.9 + 0.2 * dice.share())
            yield from self._new_orders(stock, day, max(1, round(count)), dice)

    def _opening(self, stock: _Stock, dice: Dice) -> Iterator[Change]:
        for key, (name, city) in enumerate(names.STORES, start=1):
            yield self._change(stock, "stores", "c", 1 - HISTORY, 0, {"store_id": key, "name": name, "city": city})
        for key, (name, category) in enumerate(names.PRODUCTS, start=1):
            row = {"product_id": key, "name": name, "category": category, "price": money(dice.between(150, 9900))}
            stock.products[key] = row
            yield self._change(stock, "products", "c", 1 - HISTORY, 0, row)
        for _ in range(max(5, self.orders // 5)):
            yield self._new_customer(stock, 1 - HISTORY, dice)
        weights = [self._season(day) for day in range(2 - HISTORY, 2)]
        reached = [0.0]
        for weight in weights:
            reached.append(reached[-1] + weight)
        marks = [round(self.orders * part / reached[-1]) for part in reached]
        for day, (before, after) in enumerate(pairwise(marks), start=2 - HISTORY):
            yield from self._new_orders(stock, day, after - before, dice)

    def _new_orders(self, stock: _Stock, day: int, count: int, dice: Dice) -> Iterator[Change]:
        for _ in range(count):
            stock.order += 1
            lines = [self._line(stock, dice) for _ in range(1 + dice.below(3))]
            quarter = dice.below(QUARTERS)
            status = "placed" if day >= 0 else dice.pick(LONG_AGO)
            order = {
                "order_id": stock.order,
                "customer_id": 1 + dice.below(len(stock.customers)),
                "store_id": 1 + dice.below(len(names.STORES)),
                "status": status,
                "total": money(sum(line["quantity"] * cents(line["price"]) for line in lines)),
                "ordered_at": moment(day, quarter),
            }
            if self.realism.drift_day is not None and day >= self.realism.drift_day:
                order["channel"] = dice.pick(("web", "app", "till"))
            yield self._change(stock, "orders", "c", day, quarter, order)
            for line in lines:
                yield self._change(stock, "items", "c", day, quarter, line)
            if status == "placed":
                stock.open[stock.order] = order
                stock.items[stock.order] = [line["item_id"] for line in lines]
            elif status == "returned":
                yield self._refund(stock, order, day, quarter, dice)

    def _line(self, stock: _Stock, dice: Dice) -> Row:
        stock.item += 1
        product = stock.products[1 + dice.below(len(stock.products))]
        return {
            "item_id": stock.item,
            "order_id": stock.order,
            "product_id": product["product_id"],
            "quantity": 1 + dice.below(4),
            "price": product["price"],
        }

    def _refund(self, stock: _Stock, order: Row, day: int, quarter: int, dice: Dice) -> Change:
        stock.refund += 1
        part = dice.pick((25, 50, 100, 100))
        row = {
            "refund_id": stock.refund,
            "order_id": order["order_id"],
            "amount": money(cents(order["total"]) * part // 100),
            "reason": dice.pick(("damaged", "late", "wrong item", "changed mind")),
        }
        return self._change(stock, "refunds", "c", day, quarter, row)

    def _follow_up(self, stock: _Stock, day: int, dice: Dice) -> Iterator[Change]:
        """What becomes of open orders: shipped, then delivered; some are cancelled or returned."""
        for key, items in list(stock.cancelled.items()):
            if dice.hit(self.realism.hard_deletes * 20):
                del stock.cancelled[key]
                for item in items:
                    yield self._change(stock, "items", "d", day, 0, {"item_id": item})
                yield self._change(stock, "orders", "d", day, 0, {"order_id": key})
        for key, old in list(stock.open.items()):
            if not dice.hit(0.6):
                continue
            quarter = dice.below(QUARTERS)
            status = dice.pick(AFTER_PLACED if old["status"] == "placed" else AFTER_SHIPPED)
            stock.open[key] = order = {**old, "status": status}
            if status != "shipped":
                del stock.open[key]
                items = stock.items.pop(key)
                if status == "cancelled":
                    stock.cancelled[key] = items
            yield self._change(stock, "orders", "u", day, quarter, order)
            if status == "returned":
                yield self._refund(stock, order, day, quarter, dice)

    def _people(self, stock: _Stock, day: int, dice: Dice) -> Iterator[Change]:
        """New customers, and what changes slowly."""
        for _ in range(max(1, self.orders // 500)):
            yield self._new_customer(stock, day, dice)
        burst = day == self.realism.null_burst_day
        for key, old in list(stock.customers.items())[:-1]:
            fate = dice.share()
            if old["deleted"] or fate >= self.realism.soft_deletes + self.realism.slowly_changing + 0.2 * burst:
                continue
            if fate < self.realism.soft_deletes:
                row = {**old, "deleted": True}
            elif fate < self.realism.soft_deletes + self.realism.slowly_changing / 2:
                row = {**old, "tier": TIERS[(TIERS.index(old["tier"]) + 1) % len(TIERS)]}
            else:
                row = {**old, **_address(dice)}
            stock.customers[key] = row
            yield self._change(stock, "customers", "u", day, dice.below(QUARTERS), row)
        for key, old in list(stock.products.items()):
            if dice.hit(self.realism.slowly_changing):
                stock.products[key] = row = {**old, "price": money(cents(old["price"]) * (95 + dice.below(20)) // 100)}
                yield self._change(stock, "products", "u", day, dice.below(QUARTERS), row)

    def _new_customer(self, stock: _Stock, day: int, dice: Dice) -> Change:
        key = len(stock.customers) + 1
        first, last = dice.pick(names.FIRST), dice.pick(names.LAST)
        row = {
            "customer_id": key,
            "name": f"{first} {last}",
            "email": f"{first}.{last}.{key}@mail.example".lower(),
            "phone": f"+49 555 {dice.between(100000, 999999)}",
            **_address(dice),
            "tier": dice.pick(("bronze", "bronze", "silver", "gold")),
            "deleted": False,
        }
        stock.customers[key] = row
        return self._change(stock, "customers", "c", day, dice.below(QUARTERS), row)

    def _change(
        self, stock: _Stock, table: str, op: Literal["c", "u", "d"], day: int, quarter: int, row: Row
    ) -> Change:
        stock.moment += 1
        at = moment(day, quarter, 0 if self.realism.ties else stock.moment)
        return Change(table, op, row[TABLES[table]], at, {**row, "updated_at": at})

    def _season(self, day: int) -> float:
        weekday = (FIRST_DAY + timedelta(days=day - 1)).weekday()
        return (SEASON[weekday] if self.realism.weekly else 1.0) * dict(self.realism.anomalies).get(day, 1.0)

    def _dirty(self, change: Change, day: int, dice: Dice) -> Iterator[Change]:
        """The change as the systems deliver it: perhaps broken, perhaps twice."""
        real, row = self.realism, change.row
        amount = next((column for column in ("total", "amount", "price") if column in row), None)
        choice = next((column for column in ("status", "tier") if column in row), None)
        problem: Problem | None = None
        if change.op != "d":
            if amount and dice.hit(real.bad_types):
                problem = Problem(amount, "type", row[amount].replace(".", ",") + " EUR")
            elif dice.hit(real.bad_dates):
                problem = Problem("updated_at", "date", "2026-02-30T" + change.updated_at[11:])
            elif choice and dice.hit(real.bad_enums):
                problem = Problem(choice, "enum", "unknwon")
            elif change.table == "customers" and day == real.null_burst_day:
                problem = Problem("email", "null", None)
        if problem:
            change = change._replace(row={**row, problem.column: problem.value}, problem=problem)
        yield change
        if dice.hit(real.duplicates):
            yield change


def settle(changes: Iterable[Change]) -> dict[str, list[Row]]:
    """What changes come to, in whatever order they are given: of each row the newest version that can be loaded."""
    newest: dict[str, dict[int, Change]] = {table: {} for table in TABLES}
    for change in changes:
        if change.problem and not change.problem.loadable:
            continue
        held = newest[change.table].get(change.key)
        if held is None or held.updated_at < change.updated_at:
            newest[change.table][change.key] = change
    return {
        table: [change.row for _, change in sorted(versions.items()) if change.op != "d"]
        for table, versions in newest.items()
    }


def moment(day: int, quarter: int, step: int = 0) -> str:
    """The ISO time of a quarter of an hour of a day, and some microseconds."""
    at = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=UTC)
    at += timedelta(days=day - 1, minutes=15 * quarter, microseconds=step)
    return at.isoformat(timespec="microseconds" if step else "seconds").replace("+00:00", "Z")


def money(amount: int) -> str:
    """Cents as decimal text with two places."""
    return f"{amount // 100}.{amount % 100:02d}"


def cents(text: str) -> int:
    """Decimal text with two places as cents."""
    return int(text.replace(".", ""))


def _address(dice: Dice) -> Row:
    return {"street": f"{dice.pick(names.STREETS)} {dice.between(1, 199)}", "city": dice.pick(names.CITIES)}
