"""What a benchmark is: contestants that come to the same answer, the first of which the others are compared with."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from measure import Command

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HERE = Path(__file__).parent
PROGRAMS = HERE / "programs"
HEADRACE = HERE / ".work" / "peers" / "headrace"


@dataclass(frozen=True, slots=True)
class Contestant:
    """A program in a race. `prepare` fills its fresh folder; `answer` reads there what came out (both in a process of their own).

    `goal` is how many times the reference's CPU it may take, `most` how many CPU seconds. A `slow` one runs in the first round
    only. One without an answer does part of the work, to show a limit.
    """

    name: str
    prepare: Callable[[Path], Command]
    answer: Callable[[Path], Any] | None = None
    goal: float | None = None
    most: float | None = None
    slow: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """A race. `server` is the process the contestants talk to, whose CPU is not theirs."""

    name: str
    title: str
    contestants: Sequence[Contestant]
    server: int | None = None


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

    @property
    def headrace(self) -> str:
        """The command of this checkout, in an environment with what it needs and nothing else (and ADBC, for a reference).

        pandas or numpy, where they are installed, are imported by DuckDB and Arrow, so the environment counts.
        """
        return str(HEADRACE / "bin" / "headrace")

    def peer(self, name: str, *packages: str) -> Path:
        """The folder of the programs of an environment with these packages; built once, then called directly."""
        place = self.folder("peers") / name
        if not (place / "built").exists():
            shutil.rmtree(place, ignore_errors=True)
            subprocess.run(
                ["uv", "venv", "-q", "-p", f"{sys.version_info[0]}.{sys.version_info[1]}", str(place)], check=True
            )
            python = str(place / "bin" / "python")
            subprocess.run(
                ["uv", "pip", "install", "-q", "--compile-bytecode", "--python", python, *packages], check=True
            )
            (place / "built").touch()
        return place / "bin"

    def dlt(self) -> str:
        """The Python of an environment with dlt and the DuckDB that headrace runs on."""
        from importlib.metadata import version

        packages = ("dlt[duckdb,parquet,filesystem]==1.31.0", f"duckdb=={version('duckdb')}")
        return str(self.peer("dlt-1.31.0", *packages) / "python")

    def dlt_postgres(self) -> str:
        """The same with what dlt reads databases with."""
        from importlib.metadata import version

        packages = ("dlt[duckdb,parquet,sql_database]==1.31.0", "psycopg2-binary", f"duckdb=={version('duckdb')}")
        return str(self.peer("dlt-1.31.0-postgres", *packages) / "python")

    def adbc(self) -> str:
        """The Python of an environment with ADBC's driver for Postgres and the DuckDB that headrace runs on."""
        from importlib.metadata import version

        packages = [f"{name}=={version(name)}" for name in ("duckdb", "pyarrow")]
        return str(
            self.peer("adbc-1.13.0", "adbc-driver-postgresql==1.13.0", "adbc-driver-manager==1.13.0", *packages)
            / "python"
        )

    def dbt(self) -> str:
        """The dbt of an environment with dbt-core and its DuckDB adapter."""
        from importlib.metadata import version

        packages = ("dbt-core==1.11.16", "dbt-duckdb==1.11.1", f"duckdb=={version('duckdb')}")
        return str(self.peer("dbt-core-1.11.16", *packages) / "dbt")


def apart(function: Callable[..., Any], *values: Any) -> Any:
    """The function's result, from a process of its own, so that this one stays small."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *values).result()


def install_headrace() -> None:
    """The environment of headrace as the lock file says, with this checkout's source."""
    place = os.environ | {"UV_PROJECT_ENVIRONMENT": str(HEADRACE)}
    command = ["uv", "sync", "-q", "--no-dev", "--extra", "postgres", "--group", "bench", "--compile-bytecode"]
    subprocess.run([*command, "-p", sys.executable], cwd=HERE.parent, env=place, check=True)


def program(name: str, *values: object, folder: Path, python: str = str(HEADRACE / "bin" / "python")) -> Command:
    """One of the programs beside this file, as a command; with headrace's Python, unless it is a peer's."""
    return Command((python, str(PROGRAMS / name), *map(str, values)), folder, {})
