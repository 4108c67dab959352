"""A delimited file with a few lines that are no rows, written anew without them, so that all others are read in place.

DuckDB says where it stumbles, and the strict parser of `pieces` says of each such line whether it is a row, where it stands. That the
others mean the same without it is proven: a row that nobody else has is put in the place of each, and the whole is read again. A
line that stood within a value would have made the new row a part of that value.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import IO, TYPE_CHECKING

from headrace.durable import seen
from headrace.errors import StatementFailed
from headrace.extract import pieces
from headrace.extract.cutting import BLOCK, Cut, beside, written
from headrace.extract.pieces import OPEN, At, Piece
from headrace.extract.profiles import Mended, Profile, asked, kept, misfit
from headrace.schema import VARCHAR
from headrace.sql.dialect import name as quoted
from headrace.sql.dialect import text as literal
from headrace.sql.readers import reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from headrace.arrow import pa
    from headrace.warehouse.embedded import Embedded

_MOST = 1000
"""Lines that are cut out one by one; a file with more of them is read in pieces."""
_ROUNDS = 4
_NEAR, _FAR = 1 << 16, 8_000_000
"""Bytes in which a row most likely ends, and in which it has to."""
_MARK = "headrace-line-that-is-no-row"
_REJECTS, _SCANS = "headrace_rejects", "headrace_rejects_scans"


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a lenient read says: how many rows there are, marks and misfits among them, and the bytes at which something is no row."""

    rows: int
    marks: int
    misfits: int
    places: Sequence[int]


def mended(one: Profile, local: Embedded, scratch: Path) -> Profile | None:
    """The file as it is where all its lines are rows; else without the few that are none. None where it is not as simple as that."""
    before = seen(one.file.path)
    found = _proven(one, local, scratch)
    if found is None:
        return None
    path, cuts, what = found
    if not cuts and not what.misfits:
        return one
    ready = _without(one, cuts, what, path, local, scratch)
    return ready if seen(one.file.path) == before else None


def _proven(one: Profile, local: Embedded, scratch: Path) -> tuple[Path, list[Cut], _Seen] | None:
    """The lines that are no rows, and the file with a marker for each of them, in which DuckDB finds rows only."""
    path, cuts, damaged = one.file.path, list[Cut](), _damaged(one.file.path)
    first = pieces.behind(path, one.skipped).byte + one.dialect.header
    for turn in range(_ROUNDS):
        found = _survey(one, path, local, marked=bool(turn))
        if found is None:
            return None
        known = {cut.start for cut in cuts}
        places = sorted({_place_before(at, cuts, one) for at in found.places} | (damaged - known))
        if not places:
            return (path, cuts, found) if found.marks == len(cuts) else None
        with one.file.path.open("rb") as raw:
            more = [cut for cut in _torn(raw, one, places, first) if cut.start not in known]
        if not more or len(cuts) + len(more) > _MOST:
            return None
        cuts = sorted([*cuts, *more], key=lambda cut: cut.start)
        if any(cut.start < before.end for before, cut in pairwise(cuts)):
            return None  # a damaged line within what an open quote takes for one row
        path = beside(one.file, scratch, "marked")
        written(one.file.path, cuts, path, _marker(one))
    return None


def has_types(one: Profile, local: Embedded) -> bool:
    """Whether the rows that were left out for one of their values do not speak against the types of the other columns."""
    if one.mended is None or not one.mended.misfits.num_rows:
        return True
    free = {name: kept(name, of, one.dialect) for name, of in one.types.items() if name not in one.declared}
    local.register("headrace_misfits", one.mended.misfits)
    try:
        return all(asked(local, free, "headrace_misfits").values())
    finally:
        local.unregister("headrace_misfits")


def _damaged(path: Path) -> set[int]:
    """Where lines begin whose bytes are not UTF-8: DuckDB sees that only of cells it needs."""
    found, place = set[int](), 0
    with path.open("rb") as raw:
        while (block := raw.read(BLOCK) + raw.readline()) and len(found) <= _MOST:
            found |= {place + at for at in _wrong_bytes(block)}
            place += len(block)
    return found


