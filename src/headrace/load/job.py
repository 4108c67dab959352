"""What is to be done to one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.load.extras import cursor_column, since, validity
from headrace.project.dispositions import KEYED
from headrace.schema import Kind, Schema
from headrace.sql.dialect import temporary

if TYPE_CHECKING:
    from headrace.cursor import Cursor
    from headrace.load.branch import Branch
    from headrace.load.extras import Extra
    from headrace.project.sources import Stream
    from headrace.schema import Change
    from headrace.sql.operations import Partitioning
    from headrace.table import Table
    from headrace.warehouse.base import Connection, Relation


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done to one table. `held` is what has its name now; with `anew`, nothing of it is kept.

    `own` has the stream's columns as the table gets them, `extras` those that headrace adds. `cursor` is how far the load before this
    one came. `now` is the time of the load, as SQL. `by` is how the table is split.
    """

    connection: Connection
    stream: Stream
    table: Table
    held: Relation | None
    own: Schema
    extras: tuple[Extra, ...]
    changes: tuple[Change, ...]
    cursor: Cursor | None
    now: str
    anew: bool
    by: Partitioning | None = None
    branches: tuple[Branch, ...] = ()
    """The tables of lists in the rows."""

    @property
    def schema(self) -> Schema:
        """The columns that the table gets."""
        return Schema((*self.own.columns, *(extra.column for extra in self.extras if extra.kept)))

    @property
    def staged_names(self) -> tuple[str, ...]:
        """The columns of the staged rows."""
        return (*self.own.names, *(extra.column.name for extra in self.extras if extra.value is not None))

    @property
    def keyed(self) -> bool:
        """Whether rows are told apart by a key."""
        return self.stream.disposition in KEYED

    @property
    def staged(self) -> Table:
        """Where rows are staged that have to be compared or moved: on DuckDB in the session, which neither packs nor writes them."""
        beside, capabilities = self.beside("staged"), self.connection.capabilities
        fresh = self.held is None or self.anew
        return temporary(beside.name, capabilities) if capabilities.dialect == "duckdb" and not fresh else beside

    @property
    def build(self) -> Table:
        """Where the rows are loaded to first: into the table itself where there is none."""
        if self.held is None:
            return self.table
        return self.beside("built") if self.anew else self.staged

    @property
    def hard(self) -> bool:
        """Whether arriving rows say that they are deleted at the source, and those go."""
        deletes = self.stream.spec.deletes
        return deletes is not None and deletes.column is not None and deletes.way == "hard"

    @property
    def tombstones(self) -> Schema | None:
        """The columns by which deleted keys are remembered, if a row that comes late can be told from a new one."""
        if not self.hard:
            return None
        if self.stream.disposition != "scd2":
            order = self.order
        else:
            order = (validity(self.stream)[0],) if since(self.stream, self.own) else ()
        found = [self.schema.get(column) for column in dict.fromkeys((*self.stream.spec.primary_key, *order))]
        return Schema(tuple(column for column in found if column)) if order else None

    @property
    def order(self) -> tuple[str, ...]:
        """The column that says which version of a row is newer: the cursor's, if the rows have it."""
        incremental = self.stream.spec.incremental
        column = cursor_column(incremental.cursor_path, self.schema) if incremental else None
        return (column,) if column else ()

    @property
    def texts(self) -> tuple[str, ...]:
        """The order columns that are text."""
        found = (column for one in self.order if (column := self.schema.get(one)))
        return tuple(column.name for column in found if column.type.kind is Kind.VARCHAR)

    def beside(self, suffix: str) -> Table:
        """A table of headrace's beside this one."""
        return self.table.beside(suffix, max_name=self.connection.capabilities.max_name)
