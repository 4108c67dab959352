"""Rows that a program hands over, as Arrow: data frames, tables and batches as they are, and dicts turned into columns."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from headrace.extract.duckdb_file import DuckdbReader
from headrace.naming import distinct_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from headrace.arrow import pa
    from headrace.warehouse.embedded import Embedded

_GIVEN = "headrace_given"
_NUMBERS = ({int, float}, {int, Decimal})


class NoColumn(TypeError):
    """No column holds the values that were given; `hint` says what to do, where that is known."""

    def __init__(self, what: str, hint: str | None = None) -> None:
        super().__init__(what)
        self.hint = hint


def is_table(value: object) -> bool:
    """Whether a value is columns already."""
    return hasattr(value, "__arrow_c_stream__") or hasattr(value, "__arrow_c_array__")


def tables_of(value: Any, local: Embedded, most: int) -> Iterator[pa.Table]:
    """Whatever speaks Arrow, as tables of so many rows at most whose names and types are those of a stream's rows."""
    from headrace.arrow import pa

    if hasattr(value, "__arrow_c_stream__"):
        reader = pa.RecordBatchReader.from_stream(value)
    else:
        batch = pa.record_batch(value)
        reader = pa.RecordBatchReader.from_batches(batch.schema, [batch])
    marks = {field.name: field.metadata for field in reader.schema if field.metadata and b"headrace" in field.metadata}
    # A session of its own: whoever takes the tables asks the other one meanwhile.
    session = local.cursor()
    session.execute("SET TimeZone = 'UTC'")
    session.register(_GIVEN, reader)
    try:
        asking = DuckdbReader(session)
        cells = asking.columns(_GIVEN, None)
        names = distinct_names([(cell.original,) for cell in cells])
        cells = [replace(cell, name=names[cell.original,]) for cell in cells]
        for rows, _ in asking.read(cells, _GIVEN, most):
            yield rows if not marks else _marked(rows, {names[one,]: metadata for one, metadata in marks.items()})
    finally:
        session.close()


def _marked(rows: pa.Table, marks: Mapping[str, Any]) -> pa.Table:
    from headrace.arrow import pa

    fields = [field.with_metadata(marks[field.name]) if field.name in marks else field for field in rows.schema]
    return pa.Table.from_arrays(rows.columns, schema=pa.schema(fields))


def columns_of(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Dicts as a table; a column that was None throughout is left out. Raises NoColumn, naming it, where nothing holds a value."""
    from headrace.arrow import pa

    names = dict.fromkeys(key for row in rows for key in row)
    arrays, fields = [], []
    for name in names:
        values = [row.get(name) for row in rows]
        kinds = {type(value) for value in values if value is not None}
        if not kinds:
            continue
        try:
            array, mark = _column(values, kinds)
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            told = ", ".join(sorted(kind.__name__ for kind in kinds))
            what = f"the column '{name}' holds {told}: {str(error).splitlines()[0]}"
            raise NoColumn(what, error.hint if isinstance(error, NoColumn) else None) from error
        arrays.append(array)
        fields.append(pa.field(str(name), array.type, metadata={b"headrace": mark.encode()} if mark else None))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def _column(values: list[Any], kinds: set[type]) -> tuple[pa.Array, str | None]:
    """One column, and what its text stands for. Values of several kinds are text, as JSON where they are not all plain."""
    from headrace.arrow import pa

    if kinds & {dict, list, tuple, set}:
        return pa.array([None if one is None else _json(one) for one in values], pa.string()), "json"
    if kinds == {UUID}:
        return pa.array([None if one is None else str(one) for one in values], pa.string()), "uuid"
    if kinds == {timedelta}:
        spans = [None if one is None else f"{one // timedelta(microseconds=1)} microseconds" for one in values]
        return pa.array(spans, pa.string()), "interval"
    if kinds == {int} and any(abs(one) >= 1 << 63 for one in values if one is not None):
        return pa.array([None if one is None else Decimal(one) for one in values]), None
    if kinds == {datetime} and len({one.tzinfo is None for one in values if one is not None}) > 1:
        raise NoColumn("some times have a zone and others have none", "give a zone to all of them, or to none")
    if Decimal in kinds and kinds <= {int, Decimal}:
        strange = next((one for one in values if isinstance(one, Decimal) and not one.is_finite()), None)
        if strange is not None:
            hint = "yield None in its place, or floats in the whole column, of which one may be NaN or Infinity"
            raise NoColumn(f"{strange} is no number that a decimal holds", hint)
    if len(kinds) == 1 or kinds in _NUMBERS:
        return pa.array(values), None
    return pa.array([None if one is None else _text(one) for one in values], pa.string()), None


def _json(value: object) -> str:
    try:
        return json.dumps(value, default=_plain, allow_nan=False)
    except ValueError as error:
        if "JSON compliant" not in str(error):
            raise
        raise NoColumn("JSON has no word for NaN and Infinity", "yield None in their place") from error


def _text(value: object) -> str:
    return value if isinstance(value, str) else str(_plain(value))


def _plain(value: object) -> Any:
    """What JSON has no word for, as text."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, set):
        return sorted(value)
    return value if isinstance(value, bool | int | float) else str(value)
