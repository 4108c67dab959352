"""What is seen of a run while it goes on: lines for a pipe, a live view for a terminal."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TextIO

import click

from headrace.counting import count
from headrace.events import (
    FAILED,
    LoadAdvanced,
    PageFetched,
    RequestRetried,
    RunStarted,
    SegmentLanded,
    StepFinished,
    StepStarted,
)
from headrace.observe.wording import cell, duration, short, status, step_name, utf8

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.live import Live as RichLive
    from rich.text import Text

    from headrace.events import Event

_BAR = 20
_MANY = 60
"""With more steps than this a live view prints only those that did not simply succeed."""


def finished_line(event: StepFinished, done: int, total: int, *, ascii_only: bool = False) -> str:
    """One line for a finished step: which of how many, status, name, rows, time, and the first line of an error."""
    width = len(str(total))
    rows = "" if event.rows is None else count(event.rows, "row")
    took = "" if event.status in {"skipped", "reused"} else duration(event.seconds)
    line = f"{done:>{width}}/{total}  {status(event.status, ascii_only=ascii_only, width=7)}  {step_name(event.step):<40} {rows:>14} {took:>8}"
    if event.status in {*FAILED, "warn"} and event.message:
        line += f"  {event.code + ' ' if event.code else ''}{cell(event.message.splitlines()[0])}"
    return line.rstrip()


class Lines:
    """The listener for a pipe or a log: one plain line for each finished step, and no more."""

    def __init__(self, stream: TextIO, *, color: bool = False) -> None:
        self._stream = stream
        self._color = color
        self._ascii = not utf8(stream)
        self._total = 0
        self._done = 0
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        """Print the line of a finished step."""
        with self._lock:
            match event:
                case RunStarted():
                    self._total = len(event.steps)
                case StepFinished():
                    self._done += 1
                    text = finished_line(event, self._done, max(self._total, self._done), ascii_only=self._ascii)
                    click.echo(text, file=self._stream, color=self._color)
                case _:
                    return


def _bar(percent: int, *, ascii_only: bool) -> str:
    done = "#" if ascii_only else "━"
    rest = "-" if ascii_only else "─"
    full = percent * _BAR // 100
    return done * full + rest * (_BAR - full)


@dataclass(slots=True)
class _Running:
    """A step at work: since when (by the monotonic clock), how far, and what it waits for."""

    since: float
    fetched: int = 0
    landed: int = 0
    pages: int = 0
    waits: str = ""
    percent: int | None = None


class Live:
    """The listener and the view for a terminal: a line for each running step, those that ended above them.

    Use it as a block: the view is there from its start to its end. Events only note numbers; the view is drawn eight times
    a second by a thread of its own.
    """

    def __init__(self, stream: TextIO, *, color: bool = True, clock: Callable[[], float] = time.monotonic) -> None:
        from rich.console import Console
        from rich.live import Live as RichLive

        self._console = Console(file=stream, no_color=not color, highlight=False, soft_wrap=True)
        self._ascii = not utf8(stream)
        self._color = color
        self._clock = clock
        self._started = clock()
        self._running: dict[str, _Running] = {}
        self._total = 0
        self._done = 0
        self._failed = 0
        self._lock = threading.Lock()
        self._view: RichLive = RichLive(
            console=self._console,
            get_renderable=self._draw,
            refresh_per_second=8,
            transient=True,
            vertical_overflow="crop",
        )

    def __enter__(self) -> Self:
        """Start drawing."""
        self._view.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the view away; what ended stays on the screen."""
        self._view.stop()

    def __call__(self, event: Event) -> None:
        """Take note of the event; a finished step is printed at once."""
        line: str | None = None
        with self._lock:
            match event:
                case RunStarted():
                    self._total = len(event.steps)
                case StepStarted():
                    self._running[event.step] = _Running(self._clock())
                case StepFinished():
                    line = self._finish(event)
                case PageFetched() | SegmentLanded() | RequestRetried() | LoadAdvanced():
                    self._progress(event)
                case _:
                    return
        if line is not None:
            self._print(line)

    def _finish(self, event: StepFinished) -> str | None:
        self._running.pop(event.step, None)
        self._done += 1
        self._failed += event.status in FAILED
        if self._total > _MANY and event.status in {"success", "reused", "skipped"}:
            return None
        return finished_line(event, self._done, max(self._total, self._done), ascii_only=self._ascii)

    def _progress(self, event: PageFetched | SegmentLanded | RequestRetried | LoadAdvanced) -> None:
        for step, running in self._running.items():
            if step.startswith("source.") and short(step) == event.stream:
                match event:
                    case PageFetched():
                        running.fetched += event.rows
                        running.pages = max(running.pages, event.page)
                        running.waits = ""
                    case SegmentLanded():
                        running.landed += event.rows
                    case LoadAdvanced():
                        running.percent = event.percent
                    case RequestRetried():
                        running.waits = f"trying again in {duration(event.delay)}: {event.reason}"

    def _print(self, line: str) -> None:
        from rich.text import Text

        self._console.print(Text.from_ansi(line) if self._color else Text(click.unstyle(line)))

    def _draw(self) -> Text:
        from rich.text import Text

        now = self._clock()
        with self._lock:
            lines = [self._line(step, running, now) for step, running in self._running.items()]
            failed = f", {self._failed} failed" if self._failed else ""
            lines.append(f"  {self._done}/{self._total} done{failed}  {duration(now - self._started)}")
        room = max(2, self._console.height - 2)
        if len(lines) > room:
            lines = [*lines[: room - 2], f"  and {len(lines) - room + 1} more", lines[-1]]
        return Text("\n".join(lines), no_wrap=True, overflow="ellipsis")

    def _line(self, step: str, running: _Running, now: float) -> str:
        spent = now - running.since
        rows = max(running.fetched, running.landed)
        parts: list[Any] = [f"{'>' if self._ascii else '→'} {step_name(step):<40} {duration(spent):>8}"]
        if rows:
            parts.append(f"{count(rows, 'row'):>14}")
            parts.append(f"{rows / spent:,.0f} rows/s" if spent > 0.5 else "")
        if running.pages:
            parts.append(f"page {running.pages}")
        if running.percent is not None:
            parts.append(f"{_bar(running.percent, ascii_only=self._ascii)} {running.percent:>3}%")
        if running.waits:
            parts.append(cell(running.waits))
        return "  ".join(part for part in parts if part)
