"""Events as JSON lines: to a stream, and to a file for each run."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, TextIO

from headrace.events import RunFinished, RunStarted, as_record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from headrace.events import Event, Listener


def _line(event: Event, at: float) -> str:
    record = {"at": round(at, 3), **as_record(event)}
    return json.dumps({key: value for key, value in record.items() if value is not None}, default=str) + "\n"


def lines(stream: TextIO, clock: Callable[[], float] = time.time) -> Listener:
    """A listener that writes each event as one JSON line; `at` is in seconds since 1970."""
    lock = threading.Lock()

    def write(event: Event) -> None:
        text = _line(event, clock())
        with lock:
            stream.write(text)
            stream.flush()

    return write


class RunLog:
    """The listener that keeps each run's events in `FOLDER/RUN.jsonl`, from its start to its end.

    A full disk must not stop the run: after the first failed write it is silent, and `failed` says why.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self.folder = folder
        self.failed: OSError | None = None
        self._clock = clock
        self._file: TextIO | None = None
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        """Write the event; those outside of a run are not kept."""
        with self._lock:
            try:
                self._write(event)
            except OSError as error:
                self.failed = error
                self._file = None

    def _write(self, event: Event) -> None:
        if isinstance(event, RunStarted):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._file = (self.folder / f"{event.run}.jsonl").open("a", encoding="utf-8", buffering=1)
        if self._file is not None:
            self._file.write(_line(event, self._clock()))
            if isinstance(event, RunFinished):
                self._close()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def close(self) -> None:
        """Let go of the file of a run that did not come to its end."""
        with self._lock:
            self._close()
