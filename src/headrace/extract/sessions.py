"""What the sessions of databases have in common: where they lead, what is said when they fail, and that most see a state of their own."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

from headrace.errors import SourceRefused, SourceUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from headrace.extract.cells import Cell
    from headrace.extract.reader import Reader
    from headrace.table import Table
    from headrace.warehouse.embedded import Embedded

_Failed = TypeVar("_Failed", bound=Exception)
_SHOWN = 4000


@dataclass(frozen=True, slots=True)
class Address:
    """What a URL says of a server; empty and None where it says nothing."""

    host: str
    port: int | None
    user: str
    password: str = field(repr=False)
    database: str
    options: Mapping[str, str]

    def at(self, server: str, nowhere: str = "localhost") -> str:
        """The server, its host and the database in a sentence, without user and password."""
        return f"{server} at {self.host or nowhere}{'/' if self.database else ''}{self.database}"


def address(url: str) -> Address:
    """The parts of a URL that has passed `project.urls.split`, out of their percent-encoding; of an option given twice, the last."""
    parts = urlsplit(url)
    return Address(
        parts.hostname or "",
        parts.port,
        unquote(parts.username or ""),
        unquote(parts.password or ""),
        unquote(parts.path.lstrip("/")),
        {key: values[-1] for key, values in parse_qs(parts.query).items()},
    )


def absent(server: str, said: object, hint: str) -> SourceUnavailable:
    """The error of a server that no session could be had of."""
    gone = SourceUnavailable(f"{server} cannot be reached: {said}", hint=hint)
    gone.absent = True
    return gone


def noted(failed: _Failed, sql: str) -> _Failed:
    """The error with the statement that it is of, or its beginning."""
    failed.add_note(sql if len(sql) < _SHOWN else sql[:_SHOWN] + " …")
    return failed


def refuse_inexact(server: str, cells: Sequence[Cell], called: Callable[[Cell], str | None]) -> None:
    """Raises SourceRefused for a column whose values have no exact text: `called` says what it is, and None of all others."""
    for cell in cells:
        if (what := called(cell)) is not None:
            raise SourceRefused(
                f"{server}: the column '{cell.original}' is {what}, whose values have no exact text",
                hint=f"leave it out by `excluded_columns: [{cell.original}]`, or convert it in a `query:`",
            )


def narrowest(found: Iterable[tuple[object, str, bool]]) -> tuple[str, ...]:
    """The columns of the index with the fewest, of rows that say an index, a column of it, and whether every row has a value there.

    An index with a column that is not so is none.
    """
    indexes: dict[object, list[tuple[str, bool]]] = {}
    for index, column, filled in found:
        indexes.setdefault(index, []).append((column, filled))
    whole = [tuple(name for name, _ in of) for of in indexes.values() if all(filled for _, filled in of)]
    return min(whole, key=len, default=())


class Alone:
    """A session whose state no other can share, of a database that keeps no count of changes beside a table's columns."""

    session: Any

    def counter(self, table: Table | None) -> Cell | None:
        """None."""
        del table
        return None

    def laid(self, table: Table, parts: int) -> tuple[Cell, list[str]] | None:
        """None."""
        del table, parts
        return None

    def fork(self, local: Embedded) -> Reader | None:
        """None."""
        del local
        return None

    def close(self) -> None:
        """End the session and its transaction."""
        self.session.close()


@dataclass(frozen=True, slots=True)
class Driver:
    """How a driver tells what went wrong: what it raises, the server's own sentence, and whether the session is gone."""

    server: str
    raises: tuple[type[Exception], ...]
    said: Callable[[Exception], str]
    lost: Callable[[Exception], bool]


class Driven(Alone):
    """Such a session, of a driver that has cursors as Python's database drivers do."""

    driver: ClassVar[Driver]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """A small result."""
        with self.asked(sql) as cursor:
            return list(cursor.fetchall())

    def run(self, sql: str) -> None:
        """A statement without a result."""
        with self.asked(sql):
            pass

    @contextmanager
    def asked(self, sql: str, *kind: Any) -> Iterator[Any]:
        """A cursor, of another kind than the driver's plain one where that is given, that has executed the statement."""
        with self.telling(sql), self.session.cursor(*kind) as cursor:
            cursor.execute(sql)
            yield cursor

    @contextmanager
    def telling(self, sql: str) -> Iterator[None]:
        """What the driver raises is told in the server's words: a session that is gone can be asked again, a wrong query cannot."""
        driver = self.driver
        try:
            yield
        except driver.raises as error:
            said = f"{driver.server}: {driver.said(error)}"
            raise noted(SourceUnavailable(said) if driver.lost(error) else SourceRefused(said), sql) from error
