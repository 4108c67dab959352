"""Races: headrace, its peers, and the least that the work can cost.

    uv run benchmarks/run.py [names…] [--rows N] [--rounds N] [-o json]

Each run is a process of its own and rounds are interleaved (A B C A B C), so that a slow minute of the machine hits all.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import shutil
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import measure
from case import Case, Contestant, Lab, apart, install_headrace
from cases import database, delimited, jsonl, merge, models, rest, start

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from measure import Sample

WORK = Path(__file__).parent / ".work"
CASES = {
    "jsonl": jsonl.race,
    "csv": delimited.race,
    "rest": rest.race,
    "postgres": database.race,
    **{f"models-{number}": partial(models.race, number) for number in (10, 100, 1000, 5000)},
    "merge-duckdb": merge.race_duckdb,
    "merge-postgres": merge.race_postgres,
    **{f"project-{number}": partial(start.race_project, number) for number in (10, 100, 1000, 5000)},
    "help": start.race_help,
}
COLUMNS = ("case", "contestant", "CPU s", "CPU ratio", "wall s", "wall ratio", "peak MB", "server s", "n", "goal", "")


def main() -> int:
    asked = _arguments()
    lab = Lab(WORK, asked.rows)
    install_headrace()
    lines: list[dict[str, Any]] = []
    for name in asked.names or CASES:
        with ExitStack() as stack:
            opened: AbstractContextManager[Case] = CASES[name](lab)
            case = stack.enter_context(opened)
            lines += _race(lab, case, asked)
        shutil.rmtree(WORK / "rounds", ignore_errors=True)
    if asked.output == "json":
        print(json.dumps({"machine": machine(), "results": lines}, indent=2, ensure_ascii=False))
    else:
        print(", ".join(f"{key} {value}" for key, value in machine().items()))
        print(table(lines))
    return 1 if any(line["verdict"] not in ("", "met") for line in lines) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Race headrace against its peers and against the least the work can cost."
    )
    parser.add_argument("names", nargs="*", metavar="name", help=f"which races, of: {', '.join(CASES)}")
    parser.add_argument("--rows", type=int, help="rows of the inputs, instead of each race's own number")
    parser.add_argument("--rounds", type=int, default=3, help="how often each contestant runs (default 3)")
    parser.add_argument(
        "--all-rounds", action="store_true", help="slow peers too; else they run in the first round only"
    )
    parser.add_argument("--only", action="append", help="contestants to run beside the reference; may be repeated")
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table")
    asked = parser.parse_args()
    if unknown := [name for name in asked.names if name not in CASES]:
        parser.error(f"there is no race {unknown[0]!r}; there are: {', '.join(CASES)}")
    return asked


def _race(lab: Lab, case: Case, asked: argparse.Namespace) -> list[dict[str, Any]]:
    """All rounds of a case; one line for each contestant."""
    first = case.contestants[0]
    chosen = [one for one in case.contestants if asked.only is None or one is first or one.name in asked.only]
    samples: dict[str, list[Sample]] = {one.name: [] for one in chosen}
    faults: dict[str, str] = {}
    truth: Any = None
    for turn in range(asked.rounds):
        for one in chosen:
            if one.name in faults or (one.slow and turn and not asked.all_rounds):
                continue
            try:
                sample, answer = _once(lab, case, one)
            except Exception as error:  # noqa: BLE001 - one contestant's fault does not end the race
                faults[one.name] = _kept(lab, case, one, error)
                continue
            print(f"{case.name} · {one.name} · {sample.cpu:.2f} CPU s", file=sys.stderr, flush=True)
            samples[one.name].append(sample)
            truth = answer if one is first else truth
            if one.answer and answer != truth:
                faults[one.name] = f"wrong: {answer} is not {truth}"
    reference = samples[first.name]
    return [_line(case, one, samples[one.name], reference, faults.get(one.name)) for one in chosen]


def _once(lab: Lab, case: Case, one: Contestant) -> tuple[Sample, Any]:
    """One run in a fresh folder, and what came out."""
    folder = lab.fresh("rounds", case.name, one.name.replace(" ", "-"))
    command = apart(one.prepare, folder)
    sample = measure.run(command, server=case.server)
    if sample.code:
        raise RuntimeError((folder / "said.txt").read_text(errors="replace"))
    answer = apart(one.answer, folder) if one.answer else None
    shutil.rmtree(folder)
    return sample, answer


def _kept(lab: Lab, case: Case, one: Contestant, error: Exception) -> str:
    """The complaint of a contestant that failed goes to a file; the word for the table."""
    kept = lab.folder("failed") / f"{case.name}-{one.name}.txt".replace(" ", "-")
    kept.write_text(str(error))
    return f"failed: .work/failed/{kept.name}"


def _line(
    case: Case, one: Contestant, samples: Sequence[Sample], reference: Sequence[Sample], fault: str | None
) -> dict[str, Any]:
    """Medians, and how they stand to the reference's."""
    goals = ([f"≤ {one.goal:g} times"] if one.goal else []) + ([f"≤ {one.most:g} s"] if one.most else [])
    cpu, wall = _median(samples, "cpu"), _median(samples, "wall")
    ratio = cpu / (_median(reference, "cpu") or 1)
    met = (one.goal is None or ratio <= one.goal) and (one.most is None or cpu <= one.most)
    return {
        "case": case.name,
        "title": case.title,
        "contestant": one.name,
        "cpu": cpu,
        "cpu_ratio": ratio,
        "wall": wall,
        "wall_ratio": wall / (_median(reference, "wall") or 1),
        "peak": max((sample.peak for sample in samples), default=0),
        "server": _median(samples, "server"),
        "rounds": len(samples),
        "goal": ", ".join(goals),
        "verdict": fault or ("" if not goals else "met" if met else "missed"),
    }


def _median(samples: Iterable[Sample], what: str) -> float:
    return median([getattr(sample, what) for sample in samples] or [0])


def table(lines: Sequence[Mapping[str, Any]]) -> str:
    """The results as a Markdown table; `server` is what the Postgres or the API's process used meanwhile."""
    rows = [
        (
            line["case"],
            line["contestant"],
            f"{line['cpu']:.2f}",
            f"{line['cpu_ratio']:.2f}",
            f"{line['wall']:.2f}",
            f"{line['wall_ratio']:.2f}",
            f"{line['peak']:.0f}",
            f"{line['server']:.2f}" if line["server"] else "",
            str(line["rounds"]),
            line["goal"],
            line["verdict"],
        )
        for line in lines
    ]
    widths = [max(map(len, column)) for column in zip(COLUMNS, *rows, strict=True)]
    ruler = tuple("-" * width for width in widths)
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in (COLUMNS, ruler, *rows)
    )


def machine() -> dict[str, str]:
    """What the figures depend on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = {name: importlib.metadata.version(name) for name in ("headrace", "duckdb", "pyarrow")}
    cores = len(os.sched_getaffinity(0))
    load = f"{os.getloadavg()[0]:.1f}"
    return {"cores": str(cores), "GB": f"{memory:.0f}", "load": load, "Python": platform.python_version(), **packages}


if __name__ == "__main__":
    sys.exit(main())
