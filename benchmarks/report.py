"""What is said of races: medians, how they stand to one another, whether goals are met, on what machine and with which versions."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from tools import HEADRACE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from case import Case, Contestant, Goal
    from measure import Sample

COLUMNS = ("case", "contestant", "CPU s", "CPU ratio", "wall s", "wall ratio", "peak MB", "server s", "n", "goal", "")

FIGURES = {"cpu": 2, "cpu_ratio": 2, "wall": 2, "wall_ratio": 2, "peak": 0, "server": 2}
"""The figures of these columns, with how many digits they are shown."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of a contestant. `fault` is `wrong` or `failed`, with what is wrong or where its last words are."""

    case: Case
    contestant: Contestant
    samples: Sequence[Sample]
    fault: str = ""
    detail: str = ""

    def median(self, what: str) -> float | None:
        """The median of a figure of its samples, if there are any."""
        return float(median(getattr(sample, what) for sample in self.samples)) if self.samples else None

    @property
    def peak(self) -> float | None:
        """The most that one process of any run held."""
        return max((sample.peak for sample in self.samples), default=None)


def document(raced: Iterable[Ran]) -> dict[str, Any]:
    """The machine, the versions and the results, as they are written as JSON."""
    by_name = {(one.case.name, one.contestant.name): one for one in raced}
    tools = {one.contestant.tool for one in by_name.values() if one.contestant.tool}
    return {
        "machine": machine(),
        "peers": {tool.name: tool.versions() for tool in sorted(tools, key=lambda tool: tool.name) if tool.versions()},
        "results": [_line(one, by_name) for one in by_name.values()],
    }


def _line(one: Ran, others: Mapping[tuple[str, str], Ran]) -> dict[str, Any]:
    case, contestant, goal = one.case, one.contestant, one.contestant.goal
    first = others[case.name, contestant.beside or case.contestants[0].name]
    met = goal is None or _met(goal, one, others.get((case.name, goal.beside or first.contestant.name)))
    return {
        "case": case.name,
        "title": case.title,
        "contestant": contestant.name,
        "tool": contestant.tool.name if contestant.tool else None,
        "cpu": one.median("cpu"),
        "cpu_ratio": _ratio(one, first, "cpu"),
        "wall": one.median("wall"),
        "wall_ratio": _ratio(one, first, "wall"),
        "peak": one.peak,
        "server": one.median("server"),
        "rounds": len(one.samples),
        "goal": str(goal) if goal else "",
        "verdict": one.fault or ("" if goal is None else "met" if met else "missed"),
        "detail": one.detail,
    }


def _ratio(one: Ran, other: Ran, what: str) -> float | None:
    mine, theirs = one.median(what), other.median(what)
    return mine / theirs if mine is not None and theirs else None


def _met(goal: Goal, one: Ran, other: Ran | None) -> bool:
    """Whether a contestant took no more than it may, by the other's figure if that is what counts."""

    def figure(ran: Ran | None) -> float | None:
        return None if ran is None else ran.peak if goal.figure == "peak" else ran.median(goal.figure)

    mine, theirs = figure(one), figure(other) if goal.times else 1.0
    return mine is not None and theirs is not None and mine <= goal.most * theirs


def spoilt(results: Iterable[Mapping[str, Any]]) -> bool:
    """Whether headrace missed a goal, or a result of its own or of a reference is wrong or missing; peers do not count."""
    return any(line["tool"] == HEADRACE.name and line["verdict"] not in ("", "met") for line in results)


def lines(said: Mapping[str, Any]) -> list[str]:
    """The machine and the peers' versions, for people."""
    peers = (
        f"{versions[name]} (" + ", ".join(f"{part} {has}" for part, has in versions.items() if part != name) + ")"
        for name, versions in said["peers"].items()
    )
    return [
        ", ".join(f"{key} {value}" for key, value in said["machine"].items()),
        ", ".join(f"{name} {version}" for name, version in zip(said["peers"], peers, strict=True)),
        "",
    ]


def table(results: Sequence[Mapping[str, Any]]) -> str:
    """The results as a Markdown table; `server` is what the Postgres or the API's process used meanwhile."""
    rows = [_cells(line) for line in results]
    widths = [max(map(len, column)) for column in zip(COLUMNS, *rows, strict=True)]
    ruler = tuple("-" * width for width in widths)
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in (COLUMNS, ruler, *rows)
    )


def _cells(line: Mapping[str, Any]) -> tuple[str, ...]:
    shown = [(line[name], digits) for name, digits in FIGURES.items()]
    return (
        line["case"],
        line["contestant"],
        *(f"{value:.{digits}f}" if value else "" for value, digits in shown),
        str(line["rounds"]),
        line["goal"],
        f"{line['verdict']}: {line['detail']}" if line["detail"] else line["verdict"],
    )


def machine() -> dict[str, str]:
    """What the figures depend on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = {name: importlib.metadata.version(name) for name in ("headrace", "duckdb", "pyarrow")}
    cores = len(os.sched_getaffinity(0))
    load = f"{os.getloadavg()[0]:.1f}"
    return {"cores": str(cores), "GB": f"{memory:.0f}", "load": load, "Python": platform.python_version(), **packages}
