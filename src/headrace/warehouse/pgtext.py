"""Rows between DuckDB and PostgreSQL as COPY's text, which keeps every value of every type exactly.

DuckDB writes and reads the values, Arrow the CSV around them; Python touches a batch, never a row.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pyarrow.csv as pacsv

from headrace.arrow import pa
from headrace.schema import Column, Kind, Schema, Type
from headrace.sql.dialect import name, read_type, spell
from headrace.warehouse.embedded import CAPABILITIES as DUCKDB

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headrace.warehouse.embedded import Embedded

_NATIVE = {Kind.BOOLEAN, Kind.SMALLINT, Kind.INTEGER, Kind.BIGINT, Kind.DECIMAL, Kind.FLOAT, Kind.DOUBLE}
_CALENDAR = {Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ}
_NESTED = {Kind.LIST, Kind.STRUCT}
_BLOCK = 16 * 1024 * 1024  # bytes; a row has to fit into one


def described(local: Embedded, query: str) -> Schema:
    """The columns of a DuckDB query's result."""
    rows = local.rows(f"DESCRIBE SELECT * FROM (\n{query}\n)")
    return Schema(tuple(Column(row[0], read_type(row[1])) for row in rows))


def written(query: str, schema: Schema, *, cast: bool) -> str:
    """A DuckDB query for the values of another, each as Arrow's CSV writer and PostgreSQL understand it.

    `cast` turns the values into the schema's types first.
    """
    values = ", ".join(f"{_outward(column, cast=cast)} AS {name(column.name)}" for column in schema)
    return f"SELECT {values} FROM (\n{query}\n)"


def _outward(column: Column, *, cast: bool) -> str:
    held, kind = name(column.name), column.type.kind
    if cast:
        held = f"CAST({held} AS {spell(column.type, DUCKDB)})"
    if kind is Kind.BLOB:
        return f"'\\x' || hex({held})"
    if kind in _NESTED:
        return f"CAST(to_json({held}) AS VARCHAR)"
    if kind is Kind.JSON:
        # A cast leaves JSON as it is written; `to_json` would write its numbers anew, 1.10 as 1.1 and long ones rounded.
        return f"CAST(CAST({held} AS JSON) AS VARCHAR)"
    if kind in _CALENDAR:
        return f"replace(CAST({held} AS VARCHAR), '(BC)', 'BC')"
    return held if kind in _NATIVE else f"CAST({held} AS VARCHAR)"


def csv_pages(reader: pa.RecordBatchReader) -> Iterator[bytes]:
    """Arrow batches as CSV: NULL is nothing at all, every text is in quotes."""
    options = pacsv.WriteOptions(include_header=False)
    for batch in reader:
        page = io.BytesIO()
        pacsv.write_csv(batch, page, options)
        yield page.getvalue()


def selected(sql: str, schema: Schema) -> str:
    """A PostgreSQL query for the same result in columns c0, c1, …, arrays as JSON."""
    places = [f"c{at}" for at in range(len(schema.columns))]
    values = ", ".join(
        f"to_jsonb({place})" if column.type.kind is Kind.LIST else place
        for place, column in zip(places, schema, strict=True)
    )
    return f"SELECT {values} FROM (\n{sql.rstrip().rstrip(';')}\n) AS q({', '.join(places)})"


def read_pages(pages: Iterator[bytes], schema: Schema, local: Embedded) -> pa.RecordBatchReader:
    """CSV from PostgreSQL as Arrow batches of the schema's types, cast by DuckDB."""
    places = [f"c{at}" for at in range(len(schema.columns))]
    text = pa.schema([(place, pa.string()) for place in places])
    first = next((page for page in pages if page), None)
    if first is None:
        data = pa.RecordBatchReader.from_batches(text, [])
    else:
        data = pacsv.open_csv(
            pa.PythonFile(_Stream(first, pages), mode="r"),
            pacsv.ReadOptions(column_names=places, block_size=_BLOCK, use_threads=False),
            pacsv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            pacsv.ConvertOptions(
                column_types={place: pa.string() for place in places},
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
    # A DuckDB relation scans a reader, not a streaming CSV reader.
    local.register("arrived", pa.RecordBatchReader.from_batches(text, iter(data)))
    values = ", ".join(
        f"{_inward(place, column.type)} AS {name(column.name)}" for place, column in zip(places, schema, strict=True)
    )
    return local.query(f"SELECT {values} FROM arrived")


def _inward(place: str, kind: Type) -> str:
    word = spell(kind, DUCKDB)
    match kind.kind:
        case Kind.BLOB:
            return f"unhex(substr({place}, 3))"
        case Kind.DATE | Kind.TIMESTAMP | Kind.TIMESTAMPTZ:
            # PostgreSQL writes the era at the end, DuckDB after the day.
            before = f"regexp_replace({place}, '^(\\S+)(.*) BC$', '\\1 (BC)\\2')"
            return f"CAST(CASE WHEN {place} LIKE '% BC' THEN {before} ELSE {place} END AS {word})"
        case Kind.LIST:
            return f"CAST(CAST({place} AS JSON) AS {word})"
        case Kind.INTERVAL:
            return f"CAST(replace({place}, 'mon', 'month') AS INTERVAL)"
        case _:
            return f"CAST({place} AS {word})"


class _Stream(io.RawIOBase):
    """Pages of bytes as a file that is read once."""

    def __init__(self, first: bytes, pages: Iterator[bytes]) -> None:
        super().__init__()
        self._rest = memoryview(first)
        self._pages = pages

    def readable(self) -> bool:
        """Yes; Arrow asks."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Up to so many bytes, fewer only at the end."""
        parts, missing = [], size if size >= 0 else 1 << 62
        while missing:
            if not self._rest:
                page = next(self._pages, None)
                if page is None:
                    break
                self._rest = memoryview(page)
            part, self._rest = self._rest[:missing], self._rest[missing:]
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)
