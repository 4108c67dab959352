"""How facts are written for people: statuses, counts, durations, names, and tables of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

GLYPHS: Mapping[str, tuple[str, str, str]] = {
    "success": ("✓", "+", "green"),
    "pass": ("✓", "+", "green"),
    "ok": ("✓", "+", "green"),
    "warn": ("!", "!", "yellow"),
    "error": ("✗", "x", "red"),
    "partial success": ("✗", "x", "red"),
    "fail": ("✗", "x", "red"),
    "runtime error": ("✗", "x", "red"),
    "fix": ("✗", "x", "red"),
    "skipped": ("·", "-", "bright_black"),
    "planned": ("·", "-", "bright_black"),
    "reused": ("=", "=", "bright_black"),
    "running": ("→", ">", "cyan"),
    "killed": ("✗", "x", "red"),
    "interrupted": ("✗", "x", "red"),
}
"""For each status: its glyph, its glyph where only ASCII can be shown, its colour. The word always stands beside it."""

KINDS: Mapping[str, str] = {"source": "load", "seed": "seed", "model": "model", "test": "test", "snapshot": "snapshot"}
"""What a step does, by the first word of its id."""


def status(word: str, *, ascii_only: bool = False, width: int = 0) -> str:
    """A status as glyph and word, styled; `width` pads the word."""
    glyph, plain, color = GLYPHS.get(word, ("?", "?", "white"))
    return click.style(f"{plain if ascii_only else glyph} {word:<{width}}", fg=color)


def utf8(stream: Any) -> bool:
    """Whether a stream can show ✓ and ✗."""
    return (getattr(stream, "encoding", None) or "ascii").lower().replace("-", "") == "utf8"


def short(node: str) -> str:
    """`api.orders` for `source.shop.api.orders`; a test's id loses the hash at its end."""
    kind, _, rest = node.partition(".")
    name = rest.partition(".")[2]
    return (name.partition(".")[0] if kind == "test" else name) or node


def step_name(node: str) -> str:
    """What a step does, and to what: `load  api.orders`."""
    kind = node.partition(".")[0]
    return f"{KINDS.get(kind, kind):<5} {short(node)}"


def duration(seconds: float | None) -> str:
    """Seconds for people: `0.3s`, `42s`, `3m 05s`, `2h 10m`; nothing for None."""
    if seconds is None:
        return ""
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, left = divmod(minutes, 60)
    if hours:
        return f"{hours}h {left:02d}m"
    return f"{minutes}m {rest:02d}s" if minutes else f"{rest}s"


def cell(value: Any) -> str:
    """A value on one line; what could steer a terminal is shown as text."""
    if value is None:
        return ""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in str(value))


def table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Rows in aligned columns under their heads; numbers to the right, NULL as an empty cell."""
    cells = [[cell(value) for value in row] for row in rows]
    widths = [max([len(head), *(len(row[at]) for row in cells)]) for at, head in enumerate(heads)]
    right = [all(row[at] is None or _is_number(row[at]) for row in rows) and bool(rows) for at in range(len(heads))]
    lines = [_aligned(line, widths, right) for line in [heads, *cells]]
    return "\n".join([click.style(lines[0], bold=True), *lines[1:]])


def _is_number(value: Any) -> bool:
    return hasattr(value, "__float__") and not isinstance(value, bool)


def _aligned(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = [
        text.rjust(width) if flush else text.ljust(width)
        for text, width, flush in zip(cells, widths, right, strict=True)
    ]
    return "  ".join(padded).rstrip()
