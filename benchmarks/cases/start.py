"""What it costs to say anything at all."""

from __future__ import annotations

import json
import subprocess
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from case import Case, Contestant, Goal, Lab
from measure import Command, bare
from tools import DBT, HEADRACE

from cases.models import write_project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tools import Tool

LARGE = 1000


@contextmanager
def race_help(_lab: Lab) -> Iterator[Case]:
    yield Case(
        "help",
        "the help text",
        (
            Contestant("python -c pass", _empty, tool=HEADRACE),
            Contestant("headrace --help", partial(_help, HEADRACE), tool=HEADRACE, goal=Goal(0.2, times=False)),
            Contestant("dbt --help", partial(_help, DBT), tool=DBT, slow=True),
        ),
    )


@contextmanager
def race_project(number: int, _lab: Lab) -> Iterator[Case]:
    """What is done a hundred times a day with a project of so many models, each with a test."""
    ls = ("ls", "--resource-type", "model")
    # What each does, what has been done before, and the seconds it may take.
    doings: tuple[tuple[str, tuple[str, ...], tuple[str, ...], int], ...] = (
        ("parse", ("parse",), (), 3),
        ("ls", ls, ls, 1),
        ("run", ("run", "--select", "chain_0001"), ("build",), 1),
    )
    yield Case(
        f"project-{number}",
        f"{number:,} models: read for the first time, listed when nothing changed, one of them built",
        tuple(
            Contestant(
                f"{tool.command} {name}",
                partial(_command, tool, number, words, before),
                _read if name == "parse" and tool == HEADRACE else None,
                tool=tool,
                beside=f"headrace {name}",
                goal=Goal(most, times=False) if number <= LARGE and tool == HEADRACE else None,
                slow=tool == DBT,
            )
            for name, words, before, most in doings
            for tool in (HEADRACE, DBT)
        ),
    )


def _empty(folder: Path) -> Command:
    return Command((HEADRACE.program("python"), "-c", "pass"), folder, {})


def _help(tool: Tool, folder: Path) -> Command:
    return Command((tool.program(tool.command), "--help"), folder, {})


def _command(tool: Tool, number: int, words: tuple[str, ...], before: tuple[str, ...], folder: Path) -> Command:
    """A command in a new project; what stands `before` it is done first and not measured."""
    write_project(folder, number)
    command, profiles = tool.program(tool.command), ("--profiles-dir", ".")
    if before:
        subprocess.run((command, *before, *profiles), cwd=folder, env=bare(), stdout=subprocess.DEVNULL, check=True)
    return Command((command, *words, *profiles), folder, {})


def _read(folder: Path) -> dict[str, Any]:
    """How many models and tests the manifest has."""
    return {"nodes": len(json.loads((folder / "target" / "manifest.json").read_text())["nodes"])}
