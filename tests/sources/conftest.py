import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.extract.source import open_stream
from headrace.project.file_sources import FilesStream
from headrace.project.sources import Stream
from headrace.retry import SYSTEM
from headrace.warehouse.embedded import Embedded


def _beside(name):
    spec = importlib.util.spec_from_file_location(f"sources_{name}", Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[f"sources_{name}"] = module
    spec.loader.exec_module(module)
    return module


server = _beside("server")
_stores = _beside("stores")
_clouds = _beside("clouds")
_loading = _beside("loading")
for _name in ("reading", "arrived", "pulling", "tds", "oracle_double"):
    _beside(_name)


@pytest.fixture
def api():
    with server.serving() as made:
        yield made


@pytest.fixture
def local():
    made = Embedded.in_memory()
    yield made
    made.close()


@pytest.fixture
def read(tmp_path, local):
    """`read(path="*.csv")` is all that arrives of files in the test's folder."""

    def reading(resume=None, unfit=(), **spec):
        stream = Stream(source="f", name="s", spec=FilesStream.model_validate(spec), folder=str(tmp_path))
        scratch = tmp_path / "scratch"
        return list(
            open_stream(
                stream, cursor=None, resume=resume or {}, local=local, clock=SYSTEM, scratch=scratch, unfit=unfit
            )
        )

    return reading


@pytest.fixture
def headrace(tmp_path):
    """`headrace("load")` in a project without sources, `headrace.folder`."""
    (tmp_path / "headrace.yml").write_text("name: shop\ntargets: {dev: duckdb:///warehouse.duckdb}\n")

    def run(*arguments, **env):
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("HEADRACE_", "DBT_"))}
        return subprocess.run(
            [sys.executable, "-m", "headrace", *arguments],
            cwd=tmp_path,
            env={**plain, **env},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    run.folder = tmp_path
    return run


@pytest.fixture(scope="session")
def stores():
    return _stores


@pytest.fixture(scope="session")
def clouds():
    return _clouds


@pytest.fixture(scope="session")
def loading():
    return _loading


@pytest.fixture
def clock():
    return server.FakeClock().clock()


@pytest.fixture
def web():
    with _stores.web() as made:
        yield made


@pytest.fixture
def lake(tmp_path, clock, loading):
    made = []

    def opened(**access):
        made.append(loading.Lake(tmp_path, clock, **access))
        return made[-1]

    yield opened
    for one in made:
        one.close()
