"""A run as a command sees it: what is wanted, who listens, Ctrl-C, and the summary."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from headrace.cli.again import kept
from headrace.cli.artifacts import flags_of, invocation_of, recording
from headrace.cli.choosing import selected
from headrace.cli.earlier import deferred
from headrace.cli.opening import history_of, only, read_manifest
from headrace.cli.options import is_terminal
from headrace.cli.reflecting import refresh_tables
from headrace.cli.span import span_of
from headrace.cli.strictness import refuse_warnings, without_mercy
from headrace.cli.terminal import complain, document, result, say
from headrace.errors import Interrupted, UsageError
from headrace.events import listening
from headrace.observe.display import Lines, Live
from headrace.observe.log import RunLog, lines
from headrace.observe.results import Results
from headrace.observe.summary import next_commands, summary
from headrace.observe.wording import utf8
from headrace.project.manifest import load_manifest
from headrace.project.nodes import DataTest, Exposure, SavedQuery, SourceTable
from headrace.project.secrets import discreet
from headrace.run.execute import Options, execute
from headrace.run.history import History, durations
from headrace.run.lock import locked
from headrace.run.plan import make_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType

    from headrace.cli.again import Left
    from headrace.cli.options import Asked
    from headrace.events import Listener
    from headrace.project.manifest import Manifest
    from headrace.project.settings import Settings
    from headrace.run.plan import Plan, Verbs


def run_plan(asked: Asked, command: str, verbs: Verbs, again: Left | None = None) -> int:
    """Read the project, make the plan, do it and sum it up; the exit code. `again` is what to go on with, instead of a selection."""
    results = Results()
    with listening(discreet(results)):
        if verbs.load:
            refresh_tables(asked)
        manifest = read_manifest(asked)
        chosen = selected(manifest, asked) if again is None else _with_tests(manifest, again.ids)
        plan = make_plan(manifest, chosen, verbs)
        work = Work(command, manifest, plan, chosen, results, again)
        if plan.steps:
            strict = refuse_warnings(asked, results)
            _execute(asked, replace(work, plan=without_mercy(plan)) if strict else work)
    return _finish(asked, command, results, empty=not plan.steps)


def run_all(asked: Asked, command: str, settings: Settings, told: Told) -> int:
    """Do all that a project made in memory has; the exit code. `told` gives the lines after the summary, and what to do next."""
    results = Results()
    with listening(results):
        manifest = load_manifest(settings)
        plan = make_plan(manifest, manifest.nodes)
        work = Work(command, manifest, plan, tuple(plan.steps), results)
        strict = refuse_warnings(asked, results)
        _execute(asked, replace(work, plan=without_mercy(plan)) if strict else work)
    return _finish(asked, command, results, empty=False, told=told)


def replay_kept(asked: Asked, stream: str, ids: tuple[str, ...]) -> int:
    """Try again what is in quarantine of a stream; the exit code."""
    from headrace.run.replay import replay_plan

    results = Results()
    with listening(discreet(results)):
        manifest = read_manifest(asked)
        node = only(manifest, stream)
        if not isinstance(node, SourceTable):
            raise UsageError(f"'{stream}' is no stream", hint="see `headrace quarantine ls`")
        _execute(asked, Work("replay", manifest, replay_plan(node, ids), (), results))
    return _finish(asked, "quarantine replay", results, empty=False)


def build_quietly(asked: Asked, root: Path) -> bool:
    """Build all of another project without a display; whether it succeeded."""
    results = Results()
    there = replace(asked, project_dir=str(root), target=None, quiet=True)
    with listening(discreet(results)):
        manifest = read_manifest(there)
        _execute(there, Work("build", manifest, make_plan(manifest, manifest.nodes), (), results))
    for line in [] if results.status == "success" else summary(results).splitlines():
        complain(asked, line)
    return results.status == "success"


def _with_tests(manifest: Manifest, again: frozenset[str]) -> tuple[str, ...]:
    # A test belongs to the step of the table it reads, so it comes along with it.
    return tuple(
        one
        for one, node in manifest.nodes.items()
        if one in again or (isinstance(node, DataTest) and again & set(node.depends_on))
    )


Told: TypeAlias = "Callable[[Results], Sequence[str]]"
"""From what a run came to, the commands to type next."""


@dataclass(frozen=True, slots=True)
class Work:
    """A plan to do for a command; `chosen` are the ids that were asked for, `results` gathers what comes of it, `again` is the run it repeats."""

    command: str
    manifest: Manifest
    plan: Plan
    chosen: tuple[str, ...]
    results: Results
    again: Left | None = None


def _about(work: Work) -> tuple[str, ...]:
    """The ids that the run's results are about: steps, the tests inside them, and for a build what uses tables without being one."""
    found = dict.fromkeys(work.plan.steps)
    for step in work.plan.steps.values():
        found |= dict.fromkeys(check.unique_id for check in getattr(step, "checks", ()))
    if work.command == "build":
        found |= dict.fromkeys(
            one for one in work.chosen if isinstance(work.manifest.nodes[one], Exposure | SavedQuery)
        )
    return tuple(one for one in found if one in work.manifest.nodes)


