"""Servers that contestants talk to: processes of their own, which say where they are in one line of JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from case import PROGRAMS

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def serving(name: str, *values: object) -> Iterator[dict[str, Any]]:
    """Start a server program; it ends when its standard input does."""
    argv = [sys.executable, str(PROGRAMS / name), *map(str, values)]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin
    assert process.stdout
    try:
        yield {"pid": process.pid} | json.loads(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(60)
        process.stdout.close()
