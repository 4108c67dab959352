"""A model's way: built, checked and published in one transaction, so that readers see all of it or nothing."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from headrace.check.fused import candidates, overridden_by, screen
from headrace.check.tests import CheckResult, passed, run_check
from headrace.check.unit import run_unit
from headrace.counting import count
from headrace.errors import HeadraceError, StatementFailed
from headrace.events import BatchFinished, emit
from headrace.project.nodes import Model, Seed, Snapshot, SourceTable
from headrace.publish import publish
from headrace.run.session import Done
from headrace.run.settling import once, settled
from headrace.schema import Column, Schema
from headrace.sql.dialect import read_type, relation
from headrace.state import ledger
from headrace.transform.adapter import describe
from headrace.transform.batches import batches_again, batches_of, is_microbatch
from headrace.transform.built import hooked
from headrace.transform.compile import compile_node
from headrace.transform.context import is_incremental
from headrace.transform.external import landed, pending
from headrace.transform.materialize import build
from headrace.transform.seeds import build_seed
from headrace.transform.snapshot import build_snapshot
from headrace.transform.unit import compile_unit
from headrace.transform.upkeep import finish

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from headrace.project.nodes import DataTest
    from headrace.run.session import Session
    from headrace.run.steps import BuildModel, LoadSeed, RunCheck, RunUnit
    from headrace.table import Table
    from headrace.transform.batches import Batch
    from headrace.transform.built import Built
    from headrace.transform.compile import Compiled
    from headrace.warehouse.base import Connection, Relation

Buildable: TypeAlias = Model | Seed | Snapshot
"""What becomes a table."""


class _Rejected(Exception):
    """An error-test failed: leaving the transaction by this rolls it back."""

    def __init__(self, results: Sequence[CheckResult]) -> None:
        super().__init__()
        self.results = results


@dataclass(frozen=True, slots=True)
class Turn:
    """One batch's turn among those of a microbatch model; `adds` says whether it adds to the table or makes it."""

    batch: Batch
    adds: bool
    first: bool = True
    last: bool = True


def build_model(session: Session, step: BuildModel) -> Done:
    """Run the query, ask the tests of the result, publish it. Raises what compiling and building raise."""
    if isinstance(step.node, Model) and is_microbatch(step.node):
        return build_batches(session, step.node, step.checks)
    return made(session, step.node, step.checks)


def build_batches(session: Session, node: Model, checks: Sequence[DataTest]) -> Done:
    """Window by window, each in its own transaction, so that one that fails takes no other with it; tests are asked at the end.

    As under dbt, nothing is built after a first window that failed.
    """
    connection, runtime = session.connection(), session.runtime
    relations = session.relations.open(connection, [node.table.space])
    rest = runtime.rests.get(node.unique_id)
    adds = rest is not None or is_incremental(node, relations, full_refresh=runtime.full_refresh)
    now = runtime.until or runtime.started
    batches = batches_again(node, rest) if rest else batches_of(node, runtime.flags, now, adds=adds)
    for start, end in rest.built if rest else ():
        emit(BatchFinished(node.unique_id, start, end, "reused"))
    made_by: dict[str, Done] = {}
    failures: list[tuple[Batch, HeadraceError]] = []
    waiting = list(batches)
    try:
        while waiting and not (failures and not made_by):
            first, last = len(waiting) == len(batches), len(waiting) == 1
            batch = waiting.pop(0)
            try:
                made_by[batch.id] = made(session, node, (), Turn(batch, adds or not first, first, last))
                _tell(node, batch, "success")
            except HeadraceError as error:
                if error.transient and not made_by:
                    raise  # the step is tried again as a whole
                _tell(node, batch, "error")
                failures.append((batch, error))
    finally:
        for batch in waiting:
            _tell(node, batch, "skipped")
    if failures:
        batch, cause = failures[0]
        said = (
            f"{len(made_by)} of {count(len(batches), 'batch was', 'batches were')} built; {batch.label}: {cause.what}"
        )
        return Done("partial success" if made_by else "error", None, said, cause)
    results = check_all(session, connection, checks, {})
    return settled(session, sum(one.rows or 0 for one in made_by.values()), results, "its batches are published")


