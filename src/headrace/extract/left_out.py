"""A delimited file without its comments; the lines that are left keep their numbers."""

from __future__ import annotations

import csv
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from headrace.errors import FileUnreadable
from headrace.extract.cutting import BLOCK, Cut, beside, written
from headrace.extract.pieces import behind, cells_of, reader_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from headrace.extract.dialects import Dialect
    from headrace.extract.found import Found

_FAR = 8_000_000
_MARK = b"\xef\xbb\xbf"


def without_comments(file: Found, prefix: str, dialect: Dialect, width: int, scratch: Path, skipped: int) -> Found:
    """The file with an empty line for each that begins with the prefix, but for those within a value. Raises FileUnreadable."""
    if prefix.startswith((dialect.delimiter, dialect.quote)):
        raise FileUnreadable(
            f"{file.key}: `comment: {prefix}` begins as a row may, with the sign between values or a quote",
            hint="leave it out, or say how the file is written with `delimiter:` and `quote:`",
        )
    begin = behind(file.path, skipped).byte
    quoted = _holds(file.path, dialect.quote.encode(), begin)
    if not _holds(file.path, b"\n" + prefix.encode(), max(0, begin - 1)) and not _first(file.path, begin, prefix):
        return file
    lines = _Lines(prefix.encode(), begin)
    with file.path.open("rb") as raw:
        raw.seek(begin)
        cuts = list(_between_rows(lines, raw, dialect, width) if quoted else _all(lines, raw))
    if cuts and width == 1:
        raise FileUnreadable(
            f"{file.key} has one column, in which a line that is left out is an empty value",
            hint="take `comment:` away, and leave the comments out with `transform:`",
        )
    target = beside(file, scratch, "plain")
    written(file.path, cuts, target, b"")
    return replace(file, path=target)


def blank(path: Path, skipped: int) -> int:
    """How many lines are before the first row or the header: those that are skipped, and empty ones after them."""
    with path.open("rb") as raw:
        for number, line in enumerate(raw):
            if number >= skipped and line.removeprefix(_MARK if not number else b"").strip(b"\r\n"):
                return number
    return skipped


def _first(path: Path, begin: int, prefix: str) -> bool:
    with path.open("rb") as raw:
        raw.seek(begin)
        return raw.read(len(_MARK) + 4 * len(prefix)).removeprefix(_MARK).startswith(prefix.encode())


def _holds(path: Path, what: bytes, begin: int) -> bool:
    with path.open("rb") as raw:
        raw.seek(begin)
        tail = b""
        while block := raw.read(BLOCK):
            if what in tail + block:
                return True
            tail = block[-len(what) :]
    return False


@dataclass(slots=True)
class _Lines:
    """The lines of a file on their way to a parser: where the next one begins, and those that the row under way has taken."""

    prefix: bytes
    place: int
    again: deque[tuple[int, bytes]] = field(default_factory=deque)
    taken: list[tuple[int, bytes]] = field(default_factory=list)
    left_out: list[Cut] = field(default_factory=list)

    def next_of(self, raw: Iterator[bytes]) -> tuple[int, bytes] | None:
        """The next line with its place; None at the end."""
        if self.again:
            return self.again.popleft()
        line = next(raw, None)
        if line is None:
            return None
        at, self.place = self.place, self.place + len(line)
        return at, line

    def is_comment(self, at: int, line: bytes) -> bool:
        """Whether a line with which a row would begin is none; it is noted then."""
        if not line.removeprefix(b"" if at else _MARK).startswith(self.prefix):
            return False
        self.left_out.append(Cut(at, at + len(line), None, b"\r\n" if line.endswith(b"\r\n") else b"\n"))
        return True


def _all(lines: _Lines, raw: Iterator[bytes]) -> list[Cut]:
    """Each line that begins with the prefix, where no value can be of several lines."""
    while found := lines.next_of(raw):
        lines.is_comment(*found)
    return lines.left_out


def _between_rows(lines: _Lines, raw: Iterator[bytes], dialect: Dialect, width: int) -> list[Cut]:
    """Each line that begins with the prefix where a row would begin, by the parser that says what is no row."""
    while True:
        reader = reader_of(_fed(lines, raw), dialect)
        try:
            while True:
                lines.taken = []
                row = next(reader)
                if len(lines.taken) > 1 and len(cells_of(row, dialect, width)) != width:
                    break  # as in `pieces`: quotes that hold several lines and make no row of them
        except StopIteration:
            return lines.left_out
        except csv.Error:
            pass
        lines.again.extendleft(reversed(lines.taken[1:]))
        lines.taken = []


def _fed(lines: _Lines, raw: Iterator[bytes]) -> Iterator[str]:
    while found := lines.next_of(raw):
        if not lines.taken and lines.is_comment(*found):
            continue
        lines.taken.append(found)
        yield found[1].removesuffix(b"\n").decode("utf-8", "surrogateescape") + "\n"
        if lines.taken and found[0] - lines.taken[0][0] > _FAR:
            return
