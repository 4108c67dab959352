"""What it costs to say anything at all."""

from __future__ import annotations

import re
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from case import Case, Contestant, Lab
from measure import Command

from cases.models import write_project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODELS = 200


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
def race_ls(lab: Lab) -> Iterator[Case]:
    yield Case(
        "ls",
        f"list a project of {MODELS} models, read for the first time",
        (
            Contestant("headrace ls", partial(_ls, lab.headrace), _listed, most=1.0),
            Contestant("dbt ls", partial(_ls, lab.dbt()), _listed, slow=True),
        ),
    )


def _empty(command: str, folder: Path) -> Command:
    return Command((command.removesuffix("headrace") + "python", "-c", "pass"), folder, {})


def _help(command: str, folder: Path) -> Command:
    return Command((command, "--help"), folder, {})


def _ls(command: str, folder: Path) -> Command:
    write_project(folder, MODELS)
    return Command((command, "ls", "--profiles-dir", ".", "--resource-type", "model"), folder, {})


def _listed(folder: Path) -> Any:
    """How many models are named, however they are laid out."""
    return len(set(re.findall(r"\b(?:chain|fan)_\d+\b", (folder / "said.txt").read_text())))
