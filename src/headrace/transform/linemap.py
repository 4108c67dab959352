"""From a line of compiled SQL back to the line its author wrote."""

from __future__ import annotations

import difflib
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.errors import Place, StatementFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of compiled SQL: what one file's template gave, or, where `raw` is None, what headrace wrote around it."""

    text: str
    place: Place
    raw: str | None = None


def trace(pieces: Sequence[Piece], line: int, column: int | None = None) -> Place | None:
    """Where the 1-based line of the joined pieces was written, or None where no author wrote it.

    A line that a template made of several, or several of one, is traced to the nearest line before it that is certain.
    """
    first = 1
    for piece in pieces:
        last = first + piece.text.count("\n")
        if first <= line <= last and piece.raw is not None:
            return _within(piece, line - first, column)
        if line < last:
            return None
        first = last
    return None


def _within(piece: Piece, at: int, column: int | None) -> Place:
    given, written = piece.text.split("\n"), (piece.raw or "").split("\n")
    origin = _origin(written, given, at)
    text = written[origin]
    spot = column if column is not None and text == given[at] else _same_word(given[at], text, column)
    return Place(piece.place.path, (piece.place.line or 1) + origin, spot, text)


def _origin(written: list[str], given: list[str], at: int) -> int:
    """The index of the written line that gave the line at `at`: unchanged lines are anchors, those between are counted off."""
    for kind, a_from, a_to, b_from, b_to in difflib.SequenceMatcher(None, written, given, autojunk=False).get_opcodes():
        if not b_from <= at < b_to:
            continue
        if kind == "equal" or a_to - a_from == b_to - b_from:
            return a_from + at - b_from
        if kind == "replace":
            return max(
                range(a_from, a_to), key=lambda index: difflib.SequenceMatcher(None, written[index], given[at]).ratio()
            )
        return max(a_from - 1, 0)
    return 0


def _same_word(given: str, written: str, column: int | None) -> int | None:
    """Where the word at `column` of the compiled line stands in the written one, if it stands there once."""
    if column is None or not 1 <= column <= len(given):
        return None
    word = re.match(r"\w+", given[column - 1 :])
    if word is None:
        return None
    found = [match.start() + 1 for match in re.finditer(rf"\b{re.escape(word[0])}\b", written)]
    return found[0] if len(found) == 1 else None


@contextmanager
def placed(sql: str, pieces: Sequence[Piece], fallback: Place) -> Iterator[None]:
    """Give an engine's complaint about a statement that holds `sql` its place in the author's file."""
    try:
        yield
    except StatementFailed as error:
        if error.where is None:
            error.where = _blamed(error, sql, pieces) or fallback
        raise


def _blamed(error: StatementFailed, sql: str, pieces: Sequence[Piece]) -> Place | None:
    before = _lines_before(error, sql)
    if error.at is None or before is None:
        return None
    line, column = error.at
    return trace(pieces, line - before, column)


def _lines_before(error: StatementFailed, sql: str) -> int | None:
    """How many lines of the failed statement come before the compiled SQL; a long statement is noted in part."""
    for note in getattr(error, "__notes__", ()):
        at = note.find(sql[:1000])
        if at >= 0:
            return int(note.count("\n", 0, at))
    return None