def _resources(work: Work) -> tuple[str, ...]:
    """Those of the chosen ids that the command is about: its steps, tests, and ephemeral models, which are no steps."""
    about = set(_about(work))
    nodes = work.manifest.nodes
    return tuple(one for one in work.chosen if one in about or getattr(nodes[one], "materialized", None) == "ephemeral")


def _execute(asked: Asked, work: Work) -> None:
    settings = work.manifest.settings
    invocation = invocation_of(asked, work.command)
    options = Options(
        invocation=invocation.id,
        threads=settings.target.threads,
        fail_fast=asked.fail_fast,
        full_refresh=asked.full_refresh,
        span=span_of(asked),
        store_failures=asked.store_failures,
        durations=durations(history_of(settings), settings.target.name),
        selected=_resources(work),
        deferred=deferred(asked, work.manifest, work.chosen),
        flags=flags_of(asked, work.command),
        rests=work.again.rests if work.again else {},
        until=work.again.until if work.again else None,
    )
    with ExitStack() as stack:
        stack.enter_context(locked(settings.folder, settings.target.name))
        history = stack.enter_context(History(history_of(settings), kept(asked)))
        log = RunLog(Path(asked.log_path) if asked.log_path else settings.folder / "logs")
        stack.callback(log.close)
        display = stack.enter_context(_display(asked))
        recorder = stack.enter_context(recording(asked, work.manifest, invocation, _about(work)))
        heard: list[Listener | None] = [history, log, recorder, display]
        stack.enter_context(listening(discreet(*(one for one in heard if one))))
        stack.enter_context(stoppable(asked))
        try:
            execute(work.manifest, work.plan, command=work.command, options=options)
        except Interrupted:
            work.results.stopped = True
    for name, failed in (("history", history.failed), ("log", log.failed)):
        if failed:
            complain(asked, f"warning  the run's {name} could not be written: {failed}")


@contextmanager
def _display(asked: Asked) -> Iterator[Listener | None]:
    # With -o json stdout is for the document, so what goes on is told on stderr.
    stream = sys.stderr if asked.json else sys.stdout
    color = asked.color_on(stream.isatty())
    if asked.log_format == "json":
        yield lines(sys.stderr)
    elif asked.quiet:
        yield None
    elif stream.isatty() and is_terminal():
        with Live(stream, color=color) as live:
            yield live
    else:
        yield Lines(stream, color=color)


@contextmanager
def stoppable(asked: Asked) -> Iterator[None]:
    """The first Ctrl-C (or SIGTERM) inside the block stops the run in good order; the second ends the process at once."""

    def stop(number: int, _: FrameType | None) -> None:
        for name in signals:
            signal.signal(name, kill)
        complain(asked, "stopping; what runs is rolled back (again to end at once)")
        raise KeyboardInterrupt(number)

    def kill(_: int, __: FrameType | None) -> None:
        os._exit(130)

    signals = [signal.SIGINT, signal.SIGTERM]
    before = {name: signal.signal(name, stop) for name in signals}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def _finish(asked: Asked, command: str, results: Results, *, empty: bool, told: Told = next_commands) -> int:
    if empty:
        for told_before in dict.fromkeys(one.message for one in results.warnings):
            complain(asked, f"warning  {told_before}")
        say(asked, f"nothing to do: the selection has nothing that `headrace {command}` does")
    following = told(results)
    body: dict[str, Any] = {**results.as_record(), "next": [line.split("     ")[0] for line in following]}
    if asked.json:
        document(command, body)
    elif not empty and not (asked.quiet and results.status == "success"):
        result(asked, "\n" + summary(results, following, ascii_only=not utf8(sys.stdout)))
    return {"interrupted": 130, "error": 1}.get(results.status, 0) if not empty else 0
