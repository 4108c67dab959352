"""Races: headrace, its peers, and the least that the work can cost.

    uv run benchmarks/run.py [names…] [--rows N] [--rounds N] [-o json]

Each run is a process of its own and rounds are interleaved (A B C A B C), so that a slow minute of the machine hits all.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

import measure
from answers import wrong
from case import Case, Contestant, Lab, apart
from cases import merge, models, rest, servers, start, tables
from inputs import LONG, ORDERS, RECORDS, WIDE
from report import Ran, document, lines, spoilt, table
from tools import WORK, install_headrace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from measure import Sample

    Race = Callable[[Lab], AbstractContextManager[Case]]

MILLION = 1_000_000
SIZES = (10, 100, 1000, 5000)
CASES: dict[str, Race] = {
    "jsonl": partial(tables.race_file, "jsonl", RECORDS, MILLION, 1.3),
    "csv": partial(tables.race_file, "csv", ORDERS, MILLION, 2.0),
    "rest": rest.race,
    "postgres": partial(tables.race_postgres, "postgres", ORDERS, MILLION, 1.2),
    "postgres-to-postgres": servers.race,
    "wide-jsonl": partial(tables.race_file, "wide-jsonl", WIDE, MILLION // 20, 1.3),
    "wide-postgres": partial(tables.race_postgres, "wide-postgres", WIDE, MILLION // 20, 1.2),
    "long-jsonl": partial(tables.race_file, "long-jsonl", LONG, 5 * MILLION, 1.3),
    "long-postgres": partial(tables.race_postgres, "long-postgres", LONG, 5 * MILLION, 1.2),
    **{f"models-{number}": partial(models.race, number) for number in SIZES},
    "merge-duckdb": merge.race_duckdb,
    "merge-postgres": merge.race_postgres,
    **{f"project-{number}": partial(start.race_project, number) for number in SIZES},
    "help": start.race_help,
}
ASKED_FOR: dict[str, Race] = {
    # Ten gigabytes are not for every day.
    "big-jsonl": partial(tables.race_big, "big-jsonl", RECORDS, 37 * MILLION),
    "big-csv": partial(tables.race_big, "big-csv", ORDERS, 76 * MILLION),
}


def main() -> int:
    asked = _arguments()
    lab = Lab(WORK, asked.rows)
    install_headrace()
    raced: list[Ran] = []
    for name in asked.names or CASES:
        with ExitStack() as stack:
            raced += _race(lab, stack.enter_context((CASES | ASKED_FOR)[name](lab)), asked)
        shutil.rmtree(WORK / "rounds", ignore_errors=True)
        shutil.rmtree(WORK / "prepared", ignore_errors=True)
    said = document(raced)
    if asked.output == "json":
        print(json.dumps(said, indent=2, ensure_ascii=False))
    else:
        print("\n".join(lines(said)))
        print(table(said["results"]))
    return 1 if spoilt(said["results"]) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Race headrace against its peers and against the least the work can cost.",
        epilog="Exit codes: 0 all is well; 1 headrace missed a goal, or its result or a reference's is wrong or missing; "
        "2 the arguments are wrong. What becomes of a peer is in the table only.",
    )
    known = [*CASES, *ASKED_FOR]
    parser.add_argument("names", nargs="*", metavar="name", help=f"which races, of: {', '.join(known)}")
    parser.add_argument("--rows", type=int, help="rows of the inputs, instead of each race's own number")
    parser.add_argument("--rounds", type=int, default=3, help="how often each contestant runs (default 3)")
    parser.add_argument(
        "--all-rounds", action="store_true", help="slow peers too; else they run in the first round only"
    )
    parser.add_argument("--only", action="append", help="contestants to run beside the reference; may be repeated")
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table")
    asked = parser.parse_args()
    if unknown := [name for name in asked.names if name not in known]:
        parser.error(f"there is no race {unknown[0]!r}; there are: {', '.join(known)}")
    if (asked.rows is not None and asked.rows < 1) or asked.rounds < 1:
        parser.error("--rows and --rounds are at least 1")
    return asked


def _race(lab: Lab, case: Case, asked: argparse.Namespace) -> list[Ran]:
    """All rounds of a case."""
    chosen = _chosen(case, asked.only)
    samples: dict[str, list[Sample]] = {one.name: [] for one in chosen}
    faults: dict[str, tuple[str, str]] = {}
    truths: dict[str, Mapping[str, Any]] = {}
    for turn in range(asked.rounds):
        for one in chosen:
            if one.name in faults or (one.slow and turn and not asked.all_rounds):
                continue
            try:
                sample, answer = _once(lab, case, one)
            except Exception as error:  # noqa: BLE001 - one contestant's fault does not end the race
                faults[one.name] = ("failed", _kept(lab, case, one, error))
                print(f"{case.name} · {one.name} · failed", file=sys.stderr, flush=True)
                continue
            print(f"{case.name} · {one.name} · {sample.cpu:.2f} CPU s", file=sys.stderr, flush=True)
            samples[one.name].append(sample)
            first = one.beside or case.contestants[0].name
            if one.name == first:
                truths.setdefault(first, answer or {})
            if one.answer and first in truths and (differing := wrong(answer, truths[first])):
                faults[one.name] = ("wrong", differing)
    return [Ran(case, one, samples[one.name], *faults.get(one.name, ("", ""))) for one in chosen]


def _chosen(case: Case, only: list[str] | None) -> list[Contestant]:
    """The race's first, and the others that were asked for with those whom they are compared with, as far as the rows allow."""
    able = []
    for one in case.contestants:
        if one.rows is not None and case.rows > one.rows:
            print(f"{case.name} · {one.name} · left out, for more than {one.rows:,} rows", file=sys.stderr, flush=True)
        else:
            able.append(one)
    if only is None:
        return able
    if unknown := set(only) - {one.name for one in case.contestants}:
        there = ", ".join(one.name for one in case.contestants)
        print(f"{case.name} · nobody is called {', '.join(sorted(unknown))}; there are: {there}", file=sys.stderr)
    wanted = {case.contestants[0].name, *only}
    wanted |= {
        other for one in able if one.name in wanted for other in (one.beside, one.goal and one.goal.beside) if other
    }
    return [one for one in able if one.name in wanted]


def _once(lab: Lab, case: Case, one: Contestant) -> tuple[Sample, Any]:
    """One run in a fresh folder, and what came out."""
    folder = lab.fresh("rounds", case.name, one.name.replace(" ", "-"))
    try:
        command = apart(one.prepare, folder)
        sample = measure.run(command, server=case.server)
        if sample.code:
            raise RuntimeError((folder / "said.txt").read_text(errors="replace"))
        return sample, apart(one.answer, folder) if one.answer else None
    finally:
        shutil.rmtree(folder)


def _kept(lab: Lab, case: Case, one: Contestant, error: Exception) -> str:
    """The complaint of a contestant that failed goes to a file; where it is, for the table."""
    kept = lab.folder("failed") / f"{case.name}-{one.name}.txt".replace(" ", "-")
    kept.write_text(str(error))
    return f".work/failed/{kept.name}"


if __name__ == "__main__":
    sys.exit(main())
