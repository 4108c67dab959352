"""The end of a run in a few lines: its problems, grouped, each with the command to type next."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click

from headrace.counting import count
from headrace.events import FAILED
from headrace.observe.wording import cell, duration, short, status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from headrace.events import CheckFinished, StepFinished
    from headrace.observe.results import Results

_ORDER = ("success", "reused", "warn", "partial success", "error", "interrupted", "skipped")
_BECAME = ("inserted", "updated", "unchanged", "duplicate", "filtered", "quarantined")
_SHOWN = 8
"""How many names of a group are spelt out."""


def summary(results: Results, following: Sequence[str] | None = None, *, ascii_only: bool = False) -> str:
    """Problems first, the totals, and what to type next (`following`, unless what follows from the results). Styled; whoever prints it may strip that."""
    parts = [*_errors(results), *_failed_checks(results), *_skipped(results), *_kept_out(results), *_warned(results)]
    lines = [line for part in parts for line in (*part, "")]
    lines.append(_totals(results, ascii_only=ascii_only))
    lines += [f"  next: {command}" for command in (next_commands(results) if following is None else following)]
    return "\n".join(lines)


def next_commands(results: Results) -> list[str]:
    """What helps after this run: to look at what failed, and to do it again."""
    commands: list[str] = []
    failed = [check for check in results.checks if check.status == "fail"]
    if failed:
        commands.append(f"headrace show -s {short(failed[0].check)}     the rows that fail")
    if results.quarantined:
        commands.append(f"headrace quarantine show {results.quarantined[0].stream}     the rows kept out")
    if results.dead:
        commands.append(f"headrace quarantine show {results.dead[0].stream}     the requests that failed")
    undone = [step for step in results.steps.values() if step.status in FAILED | {"interrupted"}]
    if results.status in {"error", "interrupted"} and (not undone or any(step.passes for step in undone)):
        commands.append("headrace retry     goes on with what is not done")
    return commands


def _errors(results: Results) -> Iterator[list[str]]:
    groups: dict[tuple[str | None, str | None, str | None], list[StepFinished]] = {}
    told = {one for check in results.checks if check.status == "fail" for one in (check.check, check.model)}
    for step in results.steps.values():
        if step.status in FAILED and not (step.code is None and step.step in told):
            groups.setdefault((step.code, step.where, step.message), []).append(step)
    for (code, where, message), steps in groups.items():
        place = f"  {where}" if where else ""
        head = click.style("error", fg="red", bold=True) + (f" {click.style(code, bold=True)}" if code else "")
        first, *rest = (message or "failed").splitlines()
        names = _names([short(step.step) for step in steps])
        lines = [f"{head}{place}  {names}: {cell(first.removeprefix(f'{names}: '))}"]
        lines += [f"    {cell(line)}" for line in rest if line.strip()]
        hint = steps[0].hint
        yield [*lines, f"  hint: {hint}"] if hint else lines


def _skipped(results: Results) -> Iterator[list[str]]:
    skipped = sorted(short(step.step) for step in results.steps.values() if step.status == "skipped")
    if skipped:
        yield [f"skipped because of that: {_names(skipped)}"]


def _failed_checks(results: Results) -> Iterator[list[str]]:
    for word, color in (("fail", "red"), ("error", "red"), ("warn", "yellow")):
        found = [check for check in results.checks if check.status == word]
        if found:
            kept = any(check.model for check in found) and word != "warn"
            lines = [_check_line(check, click.style(word, fg=color, bold=True)) for check in found]
            yield [*lines, "  readers keep the tables they had"] if kept else lines


def _check_line(check: CheckFinished, word: str) -> str:
    on = f" on {short(check.model)}" if check.model else ""
    what = cell(check.message) if check.message else count(check.failures, "failure")
    return f"{word}  test {short(check.check)}{on}: {what}"


def _kept_out(results: Results) -> Iterator[list[str]]:
    rows: Counter[tuple[str, str]] = Counter()
    for one in results.quarantined:
        rows[one.stream, one.reason] += one.rows
    word = click.style("kept out", fg="yellow", bold=True)
    if rows:
        yield [f"{word}  {stream}: {count(number, 'row')}, {cell(why)}" for (stream, why), number in rows.items()]
    requests = Counter((one.stream, one.reason) for one in results.dead)
    if requests:
        yield [
            f"{word}  {stream}: {count(number, 'request')}, {cell(why)}" for (stream, why), number in requests.items()
        ]


def _warned(results: Results) -> Iterator[list[str]]:
    groups = Counter((one.message, one.where) for one in results.warnings)
    word = click.style("warning", fg="yellow", bold=True)
    lines = [
        f"{word}  {f'{where}  ' if where else ''}{cell(message)}{f' ({number} times)' if number > 1 else ''}"
        for (message, where), number in groups.items()
    ]
    if lines:
        yield lines
    if results.changes:
        yield [f"changed  {one.table}: {cell(one.change)}" for one in results.changes]


def _totals(results: Results, *, ascii_only: bool) -> str:
    counts = results.counts()
    words = [f"{counts[word]} {word}" for word in _ORDER if counts[word]] or ["nothing to do"]
    tests = Counter(check.status for check in results.checks)
    if tests:
        words.append(f"{count(sum(tests.values()), 'test')} ({', '.join(f'{n} {word}' for word, n in tests.items())})")
    read = sum(load.read for load in results.loads)
    if results.loads:
        words.append(f"{count(read, 'row')} read{_became(results) if read else ''}")
    spent = f" in {duration(results.seconds)}" if results.seconds is not None else ""
    separator = " - " if ascii_only else " · "
    return f"{status(results.status, ascii_only=ascii_only)}  {separator.join(words)}{spent}"


def _became(results: Results) -> str:
    """What became of the rows that were read: the numbers add up to theirs."""
    totals = [(word, sum(getattr(load, word) for load in results.loads)) for word in _BECAME]
    return " = " + " + ".join(f"{number:,} {word}" for word, number in totals if number)


def _names(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
