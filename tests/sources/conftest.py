import importlib.util
import sys
from pathlib import Path

import pytest

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
_beside("reading")


@pytest.fixture
def api():
    with server.serving() as made:
        yield made


@pytest.fixture
def local():
    made = Embedded.in_memory()
    yield made
    made.close()


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
