"""The query of the embedded DuckDB that reads a file as its Scan says.

A Scan of a CSV file or of JSON lines is made from a sample, and reading it fails where a line does not fit: the file is then read
anew, as Batches. A Parquet file says itself what it holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.sql.delimited import delimited_query
from headrace.sql.dialect import name as quoted
from headrace.sql.dialect import read_type
from headrace.sql.dialect import text as literal
from headrace.sql.lines import lines_query
from headrace.sql.readers import reading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.batch import Scan


def scan_query(scan: Scan, origin: str) -> str:
    """A query for the rows of a file, with a column `origin` that says which file that is.

    The option `rename` maps the names of a Parquet file to the stream's. Of a CSV file `columns` are the types its texts are to have,
    `declared` those that the stream demands, `empty` those that hold nothing, `decimal` and `thousands` how its numbers are written; all others are the reader's. The
    options of JSON lines are `fields` and `compact`, see `sql.lines`. Reading the column `origin` fails where a line does not fit.
    """
    called = scan.origin or scan.path
    if scan.format == "jsonl":
        compact = bool(scan.options.get("compact"))
        return lines_query(scan.path, scan.options["fields"], called, origin, compact=compact)
    if scan.format == "csv":
        return _delimited(scan, called, origin)
    options = {key: value for key, value in scan.options.items() if key != "rename"}
    listed = _listed(scan.options.get("rename") or {})
    return f"SELECT {listed}, {literal(called)} AS {quoted(origin)} FROM {reading(scan.format, scan.path, options)}"


def _delimited(scan: Scan, called: str, origin: str) -> str:
    options = dict(scan.options)
    declared, notation = options.pop("declared", ()), (options.pop("decimal", "."), options.pop("thousands", ""))
    empty = options.pop("empty", ())
    columns = {name: read_type(word) for name, word in options["columns"].items()}
    texts = reading("csv", scan.path, {**options, "columns": dict.fromkeys(columns, "VARCHAR")})
    return delimited_query(texts, columns, declared, notation, (called, origin), empty)


def _listed(rename: Mapping[str, str]) -> str:
    return ", ".join(f"{quoted(old)} AS {quoted(new)}" for old, new in rename.items()) or "*"
