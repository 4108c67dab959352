"""A stream's table in partitions: what may split it, the partitions that a load needs, and where its keys can be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.errors import ChangeLossy, ConfigInvalid, StatementFailed
from headrace.load.extras import DELETED, since, validity
from headrace.schema import Kind, Widened
from headrace.sql import partitioned
from headrace.sql.operations import AddPartitions, Partition, Partitioning, Within

if TYPE_CHECKING:
    from headrace.load.job import Job
    from headrace.project.sources import Stream
    from headrace.schema import Column
    from headrace.table import Table
    from headrace.warehouse.base import Relation

MOST = 5000
"""How many partitions one load may need: beyond that, planning a query over the table takes longer than reading it."""

_WHOLE = (Kind.SMALLINT, Kind.INTEGER, Kind.BIGINT, Kind.HUGEINT)
_TIMES = (Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ)
_UNORDERED = (Kind.BOOLEAN, Kind.UUID)
"""Of which PostgreSQL knows no least value."""
_VALUES = (*_WHOLE, Kind.VARCHAR, Kind.BOOLEAN, Kind.DATE, Kind.UUID)


def partitioning(stream: Stream, columns: tuple[Column, ...]) -> Partitioning | None:
    """How the table is split; `columns` are those of the staged rows. Raises ConfigInvalid."""
    said = stream.spec.partition_by
    if said is None:
        return None
    column = next((each for each in columns if each.name == said.column), None)
    if column is None:
        arrived = ", ".join(each.name for each in columns if not each.name.startswith("_headrace_"))
        raise ConfigInvalid(
            f"{stream.label}: `partition_by` names the column '{said.column}', which did not arrive",
            where=stream.place,
            hint=f"these columns arrived: {arrived}",
        )
    fitting = _TIMES if said.granularity else _WHOLE if said.step else _VALUES
    if column.type.kind not in fitting:
        needs = (
            "dates and times" if said.granularity else "whole numbers" if said.step else "whole numbers, text and dates"
        )
        raise ConfigInvalid(
            f"{stream.label}: the column '{column.name}' of `partition_by` is {column.type}, and partitions are made of {needs}",
            where=stream.place,
            hint=f"declare `columns: {{{column.name}: timestamp}}`" if said.granularity else _hint(column),
        )
    return Partitioning(column.name, column.type, said.granularity, said.step)


def _hint(column: Column) -> str:
    if column.type.kind in _TIMES:
        return "say `granularity: day`, `month` or `year`"
    return "split by another column"


def check_split(job: Job) -> None:
    """Raise ChangeLossy where the table that is there is not split as the stream says: only a new one can be."""
    held = job.held
    if held is None or job.anew or not job.connection.capabilities.partitions:
        return
    retyped = (change.column.name for change in job.changes if isinstance(change, Widened))
    wanted = partitioned.scheme(job.by) if job.by else None
    if _plain(held) != (wanted and wanted.replace('"', "")):
        is_so = f"in partitions by {held.split}" if held.split else "not in partitions"
        what = f"{job.table} is {is_so}, and the stream says {wanted or 'nothing of partitions'}"
    elif job.by and job.by.column in retyped:
        what = f"the column '{job.by.column}' splits {job.table}, and its type cannot change"
    else:
        return
    raise ChangeLossy(
        f"{job.stream.label}: {what}", where=job.stream.place, hint="load the stream anew with --full-refresh"
    )


def _plain(held: Relation) -> str | None:
    return held.split.replace('"', "") if held.split else None


def add_partitions(job: Job, target: Table) -> tuple[str, ...]:
    """Make the partitions that the staged rows need and the table has not; their names. Raises ConfigInvalid where they are too many, or do not fit."""
    by, stream = job.by, job.stream
    if by is None:
        return ()
    found = _missing(job, target, by) if job.connection.capabilities.partitions else ()
    if len(found) > MOST:
        raise ConfigInvalid(
            f"{stream.label}: the rows of this load would need more than {MOST} partitions of '{by.column}'",
            where=stream.place,
            hint="take a coarser `granularity`, a greater `step`, or a column with fewer values",
        )
    try:
        job.connection.run(AddPartitions(target, by, found))
    except StatementFailed as error:
        if "would overlap partition" not in error.what:
            raise
        raise ChangeLossy(
            f"{stream.label}: {target} is in other partitions than `partition_by` says: {error.what}",
            where=stream.place,
            hint="load the stream anew with --full-refresh",
        ) from error
    return tuple(part.name for part in found)


def _missing(job: Job, target: Table, by: Partitioning) -> tuple[Partition, ...]:
    longest = job.connection.capabilities.max_name
    there = {name for (name,) in job.connection.rows(partitioned.there(), (target.schema, target.name))}
    found = [Partition(*row) for row in job.connection.rows(f"{partitioned.needed(by, job.staged)}\nLIMIT {2 * MOST}")]
    return tuple(part for part in found if target.beside(part.name, max_name=longest).name not in there)


def within(job: Job) -> Within | None:
    """Where in the table the staged keys can be, if less than all of it: their partitions' values are known to be theirs there too."""
    by = job.by
    if by is None or not _stays(job, by.column):
        return None
    found, unknown = _edges(job, by)
    return None if unknown else found


def arrived(job: Job) -> Within | None:
    """Where in the table the staged rows are that were let in, if less than all of it: each where its own value says."""
    by = job.by
    return _edges(job, by)[0] if by and job.own.get(by.column) else None


def _edges(job: Job, by: Partitioning) -> tuple[Within | None, int]:
    """Between what the staged rows are, and how many of them say that they are deleted and nothing of the column."""
    if by.type.kind in _UNORDERED:
        return None, 0
    deleted = DELETED if DELETED in job.staged_names else None
    ((low, high, without, unknown),) = job.connection.rows(partitioned.edges(by, job.staged, deleted))
    found = None if low is None else Within(by.column, by.type, low, high, without=bool(without))
    return found, int(unknown)


def _stays(job: Job, column: str) -> bool:
    """Whether a key never moves from one value of the column to another."""
    spec = job.stream.spec
    if column in spec.key:
        return True
    # The promise is made of rows. Keys that several rows share (`merge_key`) are in the partitions of all of them, and versions
    # are in the partitions of their times.
    promised = spec.partition_by is not None and spec.partition_by.immutable
    begins = since(job.stream, job.own) if job.stream.disposition == "scd2" else None
    moving = (validity(job.stream)[0], begins.name if begins else None) if job.stream.disposition == "scd2" else ()
    return promised and spec.key == spec.primary_key and column not in moving
