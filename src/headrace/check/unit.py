"""Comparing what a model gives for given rows with what it should give."""

from __future__ import annotations

import time
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from headrace.check.tests import CheckResult, finished
from headrace.errors import StatementFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.project.nodes import UnitTest
    from headrace.warehouse.base import Connection

SHOWN = 20
"""How many rows of a difference are told."""


def run_unit(connection: Connection, node: UnitTest, actual: str, expected: str, columns: Sequence[str]) -> CheckResult:
    """Compare the rows of two queries, in any order; a difference is told row by row in the message."""
    started = time.perf_counter()
    try:
        given, wanted = connection.rows(actual), connection.rows(expected)
    except StatementFailed as error:
        error.where = error.where or node.place
        return finished(CheckResult(node, "error", 0, time.perf_counter() - started, error.what, None, error))
    extra, missing = differing(given, wanted)
    seconds = time.perf_counter() - started
    if not extra and not missing:
        return finished(CheckResult(node, "pass", 0, seconds))
    told = difference(columns, extra, missing)
    return finished(CheckResult(node, "fail", max(len(extra), len(missing)), seconds, told))


def differing(
    given: Sequence[tuple[Any, ...]], wanted: Sequence[tuple[Any, ...]]
) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """The rows that are given and not wanted, and those that are wanted and not given, as text."""
    have, want = ([tuple(told(value) for value in row) for row in rows] for rows in (given, wanted))
    extra, missing = Counter(have) - Counter(want), Counter(want) - Counter(have)
    return sorted(extra.elements()), sorted(missing.elements())


def told(value: Any) -> str:
    """A value as text by which it is compared: numbers by what they are worth, whatever their type."""
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        number = Decimal(str(value))
        return format(number.normalize(), "f") if number.is_finite() else str(number)
    return "NULL" if value is None else str(value)


def difference(columns: Sequence[str], extra: Sequence[tuple[str, ...]], missing: Sequence[tuple[str, ...]]) -> str:
    """Both kinds of row below the columns' names: `-` was expected and did not come, `+` came and was not expected."""
    lines = [("", *columns), *(("-", *row) for row in missing), *(("+", *row) for row in extra)]
    shown = lines[: SHOWN + 1]
    widths = [max(len(line[at]) for line in shown) for at in range(len(columns) + 1)]
    table = [" ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in shown]
    more = [f"… and {len(lines) - len(shown)} more rows"] if len(lines) > len(shown) else []
    return "\n".join(["actual differs from expected (- expected, + actual):", *table, *more])
