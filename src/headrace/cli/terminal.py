"""How commands speak: results go to stdout, everything else to stderr."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.options import utf8

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headrace.cli.options import Asked

SCHEMA_VERSION = 1
"""Of all JSON documents on stdout. It grows when a key goes or changes its meaning; new keys may come at any time."""

GLYPHS: Mapping[str, tuple[str, str, str]] = {
    "success": ("✓", "+", "green"),
    "warn": ("!", "!", "yellow"),
    "error": ("✗", "x", "red"),
    "skipped": ("·", "-", "bright_black"),
    "reused": ("=", "=", "bright_black"),
    "running": ("→", ">", "cyan"),
    "killed": ("✗", "x", "red"),
    "interrupted": ("✗", "x", "red"),
}
"""For each status: its glyph, its glyph where only ASCII can be shown, its colour. The word always stands beside it."""


def document(command: str, body: Mapping[str, Any]) -> None:
    """The one JSON document of a command, on stdout."""
    click.echo(
        json.dumps(
            {"schema_version": SCHEMA_VERSION, "command": command, **body}, default=str, ensure_ascii=False, indent=2
        )
    )


def result(asked: Asked, text: str) -> None:
    """What the command was called for, on stdout."""
    click.echo(text, color=asked.color_on(sys.stdout.isatty()))


def say(asked: Asked, text: str = "") -> None:
    """What helps whoever looks, on stderr; `--quiet` keeps it away."""
    if not asked.quiet:
        click.echo(text, err=True, color=asked.color_on(sys.stderr.isatty()))


def complain(asked: Asked, text: str) -> None:
    """An error or warning, on stderr whatever is asked."""
    click.echo(text, err=True, color=asked.color_on(sys.stderr.isatty()))


def status(word: str, shown: str | None = None) -> str:
    """A status as glyph and word, coloured where colours are on."""
    unicode, plain, color = GLYPHS.get(word, ("?", "?", "white"))
    return click.style(f"{unicode if utf8(sys.stdout) else plain} {shown or word}", fg=color)


def table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Rows in aligned columns under their heads; numbers to the right, NULL as an empty cell."""
    cells = [[cell(value) for value in row] for row in rows]
    widths = [max([len(head), *(len(row[at]) for row in cells)]) for at, head in enumerate(heads)]
    right = [
        any(_number(row[at]) for row in rows) and all(_number(row[at]) or row[at] is None for row in rows)
        for at in range(len(heads))
    ]
    lines = [_line(heads, widths, right)]
    lines += [_line(row, widths, right) for row in cells]
    return "\n".join([click.style(lines[0], bold=True), *lines[1:]])


def _number(value: Any) -> bool:
    return hasattr(value, "__float__") and not isinstance(value, bool)


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = [
        text.rjust(width) if flush else text.ljust(width)
        for text, width, flush in zip(cells, widths, right, strict=True)
    ]
    return "  ".join(padded).rstrip()


def cell(value: Any) -> str:
    """A value on one line."""
    if value is None:
        return ""
    return str(value).replace("\r", "\\r").replace("\n", "\\n").replace("\t", "\\t").replace("\x1b", "\\x1b")


def count(number: int, thing: str, things: str | None = None) -> str:
    """`1 row`, `12,034 rows`."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


def seconds(value: float | None) -> str:
    """A duration for people: `0.3s`, `42s`, `3m 05s`, `2h 10m`."""
    if value is None:
        return ""
    if value < 10:
        return f"{value:.1f}s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 1:
        return f"{rest}s"
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours}h {minutes_left:02d}m" if hours else f"{minutes}m {rest:02d}s"
