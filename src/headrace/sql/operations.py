"""What can be done to a table, as values. `sql.render.render` turns one into the statements of an engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from headrace.schema import Change, Schema, Type
    from headrace.table import Table


@dataclass(frozen=True, slots=True)
class DependentView:
    """A view over a table that is about to be replaced, with the query that makes it again.

    `carried` are the statements that give it its owner, grants, comments and options once more.
    """

    view: Table
    query: str
    carried: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Partitioning:
    """How a table is split by a column: by spans of time, by steps of a whole number, or by each of its values.

    `type` is that of the column.
    """

    column: str
    type: Type
    granularity: Literal["day", "month", "year"] | None = None
    step: int | None = None

    @property
    def ranges(self) -> bool:
        """Whether a partition holds a range of values."""
        return self.granularity is not None or self.step is not None

    @property
    def label(self) -> str:
        """What a partition's value is called, as in `created_at_month=2026-01`."""
        return f"{self.column}_{self.granularity or 'from'}" if self.ranges else self.column


@dataclass(frozen=True, slots=True)
class Partition:
    """The rows from `low` on and before `high`, both as text; without `high` those whose value is `low`, without both all others."""

    name: str
    low: str | None = None
    high: str | None = None


@dataclass(frozen=True, slots=True)
class Within:
    """The rows whose `column` is between two values, which are given as text, and with `without` those that have no value."""

    column: str
    type: Type
    low: str
    high: str
    without: bool = False


@dataclass(frozen=True, slots=True)
class CreateSchema:
    """Make the schema if it is not there, in the session's database or in another one."""

    name: str
    database: str | None = None


@dataclass(frozen=True, slots=True)
class CreateTable:
    """An empty table of these columns; `if_absent` leaves one that is there alone. `by` is how it is split, where engines declare that."""

    table: Table
    schema: Schema
    if_absent: bool = False
    by: Partitioning | None = None


@dataclass(frozen=True, slots=True)
class AddPartitions:
    """The table is split so, and gets these partitions, which are not there yet."""

    table: Table
    by: Partitioning
    partitions: tuple[Partition, ...]


@dataclass(frozen=True, slots=True)
class CreateTableAs:
    """A new table holding a query's result; `temporary` ones belong to the session."""

    table: Table
    query: str
    temporary: bool = False


@dataclass(frozen=True, slots=True)
class SetView:
    """A view of that name over the query; replaces a view of the same name whatever its columns were.

    Views over it, `kept` in order of need, are made again where the engine would not keep them; `carried` are statements that
    give it what the relation of that name had beside its rows.
    """

    view: Table
    query: str
    kept: tuple[DependentView, ...] = ()
    carried: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Append:
    """All rows of `staged` into `target`, by column name."""

    target: Table
    staged: Table
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Overwrite:
    """`target` holds the rows of `staged` and no others; readers see the old rows until the transaction commits."""

    target: Table
    staged: Table
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Merge:
    """`staged` rows replace those of the same key, and all others are added; the newest version of a row wins.

    `order` names the columns that say which of two rows of one key is newer (later in the list breaks ties); a row older than the
    one the table holds changes nothing. `hash` is the column whose equality says that nothing changed. Rows where the boolean
    column `deleted` is true remove their key; `tombstones`, a table of key and order columns, remembers them so that an older row
    that comes late does not bring the key back. `verdicts` is the temporary table that says of each staged row what became of it.
    """

    target: Table
    staged: Table
    verdicts: Table
    columns: tuple[str, ...]
    key: tuple[str, ...]
    order: tuple[str, ...] = ()
    hash: str | None = None
    deleted: str | None = None
    tombstones: Table | None = None
    texts: tuple[str, ...] = ()
    """The order columns that hold text: times and numbers in it compare as such, whatever their format, and all else as text."""
    mark: str | None = None
    """A column whose difference is a change, though it is not in the hash."""
    only_new: bool = False
    """Keys that the target has stay as they are, and of a key that comes more than once the first row is added."""
    before: tuple[Before, ...] = ()
    within: Within | None = None
    """A key that is staged stands nowhere else in `target`."""
    partitioned: bool = False
    """Whether `target` is in partitions, where a row is found by its key alone."""


@dataclass(frozen=True, slots=True)
class Before:
    """A column of which `target` keeps in `previous` the value before the last change, and in `at` when that came.

    `since` is the column of the staged row that says when its values came to be.
    """

    column: str
    previous: str
    at: str
    since: str


