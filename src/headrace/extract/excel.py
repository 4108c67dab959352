"""Sheets of workbooks, as Excel and LibreOffice write them: a column has the type that its cells have, or is text."""

from __future__ import annotations

import re
import zipfile
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from headrace.arrow import pa
from headrace.errors import DriverMissing, FileUnreadable
from headrace.events import Warned, emit
from headrace.extract.cell_errors import errors_in
from headrace.extract.dialects import names_of
from headrace.extract.texts import LINE, Columns, Torn, batch_of
from headrace.schema import BIGINT, BOOLEAN, DATE, DOUBLE, TIMESTAMP, VARCHAR, Kind, Type

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from headrace.batch import Batch
    from headrace.extract.found import Found
    from headrace.project.file_sources import FilesStream
    from headrace.warehouse.embedded import Embedded

_WHOLE = 2**53
_KINDS: Mapping[type, Type] = {
    bool: BOOLEAN,
    int: BIGINT,
    float: DOUBLE,
    date: DATE,
    datetime: TIMESTAMP,
    time: Type(Kind.TIME),
    timedelta: Type(Kind.INTERVAL),
    str: VARCHAR,
}
_MIXED = {frozenset((int, float)): DOUBLE, frozenset((date, datetime)): TIMESTAMP}
_RANGE = re.compile(r"([A-Za-z]{1,3})([0-9]+):(?:([A-Za-z]{1,3})([0-9]+)?)?")


def batches(file: Found, spec: FilesStream, local: Embedded) -> Iterator[tuple[Batch, Mapping[str, Any], bool]]:
    """A sheet as one Batch; a workbook has room for no more than a million rows. Raises FileUnreadable and DriverMissing."""
    name, rows, origin = _sheet(file, spec)
    top, left, bottom, right = _window(spec.range, rows)
    cut = [(at, row[left:right]) for at, row in enumerate(rows[top:bottom], top + 1)]
    while cut and all(cell == "" for cell in cut[0][1]):
        cut.pop(0)
    if not cut:
        raise FileUnreadable(f"{origin} is empty", hint="say which sheet and cells with `sheet:` and `range:`")
    head = [str(_plain(cell)) for cell in cut[0][1]]
    header = spec.header if spec.header is not None else all(isinstance(cell, str) for cell in cut[0][1])
    while header and head and not head[-1].strip() and all(row[len(head) - 1] == "" for _, row in cut[1:]):
        head.pop()
    called = names_of(head, header=header)
    body = [(at, row[: len(head)]) for at, row in (cut[1:] if header else cut) if any(cell != "" for cell in row)]
    broken = errors_in(file.path, name)
    if broken is None:
        emit(
            Warned(
                f"{origin}: an error in a cell, such as #N/A, cannot be told from an empty cell in this kind of file"
            )
        )
    torn, kept = _torn(body, broken or {}, left, [name for _, name in called], spec)
    yield _batch(kept, torn, called, spec, origin, local), {}, True


def _batch(
    body: list[tuple[int, list[Any]]], torn: list[Torn], called: list[tuple[str, str]], spec: FilesStream,
    origin: str, local: Embedded,
) -> Batch:  # fmt: skip
    originals = dict(reversed(called))
    declared = {originals.get(key, key): of for key, of in spec.column_types.items()}
    types: dict[str, Type] = {}
    columns = []
    nulls = set(spec.null_tokens)
    for at, (_, name) in enumerate(called):
        values = [None if row[at] == "" or row[at] in nulls else _plain(row[at]) for _, row in body]
        found = _type({type(value) for value in values if value is not None})
        if found is not None or name in declared or (not types and at == len(called) - 1):
            types[name] = declared.get(name) or found or VARCHAR
            columns.append(pa.array([None if value is None else _text(value) for value in values], pa.large_string()))
    columns.append(pa.array([at for at, _ in body], pa.int64()))
    cells = pa.Table.from_arrays(columns, names=[*types, LINE])
    # What was found is no guess: the texts are written from the values.
    return batch_of(cells, Columns(types, tuple(types)), torn, origin, {}, local)


def _torn(
    body: list[tuple[int, list[Any]]], broken: Mapping[tuple[int, int], str], left: int, names: list[str],
    spec: FilesStream,
) -> tuple[list[Torn], list[tuple[int, list[Any]]]]:  # fmt: skip
    """The rows with an error in a cell, and the others; all are others where an error is to be nothing."""
    if spec.error_cells == "null" or not broken:
        return [], body
    wrong = {}
    for (at, column), error in sorted(broken.items(), reverse=True):
        if left <= column < left + len(names):
            wrong[at] = Torn(at, f"the cell holds the error {error}", error, names[column - left], "cell")
    return [one for _, one in sorted(wrong.items())], [(at, row) for at, row in body if at not in wrong]


def _sheet(file: Found, spec: FilesStream) -> tuple[str, list[list[Any]], str]:
    """The name of the sheet, its rows from the first cell on, and what it is called in messages."""
    try:
        import python_calamine as calamine
    except ImportError:
        raise DriverMissing(
            f"{file.key}: workbooks need a library that is not installed", hint="pip install 'headrace[excel]'"
        ) from None
    try:
        with file.path.open("rb") as stream:
            book = calamine.load_workbook(stream)
            names = list(book.sheet_names)
            name = _chosen(file, spec.sheet, names)
            rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
    except FileUnreadable:
        raise
    except calamine.PasswordError as error:
        raise FileUnreadable(f"{file.key} needs a password", hint="save it without one") from error
    except (calamine.CalamineError, zipfile.BadZipFile, OSError, ValueError, BaseException) as error:
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise
        raise FileUnreadable(f"{file.key} cannot be read as a workbook: {str(error)[:200]}") from error
    return name, rows, f"{file.key}!{name}"


def _chosen(file: Found, asked: str | int | None, names: list[str]) -> str:
    if asked is None and names:
        return names[0]
    if isinstance(asked, int) and 0 < asked <= len(names):
        return names[asked - 1]
    if isinstance(asked, str) and asked in names:
        return asked
    raise FileUnreadable(f"{file.key} has no sheet {asked!r}", hint=f"there is {', '.join(names) or 'none'}")


def _window(said: str | None, rows: Sequence[Sequence[Any]]) -> tuple[int, int, int, int]:
    """Rows and columns, counted from 0, the ends beyond the last."""
    height, width = len(rows), max(map(len, rows), default=0)
    if said is None:
        return 0, 0, height, width
    found = _RANGE.fullmatch(said.replace("$", ""))
    if found is None:
        raise FileUnreadable(f"'{said}' is no range of cells", hint="such as B3:F200, B3:F or B3:")
    left, top, right, bottom = found.groups()
    return int(top) - 1, _column(left), int(bottom) if bottom else height, _column(right) + 1 if right else width


def _column(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number - 1


def _plain(cell: Any) -> Any:
    """A whole number as one: workbooks know no others than fractions."""
    return int(cell) if isinstance(cell, float) and cell.is_integer() and abs(cell) <= _WHOLE else cell


def _type(kinds: set[type]) -> Type | None:
    if not kinds:
        return None
    if len(kinds) == 1:
        return _KINDS[next(iter(kinds))]
    return _MIXED.get(frozenset(kinds), VARCHAR)


def _text(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case float():
            plain = format(Decimal(repr(value)), "f")
            return plain if len(plain) < 25 else repr(value)
        case datetime():
            return value.isoformat(sep=" ")
        case timedelta():
            seconds, rest = divmod(round(value.total_seconds() * 1_000_000), 1_000_000)
            return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest:06d}"
        case date() | time():
            return value.isoformat()
        case _:
            return str(value)
