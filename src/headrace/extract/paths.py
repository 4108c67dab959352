"""The paths that say where something is in a JSON document: `a.b`, `$.a[*]`, `['a.b']`."""

from __future__ import annotations

import re

_STEP = re.compile(r"""\['([^']*)'\]|\["([^"]*)"\]|\[(\*|-?\d+)\]|\.?([^.\[\]]+)""")


def duckdb_path(path: str) -> str:
    """The path in DuckDB's JSONPath, every key quoted."""
    found = "$"
    for single, double, index, word in _STEP.findall(path.strip().removeprefix("$")):
        key = single or double or word
        found += f"[{index.replace('-', '#-')}]" if index else "[*]" if key == "*" else f'."{key}"'
    return found


def until_list(path: str) -> tuple[str, str]:
    """The path up to its first wildcard, in DuckDB's JSONPath, and what is behind that."""
    text = path.strip().removeprefix("$")
    star = next((step for step in _STEP.finditer(text) if "*" in (step[3], step[4])), None)
    return (duckdb_path(text[: star.start()]), text[star.end() :]) if star else (duckdb_path(text), "")


def literal_path(path: str) -> str | None:
    """A key that has dots in its name, such as `@odata.nextLink`, as a path of one step; None where the path has no dot."""
    return f'$."{path}"' if "." in path and not path.startswith("$") and "[" not in path and '"' not in path else None


def keys_of(path: str) -> tuple[str, ...]:
    """The keys of a path without wildcards."""
    return tuple(
        single or double or index or word for single, double, index, word in _STEP.findall(path.removeprefix("$"))
    )