def _tell(node: Model, batch: Batch, status: str) -> None:
    emit(BatchFinished(node.unique_id, batch.start.isoformat(), batch.end.isoformat(), status))


def load_seed(session: Session, step: LoadSeed) -> Done:
    """A CSV file of the project becomes its table, by the same way as a model."""
    return made(session, step.node, step.checks)


def made(
    session: Session,
    node: Buildable,
    checks: Sequence[DataTest],
    turn: Turn | None = None,
) -> Done:
    """A node, or one batch of it, made in one transaction, its tests asked inside. Raises what compiling and building raise."""
    connection = session.connection()
    relations = session.relations.open(connection, [node.table.space])
    started = session.clock.now()
    early = None
    if _begins_outside(node):
        early = _compiled(session, connection, node, relations, turn)
        hooked(connection, early.before, inside=False)
    label = turn.batch.label if turn else None
    try:
        with connection.transaction(), session.kept(node, connection, label):
            compiled = early or _compiled(session, connection, node, relations, turn)
            session.keep_compiled(node, compiled.sql, label)
            built, results = _in_transaction(session, connection, node, checks, compiled)
            entry = _built(session, node, built, results, started)
            code = None if isinstance(node, Seed) else hashlib.sha256(compiled.sql.encode()).hexdigest()[:16]
    except _Rejected as rejected:
        return settled(session, None, rejected.results)
    except StatementFailed as error:
        error.hint = error.hint or _never_loaded(session, connection, node)
        raise
    session.note_build(replace(entry, code=code))
    with once():
        if built.table is not None:
            session.relations.note(node.table, built.kind)
        hooked(connection, compiled.after, inside=False)
        return settled(session, built.rows, results)


def _never_loaded(session: Session, connection: Connection, node: Buildable) -> str | None:
    """What to do where a stream that the node reads has no table, since no load has brought a row of it."""
    read = [session.manifest.nodes.get(one) for one in node.depends_on]
    streams = [one for one in read if isinstance(one, SourceTable) and one.stream]
    lacking = [
        one.stream.label for one in streams if one.stream and one.table not in connection.inspect(one.table.schema)
    ]
    if not lacking:
        return None
    return (
        f"no load has brought a row of {', '.join(lacking)} yet, so there is no table: load it, or say its columns with their types "
        "under `columns:`, and the next load makes the table without rows"
    )


def _compiled(
    session: Session, connection: Connection, node: Buildable, relations: Mapping[Table, Relation], turn: Turn | None
) -> Compiled:
    """The node's SQL; hooks surround all batches of a model, not each."""
    if turn is None:
        return compile_node(node, session.runtime, connection, relations)
    found = compile_node(node, session.runtime, connection, relations, batch=turn.batch, adds=turn.adds)
    return replace(found, before=found.before if turn.first else (), after=found.after if turn.last else ())


def _in_transaction(
    session: Session, connection: Connection, node: Buildable, checks: Sequence[DataTest], compiled: Compiled
) -> tuple[Built, list[CheckResult]]:
    """Build, test and publish; hooks that come after the model come before its tests, and need its name."""
    relations = session.relations.open(connection, ())
    waits = bool(checks) and not any(hook.inside for hook in compiled.after)
    built = _run(session, connection, node, compiled, waits=waits)
    with pending(built.written):
        if waits and built.table:
            results = _accepted(session, connection, checks, {node.unique_id: built.table})
        if built.written is not None:
            built = replace(built, table=node.table, query=landed(connection, built.written))
    if built.table is not None:
        with compiled.blame():
            publish(connection, node.unique_id, built.table, node.table, relations, view=built.query)
        finish(connection, node, compiled, built)
    if not (waits and built.table):
        results = _accepted(session, connection, checks, {node.unique_id: node.table} if built.table else {})
    return built, results


