"""Do a plan: steps in threads, each told about as it begins and ends, and always in a state that the next run can go on from."""

from __future__ import annotations

import threading
import time
import traceback
import uuid
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from headrace.errors import HeadraceError, Interrupted, WarehouseUnavailable
from headrace.events import FAILED, RunFinished, RunStarted, StepFinished, StepStarted, Warned, emit
from headrace.graph import Graph
from headrace.landing import Landing
from headrace.project.nodes import Relational
from headrace.project.secrets import redact
from headrace.refusals import refused_by_system
from headrace.retry import SYSTEM
from headrace.run.patience import Patience, Tries
from headrace.run.schedule import Job, run_jobs
from headrace.run.session import Session
from headrace.run.steps import BuildModel, LoadSeed, LoadStream, ReplayStream, RunCheck, RunUnit, Step
from headrace.transform.runtime import Runtime
from headrace.warehouse.opening import open_warehouse

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from headrace.project.manifest import Manifest
    from headrace.retry import Clock
    from headrace.run.backfill import Span
    from headrace.run.plan import Plan
    from headrace.run.session import Done
    from headrace.table import Table
    from headrace.transform.batches import Rest
    from headrace.warehouse.base import Warehouse


@dataclass(frozen=True, slots=True)
class Options:
    """How a run goes: so many threads, stop at the first failure, build everything anew, and what is known of durations."""

    threads: int = 4
    fail_fast: bool = False
    full_refresh: bool = False
    store_failures: bool = False
    span: Span | None = None
    durations: Mapping[str, float] = field(default_factory=dict)
    selected: tuple[str, ...] = ()
    """What was asked for, which is more than the steps: ephemeral models, and tests that belong to the step of a table."""
    deferred: Mapping[str, Table] = field(default_factory=dict)
    """Where nodes stand, by id, that are not built here: in another environment."""
    flags: Mapping[str, Any] = field(default_factory=dict)
    """dbt's flags as templates see them, in capitals."""
    invocation: str | None = None
    """The id under which artifacts know the run."""
    rests: Mapping[str, Rest] = field(default_factory=dict)
    """What the run that is repeated left of microbatch models, by id."""
    until: datetime | None = None
    """When the run began that is repeated."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a run: `ended` has one record for each step, in the order in which they ended."""

    run: str
    seconds: float
    ended: tuple[StepFinished, ...]

    @property
    def failed(self) -> bool:
        """Whether a step ended with an error, or with only some of its batches."""
        return any(one.status in FAILED for one in self.ended)


def execute(manifest: Manifest, plan: Plan, *, command: str, options: Options, clock: Clock = SYSTEM) -> Outcome:
    """Do the steps of a plan. Raises WarehouseUnavailable before the first one, and Interrupted after Ctrl-C."""
    started = time.perf_counter()
    run = uuid.uuid4().hex[:12]
    settings = manifest.settings
    schemas = {node.table.schema for node in manifest.nodes.values() if isinstance(node, Relational)}
    little = all(map(_only_loads, plan.steps.values()))
    warehouse = open_warehouse(settings.target.url, schemas, settings.target.setup, little=little)
    session = Session(
        manifest=manifest,
        warehouse=warehouse,
        landing=Landing(settings.folder / "landing" / settings.target.name),
        run=run,
        runtime=_runtime(manifest, options, command, run, clock.now(), tuple(plan.steps)),
        clock=clock,
        full_refresh=options.full_refresh,
        span=options.span,
        store_failures=options.store_failures,
    )
    doing = _Doing(session, plan)
    status = "error"
    emit(RunStarted(run, command, settings.target.name, tuple(plan.steps)))
    try:
        _reach(session, doing.patience)
        if doing.hooks("on-run-start"):
            run_jobs(
                _jobs(plan, options.durations),
                doing.work,
                doing.skip,
                threads=options.threads,
                limits=_limits(plan),
                cancel=doing.stop,
                fail_fast=options.fail_fast,
            )
        else:
            for one in plan.steps:
                doing.skip(one)
        doing.hooks("on-run-end")
        status = "error" if any(one.status in FAILED for one in doing.ended) else "success"
    except KeyboardInterrupt:
        status = "interrupted"
        raise Interrupted("stopped; what was committed stays", hint="run the same command again to go on") from None
    finally:
        # First of all: whatever goes wrong with closing, the run has ended and is known to have.
        emit(RunFinished(run, status, time.perf_counter() - started))
        _write_builds(session)
        _close(session, warehouse)
    return Outcome(run, time.perf_counter() - started, tuple(doing.ended))


