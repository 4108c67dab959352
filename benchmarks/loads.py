"""How each tool is told to move rows: one job, and for each tool a function that makes it a command in a folder."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from case import Contestant, Goal, program, write_project
from measure import Command
from tools import DLT, HEADRACE, INGESTR, SLING, Tool, ingestr_environ, sling_environ

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inputs import Shape


@dataclass(frozen=True, slots=True)
class Job:
    """Rows that are to become the table `records`.

    `source` is the path of a file, or the URL of a Postgres with a table `records`; `target` the URL of a Postgres, or None for a
    DuckDB in the file `out.duckdb` of the run's folder. With a `key` they are merged into what is there.
    """

    source: str
    shape: Shape
    target: str | None = None
    key: str | None = None

    @property
    def kind(self) -> str:
        """What the source is: jsonl, csv, parquet or postgres."""
        return "postgres" if self.source.startswith("postgresql:") else Path(self.source).suffix.removeprefix(".")


@dataclass(frozen=True, slots=True)
class Mover:
    """A tool that does any job; `kinds` are the sources it is raced with, and `rows` are the most it is given (None: all)."""

    name: str
    command: Callable[[Job, Path], Command]
    tool: Tool
    kinds: tuple[str, ...] = ("jsonl", "csv", "parquet", "postgres")
    rows: int | None = None


def contestants(
    kind: str,
    told: Callable[[Mover], Callable[[Path], Command]],
    answer: Callable[[Path], Mapping[str, Any]],
    goal: Goal | None,
) -> tuple[Contestant, ...]:
    """headrace and its peers with a kind of source; `told` makes of a tool what prepares its runs."""
    return tuple(
        Contestant(
            one.name,
            told(one),
            answer,
            tool=one.tool,
            goal=goal if one.tool == HEADRACE else None,
            slow=one.tool != HEADRACE,
            rows=one.rows,
        )
        for one in MOVERS
        if kind in one.kinds
    )


def headrace(job: Job, folder: Path) -> Command:
    """A project of one stream."""
    environ = {"RACE_SOURCE": job.source, "RACE_TARGET": job.target or "duckdb:///out.duckdb"}
    if job.kind == "postgres":
        source: dict[str, Any] = {"type": "database", "url": "${RACE_SOURCE}", "streams": {"records": {}}}
    elif job.key:
        # What comes later is another file of the same stream.
        (folder / "data").mkdir(exist_ok=True)
        shutil.copy2(job.source, folder / "data")
        stream = {"path": f"data/*.{job.kind}", "primary_key": [job.key], "write_disposition": "merge"}
        source = {"type": "files", "streams": {"records": stream}}
    else:
        source = {"type": "files", "streams": {"records": {"path": job.source}}}
    write_project(folder, "${RACE_TARGET}", {"lake": source})
    return Command((HEADRACE.program("headrace"), "load"), folder, environ)


def dlt(way: str, job: Job, folder: Path) -> Command:
    """A program of a page; see there for the ways."""
    told = {"way": way, "kind": job.kind, "source": job.source, "target": job.target, "key": job.key}
    return program("dlt_load.py", json.dumps(told), folder=folder, python=DLT.program("python"))


def ingestr(job: Job, folder: Path) -> Command:
    """One command. It reads no Parquet, so that a DuckDB stands for such a file; types of CSV have to be told."""
    source, table = f"{job.kind}://{job.source}", "records"
    argv = [INGESTR.program("ingestr"), "ingest", "--yes", "--progress", "log"]
    if job.kind == "postgres":
        source, table = job.source, "public.records"
    elif job.kind == "parquet":
        source, table = f"duckdb:///{_as_duckdb(job.source, folder)}", "main.records"
    elif job.kind == "csv":
        names = {"TIMESTAMP": "timestamp_ntz", "INTEGER": "int"}
        types = {one: kind for one, kind in job.shape.types.items() if kind != "VARCHAR"}
        argv += ["--columns", ",".join(f"{one}:{names.get(kind, kind.lower())}" for one, kind in types.items())]
    argv += ["--source-uri", source, "--source-table", table]
    argv += ["--dest-uri", job.target or f"duckdb:///{folder / 'out.duckdb'}"]
    argv += ["--dest-table", "public.records" if job.target else "main.records"]
    if job.key:
        argv += ["--primary-key", job.key, "--incremental-strategy", "merge"]
    return Command(tuple(argv), folder, ingestr_environ())


def _as_duckdb(path: str, folder: Path) -> Path:
    """The rows of a Parquet file in a DuckDB of the version that ingestr has."""
    made = folder / "input.duckdb"
    made.unlink(missing_ok=True)
    script = f"import duckdb; duckdb.connect('{made}').execute(\"CREATE TABLE records AS FROM '{path}'\")"
    subprocess.run([INGESTR.program("python"), "-c", script], check=True)
    return made


def sling(job: Job, folder: Path) -> Command:
    """One command; objects of JSON become columns."""
    # Its driver for Postgres wants TLS unless it is told otherwise.
    plain = "?sslmode=disable"
    environ = sling_environ()
    argv = [str(SLING.file("sling_*/bin/sling-*")), "run"]
    if job.kind == "postgres":
        argv += ["--src-conn", job.source + plain, "--src-stream", "public.records"]
    else:
        argv += ["--src-stream", f"file://{job.source}"]
    if job.kind == "jsonl":
        argv += ["--src-options", json.dumps({"flatten": True})]
    argv += ["--tgt-conn", job.target + plain if job.target else f"duckdb://{folder / 'out.duckdb'}"]
    argv += ["--tgt-object", "public.records" if job.target else "main.records"]
    if job.key:
        argv += ["--mode", "incremental", "--primary-key", job.key]
    return Command(tuple(argv), folder, environ)


MOVERS = (
    Mover("headrace", headrace, HEADRACE),
    Mover("dlt", partial(dlt, "best"), DLT),
    Mover("dlt arrow", partial(dlt, "arrow"), DLT, kinds=("jsonl",)),
    # More would need many minutes and gigabytes.
    Mover("dlt default", partial(dlt, "default"), DLT, rows=100_000),
    Mover("ingestr", ingestr, INGESTR),
    Mover("sling", sling, SLING),
)
