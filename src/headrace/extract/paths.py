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


def literal_path(path: str) -> str | None:
    """A key that has dots in its name, such as `@odata.nextLink`, as a path of one step; None where the path has no dot."""
    return f'$."{path}"' if "." in path and not path.startswith("$") and "[" not in path and '"' not in path else None


def pointer(keys: tuple[str, ...]) -> str:
    """Keys from the outside in as a JSON pointer, which takes any character."""
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys)


def keys_of(path: str) -> tuple[str, ...]:
    """The keys of a path without wildcards."""
    return tuple(
        single or double or index or word for single, double, index, word in _STEP.findall(path.removeprefix("$"))
    )


def normalised(name: str) -> str:
    """A name in snake_case: `orderId` and `Order ID` are `order_id`."""
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name))
    plain = re.sub(r"_{2,}", "_", re.sub(r"\W", "_", words)).lower()
    plain = plain if plain.startswith("_") and name.startswith("_") else plain.lstrip("_")
    plain = plain.rstrip("_") or "_"
    return f"_{plain}" if plain[0].isdigit() else plain


def distinct_names(originals: list[tuple[str, ...]]) -> dict[tuple[str, ...], str]:
    """A column name for each path; those that collide get a number, in an order that does not depend on arrival."""
    wanted = {keys: "__".join(normalised(key) for key in keys) for keys in originals}
    taken: set[str] = set()
    names: dict[tuple[str, ...], str] = {}
    for keys in sorted(wanted, key=lambda keys: ("__".join(keys) != wanted[keys], keys)):
        name, number = wanted[keys], 1
        while name in taken:
            number += 1
            name = f"{wanted[keys]}_{number}"
        taken.add(name)
        names[keys] = name
    return {keys: names[keys] for keys in originals}
