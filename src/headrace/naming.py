"""From the names that sources use to the names of tables and columns."""

from __future__ import annotations

import hashlib
import re


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


LONGEST = 63
"""The bytes of a name that every engine keeps."""
RESERVED = frozenset(
    {"added", "built", "here", "layer", "raw", "refused", "staged", "tombstones", "verdicts", "versions"}
)
"""What follows the last `__` in the names of tables that headrace has beside a table."""


def table_name(name: str, longest: int) -> str:
    """The name of a table of list elements: no other table of headrace's has it, and no longer one has it either."""
    if name.rpartition("__")[2] in RESERVED:
        name += "_"
    return shortened(name, longest)


def shortened(name: str, longest: int) -> str:
    """The name itself, or, where it has more bytes than an engine keeps, its beginning and a hash of all of it."""
    if len(name.encode()) <= longest:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:10]
    head = name.encode()[: longest - len(digest) - 1].decode(errors="ignore")
    return f"{head}_{digest}"
