"""Calls of the embedded DuckDB's readers of files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from headrace.sql.dialect import name as quoted
from headrace.sql.dialect import text as literal

_READERS = {"csv": "read_csv", "parquet": "read_parquet"}


def reading(kind: str, paths: Sequence[str], options: Mapping[str, Any]) -> str:
    """A reader's call. DuckDB would make columns of folders by itself, with types by the files of this one call."""
    listed = [located(path) for path in paths]
    arguments = [
        listed[0] if len(listed) == 1 else f"[{', '.join(listed)}]",
        "hive_partitioning = false",
        *(f"{key} = {argument(value)}" for key, value in options.items()),
    ]
    return f"{_READERS[kind]}({', '.join(arguments)})"


def located(path: str) -> str:
    """The path of one file as an argument, whatever signs of patterns it has in it."""
    return literal(re.sub(r"([*?\[])", r"[\1]", path))


def argument(value: Any) -> str:
    """A Python value as an argument of a reader."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{quoted(key)}: {argument(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(argument(inner) for inner in value) + "]"
    return literal(value) if isinstance(value, str) else str(value)
