"""What it costs to say anything at all."""

from __future__ import annotations

import json
import subprocess
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from case import Case, Contestant, Lab
from measure import Command, bare

from cases.models import write_project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def race_help(lab: Lab) -> Iterator[Case]:
    yield Case(
        "help",
        "the help text",
        (
            Contestant("python -c pass", partial(_empty, lab.headrace)),
            Contestant("headrace --help", partial(_help, lab.headrace), most=0.2),
            Contestant("dbt --help", partial(_help, lab.dbt()), slow=True),
        ),
    )


@contextmanager
def race_project(number: int, lab: Lab) -> Iterator[Case]:
    """What is done a hundred times a day with a project of so many models, each with a test."""
    ours, theirs = partial(_command, lab.headrace), partial(_command, lab.dbt())
    parse, ls = ("parse",), ("ls", "--resource-type", "model")
    one = ("run", "--select", "chain_0001")
    yield Case(
        f"project-{number}",
        f"{number:,} models: read for the first time, listed when nothing changed, one of them built",
        (
            Contestant("headrace parse", partial(ours, number, parse, ()), _read, most=3 if number <= 1000 else None),
            Contestant("dbt parse", partial(theirs, number, parse, ()), slow=True),
            Contestant("headrace ls", partial(ours, number, ls, ls), most=1 if number <= 1000 else None),
            Contestant("dbt ls", partial(theirs, number, ls, ls), slow=True),
            Contestant("headrace run", partial(ours, number, one, ("build",)), most=1 if number <= 1000 else None),
            Contestant("dbt run", partial(theirs, number, one, ("build",)), slow=True),
        ),
    )


def _empty(command: str, folder: Path) -> Command:
    return Command((command.removesuffix("headrace") + "python", "-c", "pass"), folder, {})


def _help(command: str, folder: Path) -> Command:
    return Command((command, "--help"), folder, {})


def _command(command: str, number: int, words: tuple[str, ...], before: tuple[str, ...], folder: Path) -> Command:
    """A command in a new project; what stands `before` it is done first and not measured."""
    write_project(folder, number)
    profiles = ("--profiles-dir", ".")
    if before:
        subprocess.run((command, *before, *profiles), cwd=folder, env=bare(), stdout=subprocess.DEVNULL, check=True)
    return Command((command, *words, *profiles), folder, {})


def _read(folder: Path) -> Any:
    """How many models and tests the manifest has."""
    return len(json.loads((folder / "target" / "manifest.json").read_text())["nodes"])
