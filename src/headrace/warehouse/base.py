"""What an engine must do.

An engine moves bytes and runs statements; which statements is decided in `sql`, from its capabilities.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager
    from types import TracebackType

    from headrace.arrow import pa
    from headrace.schema import Schema
    from headrace.sql.capabilities import Capabilities
    from headrace.sql.operations import DependentView, Operation
    from headrace.table import Table
    from headrace.warehouse.embedded import Embedded


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or view as the warehouse describes it; `split` is how the engine writes by what a table is in partitions."""

    table: Table
    kind: Literal["table", "view"]
    schema: Schema
    split: str | None = None


class Connection(Protocol):
    """One session of a warehouse, used by one thread at a time. Raises StatementFailed where the engine refuses."""

    capabilities: Capabilities
    local: Embedded
    """The embedded DuckDB that reads files for this session: the session itself where the warehouse is DuckDB."""

    def close(self) -> None:
        """End the session; an open transaction is rolled back."""

    def __enter__(self) -> Self:
        """The session, to be closed at the end of the block."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the session."""

    def execute(self, sql: str) -> int:
        """Run one statement; how many rows it changed, or -1 where the engine does not say."""

    def noting(self) -> AbstractContextManager[list[str]]:
        """A block, and the statements that `execute` and `run` are given inside it, in a list that grows."""

    def note(self, sql: str) -> None:
        """Put into that list what stands for a statement."""

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """A small result as Python rows; `?` in the statement stands for the values, in order."""

    def size(self, table: Table) -> int:
        """How many rows a table has."""

    def query(self, sql: str) -> pa.RecordBatchReader:
        """A result of any size as Arrow batches; the session is busy until it is read."""

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing: commits at the end of the block, rolls back on an exception. Does not nest."""

    def run(self, operation: Operation) -> int:
        """Do the operation: each statement `render` gives for it. Rows changed by the last one."""

    def load(self, table: Table, data: pa.RecordBatchReader, schema: Schema | None = None) -> int:
        """Arrow rows into a fresh table, by the engine's own fast path; how many. The table must not be there yet."""

    def load_local(self, table: Table, query: str, same: Mapping[str, str] | None = None) -> int:
        """The result of a DuckDB query (over files, or over what `local` holds) into a fresh table; how many rows.

        `same` has for columns of it that are the same in each row what they are, as SQL of the engine.
        """

    def inspect(self, *schemas: str, database: str | None = None) -> dict[Table, Relation]:
        """All relations of the schemas, in one query each; a schema that is not there has none.

        `database` names another one than the session's own, which only DuckDB knows of.
        """

    def dependents(self, table: Table) -> tuple[DependentView, ...]:
        """The views that would go with the table, in the order in which they can be made again; () where views follow names."""

    def carried(self, table: Table, kind: Literal["table", "view"]) -> tuple[str, ...]:
        """Statements that give the next relation of this name, which is a `kind`, the owner, grants and comments of the one that
        has it now; () where the engine has none.
        """  # noqa: D205 - one sentence

    def cancel(self) -> None:
        """Stop the statement that runs now; called from another thread."""


class Warehouse(Protocol):
    """A place that runs SQL and takes Arrow. Opening it is cheap; `connect` may be called from any thread."""

    url: str
    capabilities: Capabilities

    def connect(self) -> Connection:
        """A new session. Raises WarehouseUnavailable or DriverMissing."""

    def close(self) -> None:
        """End what all sessions share."""
