"""The command `headrace`, or `python -m headrace`, as a process."""

import atexit
import os
import sys
import threading
from typing import NoReturn

from headrace.cli.main import main

_OUTPUT_LOST = 120
"""What Python ends with, too, where the last of the output could not be written."""


def process() -> NoReturn:
    """Run the command and end the process, as Python does it for children of `multiprocessing`.

    What a process holds the system takes back by itself; taking its objects apart one by one is a seventh of what a command costs.
    """
    code = main()
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - waits for threads, as Python does at its end
    atexit._run_exitfuncs()  # noqa: SLF001 - what libraries and authors of Python sources have asked for
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError as error:
        code = _OUTPUT_LOST
        os.write(2, f"error: the output could not be written: {error.strerror}\n".encode())
    os._exit(code)


if __name__ == "__main__":
    process()