def _wrong_bytes(block: bytes) -> Iterator[int]:
    """Where in a block the lines begin that are not UTF-8."""
    at = 0
    while not block.isascii() and at < len(block):
        try:
            str(memoryview(block)[at:], "utf-8")
        except UnicodeDecodeError as error:
            wrong = at + error.start
            yield block.rfind(b"\n", 0, wrong) + 1
            at = block.find(b"\n", wrong) + 1 or len(block)
        else:
            return


def _survey(one: Profile, path: Path, local: Embedded, *, marked: bool) -> _Seen | None:
    """What DuckDB makes of a file; None where that is more than can be cut out."""
    stored = {"store_rejects": True, "rejects_table": _REJECTS, "rejects_scan": _SCANS, "rejects_limit": 4 * _MOST}
    texts = reading("csv", [str(path)], {**one.reader(), "ignore_errors": True, **stored})
    is_mark = f"{quoted(next(iter(one.types)))} IS NOT DISTINCT FROM {literal(_MARK)}" if marked else "FALSE"
    misfits = f"count(*) FILTER (NOT {is_mark} AND ({wrong}))" if (wrong := _wrong(one)) else "0"
    try:
        ((rows, marks, unfit),) = local.rows(f"SELECT count(*), count(*) FILTER ({is_mark}), {misfits} FROM {texts}")
        places = local.rows(f"SELECT line_byte_position FROM {_REJECTS}")
    except StatementFailed:
        return None
    finally:
        for table in (_REJECTS, _SCANS):
            local.execute(f"DROP TABLE IF EXISTS {table}")
    if len(places) >= 4 * _MOST or unfit > _MOST:
        return None
    return _Seen(rows, marks, unfit, [int(at) - 1 for (at,) in places])


def _wrong(one: Profile) -> str:
    """A condition: one of the values of a row is not of the type that the stream declares."""
    return " OR ".join(f"({misfit(name, of, one.dialect)})" for name, of in one.declared.items() if of != VARCHAR)


def _torn(raw: IO[bytes], one: Profile, places: Sequence[int], first: int) -> list[Cut]:
    """The lines at these bytes that are no rows; all with an open quote, where DuckDB may have taken others for a part of their values."""
    found: list[Cut] = []
    for place in places:
        row = _row_at(raw, _begin(raw, place), one)
        if row is not None and row.torn is not None:
            found.append(row)
        if row is None or row.torn is None or row.torn.detail == OPEN:
            found += _open(raw, one, first)
            break
    return [cut for cut in {cut.start: cut for cut in found}.values() if cut.start >= first]


def _open(raw: IO[bytes], one: Profile, first: int) -> list[Cut]:
    """The lines with a quote that is not closed: each has an odd number of quotes, as only ends of values of several lines have."""
    found, free = list[Cut](), 0
    for start in _odd(raw, one.dialect.quote.encode(), max(0, first - one.dialect.header)):
        row = _row_at(raw, start, one) if start >= free else None
        if row is not None:
            free = row.end
            found += [row] if row.torn else []
    return found


def _odd(raw: IO[bytes], quote: bytes, place: int) -> list[int]:
    """Where the lines with an odd number of quotes begin; none where they are too many to look at each."""
    odd: list[int] = []
    raw.seek(place)
    while block := raw.read(BLOCK) + raw.readline():
        for line in block.splitlines(keepends=True) if quote in block else (block,):
            if line.count(quote) % 2:
                odd.append(place)
            place += len(line)
    return odd if len(odd) <= 2 * _MOST else []


def _begin(raw: IO[bytes], place: int) -> int:
    """Where the line begins that DuckDB means: it may point at the end of the one before."""
    raw.seek(place)
    head = raw.read(_NEAR)
    return place + len(head) - len(head.lstrip(b"\r\n"))


