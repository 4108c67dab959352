"""The query of the embedded DuckDB that reads a file as its Scan says.

A Scan is made for a file of which every line was seen to fit, so the fast typed read loses nothing and rejects nothing; a file with
lines that do not fit arrives as a Batch, with those lines rejected.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from headrace.sql.exact import literal, quoted

if TYPE_CHECKING:
    from headrace.batch import Scan

_READERS = {"csv": "read_csv", "json": "read_json", "jsonl": "read_json", "parquet": "read_parquet"}


def scan_query(scan: Scan) -> str:
    """A query for the rows of a file. The option `rename` maps the file's names to the stream's; all others are the reader's."""
    options = {key: value for key, value in scan.options.items() if key != "rename"}
    return f"SELECT {_listed(scan.options.get('rename') or {})} FROM {reading(scan.format, scan.path, options)}"


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
