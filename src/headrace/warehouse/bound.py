"""How much memory DuckDB takes while a run only loads: little, however much is loaded.

By itself DuckDB keeps what it wrote until four fifths of the machine's memory are taken, so that a process grows with its data. Loading
rows needs none of that: under the bound it takes a tenth longer at most, and what does not fit goes to disk. A statement that cannot do with it, such as
one over some thousand columns, lifts the bound for the rest of the run and is done again.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from headrace.events import Warned, emit

if TYPE_CHECKING:
    import duckdb

    from headrace.project.setup import Setup

LEAST = 512
EACH_THREAD = 64
"""In MiB."""
_SETTINGS = ("memory_limit", "max_memory")


class Bound:
    """The bound of one database; for all its sessions and threads."""

    def __init__(self, session: duckdb.DuckDBPyConnection) -> None:
        self._session = session
        self._guard = threading.Lock()
        self._before = ""
        self.holds = False

    def set(self) -> None:
        """Bound the memory from now on, unless the database has less by itself."""
        ask = "SELECT current_setting('threads'), current_setting('memory_limit')"
        [(threads, self._before)] = self._session.execute(ask).fetchall()
        [(most,)] = self._session.execute("SELECT parse_formatted_bytes(?) >> 20", [self._before]).fetchall()
        bound = LEAST + EACH_THREAD * threads
        if bound < most:
            self._session.execute(f"SET memory_limit = '{bound} MiB'")
            self.holds = True

    def lift(self) -> None:
        """Let the database take what it takes by itself."""
        with self._guard:
            if self.holds:
                # Said in full: DuckDB 1.5 forgets to tell its buffers of a RESET.
                self._session.execute(f"SET memory_limit = '{self._before}'")
                self.holds = False
                emit(Warned("a load needs more memory than loads take by themselves: it is done again without a bound"))


def unbounded(setup: Setup) -> bool:
    """Whether nobody said how much memory the database may take."""
    return not {key.lower() for key in (*setup.settings, *setup.config)} & set(_SETTINGS)
