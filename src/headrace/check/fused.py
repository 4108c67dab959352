"""Many tests of one table in one scan.

The scan only says which tests have no failing row. Those that have one are asked again, exactly and each alone, so that fusing changes
no result; on tables that keep their promises it saves a statement and a scan for each test.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from headrace.check.tests import keeps
from headrace.schema import Kind
from headrace.sql.dialect import name, relation, text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headrace.project.macros import Macros
    from headrace.project.nodes import DataTest
    from headrace.schema import Schema
    from headrace.table import Table
    from headrace.warehouse.base import Connection

_KINDS = ("not_null", "accepted_values")
_WORD = re.compile(r"[A-Za-z_]\w*")


def candidates(
    checks: Sequence[DataTest], overridden: frozenset[str], *, store_failures: bool = False
) -> list[DataTest]:
    """The tests that one scan may answer, as far as can be said without looking at the table."""
    return [
        check
        for check in checks
        if check.kind in _KINDS and check.kind not in overridden and not keeps(check, default=store_failures)
    ]


def screen(connection: Connection, table: Table, schema: Schema, checks: Sequence[DataTest]) -> dict[str, float]:
    """One scan for several tests; by id, the seconds that each took of those that have no failing row."""
    rules = {check.unique_id: rule for check in checks if (rule := _rule(check, schema)) is not None}
    if len(rules) < 2:
        return {}
    started = time.perf_counter()
    clean = _clean(connection, table, rules)
    share = (time.perf_counter() - started) / len(rules)
    return {key: share for key, none_fails in clean.items() if none_fails}


def overridden_by(macros: Macros, dialect: str) -> frozenset[str]:
    """The kinds of test that this project does not leave to headrace's own macros."""
    found = set()
    for kind in _KINDS:
        used = (macros.find(f"test_{kind}"), macros.dispatch(f"test_{kind}", "dbt", dialect))
        if any(macro is None or macro.package != "dbt" for macro in used):
            found.add(kind)
    return frozenset(found)


def _clean(connection: Connection, table: Table, rules: Mapping[str, str]) -> dict[str, bool]:
    counts = ", ".join(f"count(*) filter (where {rule})" for rule in rules.values())
    (answers,) = connection.rows(f"select {counts} from {relation(table)}")
    return {check: count == 0 for check, count in zip(rules, answers, strict=True)}


def _rule(check: DataTest, schema: Schema) -> str | None:
    """What is true of a failing row, where that is certain to run on this table and to mean what the test's own query means."""
    plain = check.where is None and check.limit is None and check.fail_calc == "count(*)"
    if not plain or (check.warn_if, check.error_if) != ("!= 0", "!= 0") or not _WORD.fullmatch(check.column or ""):
        return None
    column = next((one for one in schema if one.name.lower() == str(check.column).lower()), None)
    if column is None:
        return None
    if check.kind == "not_null":
        return f"{name(column.name)} is null"
    values = check.arguments.get("values")
    if (
        check.kind != "accepted_values"
        or column.type.kind is not Kind.VARCHAR
        or not isinstance(values, list)
        or not values
    ):
        return None
    if check.arguments.get("quote", True) is not True or any(
        not isinstance(value, str) or "{" in value or "(" in value for value in values
    ):
        return None
    return f"{name(column.name)} not in ({', '.join(text(value) for value in values)})"