def _row_at(raw: IO[bytes], start: int, one: Profile) -> Cut | None:
    """The row that begins at a byte, or the line that is none; None where no line begins there."""
    raw.seek(max(0, start - 2))
    before = raw.read(start - raw.tell())
    if start and not before.endswith(b"\n"):
        return None
    ending = b"\r\n" if before.endswith(b"\r\n") else b"\n"
    for size in (_NEAR, _FAR):
        raw.seek(start)
        window = raw.read(size)
        ends = len(window) < size
        whole = window if ends else window[: window.rfind(b"\n") + 1]
        if not whole or whole.startswith(b"\xef\xbb\xbf"):
            continue
        lines, torn = pieces.first_of(whole, 0, one.dialect, tuple(one.types))
        if ends or torn is None or torn.detail != OPEN or size == _FAR:
            taken = whole.split(b"\n", lines)[:lines]
            return Cut(start, min(start + sum(len(line) + 1 for line in taken), start + len(whole)), torn, ending)
    return None


def _marker(one: Profile) -> bytes:
    """A row that nobody else has."""
    return (_MARK + one.dialect.delimiter * (len(one.types) - 1)).encode()


def _place_before(at: int, cuts: Sequence[Cut], one: Profile) -> int:
    """Where in the file itself a byte was of the one with marks."""
    for cut in cuts:
        if at <= cut.start:
            break
        at += cut.end - cut.start - len(_marker(one)) - len(cut.ending)
    return at


def _without(
    one: Profile, cuts: Sequence[Cut], found: _Seen, path: Path, local: Embedded, scratch: Path
) -> Profile | None:
    """The file without these lines and without the rows with a value that is not of its type."""
    misfits = _misfits(one, found, path, local)
    if misfits is None:
        return None
    texts, rows = misfits
    all_cuts = sorted([*cuts, *rows], key=lambda cut: cut.start)
    whole = beside(one.file, scratch, "csv")
    numbers = written(one.file.path, all_cuts, whole, None)
    if cuts:
        path.unlink()
    torn = [replace(cut.torn, line=at) for cut, at in zip(all_cuts, numbers, strict=True) if cut.torn]
    return replace(one, mended=Mended(whole, torn, texts))


def _misfits(one: Profile, found: _Seen, path: Path, local: Embedded) -> tuple[pa.Table, list[Cut]] | None:
    """The rows with a value that is not of its type, as texts, and where they are; None where a row may be more than a line."""
    from headrace.arrow import pa

    names, numbers = tuple(one.types), set[int]()
    before = one.skipped + one.dialect.header
    if found.misfits:
        texts = reading("csv", [str(path)], one.reader())
        marks = f"{quoted(names[0])} IS NOT DISTINCT FROM {literal(_MARK)}"
        query = f"SELECT row_number() OVER () AS row, NOT {marks} AND ({_wrong(one)}) AS wrong FROM {texts}"
        numbers = {before + row for (row,) in local.rows(f"SELECT row FROM ({query}) WHERE wrong")}
    tables, cuts, place, number = [pieces.parsed(_piece(b"", 0, 0), one.dialect, names, one.nulls)[0]], [], 0, before
    with one.file.path.open("rb") as raw:
        for number, line in enumerate(raw if numbers else (), 1):
            if number in numbers:
                texts_of, torn = pieces.parsed(_piece(line, place, number - 1), one.dialect, names, one.nulls)
                if torn or texts_of.num_rows != 1:
                    return None
                tables.append(texts_of)
                cuts.append(Cut(place, place + len(line), None))
            place += len(line)
    if len(cuts) != found.misfits or (cuts and number != before + found.rows):
        return None
    return pa.concat_tables(tables), cuts


def _piece(line: bytes, place: int, before: int) -> Piece:
    return Piece(line, At(place, before), At(place + len(line), before + 1), last=False, first=False)
