"""Arrow columns of any type as columns of the types there are here: exact, or their row is rejected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace.arrow import pa, under
from headrace.batch import Batch
from headrace.naming import distinct_names
from headrace.sql.dialect import name as quoted
from headrace.sql.dialect import text as literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from headrace.warehouse.embedded import Embedded

_ROW = "headrace_row"
_NANOSECONDS = (pa.timestamp("ns").id, pa.time64("ns").id, pa.duration("ns").id)


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A column to be: its keys in the file, what it holds, the expression of its value, and the condition under which that is not exact."""

    keys: tuple[str, ...]
    held: str
    value: str
    refused: str | None = None
    mark: str | None = None


def batch_of(rows: pa.Table, origin: str, first: int, local: Embedded, *, flatten: bool) -> Batch:
    """The rows of a file, of which the first has the number `first`, as a Batch. A column that is null throughout is not there."""
    found = [
        leaf
        for name, column in zip(_numbered(rows), rows.columns, strict=True)
        for leaf in _columns((name,), column, flatten=flatten)
    ]
    plain = [_plain(column) for _, column in found]
    leaves = [
        leaf
        for at, ((keys, _), (_, of)) in enumerate(zip(found, plain, strict=True))
        for leaf in _leaves(keys, f"c{at}", of)
    ]
    leaves = leaves or [_Leaf(("value",), "NULL", "CAST(NULL AS VARCHAR)")]  # a row of no columns would be lost
    names = distinct_names([leaf.keys for leaf in leaves])
    source = pa.Table.from_arrays(
        [*(column for column, _ in plain), pa.array(range(first, first + rows.num_rows), pa.int64())],
        names=[*(f"c{at}" for at in range(len(plain))), _ROW],
    )
    tests = " ".join(f"WHEN {leaf.refused} THEN {at}" for at, leaf in enumerate(leaves) if leaf.refused)
    culprit = f"CASE {tests} END" if tests else "CAST(NULL AS INTEGER)"
    local.register("headrace_columns", source)
    try:
        inner = f"(SELECT *, {culprit} AS culprit FROM headrace_columns)"
        listed = ", ".join(f"{leaf.value} AS {quoted(names[leaf.keys])}" for leaf in leaves)
        made = local.table(f"SELECT {listed} FROM {inner} WHERE culprit IS NULL")
        rejected = None
        if made.num_rows < rows.num_rows:
            rejected = local.table(_rejected_sql(leaves, names, inner, origin))
    finally:
        local.unregister("headrace_columns")
    marks = {names[leaf.keys]: leaf.mark.encode() for leaf in leaves if leaf.mark}
    fields = [
        field.with_metadata({b"headrace": marks[field.name]}) if field.name in marks else field for field in made.schema
    ]
    return Batch(under(made, fields), rows.num_rows, rejected, None, {}, origin)


def _columns(
    keys: tuple[str, ...], column: pa.ChunkedArray, *, flatten: bool
) -> Iterator[tuple[tuple[str, ...], pa.ChunkedArray]]:
    """A column, or with `flatten` those of the objects in it."""
    if not (flatten and pa.types.is_struct(column.type)):
        yield keys, column
        return
    for field, inner in zip(column.type, column.flatten(), strict=True):
        yield from _columns((*keys, field.name), inner, flatten=True)


def _numbered(rows: pa.Table) -> list[str]:
    """The names of the columns; one that comes again gets the number of its place."""
    met: set[str] = set()
    names = []
    for at, name in enumerate(rows.column_names):
        names.append(name if name not in met else f"{name}_{at}")
        met.add(names[-1])
    return names