def _only_loads(step: Step) -> bool:
    return isinstance(step, ReplayStream) or (isinstance(step, LoadStream | LoadSeed) and not step.checks)


def _reach(session: Session, patience: Patience) -> None:
    """The first connection, with what the run needs made in the warehouse. Raises WarehouseUnavailable where nobody answers."""
    tries = Tries(patience, "the run", None)
    while True:
        try:
            session.connection()
        except WarehouseUnavailable as lost:
            lost.transient = True  # making what is there already changes nothing
            delay = tries.pause(lost)
            if lost.absent or delay is None:
                raise
            session.renew()
            session.clock.sleep(delay)
        else:
            return


def _runtime(
    manifest: Manifest, options: Options, command: str, run: str, now: datetime, steps: tuple[str, ...]
) -> Runtime:
    return Runtime(
        manifest=manifest,
        started=now,
        invocation=options.invocation or run,
        flags={
            **options.flags,
            "FULL_REFRESH": options.full_refresh,
            "STORE_FAILURES": options.store_failures,
            "FAIL_FAST": options.fail_fast,
            "WHICH": command,
        },
        selected=options.selected or steps,
        deferred=options.deferred,
        rests=options.rests,
        until=options.until,
    )


def _close(session: Session, warehouse: Warehouse) -> None:
    """Let go of all connections. What is committed stays committed: one that cannot be closed is worth a warning, no more."""
    try:
        session.each(lambda connection: connection.close())
        warehouse.close()
    except Exception as error:  # noqa: BLE001 - a driver may raise anything here
        emit(Warned(f"a connection could not be closed: {error}"))


def _write_builds(session: Session) -> None:
    try:
        try:
            session.write_builds()
        except WarehouseUnavailable:
            # This thread's connection may have been idle while the warehouse started again.
            session.renew()
            session.write_builds()
    except HeadraceError as error:
        emit(Warned(f"the ledger lacks the last builds of this run: {error.what}"))


def _jobs(plan: Plan, durations: Mapping[str, float]) -> list[Job]:
    """A step nobody has timed yet counts as one second, so that the longest chain goes first from the first run on."""
    graph = Graph({one: plan.needs[one] | plan.after[one] for one in plan.steps})
    ranks = graph.critical_path(lambda one: durations.get(one, 1.0))
    return [Job(one, plan.needs[one], plan.after[one], _pool(step), ranks[one]) for one, step in plan.steps.items()]


def _pool(step: Step) -> str | None:
    return f"source {step.node.source}" if isinstance(step, LoadStream) else None


def _limits(plan: Plan) -> dict[str, int]:
    """How many streams of one source are read at once: as many as it allows requests, so that one request each is within it."""
    return {
        f"source {step.node.source}": step.node.stream.parallel_requests
        for step in plan.steps.values()
        if isinstance(step, LoadStream) and step.node.stream
    }


