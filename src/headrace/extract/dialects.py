"""How a delimited file is written, told by its beginning: once for a stream, whose other files are then read by the same words."""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from headrace.errors import FileUnreadable
from headrace.extract.cutting import without_footer
from headrace.extract.encodings import as_utf8, detected, is_utf8, marked
from headrace.naming import distinct_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from headrace.extract.found import Found
    from headrace.project.delimited import Delimited
    from headrace.project.file_sources import FilesStream

_CANDIDATES = ",;\t|^"
_HEAD = 256 * 1024
_LINES = 50
_NUMBER_LIKE = re.compile(r"[+-]?[0-9][0-9.,:/ T-]*")
_COMMA_NUMBER = re.compile(r"[+-]?[0-9]+,[0-9]+")
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+")
_POINT_NUMBER = re.compile(r"[+-]?[0-9]+\.[0-9]+")


@dataclass(frozen=True, slots=True)
class Signs:
    """What stands between the values of a line, around one that has such a sign in it, and before a sign in it that is not to count."""

    delimiter: str
    quote: str
    escape: str

    def reader(self) -> dict[str, Any]:
        """The reader's options, by which it guesses nothing."""
        told = {"delim": self.delimiter, "quote": self.quote, "escape": self.escape}
        return {"auto_detect": False, "compression": "none", **told}

    def written(self) -> dict[str, Any]:
        """What is kept of it with the stream."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Dialect(Signs):
    """The words by which a stream's files are read."""

    encoding: str
    header: bool
    decimal: str
    thousands: str = ""

    @property
    def notation(self) -> tuple[str, str]:
        """The sign before the fraction of a number, and the one between thousands."""
        return self.decimal, self.thousands

    def written(self) -> dict[str, Any]:
        """What is kept of it with the stream."""
        return {"encoding": self.encoding, **asdict(self)}


def encoding_of(file: Found, declared: str | None, known: Mapping[str, Any]) -> str:
    """What the file's text is in: what is declared, what the stream's files were in, or what its bytes say. Raises FileUnreadable."""
    if declared:
        return declared
    if held := known.get("encoding"):
        with file.path.open("rb") as stream:
            mark = marked(stream.read(4))
        if mark is not None and mark != held and not str(held).startswith(mark):
            raise FileUnreadable(
                f"{file.key} begins with the mark of {mark}, and the stream's files were {held} so far",
                hint="move the file elsewhere, or set `encoding:` on the stream and load it with --full-refresh",
            )
        return str(held)
    with file.path.open("rb") as stream:
        found = detected(stream)
    if found is None:
        raise FileUnreadable(
            f"{file.key} is neither UTF-8 nor UTF-16 nor cp1252", hint="set `encoding:` on the stream, such as latin-1"
        )
    return found


def dialect_of(
    file: Found, spec: FilesStream, known: Mapping[str, Any], scratch: Path
) -> tuple[Found, Dialect, list[str]]:
    """The file in UTF-8, how it is written, and its first row of cells. Raises FileUnreadable.

    What the stream declares counts first, then `known`: what was found in its first file.
    """
    encoding = encoding_of(file, spec.encoding, known)
    readable = without_footer(as_utf8(file, encoding, scratch), spec.skip_footer, scratch)
    with readable.path.open("rb") as stream:
        raw = stream.read(_HEAD)
    text = raw.decode("utf-8-sig", "replace").replace("\0", "")
    text = text if len(raw) < _HEAD else text.rpartition("\n")[0] or text
    text = "\n".join(text.split("\n")[spec.skip_rows :]) if spec.skip_rows else text
    if spec.comment:
        text = "".join(line for line in text.splitlines(keepends=True) if not line.startswith(spec.comment))
    if not text.strip():
        keys = [f"`{key}:`" for key in ("skip_rows", "skip_footer", "comment") if getattr(spec, key)]
        hint = (
            f"{' and '.join(keys)} left nothing of it"
            if keys and file.path.stat().st_size
            else "a CSV file has at least a header"
        )
        raise FileUnreadable(f"{file.key} is empty", hint=hint)
    signs = signs_of(text, spec, known, "\t" if file.format == "tsv" else None)
    rows = rows_of(text, signs)
    if not spec.delimiter and len(rows[0]) == 1 and known.get("delimiter"):
        other = _delimiter(text, signs.quote, signs.escape)
        if other != signs.delimiter and len(rows_of(text, replace(signs, delimiter=other))[0]) > 1:
            raise FileUnreadable(
                f"{file.key} has {other!r} between its values, and the stream's files had {signs.delimiter!r} so far",
                hint="move the file elsewhere, or name it in a stream of its own",
            )
    header = spec.header if spec.header is not None else known.get("header")
    decimal = spec.decimal or known.get("decimal") or _decimal(rows[1:], signs.delimiter)
    thousands = spec.thousands if spec.thousands is not None else known.get("thousands") or ""
    dialect = Dialect(
        signs.delimiter, signs.quote, signs.escape, "utf-8" if is_utf8(encoding) else encoding,
        _is_header(rows) if header is None else bool(header), decimal, thousands,
    )  # fmt: skip
    return readable, dialect, rows[0]


