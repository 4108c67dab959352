"""What one process costs: CPU seconds of its whole tree, wall time, and the most memory one of its processes held."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Command:
    """A program to be measured, in its folder and with its environment on top of a bare one."""

    argv: tuple[str, ...]
    folder: Path
    environ: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sample:
    """One run: user and system seconds of the process and all its children, elapsed seconds, megabytes at the peak."""

    cpu: float
    wall: float
    peak: float
    server: float
    code: int


def run(command: Command, *, server: int | None = None, patience: float = 1800.0) -> Sample:
    """Run a command to its end; what it says goes to `said.txt` in its folder.

    `server` is the process a command talks to; what that one and its children burn meanwhile is counted apart. A command
    that takes longer than `patience` seconds is killed with its children. Linux passes a parent's peak memory on to its children, so the caller
    must be a small process.
    """
    before = tree_cpu(server) if server else 0.0
    with (command.folder / "said.txt").open("wb") as said:
        began = time.perf_counter()
        process = subprocess.Popen(
            command.argv,
            cwd=command.folder,
            env=bare() | dict(command.environ),
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        alarm = threading.Timer(patience, os.killpg, (process.pid, signal.SIGKILL))
        alarm.start()
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        alarm.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    return Sample(
        cpu=used.ru_utime + used.ru_stime,
        wall=wall,
        peak=used.ru_maxrss / 1024,
        server=tree_cpu(server) - before if server else 0.0,
        code=process.returncode,
    )


def bare() -> dict[str, str]:
    """An environment in which no tool reports home and no colour is written."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ") if name in os.environ}
    return kept | {
        "NO_COLOR": "1",
        "DO_NOT_TRACK": "1",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "0",
        "RUNTIME__DLTHUB_TELEMETRY": "0",
        "DLT_TELEMETRY": "0",
    }


def tree_cpu(root: int) -> float:
    """Seconds of CPU that a process, its children and the ones they have buried used so far."""
    parents: dict[int, list[int]] = {}
    spent: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        pid = int(folder.name)
        parents.setdefault(int(fields[1]), []).append(pid)
        spent[pid] = sum(int(field) for field in fields[11:15])
    total, front = 0, [root]
    while front:
        pid = front.pop()
        total += spent.get(pid, 0)
        front += parents.get(pid, [])
    return total / TICKS
