"""What a race is: contestants that come to the same answer, the first of which the others are compared with."""

from __future__ import annotations

import json
import os
import shutil
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from measure import Command
from tools import HEADRACE, Tool

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PROGRAMS = Path(__file__).parent / "programs"


@dataclass(frozen=True, slots=True)
class Goal:
    """The most that a contestant may take: so many times what another took, or where there is no other, so many.

    `figure` is what is compared: `cpu` in seconds or `peak` in megabytes. `beside` is the other's name, if it is not the one with
    whom the contestant is compared anyway.
    """

    most: float
    figure: str = "cpu"
    times: bool = True
    beside: str | None = None

    def __str__(self) -> str:
        what = "" if self.figure == "cpu" else f"the {self.figure} of {self.beside}"
        return f"≤ {self.most:g} {'times' if self.times else 's'} {what}".rstrip()


@dataclass(frozen=True, slots=True)
class Contestant:
    """A program in a race. `prepare` fills its fresh folder; `answer` reads there what came out (both in a process of their own).

    `beside` is the one whose CPU and answer it is compared with, if that is not the race's first. A `slow` one runs in the first
    round only; one with `rows` is left out where there are more. One without an answer does part of the work, to show a limit.
    """

    name: str
    prepare: Callable[[Path], Command]
    answer: Callable[[Path], Mapping[str, Any]] | None = None
    tool: Tool | None = None
    goal: Goal | None = None
    beside: str | None = None
    slow: bool = False
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A race. `server` is the process the contestants talk to, whose CPU is not theirs; `rows` how large the input is."""

    name: str
    title: str
    contestants: Sequence[Contestant]
    server: int | None = None
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Lab:
    """Where things are kept, and how large the inputs are (None: as the case says)."""

    work: Path
    rows: int | None = None

    def folder(self, *parts: str) -> Path:
        """A folder below the work folder, made if it is missing."""
        path = self.work.joinpath(*parts)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def fresh(self, *parts: str) -> Path:
        """A folder below the work folder with nothing in it."""
        shutil.rmtree(self.work.joinpath(*parts), ignore_errors=True)
        return self.folder(*parts)


def apart(function: Callable[..., Any], *values: Any) -> Any:
    """The function's result, from a process of its own, so that this one stays small."""
    # What it says (DuckDB shows how far it is) goes where the progress goes, and never among the results.
    with ProcessPoolExecutor(1, get_context("spawn"), os.dup2, (2, 1)) as pool:
        return pool.submit(function, *values).result()


def program(name: str, *values: object, folder: Path, python: str | None = None) -> Command:
    """One of the programs beside this file, as a command; with headrace's Python, unless it is a peer's."""
    return Command((python or HEADRACE.program("python"), str(PROGRAMS / name), *map(str, values)), folder, {})


def write_project(folder: Path, target: str, sources: Mapping[str, Any]) -> None:
    """A project of headrace; JSON is YAML."""
    project = {"name": "race", "targets": {"dev": target}, "sources": sources}
    (folder / "headrace.yml").write_text(json.dumps(project))
