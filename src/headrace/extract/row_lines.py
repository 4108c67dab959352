"""Rows that a server writes as lines of CSV, so that Python makes one object of a row, not one of a cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.errors import SourceRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PAGE = 8 * 1024 * 1024


def pages(lines: Iterable[tuple[str | None]], most: int, lost: str) -> Iterator[bytes]:
    """Some megabytes of lines at a time, and one page, though it be empty, in any case. Raises SourceRefused, saying `lost`, for a NULL."""
    page: list[str] = []
    size = 0
    for (line,) in lines:
        if line is None:
            raise SourceRefused(lost)
        page.append(line)
        size += len(line)
        if size >= _PAGE or len(page) >= most:
            yield _joined(page)
            page, size = [], 0
    yield _joined(page)


def _joined(page: list[str]) -> bytes:
    return "\n".join([*page, ""]).encode()
