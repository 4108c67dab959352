"""`headrace runs`: what ran, when, and how it ended."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.options import Asked, Verb, everywhere, output
from headrace.cli.terminal import document, result, say

if TYPE_CHECKING:
    from pathlib import Path

    from headrace.run.history import RunRecord


@click.command(cls=Verb)
@click.argument("words", nargs=-1, metavar="[show RUN]")
@click.option(
    "--limit", type=click.IntRange(1), default=20, show_default=True, metavar="N", help="How many, newest first."
)
@everywhere
@output("table", "json")
@click.pass_obj
def runs(asked: Asked, words: tuple[str, ...], limit: int) -> int:
    """What ran, when, and how it ended; with `show`, one run step by step.

    It can be asked while a run goes on. A run whose process is gone without a word is shown as killed.

    Examples:
    headrace runs                            the last 20, on all targets
    headrace runs -t prod --limit 5
    headrace runs show 1f3a                  the run whose id begins so; without an id, the last one
    """
    from headrace.cli.opening import find_project
    from headrace.errors import UsageError
    from headrace.run import history

    path = find_project(asked) / ".headrace" / "history.db"
    if words and (words[0] != "show" or len(words) > 2):
        raise UsageError(f"runs takes nothing, or `show` and an id; not '{' '.join(words)}'")
    if not words:
        return _list(asked, history.runs(path, target=asked.target, limit=limit))
    if len(words) == 2:
        record = history.run(path, words[1])
    else:
        record = next(iter(history.runs(path, target=asked.target, limit=1)), None)
    if record is None:
        raise UsageError(
            f"there is no run '{words[-1]}'" if len(words) == 2 else "nothing ran yet", hint="see `headrace runs`"
        )
    return _show(asked, path, record)


def _list(asked: Asked, records: list[RunRecord]) -> int:
    from headrace.observe.wording import duration, status, table

    if asked.json:
        document("runs", {"runs": [_record(record) for record in records]})
    elif records:
        rows = [
            (
                record.id,
                record.command,
                record.target,
                _time(record.started),
                duration(record.seconds),
                record.status,
                _counts(record),
            )
            for record in records
        ]
        result(asked, table(["run", "command", "target", "started (UTC)", "took", "status", "steps"], rows))
    else:
        say(asked, f"nothing ran yet; begin with `headrace build` ({status('planned')})")
    return 0


def _show(asked: Asked, path: Path, record: RunRecord) -> int:
    from headrace.observe.wording import cell, duration, status, step_name, table
    from headrace.run import history

    steps = history.steps(path, record)
    checks = history.checks(path, record)
    loads = history.loads(path, record)
    if asked.json:
        body = {
            "run": _record(record),
            "steps": [asdict(step) for step in steps],
            "checks": [asdict(check) for check in checks],
            "loads": [asdict(load) for load in loads],
        }
        document("runs", body)
        return 0
    result(
        asked,
        f"{status(record.status)}  {record.command} on {record.target}, {_time(record.started)} UTC, {duration(record.seconds)}",
    )
    rows = [
        (step.status, step_name(step.id), step.rows, duration(step.seconds), _why(step.code, step.message))
        for step in steps
    ]
    result(asked, table(["status", "step", "rows", "took", ""], rows))
    for check in checks:
        if check.status != "pass":
            result(
                asked,
                f"{status(check.status)}  {step_name(check.check)}  {check.failures} {cell(check.message)}".rstrip(),
            )
    return 0


def _why(code: str | None, message: str | None) -> str:
    return " ".join(part for part in (code, (message or "").partition("\n")[0]) if part)


def _time(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}"


def _counts(record: RunRecord) -> str:
    return ", ".join(f"{number} {word}" for word, number in sorted(record.counts.items()))


def _record(record: RunRecord) -> dict[str, Any]:
    return {**asdict(record), "started": datetime.fromtimestamp(record.started, UTC).isoformat()}