def _plain(column: pa.ChunkedArray) -> tuple[pa.ChunkedArray, pa.DataType]:
    """A column as the engine takes it without a loss, and what it stands for."""
    of = column.type
    if pa.types.is_dictionary(of):
        return _plain(column.cast(of.value_type))
    if pa.types.is_run_end_encoded(of):
        import pyarrow.compute as pc  # which takes as long to import as Arrow itself

        decoded = [pc.run_end_decode(chunk) for chunk in column.chunks]
        return _plain(pa.chunked_array(decoded, of.value_type))
    if pa.types.is_float16(of):
        return column.cast(pa.float32()), pa.float32()
    if pa.types.is_decimal256(of):
        return column.cast(pa.string()), pa.string()
    if of.id in _NANOSECONDS and of.unit == "ns":
        # The engine makes microseconds of nanoseconds with a zone in silence; as what has none, it keeps them.
        kind = pa.timestamp("ns") if pa.types.is_timestamp(of) else pa.int64()
        return pa.chunked_array([chunk.view(kind) for chunk in column.chunks], kind), of
    return column, of


def _leaves(keys: tuple[str, ...], at: str, of: pa.DataType) -> list[_Leaf]:
    if pa.types.is_null(of):
        return []
    if pa.types.is_nested(of):
        text = f"CAST(to_json({at}) AS VARCHAR)"
        # JSON has no word for what is not a number; the engine writes one all the same.
        bare = rf"""regexp_replace({text}, '"([^"\\]|\\.)*"', '', 'g')"""
        none = f"CASE WHEN regexp_matches({text}, 'NaN|Infinity') THEN regexp_matches({bare}, 'NaN|Infinity') ELSE FALSE END"
        return [_Leaf(keys, at, text, none, "json")]
    if of.id in _NANOSECONDS and of.unit == "ns" and not pa.types.is_timestamp(of):
        lost = f"{at} % 1000 <> 0"
        if pa.types.is_time(of):
            return [_Leaf(keys, at, f"CAST(TIME '00:00' + to_microseconds({at} // 1000) AS TIME)", lost)]
        return [_Leaf(keys, at, f"CAST(to_microseconds({at} // 1000) AS VARCHAR)", lost, "interval")]
    marked: str | None = {"extension<arrow.json>": "json", "extension<arrow.uuid>": "uuid"}.get(str(of))
    if marked is None and (pa.types.is_duration(of) or pa.types.is_interval(of)):
        marked = "interval"
    if marked:
        return [_Leaf(keys, at, f"CAST({at} AS VARCHAR)", None, marked)]
    if pa.types.is_uint64(of):
        return [_Leaf(keys, at, f"CAST({at} AS DECIMAL(20,0))")]
    if pa.types.is_timestamp(of):
        finer = f"{at} IS NOT NULL AND epoch_ns({at}) % 1000 <> 0" if of.unit == "ns" else None
        plain = f"CAST({at} AS TIMESTAMP)"
        return [_Leaf(keys, at, f"timezone('UTC', {plain})" if of.tz else plain, finer)]
    return [_Leaf(keys, at, at)]


def _rejected_sql(leaves: list[_Leaf], names: Mapping[tuple[str, ...], str], inner: str, origin: str) -> str:
    which = " ".join(f"WHEN {at} THEN {literal(names[leaf.keys])}" for at, leaf in enumerate(leaves))
    raw = "to_json({" + ", ".join(f"{literal(names[leaf.keys])}: {leaf.held}" for leaf in leaves) + "})"
    return (
        f"SELECT 'type' AS reason, CASE culprit {which} END AS \"column\","
        " 'its value has no exact one here: a time of nanoseconds, or a number in it that is none' AS detail,"
        f" CAST({raw} AS VARCHAR) AS raw, {literal(origin + ':')} || {_ROW} AS origin"
        f" FROM {inner} WHERE culprit IS NOT NULL ORDER BY {_ROW}"
    )


def sliced(reader: Any, start: int) -> Any:
    """The batches of a reader without the first rows, each with how many rows were before it."""
    before = 0
    for batch in reader:
        if before + batch.num_rows > start:
            cut = max(start - before, 0)
            yield before + cut, batch.slice(cut)
        before += batch.num_rows
