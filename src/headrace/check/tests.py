"""Asking one promise: dbt's data tests, with their severities and thresholds."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from headrace.counting import count
from headrace.errors import StatementFailed
from headrace.events import CheckFinished, emit
from headrace.project.nodes import DataTest
from headrace.sql.operations import CreateSchema, Drop
from headrace.table import Table

if TYPE_CHECKING:
    from headrace.arrow import pa
    from headrace.project.nodes import UnitTest
    from headrace.warehouse.base import Connection

ANY = "!= 0"
"""The threshold of a test that says none."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What came of a test. `failures` is what its `fail_calc` counted; `failing` are the rows, where they are to be stored."""

    check: DataTest | UnitTest
    status: Literal["pass", "warn", "fail", "error"]
    failures: int
    seconds: float
    message: str | None = None
    failing: pa.Table | None = field(default=None, repr=False)
    error: StatementFailed | None = None

    @property
    def stops(self) -> bool:
        """Whether what was tested must not be published."""
        return self.status in ("fail", "error")


def run_check(connection: Connection, check: DataTest, sql: str, *, store_failures: bool = False) -> CheckResult:
    """Ask the query for rows that break the promise, and judge their number.

    A test that the engine cannot run is `error`; its exception is kept in the result, and the transaction it ran in may be lost.
    `store_failures` is the command line's wish, which the test's own config overrides.
    """
    started = time.perf_counter()
    query = _limited(check, sql)
    try:
        failures, warns, fails = _asked(connection, check, query)
        failing = connection.query(query).read_all() if keeps(check, default=store_failures) else None
    except StatementFailed as error:
        error.where = error.where or check.place
        return finished(CheckResult(check, "error", 0, time.perf_counter() - started, error.what, None, error))
    status = _judged(check, warns=warns, fails=fails)
    message = None if status == "pass" else _sentence(check, status, failures)
    return finished(CheckResult(check, status, failures, time.perf_counter() - started, message, failing))


def passed(check: DataTest, seconds: float) -> CheckResult:
    """The result of a test that is known to have no failing row."""
    return finished(CheckResult(check, "pass", 0, seconds))


def store(connection: Connection, result: CheckResult, schema: str) -> Table | None:
    """Keep the failing rows where `kept_at` says; where that is, or None where nothing is to be kept.

    To be called when the transaction of the test is over, because a failed test rolls it back. `schema` is the target's.
    """
    if result.failing is None:
        return None
    kept = kept_at(result.check, schema)
    kept = replace(kept, name=kept.name[: connection.capabilities.max_name])
    with connection.transaction():
        connection.run(CreateSchema(kept.schema))
        connection.run(Drop(kept))
        connection.load(kept, result.failing.to_reader())
    return kept


def kept_at(check: DataTest | UnitTest, schema: str) -> Table:
    """The table that failing rows are kept in; `schema` is the target's."""
    own = check.failures if isinstance(check, DataTest) else None
    return own or Table(f"{schema}_dbt_test__audit", check.name)


def _asked(connection: Connection, check: DataTest, sql: str) -> tuple[int, bool, bool]:
    counted = f"select {check.fail_calc} as failures from (\n{sql}\n) as dbt_internal_test"
    if check.warn_if == check.error_if == ANY:
        # Nearly all tests: an engine plans the shorter query in half the time, which is most of what a small test costs.
        ((failures,),) = connection.rows(counted)
        return int(failures or 0), bool(failures), bool(failures)
    ((failures, warns, fails),) = connection.rows(
        f"select failures, failures {check.warn_if}, failures {check.error_if} from ({counted}) as counted"
    )
    # A fail_calc such as sum() is NULL over no rows, which is no failure.
    return int(failures or 0), bool(warns), bool(fails)


def _judged(check: DataTest, *, warns: bool, fails: bool) -> Literal["pass", "warn", "fail"]:
    if check.severity == "error" and fails:
        return "fail"
    return "warn" if warns else "pass"


def _sentence(check: DataTest, status: str, failures: int) -> str:
    rule = f"fail if {check.error_if}" if status == "fail" else f"warn if {check.warn_if}"
    return f"got {count(failures, 'result')}, configured to {rule}"


def _limited(check: DataTest, sql: str) -> str:
    return sql if check.limit is None else f"select * from (\n{sql}\n) as dbt_internal_rows limit {int(check.limit)}"


def keeps(check: DataTest, *, default: bool) -> bool:
    """Whether the failing rows are to be stored: the test's own config, or else the command line's wish."""
    if check.config.get("store_failures_as") == "ephemeral":
        return False
    own = check.config.get("store_failures")
    return bool(check.config.get("store_failures_as")) or (default if own is None else bool(own))


def finished(result: CheckResult) -> CheckResult:
    """The result, announced."""
    check = result.check
    asked = check.attached if isinstance(check, DataTest) else check.model
    emit(CheckFinished(check.unique_id, asked, result.status, result.failures, result.seconds, result.message))
    return result