@dataclass(frozen=True, slots=True)
class Distinct:
    """Of the rows of `table` that have one key, the newest stays, as a merge would choose it; `order` and `texts` are as a merge's."""

    table: Table
    key: tuple[str, ...]
    order: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sweep:
    """What of `target` has a key that `staged` lacks is gone at the source.

    remove: its rows go. mark: the boolean column `column` becomes true. close: `column`, the end of a version that is open, becomes
    `at`, an SQL expression.
    """

    target: Table
    staged: Table
    key: tuple[str, ...]
    how: Literal["remove", "mark", "close"]
    column: str | None = None
    at: str = "current_timestamp"


@dataclass(frozen=True, slots=True)
class Orphans:
    """What of `target` says in `of` that it belongs to a row which is not there goes: `rows` have their names in `row`.

    With `among`, only what has a key of that table, or none, is looked at: `key` are pairs of a column of `target` and one of `among`.
    """

    target: Table
    rows: Table
    of: str
    row: str
    among: Table | None = None
    key: tuple[tuple[str, str], ...] = ()
    within: Within | None = None
    """What is looked at may belong to rows that stand there in `rows`, and to no others; with `among`, all of it has a key."""


@dataclass(frozen=True, slots=True)
class DeleteInsert:
    """Rows of `target` whose key is in `staged` go, then all rows of `staged` are added (dbt's `delete+insert`)."""

    target: Table
    staged: Table
    columns: tuple[str, ...]
    key: tuple[str, ...]
    predicates: tuple[str, ...] = ()
    expression: str | None = None
    """SQL of both tables that is compared instead of the key's columns."""
    within: Within | None = None
    """A key that is staged stands nowhere else in `target`."""


@dataclass(frozen=True, slots=True)
class ReplaceWindow:
    """Rows of `target` that meet a condition go, then the staged rows that meet it come (dbt's microbatch)."""

    target: Table
    staged: Table
    columns: tuple[str, ...]
    condition: str
    predicates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Upsert:
    """Staged rows update those of the same key and are added otherwise (dbt's `merge`), in one statement where the engine can.

    A key that `staged` holds twice is an error of the engine, as it is in dbt.
    """

    target: Table
    staged: Table
    columns: tuple[str, ...]
    key: tuple[str, ...]
    update: tuple[str, ...] = ()
    predicates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scd2:
    """History: `target` holds every version of a row, from `valid_from` on and before `valid_to`, which is NULL while it lasts.

    A staged row is the version that began at `changed_at`; wherever that lies, it takes its place among those that are there, and
    its neighbours end and begin where it does. One of the same time as a stored version replaces that version. A row whose `hash` is
    that of the version before it changes nothing. Rows where the boolean column `deleted` is true end the version of their time;
    `tombstones`, a table of the key and `valid_from`, remembers them for versions that come late. `verdicts` and `versions` are
    temporary tables: what became of each staged row, and the histories of the keys that change.
    """

    target: Table
    staged: Table
    verdicts: Table
    versions: Table
    columns: tuple[str, ...]
    key: tuple[str, ...]
    changed_at: str
    hash: str
    valid_from: str = "valid_from"
    valid_to: str = "valid_to"
    deleted: str | None = None
    tombstones: Table | None = None
    within: Within | None = None
    """All versions of a key that is staged stand there in `target`."""


@dataclass(frozen=True, slots=True)
class Publish:
    """`built` takes the name `target`; what had the name goes. Views over it, `kept` in order of need, are made again.

    `was` says what has the name now: table, view or nothing. Views that no longer fit are an error of the engine. `carried` are
    statements that give the new table the owner, grants and comments of what had the name.
    """

    target: Table
    built: Table
    was: str | None = None
    kept: tuple[DependentView, ...] = ()
    carried: tuple[str, ...] = ()
    partitions: tuple[str, ...] = ()
    """The names of the partitions of `built`."""


@dataclass(frozen=True, slots=True)
class AlterColumns:
    """Add columns and widen types, so that what arrived fits.

    Views over the table, `kept` in order of need, are made again where the engine does not widen a column that a view reads.
    """

    table: Table
    changes: tuple[Change, ...]
    kept: tuple[DependentView, ...] = ()


@dataclass(frozen=True, slots=True)
class Require:
    """No NULL may stand in these columns from now on; one that stands there already is an error of the engine."""

    table: Table
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Drop:
    """The relation goes, if it is there; `kind` is table or view."""

    table: Table
    kind: str = "table"


@dataclass(frozen=True, slots=True)
class Comment:
    """A description of a table, or of one column of it."""

    table: Table
    text: str
    column: str | None = None
    kind: str = "table"


Operation: TypeAlias = (
    CreateSchema
    | CreateTable
    | AddPartitions
    | CreateTableAs
    | SetView
    | Append
    | Overwrite
    | Merge
    | Distinct
    | Sweep
    | Orphans
    | DeleteInsert
    | ReplaceWindow
    | Upsert
    | Scd2
    | Publish
    | AlterColumns
    | Require
    | Drop
    | Comment
)
