"""From the names that sources use to the names of tables and columns: distinct ones that every engine takes, and that stay."""

from __future__ import annotations

import json
import re
import threading
import unicodedata
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Literal, TypeAlias

from headrace.table import shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Convention: TypeAlias = Literal["snake_case", "sql_ci", "direct"]
"""How a name is written: in lower case with its words apart; in lower case; as it is."""
CONVENTIONS: tuple[Convention, ...] = ("snake_case", "sql_ci", "direct")
LONGEST = 63
"""The bytes of a name that every engine keeps."""
_OWN = "_headrace_"
_TAKEN = frozenset({"rowid", "ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"})
"""What engines call columns that every table has."""
_BESIDE = frozenset(
    {"added", "built", "here", "layer", "raw", "refused", "staged", "tombstones", "verdicts", "versions"}
)
"""What follows the last `__` in the names of tables that headrace has beside a table."""


def normalised(name: str) -> str:
    """A name in snake_case: `orderId` and `Order ID` are `order_id`."""
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name))
    return _plain(words, name)


def _plain(words: str, name: str) -> str:
    plain = re.sub(r"_{2,}", "_", re.sub(r"\W", "_", unicodedata.normalize("NFC", words))).lower()
    plain = plain if plain.startswith("_") and name.startswith("_") else plain.lstrip("_")
    plain = plain.rstrip("_") or "_"
    return f"_{plain}" if plain[0].isdigit() else plain


def written(name: str, convention: Convention) -> str:
    """A name in a convention, whatever other names there are."""
    match convention:
        case "snake_case":
            return normalised(name)
        case "sql_ci":
            return _plain(name, name)
        case "direct":
            return name.replace("\x00", "").encode(errors="replace").decode() or "_"


class Names:
    """The columns of one table by their names at the source: each keeps its own, whatever others come.

    `renamed` and `taken` are what an earlier one left: the names that were changed, and the columns that there are. Safe to use from
    threads.
    """

    def __init__(
        self,
        convention: Convention = "snake_case",
        renamed: Mapping[str, str] | None = None,
        taken: Iterable[str] = (),
    ) -> None:
        self.convention = convention
        self._columns = dict(renamed or {})
        self._owned = {_folded(column) for column in self._columns.values()}
        for column in taken:
            if _folded(column) not in self._owned:
                self._take(column, column)
        self._guard = threading.Lock()

    @property
    def known(self) -> dict[str, str]:
        """The columns of all names that came, by what they are called at the source."""
        with self._guard:
            return dict(self._columns)

    @property
    def renamed(self) -> dict[str, str]:
        """Those that are not called as at the source."""
        return {key: column for key, column in self.known.items() if key != column}

    def of(self, paths: Iterable[tuple[str, ...]]) -> dict[tuple[str, ...], str]:
        """A column for each path of keys. Of new names that would be one, the one that needs no change stays, others get a number."""
        paths = list(paths)
        with self._guard:
            wanted = {path: self._wanted(path) for path in paths}
            for path in sorted(wanted, key=lambda path: ("__".join(path) != wanted[path], path)):
                if _key(path) not in self._columns:
                    self._take(_key(path), self._free(wanted[path]))
            return {path: self._columns[_key(path)] for path in paths}

    def _take(self, key: str, column: str) -> None:
        self._columns[key] = column
        self._owned.add(_folded(column))

    def _wanted(self, path: tuple[str, ...]) -> str:
        name = "__".join(written(key, self.convention) for key in path)
        if _folded(name).startswith(_OWN):
            name = name[1:]
        return shortened(f"{name}_" if _folded(name) in _TAKEN else name, LONGEST)

    def _free(self, wanted: str) -> str:
        name, number = wanted, 1
        while _folded(name) in self._owned:
            number += 1
            tail = f"_{number}"
            name = shortened(wanted, LONGEST - len(tail)) + tail
        return name


def _key(path: tuple[str, ...]) -> str:
    """A path as one text: the name itself where that can be nothing else."""
    return path[0] if len(path) == 1 and not path[0].startswith("[") else json.dumps(path)


def _folded(name: str) -> str:
    # DuckDB's columns differ by more than case.
    return name.casefold()


_now: ContextVar[Names | None] = ContextVar("names", default=None)


@contextmanager
def naming(names: Names) -> Iterator[None]:
    """Have columns that are read inside the block, in this context and in copies of it, named so."""
    token = _now.set(names)
    try:
        yield
    finally:
        _now.reset(token)


def convention() -> Convention:
    """The convention that holds here."""
    names = _now.get()
    return names.convention if names else "snake_case"


def distinct_names(originals: Iterable[tuple[str, ...]]) -> dict[tuple[str, ...], str]:
    """A column's name for each path of keys."""
    return (_now.get() or Names()).of(originals)


def table_name(name: str) -> str:
    """The name of a table of list elements: none of the tables that headrace has beside others, and not too long."""
    if name.rpartition("__")[2] in _BESIDE:
        name += "_"
    return shortened(name, LONGEST)
