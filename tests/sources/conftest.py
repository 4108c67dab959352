import importlib.util
import sys
from pathlib import Path

import pytest

from headrace.warehouse.embedded import Embedded

_spec = importlib.util.spec_from_file_location("sources_server", Path(__file__).with_name("server.py"))
server = importlib.util.module_from_spec(_spec)
sys.modules["sources_server"] = server
_spec.loader.exec_module(server)


@pytest.fixture
def api():
    with server.serving() as made:
        yield made


@pytest.fixture
def local():
    made = Embedded.in_memory()
    yield made
    made.close()
