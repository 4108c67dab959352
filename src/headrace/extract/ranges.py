"""The rows of a table or query as batches: in ranges of its key, several at once, so that a read that broke can be gone on with."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import islice
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from headrace.batch import Batch
from headrace.extract.marks import highest, lower
from headrace.extract.reader import after_where, past, up_to

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from headrace.extract.cells import Cell
    from headrace.extract.reader import Chunk, Reader
    from headrace.warehouse.embedded import Embedded

LARGEST = 64 * 1024 * 1024
"""Bytes of a range above which it is cut into smaller ones, whatever the database believed of its rows."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is read: columns, what stands after FROM, conditions; the key is that of its ranges, empty where it has none.

    Where `bounds` are given, they cut the key, which then holds for this read only: nothing can be gone on with after it broke.
    """

    cells: tuple[Cell, ...]
    relation: str
    where: tuple[str, ...]
    key: tuple[Cell, ...]
    most: int
    cursor: Cell | None
    cap: str | None
    settled: bool
    origin: str
    bounds: tuple[tuple[str], ...] | None = None


@dataclass(frozen=True, slots=True)
class _Range:
    """Rows past the key `low` and not past `high`, of which there are about `rows`; empty where the table begins or ends."""

    low: tuple[str, ...]
    high: tuple[str, ...]
    rows: int


@dataclass(slots=True)
class _Fetched:
    """What came of a range: its chunks, or, where it is too wide to be held, how many rows there were to LARGEST bytes."""

    chunks: list[Chunk] = field(default_factory=list)
    rows: int = 0
    size: int = 0

    @property
    def whole(self) -> bool:
        return self.size <= LARGEST


def batches(plan: Plan, reader: Reader, local: Embedded, parallel: int, after: tuple[str, ...]) -> Iterator[Batch]:
    """All rows of the plan whose key is past `after`; each batch says in `resume` where to go on after it."""
    if not plan.key:
        yield from _streamed(plan, reader)
        return
    whole = _Range(after, (), 0)
    ranges = _cut(plan, reader, whole, plan.most) if plan.bounds is None else _between(whole, plan.bounds, plan.most)
    with ExitStack() as stack:
        readers = [reader]
        while len(readers) < min(parallel, len(ranges)) and (more := reader.fork(local)):
            readers.append(stack.enter_context(closing(more)))
        yield from _in_order(plan, readers, ranges)


def _cut(plan: Plan, reader: Reader, whole: _Range, most: int) -> list[_Range]:
    """Ranges of so many rows, which the database counts; the last has the rest."""
    listed = ", ".join(reader.name(cell.original) for cell in plan.key)
    texts = ", ".join(reader.text(cell) for cell in plan.key)
    numbered = (
        f"(SELECT {listed}, row_number() OVER (ORDER BY {listed}) AS headrace_row "
        f"FROM {plan.relation}{_where(plan, reader, whole)}){reader.words.alias}numbered"
    )
    last = reader.words.remainder.format(value="headrace_row", by=most)
    bounds = reader.rows(f"SELECT {texts} FROM {numbered} WHERE {last} = 0 ORDER BY headrace_row")
    return _between(whole, bounds, most)


def _between(whole: _Range, bounds: Iterable[Iterable[Any]], most: int) -> list[_Range]:
    found, low = [], whole.low
    for bound in bounds:
        high = tuple(str(value) for value in bound)
        if high == whole.high:
            break
        found.append(_Range(low, high, most))
        low = high
    return [*found, _Range(low, whole.high, most)]


def _where(plan: Plan, reader: Reader, of: _Range) -> str:
    limits = [past(reader, plan.key, of.low)] if of.low else []
    limits += [up_to(reader, plan.key, of.high)] if of.high else []
    return after_where([*plan.where, *limits])


def _in_order(plan: Plan, readers: list[Reader], ranges: list[_Range]) -> Iterator[Batch]:
    """The ranges in the key's order, so that one place says how far all of them came; others are fetched meanwhile."""
    free: SimpleQueue[Reader] = SimpleQueue()
    for reader in readers:
        free.put(reader)

    def fetch(of: _Range) -> _Fetched:
        reader = free.get()
        try:
            return _fetch(plan, reader, of)
        finally:
            free.put(reader)

    def cut(of: _Range, most: int) -> list[_Range]:
        reader = free.get()
        try:
            return _cut(plan, reader, of, most)
        finally:
            free.put(reader)

    def pieces(of: _Range, fetched: _Fetched) -> Iterator[Batch]:
        if fetched.whole:
            yield _batch(plan, fetched.chunks, _going_on(plan, of) if of.high else {"done": True})
            return
        for part in cut(of, max(1, min(fetched.rows, of.rows - 1) // 4)):
            yield from pieces(part, pool.submit(fetch, part).result())

    upcoming = iter(ranges)
    pool = ThreadPoolExecutor(len(readers), thread_name_prefix="headrace-range")
    try:
        waiting = deque((pool.submit(fetch, of), of) for of in islice(upcoming, len(readers)))
        while waiting:
            fetching, of = waiting.popleft()
            fetched = fetching.result()
            waiting.extend((pool.submit(fetch, more), more) for more in islice(upcoming, 1))
            yield from pieces(of, fetched)
    finally:
        pool.shutdown(cancel_futures=True)


def _going_on(plan: Plan, of: _Range) -> dict[str, Any]:
    if plan.bounds is not None:
        return {"anew": True}
    return {"after": list(of.high), "key": [cell.original for cell in plan.key]}


def _fetch(plan: Plan, reader: Reader, of: _Range) -> _Fetched:
    """A range's rows; where they are too wide, only how many of them were too many. A single row is never too wide."""
    found = _Fetched()
    with closing(reader.read(plan.cells, plan.relation + _where(plan, reader, of), of.rows)) as chunks:
        for rows, refused in chunks:
            found.chunks.append((rows, refused))
            found.rows += rows.num_rows
            found.size += rows.nbytes + (refused.nbytes if refused is not None else 0)
            if not found.whole and of.rows > 1:
                found.chunks.clear()
                return found
    found.size = min(found.size, LARGEST)
    return found


def _streamed(plan: Plan, reader: Reader) -> Iterator[Batch]:
    chunks = reader.read(plan.cells, plan.relation + after_where(plan.where), plan.most)
    chunk = next(chunks, None)
    while chunk is not None:
        following = next(chunks, None)
        yield _batch(plan, [chunk], {"done": True} if following is None else {"anew": True})
        chunk = following


def _batch(plan: Plan, chunks: list[Chunk], resume: dict[str, Any]) -> Batch:
    from headrace.arrow import pa

    rows = pa.concat_tables([chunk for chunk, _ in chunks])
    refused = [rejected for _, rejected in chunks if rejected is not None]
    rejected = pa.concat_tables(refused) if refused else None
    if plan.settled or (plan.cursor and plan.cursor.counting):
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
