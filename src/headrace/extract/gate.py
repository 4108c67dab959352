"""When a request may start: never more often than the limit says, and never before the server said to come back."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from headrace.errors import Interrupted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from headrace.project.apis import RateLimit
    from headrace.retry import Clock

_PIECE = 0.5
_SLOWEST, _LONGEST = 60.0, 3600.0


class Gate:
    """Lets at most `calls` requests start in each `period`, and none before the server said to come back. Thread-safe.

    A server that refuses without saying for how long makes requests start half as often; each that succeeds after that makes the
    distance between them a tenth shorter.
    """

    def __init__(self, limit: RateLimit | None, clock: Clock) -> None:
        self.clock = clock
        self.limit = limit
        self.lock = threading.Lock()
        self.calls = limit.calls if limit else None
        self.started: deque[float] = deque(maxlen=self.calls or 16)
        self.closed_until = float("-inf")
        self.spacing = 0.0
        self.room: AbstractContextManager[Any] = (
            threading.BoundedSemaphore(limit.concurrency) if limit and limit.concurrency else nullcontext()
        )

    def close_for(self, seconds: float) -> None:
        """Let nothing start for so long, whichever thread asks."""
        with self.lock:
            self.closed_until = max(self.closed_until, self.clock.monotonic() + seconds)

    def slow_down(self) -> None:
        """The server refused, and did not say for how long: half as many requests as up to now."""
        with self.lock:
            taken = self.started[-1] - self.started[0] if len(self.started) > 1 else 0.0
            usual = taken / max(1, len(self.started) - 1)
            self.spacing = min(_SLOWEST, max(2 * self.spacing, 2 * usual, 0.1))

    def observe(self, headers: Mapping[str, str]) -> None:
        """What a successful response says of the calls that are left: where there are none, wait for the reset."""
        with self.lock:
            self.spacing = self.spacing * 0.9 if self.spacing > 0.01 else 0.0
        remaining = header(headers, self.limit.remaining_header if self.limit else "ratelimit-remaining")
        if remaining is not None and remaining.strip() == "0":
            reset = header(headers, self.limit.reset_header if self.limit else "ratelimit-reset")
            wait = seconds_until(reset, self.clock)
            if wait is not None:
                self.close_for(min(wait, _LONGEST))

    @contextmanager
    def enter(self, stopped: threading.Event) -> Iterator[None]:
        """Wait for the turn of a request, which is made inside the block."""
        with self.room:
            while (wait := self._wait()) > 0:
                pause(wait, self.clock, stopped)
            yield

    def _wait(self) -> float:
        with self.lock:
            now = self.clock.monotonic()
            earliest = self.closed_until
            if self.limit and self.calls and len(self.started) == self.calls:
                earliest = max(earliest, self.started[0] + self.limit.period)
            if self.started and self.spacing:
                earliest = max(earliest, self.started[-1] + self.spacing)
            if earliest > now:
                return earliest - now
            self.started.append(now)
            return 0.0


def pause(seconds: float, clock: Clock, stopped: threading.Event) -> None:
    """Sleep in short pieces, so that a reader that is closed does not wait for a pause to end."""
    until = clock.monotonic() + seconds
    while (left := until - clock.monotonic()) > 0:
        if stopped.is_set():
            raise Interrupted("the reading was stopped")
        clock.sleep(min(left, _PIECE))


def header(headers: Mapping[str, str], name: str) -> str | None:
    """A header by its name, or by that name with `x-` before it; header names are in lower case."""
    return headers.get(name.lower(), headers.get(f"x-{name.lower()}"))


def seconds_until(value: str | None, clock: Clock) -> float | None:
    """What a header says of when to come back: seconds, seconds or milliseconds since 1970, an HTTP date, or an ISO time."""
    text = (value or "").strip()
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        when = _moment(text)
        return None if when is None else max(0.0, (when - clock.now()).total_seconds())
    if number > 1e11:
        number /= 1000
    return max(0.0, number - clock.now().timestamp()) if number > 1e9 else max(0.0, number)


def _moment(text: str) -> datetime | None:
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        try:
            when = datetime.fromisoformat(text)
        except ValueError:
            return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)
