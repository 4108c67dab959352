"""The command line as a process of its own."""

import os
import subprocess
import sys
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


def headrace(*arguments, cwd, env=None, timeout=120):
    """Run a command to its end."""
    plain = {
        name: value for name, value in os.environ.items() if not name.startswith(("HEADRACE_", "DBT_", "NO_COLOR"))
    }
    done = subprocess.run(
        [sys.executable, "-m", "headrace", *arguments],
        cwd=cwd,
        env={**plain, "PYTHONUTF8": "1", **(env or {})},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def run(tmp_path):
    """`run("build", "-s", "x")` in a folder of the test's own."""

    def call(*arguments, cwd=tmp_path, env=None):
        return headrace(*arguments, cwd=cwd, env=env)

    return call