def signs_of(text: str, said: Delimited, known: Mapping[str, Any], default: str | None = None) -> Signs:
    """The signs of a text: what is said counts first, then `known` ones, then (of the delimiter) a default, then what is found."""
    quote = said.quote or known.get("quote") or _quote(text)
    escape = said.escape or known.get("escape") or _escape(text, quote)
    delimiter = said.delimiter or known.get("delimiter") or default or _delimiter(text, quote, escape)
    return Signs(delimiter, quote, escape)


def names_of(cells: Sequence[str], *, header: bool) -> list[tuple[str, str]]:
    """For each column what the file calls it and its name here; names that are empty or come twice get numbers."""
    names = distinct_names([(key,) for key in keys_of(cells, header=header)]).values()
    return list(zip(_originals(cells, header=header), names, strict=True))


def keys_of(cells: Sequence[str], *, header: bool) -> list[str]:
    """For each column what the file calls it, with a number where that is empty or was there before."""
    met: Counter[str] = Counter()
    keys: list[str] = []
    for original in _originals(cells, header=header):
        met[original] += 1
        keys.append(original if met[original] == 1 else f"{original}_{met[original]}")
    while len(set(keys)) < len(keys):  # a header may say a, a and a_2
        keys = [key if key not in keys[:at] else f"{key}_{at}" for at, key in enumerate(keys)]
    return keys


def _originals(cells: Sequence[str], *, header: bool) -> list[str]:
    originals = list(cells) if header else [""] * len(cells)
    return [one if one.strip() else f"column{at}" for at, one in enumerate(originals)]


def rows_of(text: str, signs: Signs) -> list[list[str]]:
    """The cells of the first lines, as well as they can be told."""
    if len(signs.delimiter) > 1:
        return [line.split(signs.delimiter) for line in text.splitlines()[:_LINES] if line] or [[""]]
    doubled = signs.escape == signs.quote
    reader = csv.reader(
        text.splitlines(keepends=True),
        delimiter=signs.delimiter, quotechar=signs.quote, doublequote=doubled, escapechar=None if doubled else signs.escape,
    )  # fmt: skip
    rows: list[list[str]] = []
    try:
        for row in reader:
            if row:
                rows.append(row)
            if len(rows) == _LINES:
                break
    except csv.Error:
        pass
    return rows or [[text.splitlines()[0]]]


def _delimiter(text: str, quote: str, escape: str) -> str:
    """The sign that cuts most lines into as many cells as the first, and into most cells."""

    def worth(sign: str) -> tuple[int, int, bool]:
        widths = [len(row) for row in rows_of(text, Signs(sign, quote, escape))]
        alike = sum(width == widths[0] for width in widths) * 10 // len(widths)
        return (alike, widths[0], sign == ",") if widths[0] > 1 else (0, 0, sign == ",")

    return max(_CANDIDATES, key=worth)


def _quote(text: str) -> str:
    if '"' in text:
        return '"'
    single = re.findall(
        rf"(?:^|[{re.escape(_CANDIDATES)}])'[^'\n]*'(?=$|[{re.escape(_CANDIDATES)}])", text, re.MULTILINE
    )
    return "'" if len(single) > text.count("'") * 0.45 and single else '"'


def _escape(text: str, quote: str) -> str:
    return "\\" if re.search(rf"\\{quote}(?![{re.escape(_CANDIDATES)}\r\n])", text) else quote


def _decimal(rows: Sequence[Sequence[str]], delimiter: str) -> str:
    """A comma, where the numbers of a column have one and those of no other have a point."""
    if delimiter == ",":
        return "."
    width = max((len(row) for row in rows), default=0)
    columns = [[row[at].strip() for row in rows if len(row) > at and row[at].strip()] for at in range(width)]
    if any(_are_numbers(column, _POINT_NUMBER) for column in columns):
        return "."
    return "," if any(_are_numbers(column, _COMMA_NUMBER) for column in columns) else "."


def _are_numbers(column: Sequence[str], shape: re.Pattern[str]) -> bool:
    """Whether all are numbers, and some of this shape."""
    return any(map(shape.fullmatch, column)) and all(
        shape.fullmatch(cell) or _WHOLE_NUMBER.fullmatch(cell) for cell in column
    )


def _is_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first line names columns: no cell looks like a number, and all differ or the lines below look otherwise."""
    cells = [cell.strip() for cell in rows[0]]
    if any(_NUMBER_LIKE.fullmatch(cell) for cell in cells):
        return False
    if len(set(cells)) == len(cells) and all(cells):
        return True
    below = [[row[at].strip() for row in rows[1:] if len(row) > at and row[at].strip()] for at in range(len(cells))]
    return any(column and all(map(_NUMBER_LIKE.fullmatch, column)) for column in below)
