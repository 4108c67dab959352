import importlib.util
import sys
from pathlib import Path


def _beside(name):
    spec = importlib.util.spec_from_file_location(f"faults_{name}", Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[f"faults_{name}"] = module
    spec.loader.exec_module(module)
    return module


_beside("wire")
_beside("between")
