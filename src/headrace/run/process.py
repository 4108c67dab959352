"""Which process did it, and whether it still lives."""

from __future__ import annotations

import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Process:
    """A process of some machine. `born` tells it from a later one with the same id, where the system says when it began."""

    pid: int
    host: str
    born: str = ""


def this_process() -> Process:
    """The process that asks."""
    return Process(os.getpid(), socket.gethostname(), _born(os.getpid()))


def alive(process: Process) -> bool:
    """Whether it still runs. A process of another machine counts as alive: from here nobody can tell."""
    if process.host != socket.gethostname():
        return True
    return _exists(process.pid) and _born(process.pid) == process.born


def _born(pid: int) -> str:
    # The 22nd field of Linux's stat file; the command's name before it may hold spaces and brackets.
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


if sys.platform == "win32":

    def _exists(pid: int) -> bool:
        # os.kill(pid, 0) would end the process on Windows, so the system is asked for a handle instead.
        import ctypes

        still_active, may_query = 259, 0x1000
        handle = ctypes.windll.kernel32.OpenProcess(may_query, False, pid)
        if not handle:
            return False
        code = ctypes.c_ulong()
        ctypes.windll.kernel32.GetExitCodeProcess(handle, ctypes.byref(code))
        ctypes.windll.kernel32.CloseHandle(handle)
        return code.value == still_active

else:

    def _exists(pid: int) -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True
