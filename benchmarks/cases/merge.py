"""Changed rows, four updates to one insert, merged into a table ten times their number."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import answers
from answers import ask
from case import Case, Contestant, Goal, Lab, apart, program
from inputs import ORDERS, write_changes, write_rows
from loads import Job, Mover, contestants
from measure import Command, bare
from serving import serving
from tools import HEADRACE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    Prepare = Callable[[Path], Command]

ROWS, STEP, MORE = 1_000_000, 12, 50
GOAL = Goal(2)


@dataclass(frozen=True, slots=True)
class Merge:
    """What is merged: `base` is loaded first, which is not measured, then `changes`. `url` is of the Postgres, if there is one."""

    lab: Lab
    base: Job
    changes: Job
    url: str | None = None

    def told(self, mover: Mover) -> Prepare:
        """A tool, each time in the state in which its first load left it."""
        return self._after(mover.name, mover.command, mover.command)

    def by_hand(self, way: str) -> Prepare:
        """The same by a program of ours."""
        return self._after("raw", partial(_by_hand, "base"), partial(_by_hand, way))

    def _after(self, name: str, first: Callable[[Job, Path], Command], then: Callable[[Job, Path], Command]) -> Prepare:
        if not self.url:
            return partial(_on_file, self.lab, name, partial(first, self.base), partial(then, self.changes))
        template = f"base_{name.replace(' ', '_')}"
        base = replace(self.base, target=_named(self.url, template))
        changes = replace(self.changes, target=_named(self.url, "race"))
        return partial(_on_server, self.lab, self.url, template, partial(first, base), partial(then, changes))


@contextmanager
def race_duckdb(lab: Lab) -> Iterator[Case]:
    yield _case("merge-duckdb", "DuckDB", _merge(lab, None), partial(answers.of_file, ORDERS), None)


@contextmanager
def race_postgres(lab: Lab) -> Iterator[Case]:
    with serving("postgres.py", lab.fresh("postgres")) as server:
        answer = partial(answers.of_server, ORDERS, _named(server["url"], "race"))
        yield _case("merge-postgres", "Postgres", _merge(lab, server["url"]), answer, server["pid"])


def _merge(lab: Lab, url: str | None) -> Merge:
    rows = lab.rows or ROWS
    inputs = lab.folder("inputs")
    base, changes = inputs / f"orders-{rows}.parquet", inputs / f"orders-{rows}-changes.parquet"
    apart(write_rows, base, ORDERS, rows)
    apart(write_changes, changes, ORDERS, rows, STEP, rows // MORE)
    lab.fresh("prepared")
    return Merge(lab, Job(str(base), ORDERS, key="id"), Job(str(changes), ORDERS, key="id"), url)


def _case(
    name: str, engine: str, merge: Merge, answer: Callable[[Path], Mapping[str, Any]], server: int | None
) -> Case:
    rows = merge.lab.rows or ROWS
    return Case(
        name,
        f"{rows // STEP + rows // MORE:,} changed rows into {rows:,} on {engine}",
        (
            Contestant("delete + insert", merge.by_hand("delete"), answer, tool=HEADRACE),
            Contestant("merge into", merge.by_hand("merge"), answer, tool=HEADRACE),
            *contestants("parquet", merge.told, answer, GOAL),
        ),
        server,
        rows,
    )


def _by_hand(way: str, job: Job, folder: Path) -> Command:
    if job.target:
        return program("raw_merge_postgres.py", way, job.source, job.target, folder=folder)
    return program("raw_merge_duckdb.py", way, job.source, folder=folder)


def _on_file(lab: Lab, name: str, first: Prepare, then: Prepare, folder: Path) -> Command:
    """The second load, in the folder as the first one left it: at the same path and with the same times of files."""
    kept = lab.folder("prepared") / name
    if not kept.exists():
        _do(first(folder))
        shutil.copytree(folder, kept)
    shutil.copytree(kept, folder, dirs_exist_ok=True)
    return then(folder)


def _on_server(lab: Lab, url: str, template: str, first: Prepare, then: Prepare, folder: Path) -> Command:
    """The same with a database `race` as the template is, with nothing left to be written out."""
    if not ask(url, f"SELECT 1 FROM pg_database WHERE datname = '{template}'"):
        ask(url, f"CREATE DATABASE {template}")
    command = _on_file(lab, template, first, then, folder)
    ask(url, "DROP DATABASE IF EXISTS race")
    ask(url, f"CREATE DATABASE race TEMPLATE {template}")
    ask(_named(url, "race"), "VACUUM ANALYZE")
    ask(url, "CHECKPOINT")
    return command


def _do(command: Command) -> None:
    """Run a command whose cost does not count."""
    environ = bare() | dict(command.environ)
    done = subprocess.run(command.argv, cwd=command.folder, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command.argv} ended with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}")


def _named(url: str, database: str) -> str:
    return f"{url.rpartition('/')[0]}/{database}"
