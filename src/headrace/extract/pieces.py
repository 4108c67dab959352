"""A delimited file in pieces of some megabytes, and the rows of a piece that holds lines which are no rows: each with its line."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace.counting import count
from headrace.extract.texts import LINE, Torn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from headrace.arrow import pa
    from headrace.extract.dialects import Dialect

_PIECE = 8_000_000
_BLOCK = 1 << 20
_LONGEST_RAW = 2000
_FIELD_LIMIT = 16 * 1024 * 1024
_SIGN = "\ud800"
"""What stands for a sign of several characters between values, where the parser takes but one: no text has it."""
OPEN = "a quote is not closed"
"""What is wrong with a line from which on a reader might take others for a part of a value."""


@dataclass(frozen=True, slots=True)
class At:
    """A place between two rows of a file: how many bytes and how many lines are before it."""

    byte: int = 0
    line: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """Whole rows of a file: their bytes, and the places before and after them."""

    raw: bytes
    before: At
    after: At
    last: bool
    first: bool
    """Whether it is the beginning of the file's rows, where their header is."""


def has_nul(path: Path) -> bool:
    """Whether the zero character is in a file, which no text of a database may hold."""
    with path.open("rb") as stream:
        return any(b"\0" in block for block in iter(lambda: stream.read(_BLOCK), b""))


def behind(path: Path, lines: int) -> At:
    """The place after so many lines, or at the end of the file."""
    with path.open("rb") as stream:
        found = sum(bool(stream.readline()) for _ in range(lines))
        return At(stream.tell(), found)


def cut(path: Path, dialect: Dialect, start: At, skipped: int = 0) -> Iterator[Piece]:
    """The pieces of a file from a place on, the lines that are `skipped` left out. A piece ends where a row does, if that can be told."""
    beginning = behind(path, skipped)
    start = start if start.byte > beginning.byte else beginning
    with path.open("rb") as stream:
        stream.seek(start.byte)
        at, rest = start, b""
        while True:
            block = stream.read(_PIECE)
            raw = rest + block
            if not raw:
                return
            last = len(block) < _PIECE
            end = len(raw) if last else _end_of_rows(raw, dialect) or 0
            if not end and len(raw) < 4 * _PIECE:
                rest = raw  # one row, longer than a piece
                continue
            end = end or raw.rfind(b"\n") + 1 or len(raw)
            whole, rest = raw[:end], raw[end:]
            after = At(at.byte + len(whole), at.line + whole.count(b"\n"))
            yield Piece(whole, at, after, last and not rest, at == beginning)
            at = after
            if last:
                return


def _end_of_rows(raw: bytes, dialect: Dialect) -> int | None:
    """Behind the last end of a line that is in no quotes, counting from the beginning, which is in none."""
    quote, escape = dialect.quote.encode(), dialect.escape.encode()
    if not quote:
        return raw.rfind(b"\n") + 1
    # What is escaped is no quote; the length stays.
    plain = raw if escape == quote else raw.replace(escape * 2, b"  ").replace(escape + quote, b"  ")
    odd, end = plain.count(quote) % 2 == 1, len(plain)
    while True:
        before = plain.rfind(quote, 0, end)
        if not odd:
            newline = plain.rfind(b"\n", max(before, 0), end)
            if newline >= 0:
                return newline + 1
        if before < 0:
            return None
        end, odd = before, not odd


