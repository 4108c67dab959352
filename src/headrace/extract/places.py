"""Places where files are: what every place can do, and how a pattern is looked for in one that lists folders."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_WILD = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Listed:
    """A file, or a folder, as its place lists it. `version` is what becomes another when the content does."""

    path: str
    name: str
    version: str
    size: int | None = None
    folder: bool = False


class Broken(Exception):
    """A transfer ended before its end, or was refused for now: what came stays, and it is gone on with."""


class Place(Protocol):
    """Files that are not on this disk. Its errors are SourceUnavailable, SourceRefused and RequestFailed."""

    scratch_name: str
    """What its files lie under in scratch folders, so that names of several places do not meet."""

    flat: bool
    """Whether a folder is not seen from above unless somebody made it: patterns are then looked for in all that is below."""

    def list(self, folder: str, *, deep: bool) -> Iterator[Listed]:
        """What is in a folder, or everything below it; nothing where there is no such folder."""

    def look(self, path: str) -> Listed | None:
        """The file of that path as it is now; None where there is none."""

    def tag(self, path: str) -> str:
        """The tag of the file's content. Raises NotSupported where the place has none."""

    def fetch(self, file: Listed, part: Path) -> None:
        """Write the file to `part`, going on where that ends. Raises Broken, and FileNotFoundError where it is gone."""

    def close(self) -> None:
        """End the connections."""


def is_pattern(path: str) -> bool:
    """Whether there is a wildcard in it."""
    return _WILD.search(path) is not None


def matching(place: Place, pattern: str, after: str | None = None) -> Iterator[Listed]:
    """The files a pattern matches, in no order. Folders all of whose names sort before `after` are not listed.

    Folders are listed level by level as far as the pattern says what they are called, and in one go from `**` on.
    """
    if not is_pattern(pattern):
        found = place.look(pattern)
        if found is not None and not found.folder:
            yield found
        return
    steps = pattern.split("/")
    fixed = next(at for at, step in enumerate(steps) if is_pattern(step))
    yield from _below(place, "/".join(steps[:fixed]), steps[fixed:], after)


def _below(place: Place, folder: str, steps: list[str], after: str | None) -> Iterator[Listed]:
    deep = place.flat or steps[0] == "**"
    wanted = re.compile(_expression("/".join(steps) if deep else steps[0]))
    start = len(folder) + 1 if folder else 0
    for found in place.list(folder, deep=deep):
        if deep:
            if not found.folder and wanted.fullmatch(found.path[start:]):
                yield found
        elif wanted.fullmatch(found.path[start:]) and found.folder == (len(steps) > 1):
            if not found.folder:
                yield found
            elif after is None or f"{found.name}/" >= after or after.startswith(f"{found.name}/"):
                rest = steps[1:]
                if any(is_pattern(step) for step in rest):
                    fixed = next(at for at, step in enumerate(rest) if is_pattern(step))
                    yield from _below(place, "/".join([found.path, *rest[:fixed]]), rest[fixed:], after)
                elif (one := place.look("/".join([found.path, *rest]))) is not None and not one.folder:
                    yield one


def _expression(pattern: str) -> str:
    """A pattern as a regular expression, with the meanings of glob: a name that begins with a dot is not matched by a wildcard."""
    parts = []
    for step in pattern.split("/"):
        if step == "**":
            parts.append(r"(?:(?!\.)[^/]+/)*")
            continue
        found = "".join(_character(piece) for piece in re.findall(r"\[!?\]?[^\]]*\]|.", step))
        parts.append((r"(?!\.)" if step[:1] in ("*", "?", "[") else "") + found + "/")
    whole = "".join(parts)
    return whole + r"(?!\.)[^/]+" if pattern.endswith("**") else whole.removesuffix("/")


def _character(piece: str) -> str:
    if piece == "*":
        return "[^/]*"
    if piece == "?":
        return "[^/]"
    if len(piece) > 2 and piece[0] == "[":
        inner = piece[1:-1].replace("\\", "\\\\").replace("[", "\\[")
        return f"[^/{inner[1:]}]" if inner[0] == "!" else f"[{inner}]"
    return re.escape(piece)
