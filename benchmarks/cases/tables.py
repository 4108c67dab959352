"""Tables of all shapes into DuckDB: from files of JSON lines and of CSV, and from Postgres."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import answers
from case import Case, Contestant, Goal, Lab, apart, program
from inputs import write_rows
from loads import Job, Mover, contestants, headrace
from serving import serving
from tools import HEADRACE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from inputs import Shape
    from measure import Command

TENTH = 10
FLAT = 1.2


@contextmanager
def race_file(name: str, shape: Shape, rows: int, most: float, lab: Lab) -> Iterator[Case]:
    """A file, whose spelling is the last word of the race's name."""
    rows = lab.rows or rows
    spelling = name.rpartition("-")[2]
    source = lab.folder("inputs") / f"{shape.name}-{rows}.{spelling}"
    apart(write_rows, source, shape, rows)
    answer, reference = partial(answers.of_file, shape), f"duckdb read_{'csv' if spelling == 'csv' else 'json'}"
    job = Job(str(source), shape)
    yield Case(
        name,
        f"{rows:,} lines of {'CSV' if spelling == 'csv' else 'JSON'} into DuckDB",
        (
            Contestant(reference, partial(_raw_file, job), answer, tool=HEADRACE),
            *contestants(spelling, partial(_told, job), answer, Goal(most)),
            *_torn(job, answer, spelling),
        ),
        rows=rows,
    )


def _told(job: Job, mover: Mover) -> Callable[[Path], Command]:
    return partial(mover.command, job)


def _torn(job: Job, answer: Callable[[Path], dict[str, str]], spelling: str) -> tuple[Contestant, ...]:
    """headrace with the same file and one bad line after it, for CSV."""
    if spelling != "csv":
        return ()
    return (Contestant("headrace, a bad line", partial(_headrace_torn, job), answer, tool=HEADRACE),)


def _headrace_torn(job: Job, folder: Path) -> Command:
    torn = folder / "torn.csv"
    torn.write_bytes(Path(job.source).read_bytes() + b"x\n")
    return headrace(Job(str(torn), job.shape), folder)


def _raw_file(job: Job, folder: Path) -> Command:
    return program("raw_file.py", job.source, folder / "out.duckdb", json.dumps(job.shape.types), folder=folder)


@contextmanager
def race_postgres(name: str, shape: Shape, rows: int, most: float, lab: Lab) -> Iterator[Case]:
    """A table of Postgres with a primary key."""
    rows = lab.rows or rows
    base = lab.folder("inputs") / f"{shape.name}-{rows}.parquet"
    apart(write_rows, base, shape, rows)
    with serving("postgres.py", lab.fresh("postgres")) as server:
        apart(fill, server["url"], base)
        job, answer = Job(server["url"], shape), partial(answers.of_file, shape)
        yield Case(
            name,
            f"{rows:,} rows of Postgres into DuckDB",
            (
                Contestant("adbc", partial(_raw_postgres, job), answer, tool=HEADRACE),
                *contestants("postgres", partial(_told, job), answer, Goal(most)),
            ),
            server["pid"],
            rows,
        )


def fill(url: str, base: Path) -> None:
    from headrace.table import Table
    from headrace.warehouse.opening import open_warehouse

    with open_warehouse(url).connect() as session:
        session.load_local(Table("public", "records"), f"SELECT * FROM read_parquet('{base}')")
        session.execute("ALTER TABLE records ADD PRIMARY KEY (id)")
        session.execute("VACUUM ANALYZE records")
        session.execute("CHECKPOINT")


def _raw_postgres(job: Job, folder: Path) -> Command:
    return program("raw_postgres.py", job.source, folder / "out.duckdb", json.dumps(job.shape.types), folder=folder)


@contextmanager
def race_big(name: str, shape: Shape, rows: int, lab: Lab) -> Iterator[Case]:
    """A file of so many rows, and one of a tenth: what is held must not grow with what is read. The files are deleted afterwards."""
    rows = lab.rows or rows
    folder, spelling = lab.fresh("inputs", name), name.rpartition("-")[2]
    made: list[Contestant] = []
    try:
        for size, number in {"a tenth": max(rows // TENTH, 1), "whole": rows}.items():
            path = folder / f"{number}.{spelling}"
            apart(write_rows, path, shape, number)
            made += _sized(Job(str(path), shape), size)
        yield Case(name, f"{rows:,} lines and a tenth of them into DuckDB", made, rows=rows)
    finally:
        shutil.rmtree(folder)


def _sized(job: Job, size: str) -> tuple[Contestant, Contestant]:
    """The reference and headrace with a file; the larger one has a goal."""
    answer, first = partial(answers.of_file, job.shape), f"duckdb, {size}"
    flat = Goal(FLAT, "peak", beside="headrace, a tenth") if size == "whole" else None
    return (
        Contestant(first, partial(_raw_file, job), answer, tool=HEADRACE, beside=first),
        Contestant(f"headrace, {size}", partial(headrace, job), answer, tool=HEADRACE, goal=flat, beside=first),
    )
