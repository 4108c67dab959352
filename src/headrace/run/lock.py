"""One run at a time for each target of a project; the system lets go of the lock when a process ends, however it ends."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from headrace.errors import RunBusy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def _take(file: int) -> None:
        # Windows keeps others from reading a locked byte, so the lock lies far behind the text.
        os.lseek(file, 1 << 20, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        os.lseek(file, 0, os.SEEK_SET)

else:
    import fcntl

    def _take(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def lock_file(folder: Path, target: str) -> Path:
    """Where the lock of a target lies; `folder` is the project's `.headrace`."""
    return folder / f"{target}.lock"


@contextmanager
def locked(folder: Path, target: str) -> Iterator[None]:
    """Hold the lock of the target inside the block. Raises RunBusy, naming the process that has it and since when."""
    folder.mkdir(parents=True, exist_ok=True)
    path = lock_file(folder, target)
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            _take(file)
        except OSError as error:
            raise _busy(path, target) from error
        os.ftruncate(file, 0)
        os.write(file, json.dumps({"pid": os.getpid(), "since": _now()}).encode())
        yield
    finally:
        os.close(file)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _busy(path: Path, target: str) -> RunBusy:
    try:
        owner = json.loads(path.read_text(encoding="utf-8"))
        who = f"process {owner['pid']}, since {owner['since']}"
        hint = f"wait for it, or stop process {owner['pid']}"
    except (OSError, ValueError, KeyError):  # the other one is just about to write its name
        who, hint = "a process that began this moment", "wait for it"
    return RunBusy(f"another run is at work on target '{target}': {who}", hint=hint)
