"""A run as a command sees it: what is wanted, who listens, Ctrl-C, and the summary."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from headrace.cli.opening import history_of, only, read_manifest, selected
from headrace.cli.options import is_terminal
from headrace.cli.terminal import complain, document, result, say
from headrace.errors import Interrupted, UsageError
from headrace.events import listening
from headrace.observe.display import Lines, Live
from headrace.observe.log import RunLog, lines
from headrace.observe.results import Results
from headrace.observe.summary import next_commands, summary
from headrace.observe.wording import utf8
from headrace.project.nodes import DataTest, SourceTable
from headrace.run.execute import Options, execute
from headrace.run.history import History, durations, steps
from headrace.run.lock import locked
from headrace.run.plan import Verbs, make_plan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import FrameType

    from headrace.cli.options import Asked
    from headrace.events import Listener
    from headrace.project.manifest import Manifest
    from headrace.project.settings import Settings
    from headrace.run.history import RunRecord
    from headrace.run.plan import Plan


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be done and how; `again` are ids of an earlier run to go on with, instead of a selection."""

    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    full_refresh: bool = False
    fail_fast: bool = False
    threads: int | None = None
    again: frozenset[str] | None = None


def run_plan(asked: Asked, command: str, verbs: Verbs, wanted: Wanted) -> int:
    """Read the project, make the plan, do it and sum it up; the exit code."""
    results = Results()
    with listening(results):
        manifest = read_manifest(asked, wanted.threads)
        plan = make_plan(manifest, _chosen(manifest, wanted), verbs)
        if plan.steps:
            _execute(asked, command, manifest, plan, wanted, results)
    return _finish(asked, command, results, empty=not plan.steps)


def replay_kept(asked: Asked, stream: str, ids: tuple[str, ...]) -> int:
    """Try again what is in quarantine of a stream; the exit code."""
    from headrace.run.replay import replay_plan

    results = Results()
    with listening(results):
        manifest = read_manifest(asked)
        node = only(manifest, stream)
        if not isinstance(node, SourceTable):
            raise UsageError(f"'{stream}' is no stream", hint="see `headrace quarantine ls`")
        _execute(asked, "replay", manifest, replay_plan(node, ids), Wanted(), results)
    return _finish(asked, "quarantine replay", results, empty=False)


def build_quietly(asked: Asked, root: Path, wanted: Wanted) -> bool:
    """Build all of another project without a display; whether it succeeded."""
    results = Results()
    there = replace(asked, project_dir=str(root), target=None, quiet=True)
    with listening(results):
        manifest = read_manifest(there, wanted.threads)
        plan = make_plan(manifest, _chosen(manifest, wanted), Verbs())
        _execute(there, "build", manifest, plan, wanted, results)
    for line in [] if results.status == "success" else summary(results).splitlines():
        complain(asked, line)
    return results.status == "success"


def _chosen(manifest: Manifest, wanted: Wanted) -> tuple[str, ...]:
    if wanted.again is None:
        return selected(manifest, wanted.select, wanted.exclude)
    # A test belongs to the step of the table it reads, so it comes along with it.
    return tuple(
        one
        for one, node in manifest.nodes.items()
        if one in wanted.again or (isinstance(node, DataTest) and wanted.again & set(node.depends_on))
    )


def undone(settings: Settings, record: RunRecord) -> frozenset[str]:
    """The steps of a run that did not succeed. Raises UsageError where all did."""
    left = {step.id for step in steps(history_of(settings), record) if step.status not in {"success", "warn", "reused"}}
    if not left:
        raise UsageError(f"all of run {record.id} succeeded", hint="`headrace build` does everything again")
    return frozenset(left)


def _execute(asked: Asked, command: str, manifest: Manifest, plan: Plan, wanted: Wanted, results: Results) -> None:
    settings = manifest.settings
    options = Options(
        threads=settings.target.threads,
        fail_fast=wanted.fail_fast,
        full_refresh=wanted.full_refresh,
        durations=durations(history_of(settings), settings.target.name),
    )
    arguments = {"full_refresh": wanted.full_refresh, "vars": asked.vars}
    with ExitStack() as stack:
        stack.enter_context(locked(settings.folder, settings.target.name))
        history = stack.enter_context(History(history_of(settings), arguments))
        log = RunLog(settings.folder / "logs")
        stack.callback(log.close)
        display = stack.enter_context(_display(asked))
        heard: list[Listener] = [history, log]
        heard += [display] if display else []
        stack.enter_context(listening(*heard))
        stack.enter_context(stoppable(asked))
        try:
            execute(manifest, plan, command=command, options=options)
        except Interrupted:
            results.stopped = True
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


def _finish(asked: Asked, command: str, results: Results, *, empty: bool) -> int:
    if empty:
        say(asked, f"nothing to do: the selection has nothing that `headrace {command}` does")
    body: dict[str, Any] = {**results.as_record(), "next": [line.split("     ")[0] for line in next_commands(results)]}
    if asked.json:
        document(command, body)
    elif not empty and not (asked.quiet and results.status == "success"):
        result(asked, "\n" + summary(results, ascii_only=not utf8(sys.stdout)))
    return {"interrupted": 130, "error": 1}.get(results.status, 0) if not empty else 0
