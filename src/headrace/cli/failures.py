"""How an error reaches the user, and which exit code it gives."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.terminal import complain, document
from headrace.errors import HeadraceError, Interrupted, UsageError
from headrace.project.secrets import redact
from headrace.refusals import refused_by_system

if TYPE_CHECKING:
    from headrace.cli.options import Asked


def report(error: BaseException, asked: Asked) -> int:
    """Say what happened, on stderr (and as a document on stdout with `-o json`); the exit code of the process."""
    if isinstance(error, BrokenPipeError):
        # Whoever read our output has enough. Python would complain once more while it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    known = _as_ours(error)
    if known is not None:
        _hide_secrets(known)
    else:
        return _unexpected(error, asked)
    complain(asked, render(known))
    if asked.debug:
        complain(asked, "".join(traceback.format_exception(error)))
    if asked.json:
        document("error", {"error": as_record(known)})
    return known.exit_code


def _as_ours(error: BaseException) -> HeadraceError | None:
    match error:
        case HeadraceError():
            return error
        case click.exceptions.NoSuchOption():
            close = f"did you mean {' or '.join(error.possibilities)}?" if error.possibilities else _help_of(error)
            return UsageError(f"there is no option '{error.option_name}'", hint=close)
        case click.UsageError():
            what, _, hint = error.format_message().rstrip(".").partition("; ")
            return UsageError(what, hint=hint or _help_of(error))
        case click.ClickException():
            return UsageError(error.format_message())
        case click.Abort() | KeyboardInterrupt():
            return Interrupted("stopped; what was committed stays")
        case _:
            return refused_by_system(error)


def _hide_secrets(error: HeadraceError) -> None:
    error.what, error.hint = redact(error.what), redact(error.hint) if error.hint else None
    if error.where and error.where.text:
        error.where = replace(error.where, text=redact(error.where.text))


def _help_of(error: click.UsageError) -> str:
    return f"see `{error.ctx.command_path if error.ctx else 'headrace'} --help`"


def render(error: HeadraceError) -> str:
    """Code, place and sentence; the line of the file with a caret under the spot; the hint; where to read more."""
    where = f"  {error.where}" if error.where else ""
    first, *rest = [line for line in error.what.splitlines() if line.strip()] or [""]
    parts = [f"{click.style('error', fg='red', bold=True)} {click.style(error.code, bold=True)}{where}  {first}"]
    parts += [f"    {line}" for line in rest]
    if error.where and error.where.text and error.where.line:
        margin = f"  {error.where.line} | "
        parts.append(margin + error.where.text.rstrip().replace("\t", " "))
        if error.where.column:
            parts.append(" " * (len(margin) + error.where.column - 1) + click.style("^", fg="red", bold=True))
    if error.hint:
        parts.append(f"  hint: {error.hint}")
    parts.append(click.style(f"  more: headrace explain {error.code}", dim=True))
    return "\n".join(parts)


def as_record(error: HeadraceError) -> dict[str, Any]:
    """An error as JSON has it."""
    where = error.where
    return {
        "code": error.code,
        "message": error.what,
        "hint": error.hint,
        "path": where.path if where else None,
        "line": where.line if where else None,
        "column": where.column if where else None,
    }


def _unexpected(error: BaseException, asked: Asked) -> int:
    text = redact("".join(traceback.format_exception(error)))
    where = _keep(text, asked)
    what = redact(str(error)).strip().splitlines() or [""]
    complain(
        asked, f"{click.style('error', fg='red', bold=True)} this should not happen: {type(error).__name__}: {what[0]}"
    )
    complain(asked, text if asked.debug else f"  the traceback is in {where}; please report it")
    if asked.json:
        record = {"code": None, "message": f"{type(error).__name__}: {what[0]}", "hint": None, "traceback": str(where)}
        document("error", {"error": record})
    return 1


def _keep(text: str, asked: Asked) -> Path:
    name = f"crash-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}.txt"
    folder = (asked.root or asked.start) / ".headrace" / "logs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    except OSError:
        with suppress(OSError):
            folder = Path(tempfile.gettempdir())
            (folder / name).write_text(text, encoding="utf-8")
    return folder / name
