"""A file written anew without some of its lines."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from headrace.extract.found import Found
    from headrace.extract.texts import Torn

BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Cut:
    """A line that is left out, from byte to byte, and what is wrong with it: None where that is one of its values, or nothing."""

    start: int
    end: int
    torn: Torn | None
    ending: bytes = b"\n"


def beside(file: Found, scratch: Path, ending: str) -> Path:
    """Where something that is made of a file is kept: a package that is gone on with has the files of before."""
    return scratch / f"{hashlib.sha256(f'{file.key} {file.stamp}'.encode()).hexdigest()[:16]}.{ending}"


def written(source: Path, cuts: Sequence[Cut], target: Path, marker: bytes | None) -> list[int]:
    """Write a file without some lines, or with a marker for each; the numbers of these lines."""
    numbers, lines, at = list[int](), 0, 0
    with source.open("rb") as raw, target.open("wb") as out:
        for cut in cuts:
            lines += sum(_copied(raw, out, cut.start - at))
            numbers.append(lines + 1)
            if marker is not None:
                out.write(marker + cut.ending)
            lines, at = lines + 1, cut.end
            raw.seek(at)
        for _ in _copied(raw, out, source.stat().st_size - at):
            pass
    return numbers


def without_footer(file: Found, lines: int, scratch: Path) -> Found:
    """The file without so many of its last lines."""
    if not lines:
        return file
    target, size = beside(file, scratch, "body"), file.path.stat().st_size
    written(file.path, [Cut(_footer(file.path, lines), size, None)], target, None)
    return replace(file, path=target)


def cut_out(source: Path, start: int, end: int, target: Path) -> None:
    """Write what a file has from byte to byte as a file."""
    with source.open("rb") as raw, target.open("wb") as out:
        raw.seek(start)
        for _ in _copied(raw, out, end - start):
            pass


def _footer(path: Path, lines: int) -> int:
    """The byte at which so many last lines begin. A line's end at the end of the file begins no other."""
    with path.open("rb") as raw:
        size = at = raw.seek(0, 2)
        while at:
            start = max(0, at - BLOCK)
            raw.seek(start)
            block, end = raw.read(at - start), at - start
            if at == size:
                end -= block.endswith(b"\n")
            while (found := block.rfind(b"\n", 0, end)) >= 0:
                lines, end = lines - 1, found
                if not lines:
                    return start + found + 1
            at = start
    return 0


def _copied(raw: IO[bytes], out: IO[bytes], size: int) -> Iterator[int]:
    """So many bytes from one file to the other; how many lines end in each block of them."""
    while size and (block := raw.read(min(size, BLOCK))):
        out.write(block)
        yield block.count(b"\n")
        size -= len(block)