def _run(session: Session, connection: Connection, node: Buildable, compiled: Compiled, *, waits: bool) -> Built:
    relations = session.relations.open(connection, ())
    match node:
        case Seed():
            hooked(connection, compiled.before)
            settings = session.manifest.settings
            return build_seed(connection, node, settings.root, relations=relations, as_dbt=settings.seed_types == "dbt")
        case Snapshot():
            return build_snapshot(connection, node, compiled, relations=relations)
        case Model():
            return build(connection, node, compiled, relations=relations, waits=waits)


def _begins_outside(node: Buildable) -> bool:
    """Whether something of the node is to happen before its transaction begins."""
    given = node.config.get("pre_hook") or ()
    hooks = [given] if isinstance(given, str | dict) else given
    return any("transaction" in hook for hook in hooks)


def run_alone(session: Session, step: RunCheck) -> Done:
    """A test of tables that are published already."""
    connection = session.connection()
    session.relations.open(connection, [])
    results = check_all(session, connection, (step.node,), {})
    return settled(session, None, results, "what reads the same tables later is skipped")


def run_unit_test(session: Session, step: RunUnit) -> Done:
    """A unit test of a model, whose inputs are only asked for their columns."""
    node, connection = step.node, session.connection()
    model = session.manifest.nodes[node.model]
    read = {
        one.table.space
        for one in (session.manifest.nodes[key] for key in model.depends_on)
        if isinstance(one, Buildable)
    }
    relations = session.relations.open(connection, read)
    queries = compile_unit(node, session.runtime, connection, relations)
    session.keep_compiled(node, queries.actual)
    results = [run_unit(connection, node, queries.actual, queries.expected, queries.columns)]
    return settled(session, None, results, results[0].message or "")


def check_all(
    session: Session, connection: Connection, checks: Sequence[DataTest], audited: Mapping[str, Table]
) -> list[CheckResult]:
    """Ask each test; `audited` says where results stand that are not published yet."""
    relations = session.relations.open(connection, ())
    results: list[CheckResult] = []
    clean = _screened(session, connection, checks, audited)
    for check in checks:
        if check.unique_id in clean:
            results.append(passed(check, clean[check.unique_id]))
            continue
        compiled = compile_node(check, session.runtime, connection, relations, audited)
        results.append(run_check(connection, check, compiled.sql, store_failures=session.store_failures))
        if results[-1].status != "pass":  # a file costs as much as asking does; `headrace compile` writes them all
            session.keep_compiled(check, compiled.sql)
        if results[-1].status == "error" and audited:
            break  # the engine has given up the transaction that the others would be asked in
    return results


def _screened(
    session: Session, connection: Connection, checks: Sequence[DataTest], audited: Mapping[str, Table]
) -> dict[str, float]:
    """The tests of the one audited table that a single scan shows to have no failing row, with the seconds that took."""
    if len(audited) != 1 or len(checks) < 2:
        return {}
    ((key, table),) = audited.items()
    templates = session.manifest.templates
    own = [check for check in checks if check.attached == key and check.depends_on == (key,)]
    asked = candidates(own, overridden_by(templates.macros, templates.dialect), store_failures=session.store_failures)
    if len(asked) < 2:
        return {}
    columns = describe(connection, f"select * from {relation(table)}")
    return screen(connection, table, Schema(tuple(Column(name, read_type(kind)) for name, kind in columns)), asked)


def _accepted(
    session: Session, connection: Connection, checks: Sequence[DataTest], audited: Mapping[str, Table]
) -> list[CheckResult]:
    results = check_all(session, connection, checks, audited)
    if any(result.stops for result in results):
        raise _Rejected(results)
    return results


def _built(
    session: Session, node: Buildable, built: Built, results: Sequence[CheckResult], started: datetime
) -> ledger.Build:
    statuses = [result.status for result in results]
    return ledger.Build(
        run_id=session.run,
        node=node.unique_id,
        target=str(node.table),
        kind=node.materialized if isinstance(node, Model) else "seed" if isinstance(node, Seed) else "snapshot",
        rows=built.rows,
        started_at=started,
        finished_at=session.clock.now(),
        passed=statuses.count("pass"),
        warned=statuses.count("warn"),
    )
