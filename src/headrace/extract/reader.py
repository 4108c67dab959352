"""What every reader of a source's database can be asked, and the words in which databases differ."""

from __future__ import annotations

from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from headrace.errors import SourceRefused, SourceUnavailable, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from headrace.arrow import pa
    from headrace.extract.cells import Cell
    from headrace.table import Table
    from headrace.warehouse.embedded import Embedded

    Chunk: TypeAlias = tuple[pa.Table, pa.Table | None]


@dataclass(frozen=True, slots=True)
class Words:
    """How a dialect says what SQL has no one word for; the standard form is PostgreSQL's."""

    alias: str = " AS "
    """What stands between a subquery and its name."""
    remainder: str = "{value} % {by}"
    first: str = "{select} LIMIT 1"
    """A SELECT of which one row is wanted."""
    rows_compare: bool = True
    """Whether `(a, b) > (1, 2)` is a condition."""
    folded: Callable[[str], str] = str
    """What a name of a table that has no capital letters means."""


class Reader(Protocol):
    """A session of a source's database that sees one state of it. Errors are SourceUnavailable and SourceRefused."""

    @property
    def settled(self) -> bool:
        """Whether a whole read reaches its cursor's limit; else what it reached is asked of the rows."""

    @property
    def words(self) -> Words:
        """How this database says it."""

    def name(self, text: str) -> str:
        """An identifier in this database's quotes."""

    def columns(self, relation: str, table: Table | None) -> list[Cell]:
        """The columns of what stands after FROM, in order, under their names at the source."""

    def counter(self, table: Table | None) -> Cell | None:
        """A column that the database itself keeps beside those of the table, and moves on with every change of a row."""

    def key(self, table: Table) -> tuple[str, ...]:
        """The columns of the primary key, in its order; empty if there is none."""

    def unique(self, table: Table) -> tuple[str, ...]:
        """The columns of an index that tells all rows apart, none of which may be NULL; empty if there is none."""

    def tables(self, schema: str | None) -> list[Table]:
        """The tables of a schema, or of the session's own; views and parts of tables are none."""

    def schemas(self) -> list[str]:
        """The schemas that are not the database's own."""

    def size(self, table: Table) -> tuple[int, int]:
        """About how many rows a table has, and how many bytes; zeros where nothing is known."""

    def laid(self, table: Table, parts: int) -> tuple[Cell, list[str]] | None:
        """What says where a row lies, and bounds of it that cut the table into about so many parts; None where there is no such thing.

        It tells all rows apart while this session and those that were forked from it see one state, and nothing beyond that.
        """

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """A small result."""

    def comparable(self, cell: Cell) -> str:
        """A column as it is compared with a value, in an order that does not depend on a language."""

    def value(self, cell: Cell, text: str) -> str:
        """A value of a column, of which the text is known, as it is compared with the column."""

    def text(self, cell: Cell) -> str:
        """The exact text of a column's value, which `value` takes."""

    def limit(self, relation: str, cell: Cell) -> str | None:
        """The value of a cursor's column below which no row can still appear; None where nothing is known.

        With `settled`, no row of what is read is above it.
        """

    def read(self, cells: Sequence[Cell], rest: str, most: int) -> Generator[Chunk, None, None]:
        """Rows of `SELECT columns FROM rest` in chunks of about `most` rows at most, and those that were refused.

        Closed before its end, it leaves the session as it was, without reading the rest.
        """

    def fork(self, local: Embedded) -> Reader | None:
        """Another session that sees the same state, if the database can do that."""

    def close(self) -> None:
        """End the session."""


def qualified(name: Callable[[str], str], table: Table) -> str:
    """A table's name with its schema, where it has one, each in the quotes that `name` gives."""
    return ".".join(name(part) for part in (table.schema, table.name) if part)


@contextmanager
def neighbourly(table: Table | None, again: Callable[[], Reader]) -> Iterator[None]:
    """What is refused because there is no such table is told with the one that may be meant.

    `again` opens another session to look for it: the transaction of the one that was refused may be over.
    """
    try:
        yield
    except SourceRefused as error:
        if table is not None:
            with suppress(SourceRefused, SourceUnavailable), closing(again()) as reader:
                names = [one.name for one in reader.tables(table.schema or None)]
                missing = table.name.casefold() not in {one.casefold() for one in names}
                error.hint = error.hint or (did_you_mean(table.name, names) if missing else None)
        raise


def after_where(conditions: Sequence[str]) -> str:
    """The conditions as a clause, which is empty where there are none."""
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def past(reader: Reader, key: Sequence[Cell], values: Sequence[str]) -> str:
    """The condition for rows that come after a key, in its order."""
    return _compared(reader, key, values, ">")


def up_to(reader: Reader, key: Sequence[Cell], values: Sequence[str]) -> str:
    """The condition for rows that do not come after a key, in its order."""
    return _compared(reader, key, values, "<=")


def _compared(reader: Reader, key: Sequence[Cell], values: Sequence[str], sign: str) -> str:
    held = [reader.name(cell.original) for cell in key]
    given = [reader.value(cell, value) for cell, value in zip(key, values, strict=True)]
    if len(held) == 1:
        return f"{held[0]} {sign} {given[0]}"
    if reader.words.rows_compare:
        return f"({', '.join(held)}) {sign} ({', '.join(given)})"
    condition = f"{held[-1]} {sign} {given[-1]}"
    for column, value in reversed(list(zip(held[:-1], given[:-1], strict=True))):
        condition = f"({column} {sign[0]} {value} OR ({column} = {value} AND {condition}))"
    return condition
