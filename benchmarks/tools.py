"""The programs that race: each has an environment of its own in `.work/peers`, built once from PyPI and then called directly."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
WORK = HERE / ".work"
BUILT = "built.json"


@dataclass(frozen=True, slots=True)
class Tool:
    """A program and the packages of its environment; one without a version gets the version that headrace runs on.

    The versions of `shown` are printed beside its own.
    """

    name: str
    packages: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()

    @property
    def command(self) -> str:
        """How it is called."""
        return self.name.partition("-")[0]

    @property
    def place(self) -> Path:
        """Where its environment is."""
        return WORK / "peers" / self.name

    def program(self, name: str) -> str:
        """One of the programs of its environment, which is built if it is missing or of other versions."""
        _build(self)
        return str(self.place / "bin" / name)

    def file(self, pattern: str) -> Path:
        """The one file below its installed packages with such a name."""
        _build(self)
        [found] = (self.place / "lib").glob(f"python*/site-packages/{pattern}")
        return found

    def versions(self) -> dict[str, str]:
        """What is installed of its own packages; nothing before it is built."""
        built = self.place / BUILT
        has = json.loads(built.read_text())["has"] if built.exists() else {}
        return {name: has[name] for name in (self.name, *self.shown) if name in has}


HEADRACE = Tool("headrace")
DBT = Tool("dbt-core", ("dbt-core==1.11.16", "dbt-duckdb==1.11.1", "duckdb"), ("dbt-duckdb", "duckdb"))
DLT = Tool(
    "dlt",
    (
        "dlt[duckdb,parquet,filesystem,sql_database,postgres]==1.31.0",
        "connectorx==0.4.6",
        "pandas==3.1.1",
        "adbc-driver-manager==1.13.0",
        "adbc-driver-postgresql==1.13.0",
        "duckdb",
        "pyarrow",
    ),
    ("duckdb", "connectorx"),
)
# The last whose wheel holds the program. DuckDB's ADBC driver, which it loads, cannot take its batches since 2.0.
INGESTR = Tool("ingestr", ("ingestr==0.15.9", "duckdb==1.5.6"), ("duckdb",))
# The last whose wheel holds the program, and the DuckDB with the extensions that it would download.
SLING = Tool(
    "sling",
    (
        "sling==1.4.11",
        f"sling-linux-{'arm64' if platform.machine() == 'aarch64' else 'amd64'}==1.4.11",
        "duckdb-cli==1.5.5",
        "duckdb-extension-httpfs==1.5.5",
        "duckdb-extension-json==1.5.5",
    ),
    ("duckdb-cli",),
)


def install_headrace() -> None:
    """The environment of headrace as the lock file says, with this checkout's source (and ADBC, for a reference).

    pandas or numpy, where they are installed, are imported by DuckDB and Arrow, so there is nothing else in it.
    """
    place = os.environ | {"UV_PROJECT_ENVIRONMENT": str(HEADRACE.place)}
    command = ["uv", "sync", "-q", "--no-dev", "--extra", "postgres", "--group", "bench", "--compile-bytecode"]
    subprocess.run([*command, "-p", sys.executable], cwd=HERE.parent, env=place, check=True)


def _build(tool: Tool) -> None:
    """Make a tool's environment, unless it is there with these versions; headrace's is there."""
    if tool == HEADRACE:
        return
    asked = [one if "==" in one else f"{one}=={version(one)}" for one in tool.packages]
    built = tool.place / BUILT
    if built.exists() and json.loads(built.read_text())["asked"] == asked:
        return
    shutil.rmtree(tool.place, ignore_errors=True)
    python = str(tool.place / "bin" / "python")
    subprocess.run(["uv", "venv", "-q", "-p", sys.executable, str(tool.place)], check=True)
    subprocess.run(["uv", "pip", "install", "-q", "--compile-bytecode", "--python", python, *asked], check=True)
    lines = subprocess.run(
        ["uv", "pip", "freeze", "-q", "--python", python], check=True, capture_output=True, text=True
    ).stdout.split()
    built.write_text(json.dumps({"asked": asked, "has": dict(line.split("==") for line in lines if "==" in line)}))


def ingestr_environ() -> dict[str, str]:
    """What leads ingestr to the DuckDB of its environment, whose library is the ADBC driver that it would fetch otherwise.

    The library is an extension of Python and wants Python's names, though it calls none of them.
    """
    folder, name = sysconfig.get_config_vars("LIBDIR", "INSTSONAME")
    python = Path(folder) / name
    if not python.exists() or python.suffix == ".a":
        raise RuntimeError(f"ingestr needs a Python with a shared library, and {python} is none")
    drivers = INGESTR.place / "drivers"
    drivers.mkdir(exist_ok=True)
    library = INGESTR.file("_duckdb*.so")
    (drivers / "duckdb.toml").write_text(
        f'name = "DuckDB"\n[Driver]\nentrypoint = "duckdb_adbc_init"\nshared = "{library}"\n'
    )
    return {
        "ADBC_DRIVER_PATH": str(drivers),
        "LD_PRELOAD": str(python),
        "HOME": str(_home(INGESTR)),
        "DISABLE_TELEMETRY": "true",
    }


def sling_environ() -> dict[str, str]:
    """What leads sling to the DuckDB of its environment, and that one to the extensions there."""
    home, duckdb = _home(SLING), SLING.file("duckdb_cli/duckdb")
    extensions = home / ".duckdb" / "extensions"
    if not extensions.exists():
        asked = [str(duckdb), "-csv", "-noheader", "-c", "PRAGMA platform"]
        system = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
        for name in ("httpfs", "json"):
            found = SLING.file(f"duckdb_extension_{name}/extensions/*/{name}.duckdb_extension")
            place = extensions / found.parent.name / system
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy2(found, place)
    return {
        "HOME": str(home),
        "SLING_HOME_DIR": str(home / "sling"),
        "SLING_DISABLE_TELEMETRY": "true",
        "DUCKDB_PATH": str(duckdb),
        "DUCKDB_USE_INSTALLED_EXTENSIONS": "true",
    }


def _home(tool: Tool) -> Path:
    """A home that holds nothing but what the tool keeps there."""
    _build(tool)
    home = tool.place / "home"
    home.mkdir(exist_ok=True)
    return home