def halved(piece: Piece, dialect: Dialect) -> tuple[Piece, Piece] | None:
    """The piece as two, where each end of a line is the end of a row whatever is wrong with some of them; else None."""
    raw, quote, escape = piece.raw, dialect.quote.encode(), dialect.escape.encode()
    if escape != quote and escape in raw:
        return None
    # A value of several lines begins in a line with an odd number of quotes, and ends in another.
    if quote and quote in raw and sum(line.count(quote) % 2 for line in raw.split(b"\n")) > 1:
        return None
    end = raw.find(b"\n", len(raw) // 2) + 1
    if not 0 < end < len(raw):
        return None
    middle = At(piece.before.byte + end, piece.before.line + raw.count(b"\n", 0, end))
    before = Piece(raw[:end], piece.before, middle, last=False, first=piece.first)
    return before, Piece(raw[end:], middle, piece.after, piece.last, first=False)


def parsed(piece: Piece, dialect: Dialect, names: Sequence[str], nulls: Sequence[str]) -> tuple[pa.Table, list[Torn]]:
    """The rows of a piece as texts with the line each begins at, and the lines that are no rows.

    A quote that is not closed costs its line and no other.
    """
    from headrace.arrow import pa

    text = piece.raw.decode("utf-8", "surrogateescape")
    lines = (text.removeprefix("\ufeff") if piece.first else text).split("\n")
    if not lines[-1]:
        lines.pop()
    header = piece.first and dialect.header
    cells: list[list[str | None]] = [[] for _ in names]
    numbers: list[int] = []
    torn: list[Torn] = []
    empty = set(nulls)
    for at, row, wrong in _rows(lines, dialect, len(names)):
        if header:
            header = False
            continue
        number = piece.before.line + at + 1
        if refused := _torn(number, row, wrong, lines[at], names):
            torn.append(refused)
            continue
        numbers.append(number)
        for column, cell in zip(cells, row, strict=True):
            column.append(None if cell in empty else cell)
    columns = [pa.array(column, pa.large_string()) for column in cells]
    return pa.table([*columns, pa.array(numbers, pa.int64())], names=[*names, LINE]), torn


def first_of(raw: bytes, number: int, dialect: Dialect, names: Sequence[str]) -> tuple[int, Torn | None]:
    """Of the row at the beginning of bytes, whose line has this number, how many lines it takes, and what is wrong if it is none."""
    lines = raw.decode("utf-8", "surrogateescape").split("\n")
    if not lines[-1]:
        lines.pop()
    at, row, wrong = next(_rows(lines, dialect, len(names)), (0, [], None))
    return 1 + sum(cell.count("\n") for cell in row), _torn(number + at, row, wrong, lines[at], names)


def _torn(number: int, row: Sequence[str], wrong: str | None, line: str, names: Sequence[str]) -> Torn | None:
    """What is wrong with a line, if it is no row."""
    if wrong is None and (wrong := _wrong(row, names)) is None:
        return None
    return Torn(number, wrong, _shown(line), names[len(row)] if row and len(row) < len(names) else None)


def _rows(lines: Sequence[str], dialect: Dialect, width: int) -> Iterator[tuple[int, list[str], str | None]]:
    """Each row with the index of its first line; a line that is no row with what is wrong with it."""
    at = 0
    while at < len(lines):
        reader = reader_of((f"{lines[index]}\n" for index in range(at, len(lines))), dialect)
        done = 0
        try:
            for found in reader:
                row = cells_of(found, dialect, width)
                taken, start = reader.line_num - done, at + done
                if taken > 1 and len(row) != width:
                    break  # quotes that hold several lines and make no row of them
                done = reader.line_num
                if row or width == 1:
                    yield start, row or [""], None
            else:
                return
            wrong = OPEN
        except csv.Error as error:
            open_ = reader.line_num - done > 1 or "unexpected end of data" in str(error)
            wrong = OPEN if open_ else f"not a line of CSV: {error}"
        yield at + done, [], wrong
        at += done + 1


def reader_of(lines: Iterator[str], dialect: Dialect) -> Any:
    """Python's parser, in its strict mode, of lines with their ends; what it gives is for `cells_of`."""
    csv.field_size_limit(_FIELD_LIMIT)
    same, sign = dialect.escape == dialect.quote, dialect.delimiter
    if len(sign) > 1:
        lines = (line.replace(sign, _SIGN) for line in lines)
    return csv.reader(
        lines, delimiter=_SIGN if len(sign) > 1 else sign, quotechar=dialect.quote, doublequote=same,
        escapechar=None if same else dialect.escape, strict=True,
    )  # fmt: skip


def cells_of(row: list[str], dialect: Dialect, width: int) -> list[str]:
    """The cells of a row. DuckDB, which reads all other rows, takes no notice of empty ones behind the last column."""
    cells = row if any(row[width:]) else row[:width]
    return cells if len(dialect.delimiter) == 1 else [cell.replace(_SIGN, dialect.delimiter) for cell in cells]


def _wrong(row: Sequence[str], names: Sequence[str]) -> str | None:
    if len(row) != len(names):
        return f"{count(len(row), 'value')} where {count(len(names), 'is', 'are')} expected"
    text = "".join(row)
    if "\0" in text:
        return "a value holds the character zero"
    if not text.isascii() and any("\udc80" <= letter <= "\udcff" for letter in text):
        return "bytes that are not in the encoding of the file"
    return None


def _shown(line: str) -> str:
    raw = line.rstrip("\r").encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("\0", "\\0")
    return raw[:_LONGEST_RAW]
