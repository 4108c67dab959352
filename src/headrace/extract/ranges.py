"""The rows of a table or query as batches: in ranges of its key, several at once, so that a read that broke can be gone on with."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import islice
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from headrace.batch import Batch
from headrace.extract.marks import highest, lower
from headrace.sql.dialect import text as literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from headrace.extract.cells import Cell
    from headrace.table import Table
    from headrace.warehouse.embedded import Embedded

    Chunk: TypeAlias = tuple[pa.Table, pa.Table | None]


class Reader(Protocol):
    """A session of a source's database that sees one state of it. Errors are SourceUnavailable and SourceRefused."""

    @property
    def settled(self) -> bool:
        """Whether a whole read reaches its cursor's limit; else what it reached is asked of the rows."""

    def name(self, text: str) -> str:
        """An identifier in this database's quotes."""

    def columns(self, relation: str, table: Table | None) -> list[Cell]:
        """The columns of what stands after FROM, in order, under their names at the source."""

    def key(self, table: Table) -> tuple[str, ...]:
        """The columns of the primary key, in its order; empty if there is none."""

    def tables(self, schema: str | None) -> list[Table]:
        """The tables of a schema, or of the session's own; views and parts of tables are none."""

    def size(self, table: Table) -> tuple[int, int]:
        """About how many rows a table has, and how many bytes; zeros where nothing is known."""

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """A small result."""

    def comparable(self, cell: Cell) -> str:
        """A column as it is compared with a literal, in an order that does not depend on a language."""

    def limit(self, relation: str, cell: Cell) -> str | None:
        """The value of a cursor's column below which no row can still appear; None where nothing is known.

        With `settled`, no row of what is read is above it.
        """

    def read(self, cells: Sequence[Cell], rest: str, most: int) -> Iterator[Chunk]:
        """Rows of `SELECT columns FROM rest` in chunks of about `most` rows at most, and those that were refused."""

    def fork(self, local: Embedded) -> Reader | None:
        """Another session that sees the same state, if the database can do that."""

    def close(self) -> None:
        """End the session."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is read: columns, what stands after FROM, conditions; the key is that of its ranges, empty where it has none."""

    cells: tuple[Cell, ...]
    relation: str
    where: tuple[str, ...]
    key: tuple[Cell, ...]
    most: int
    large: bool
    cursor: Cell | None
    cap: str | None
    settled: bool
    origin: str


def batches(plan: Plan, reader: Reader, local: Embedded, parallel: int, after: tuple[str, ...]) -> Iterator[Batch]:
    """All rows of the plan whose key is past `after`; each batch says in `resume` where to go on after it."""
    if not plan.key or not plan.large:
        yield from _streamed(plan, reader)
        return
    names = [reader.name(cell.original) for cell in plan.key]
    row = f"({', '.join(names)})" if len(names) > 1 else names[0]
    where = [*plan.where, *([f"{row} > {_row(after)}"] if after else [])]
    bounds = reader.rows(
        f"SELECT {', '.join(names)} FROM (SELECT {', '.join(names)}, row_number() OVER (ORDER BY {', '.join(names)}) AS headrace_row "
        f"FROM {plan.relation}{after_where(where)}) AS numbered WHERE headrace_row % {plan.most} = 0 ORDER BY headrace_row"
    )
    ends: list[tuple[str, ...] | None] = [*(tuple(str(value) for value in bound) for bound in bounds), None]
    tasks, low = [], after
    for end in ends:
        limits = [f"{row} > {_row(low)}"] if low else []
        limits += [f"{row} <= {_row(end)}"] if end else []
        tasks.append((after_where([*plan.where, *limits]), end))
        low = end or low
    with ExitStack() as stack:
        readers = [reader]
        while len(readers) < min(parallel, len(tasks)) and (more := reader.fork(local)):
            readers.append(stack.enter_context(closing(more)))
        yield from _in_order(plan, readers, tasks)


def _in_order(plan: Plan, readers: list[Reader], tasks: list[tuple[str, tuple[str, ...] | None]]) -> Iterator[Batch]:
    """The ranges in the key's order, so that one place says how far all of them came; others are fetched meanwhile."""
    free: SimpleQueue[Reader] = SimpleQueue()
    for reader in readers:
        free.put(reader)

    def fetch(where: str) -> list[Chunk]:
        reader = free.get()
        try:
            return list(reader.read(plan.cells, plan.relation + where, plan.most))
        finally:
            free.put(reader)

    upcoming = iter(tasks)
    pool = ThreadPoolExecutor(len(readers), thread_name_prefix="headrace-range")
    try:
        waiting = deque((pool.submit(fetch, where), end) for where, end in islice(upcoming, len(readers)))
        while waiting:
            fetched, end = waiting.popleft()
            chunks = fetched.result()
            waiting.extend((pool.submit(fetch, where), to) for where, to in islice(upcoming, 1))
            yield _batch(plan, chunks, {"after": list(end)} if end else {"done": True})
    finally:
        pool.shutdown(cancel_futures=True)


def _streamed(plan: Plan, reader: Reader) -> Iterator[Batch]:
    chunks = reader.read(plan.cells, plan.relation + after_where(plan.where), plan.most)
    chunk = next(chunks, None)
    while chunk is not None:
        following = next(chunks, None)
        yield _batch(plan, [chunk], {"done": True} if following is None else {"anew": True})
        chunk = following


def _batch(plan: Plan, chunks: list[Chunk], resume: dict[str, Any]) -> Batch:
    import pyarrow as pa

    rows = pa.concat_tables([chunk for chunk, _ in chunks])
    refused = [rejected for _, rejected in chunks if rejected is not None]
    rejected = pa.concat_tables(refused) if refused else None
    if plan.settled:
        reached = plan.cap if resume.get("done") else None
    else:
        reached = highest(rows.column(plan.cursor.name), plan.cursor.type) if plan.cursor else None
    if plan.cursor:
        resume["cap"] = plan.cap
    return Batch(
        rows,
        rows.num_rows + (rejected.num_rows if rejected is not None else 0),
        rejected,
        lower(reached, plan.cap),
        resume,
        plan.origin,
    )


def after_where(conditions: Sequence[str]) -> str:
    """The conditions as a clause, which is empty where there are none."""
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _row(values: Sequence[str]) -> str:
    listed = ", ".join(literal(value) for value in values)
    return f"({listed})" if len(values) > 1 else listed
