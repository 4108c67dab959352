"""The query of the embedded DuckDB that reads a file as its Scan says.

A Scan of a CSV or Parquet file is made when every line was seen to fit, so the fast typed read loses nothing and rejects nothing; a
file with lines that do not fit arrives as a Batch, with those lines rejected. A Scan of JSON lines is made from a sample, and reading it
fails where a line does not fit: the file is then read anew, as Batches.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from headrace.sql.dialect import name as quoted
from headrace.sql.dialect import text as literal
from headrace.sql.lines import lines_query

if TYPE_CHECKING:
    from headrace.batch import Scan

_READERS = {"csv": "read_csv", "parquet": "read_parquet"}


def scan_query(scan: Scan, origin: str) -> str:
    """A query for the rows of a file, with a column `origin` that says which file that is.

    The option `rename` maps the file's names to the stream's; all others are the reader's. The options of JSON lines are `fields` and
    `compact`, see `sql.lines`; reading the column `origin` fails where a line does not fit them.
    """
    called = scan.origin or scan.path
    if scan.format == "jsonl":
        compact = bool(scan.options.get("compact"))
        return lines_query(scan.path, scan.options["fields"], called, origin, compact=compact)
    options = {key: value for key, value in scan.options.items() if key != "rename"}
    listed = _listed(scan.options.get("rename") or {})
    return f"SELECT {listed}, {literal(called)} AS {quoted(origin)} FROM {reading(scan.format, scan.path, options)}"


def reading(kind: str, path: str, options: Mapping[str, Any]) -> str:
    """A reader's call."""
    arguments = [literal(path), *(f"{key} = {argument(value)}" for key, value in options.items())]
    return f"{_READERS[kind]}({', '.join(arguments)})"


def _listed(rename: Mapping[str, str]) -> str:
    return ", ".join(f"{quoted(old)} AS {quoted(new)}" for old, new in rename.items()) or "*"


def argument(value: Any) -> str:
    """A Python value as an argument of a reader."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{quoted(key)}: {argument(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(argument(inner) for inner in value) + "]"
    return literal(value) if isinstance(value, str) else str(value)
