import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def _loaded(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


_loaded("faults_wire", HERE / "wire.py")
_loaded("faults_between", HERE / "between.py")
_stores = _loaded("faults_stores", HERE.parent / "sources" / "stores.py")
_server = _loaded("faults_server", HERE.parent / "sources" / "server.py")


@pytest.fixture(scope="session")
def stores():
    """Places with files on loopback."""
    return _stores


@pytest.fixture
def api():
    """An API on loopback that answers as it is told."""
    with _server.serving() as made:
        yield made


@pytest.fixture
def killer(tmp_path):
    """`killer(argv, moment=7)` runs the command line in a child that is killed at that moment."""
    command = [sys.executable, str(HERE / "killer.py"), str(tmp_path / "moments")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def run(argv, **order):
            process.stdin.write(json.dumps({"argv": argv, "log": str(tmp_path / "output"), **order}) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield run
        process.stdin.close()