class _Doing:
    """The steps being done: each is announced, tried, and reported, whatever happens inside it."""

    def __init__(self, session: Session, plan: Plan) -> None:
        self.session = session
        self.plan = plan
        self.ended: list[StepFinished] = []
        self.stopped = threading.Event()
        self.patience = Patience(session.clock)

    def work(self, one: str) -> bool:
        """Do a step; whether it succeeded."""
        started = time.perf_counter()
        emit(StepStarted(one))
        step = self.plan.steps[one]
        tries = Tries(self.patience, one, step.node.source if isinstance(step, LoadStream) else None)
        while True:
            try:
                done = _do(self.session, step)
            except HeadraceError as error:
                delay = None if self.stopped.is_set() else tries.pause(error)
                if delay is not None:
                    self.session.renew()
                    self.session.clock.sleep(delay)
                    continue
                if self.stopped.is_set():
                    return self._end(_cut_short(one, time.perf_counter() - started))
                return self._end(_failure(one, error, time.perf_counter() - started))
            except Exception as error:  # noqa: BLE001 - a defect in one step must not lose the others' results
                if self.stopped.is_set():
                    return self._end(_cut_short(one, time.perf_counter() - started))
                if refused := refused_by_system(error):
                    return self._end(_failure(one, refused, time.perf_counter() - started))
                self._keep_traceback(one)
                what = f"unexpected {type(error).__name__}: {error}"
                return self._end(StepFinished(one, "error", time.perf_counter() - started, message=what, code="HR000"))
            seconds = time.perf_counter() - started
            return self._end(_finished(one, done, seconds))

    def hooks(self, when: Literal["on-run-start", "on-run-end"]) -> bool:
        """Run the project's hooks of one moment; whether they succeeded."""
        if not self.session.manifest.hooks:
            return True
        from headrace.run.hooks import run_hooks

        told = run_hooks(self.session, when, self.ended)
        self.ended.extend(told)
        return all(one.status != "error" for one in told)

    def skip(self, one: str) -> None:
        """Say that a step will not run."""
        self._end(StepFinished(one, "skipped", 0.0))

    def stop(self) -> None:
        """Cut short what runs."""
        self.stopped.set()
        self.session.each(lambda connection: connection.cancel())

    def _end(self, finished: StepFinished) -> bool:
        self.ended.append(finished)
        emit(finished)
        return finished.status in ("success", "warn", "reused")

    def _keep_traceback(self, one: str) -> None:
        folder = self.session.manifest.settings.folder / "logs"
        # A disk that is full as well must not take the step's own error away.
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / f"{self.session.run}.traceback").open("a", encoding="utf-8") as file:
                file.write(redact(f"{one}\n{traceback.format_exc()}\n"))


def _do(session: Session, step: Step) -> Done:
    # What reads APIs and files is imported where a step needs it, and so is what builds models: many projects have but one of the two.
    match step:
        case LoadStream():
            from headrace.run.streams import load_stream

            return load_stream(session, step)
        case ReplayStream():
            from headrace.run.replay import replay_stream

            return replay_stream(session, step)
        case _:
            return _build(session, step)


def _build(session: Session, step: LoadSeed | BuildModel | RunCheck | RunUnit) -> Done:
    from headrace.run.models import build_model, load_seed, run_alone, run_unit_test

    match step:
        case LoadSeed():
            return load_seed(session, step)
        case BuildModel():
            return build_model(session, step)
        case RunCheck():
            return run_alone(session, step)
        case RunUnit():
            return run_unit_test(session, step)


def _finished(one: str, done: Done, seconds: float) -> StepFinished:
    if done.cause is None:
        return StepFinished(one, done.status, seconds, rows=done.rows, message=done.message)
    told = _failure(one, done.cause, seconds)
    return replace(told, status=done.status, rows=done.rows, message=done.message)


def _cut_short(one: str, seconds: float) -> StepFinished:
    """What a step comes to that somebody stopped: the engine's complaint about that is no error of the step's."""
    return StepFinished(one, "interrupted", seconds, message="stopped; what it did is rolled back")


def _failure(one: str, error: HeadraceError, seconds: float) -> StepFinished:
    return StepFinished(
        one,
        "error",
        seconds,
        message=error.what,
        code=error.code,
        where=str(error.where) if error.where else None,
        hint=error.hint,
        passes=error.passes,
    )
