"""The project that `headrace init` begins with, and the one of the demo."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

from headrace.errors import UsageError
from headrace.labs.realism import Realism
from headrace.labs.shop import Shop
from headrace.labs.writers import write_csv

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable
    from pathlib import Path

TIDY = Realism(
    late=0, soft_deletes=0.02, hard_deletes=0, duplicates=0, bad_types=0, bad_dates=0, bad_enums=0, null_burst_day=None
)
"""Busy, but nothing that a test would object to."""
RENAMED = {"gitignore.txt": ".gitignore"}
"""Files that would mean something to the tools that build the package if they had their own names there."""


def create(folder: Path, name: str = "shop") -> list[Path]:
    """Make the first project of a user in an empty or new folder: models, tests and the shop's data. Returns what was written."""
    written = copy_project("shop", folder, name)
    data = folder / "data"
    (data / "reference").mkdir(parents=True)
    tables = Shop(seed=11, orders=300, realism=TIDY).snapshot(3)
    written += [
        write_csv(data / f"{table}.csv", tables[table]) for table in ("customers", "orders", "items", "refunds")
    ]
    for table in ("stores", "products"):
        rows = [{column: value for column, value in row.items() if column != "updated_at"} for row in tables[table]]
        written.append(write_csv(data / "reference" / f"{table}.csv", rows))
    return written


def copy_project(which: Literal["shop", "demo"], folder: Path, name: str) -> list[Path]:
    """Write a project of the package into an empty or new folder under a name of its own."""
    if not re.fullmatch(r"[a-z_][a-z0-9_]*", name):
        raise UsageError(f"'{name}' cannot be a project's name", hint="small letters, digits and _, such as 'shop'")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is not empty", hint="name a new folder: headrace init NAME")
    written = []
    for parts, text in _texts(files("headrace.labs") / "projects" / which):
        path = folder.joinpath(*parts[:-1], RENAMED.get(parts[-1], parts[-1]))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_named(text, which, name) if parts in _NAMED else text, encoding="utf-8", newline="\n")
        written.append(path)
    return written


_NAMED = {("headrace.yml",), ("README.md",)}


def _named(text: str, which: str, name: str) -> str:
    text = text.replace(f"name: {which}\n", f"name: {name}\n", 1).replace(f"{which}.duckdb", f"{name}.duckdb")
    return re.sub(rf"\A# {which}\n", f"# {name}\n", text)


def _texts(folder: Traversable, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _texts(entry, (*above, entry.name))
        else:
            yield (*above, entry.name), entry.read_text(encoding="utf-8")
