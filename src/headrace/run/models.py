"""A model's way: built, checked and published in one transaction, so that readers see all of it or nothing."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from headrace.check.tests import CheckResult, run_check, store
from headrace.publish import publish
from headrace.run.session import Done
from headrace.state import ledger
from headrace.transform.compile import compile_node
from headrace.transform.materialize import build, finish
from headrace.transform.seeds import build_seed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from headrace.project.nodes import DataTest, Model, Seed
    from headrace.run.session import Session
    from headrace.run.steps import BuildModel, LoadSeed, RunCheck
    from headrace.table import Table
    from headrace.transform.compile import Compiled
    from headrace.transform.materialize import Built
    from headrace.warehouse.base import Connection


class _Rejected(Exception):
    """An error-test failed: leaving the transaction by this rolls it back."""

    def __init__(self, results: Sequence[CheckResult]) -> None:
        super().__init__()
        self.results = results


def build_model(session: Session, step: BuildModel) -> Done:
    """Run the query, ask the tests of the result, publish it. Raises what compiling and building raise."""
    node, connection = step.node, session.connection()
    relations = session.relations.open(connection, [node.table.schema])
    started = session.clock.now()
    try:
        with connection.transaction():
            compiled = compile_node(node, session.runtime, connection, relations)
            session.keep_compiled(node, compiled.sql)
            built = build(connection, node, compiled, relations=relations, full_refresh=session.full_refresh)
            results = _accepted(session, connection, step.checks, {node.unique_id: built.table} if built.table else {})
            _publish(session, connection, node, built, compiled)
            entry = _built(session, node, node.materialized, built, results, started)
            code = hashlib.sha256(compiled.sql.encode()).hexdigest()[:16]
            ledger.record_build(connection, replace(entry, code=code))
    except _Rejected as rejected:
        return settled(session, None, rejected.results)
    session.relations.note(node.table, built.kind)
    return settled(session, built.rows, results)


def load_seed(session: Session, step: LoadSeed) -> Done:
    """A CSV file of the project becomes its table, by the same way as a model."""
    node, connection = step.node, session.connection()
    relations = session.relations.open(connection, [node.table.schema])
    started = session.clock.now()
    try:
        with connection.transaction():
            built = build_seed(connection, node, session.manifest.settings.root, relations=relations)
            results = _accepted(session, connection, step.checks, {node.unique_id: built.table} if built.table else {})
            _publish(session, connection, node, built, None)
            ledger.record_build(connection, _built(session, node, "seed", built, results, started))
    except _Rejected as rejected:
        return settled(session, None, rejected.results)
    session.relations.note(node.table, "table")
    return settled(session, built.rows, results)


def run_alone(session: Session, step: RunCheck) -> Done:
    """A test of tables that are published already."""
    connection = session.connection()
    session.relations.open(connection, [])
    results = check_all(session, connection, (step.node,), {})
    return settled(session, None, results, "what reads the same tables later is skipped")


def check_all(
    session: Session, connection: Connection, checks: Sequence[DataTest], audited: Mapping[str, Table]
) -> list[CheckResult]:
    """Ask each test; `audited` says where results stand that are not published yet."""
    relations = session.relations.open(connection, ())
    results: list[CheckResult] = []
    for check in checks:
        compiled = compile_node(check, session.runtime, connection, relations, audited)
        results.append(run_check(connection, check, compiled.sql, store_failures=session.store_failures))
        if results[-1].status != "pass":  # a file costs as much as asking does; `headrace compile` writes them all
            session.keep_compiled(check, compiled.sql)
        if results[-1].status == "error" and audited:
            break  # the engine has given up the transaction that the others would be asked in
    return results


def _accepted(
    session: Session, connection: Connection, checks: Sequence[DataTest], audited: Mapping[str, Table]
) -> list[CheckResult]:
    results = check_all(session, connection, checks, audited)
    if any(result.stops for result in results):
        raise _Rejected(results)
    return results


def _publish(
    session: Session, connection: Connection, node: Model | Seed, built: Built, compiled: Compiled | None
) -> None:
    relations = session.relations.open(connection, ())
    if built.table is None:
        return
    publish(connection, node.unique_id, built.table, node.table, relations, view=built.query)
    finish(connection, node, compiled, built.kind)


def _built(
    session: Session, node: Model | Seed, kind: str, built: Built, results: Sequence[CheckResult], started: datetime
) -> ledger.Build:
    statuses = [result.status for result in results]
    return ledger.Build(
        run_id=session.run,
        node=node.unique_id,
        target=str(node.table),
        kind=kind,
        rows=built.rows,
        started_at=started,
        finished_at=session.clock.now(),
        passed=statuses.count("pass"),
        warned=statuses.count("warn"),
    )


def settled(
    session: Session, rows: int | None, results: Sequence[CheckResult], otherwise: str = "readers keep what they had"
) -> Done:
    """What a step comes to, by its tests, and their failing rows kept where that is wanted; `otherwise` says what a failure means."""
    for result in results:
        store(session.connection(), result, session.manifest.settings.target.schema)
    failing = [result.check.name for result in results if result.stops]
    if failing:
        return Done("error", rows, f"{_names(failing)} failed; {otherwise}")
    warned = [result.check.name for result in results if result.status == "warn"]
    return Done("warn", rows, f"{_names(warned)} warned") if warned else Done("success", rows)


def _names(checks: Sequence[str]) -> str:
    return ", ".join(checks[:3]) + (f" and {len(checks) - 3} more" if len(checks) > 3 else "")
