"""A large JSON document written anew as JSON lines, so that its list of records is read as those are: never more than a part of it at once.

Where the list begins is looked for in the first bytes of the document, and where it ends in the last ones. Both are right if what is
between them is a list, and if the document without it is one, which is asked of the engine before: a value that stands where a value
stood makes a document of a document. That it is a list is told by its bytes, which are those of the lines with commas between them:
the engine's own reader of lists takes one that ends with a comma, or goes on behind its end.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import IO, TYPE_CHECKING

from headrace.durable import seen
from headrace.errors import FileUnreadable, RecordsNotFound, StatementFailed
from headrace.events import Warned, emit
from headrace.extract.cutting import beside, cut_out
from headrace.extract.documents import FETCH_ANEW, MEND
from headrace.extract.paths import until_list
from headrace.extract.selecting import find_selector
from headrace.sql.readers import located

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from headrace.extract.found import Found
    from headrace.warehouse.embedded import Embedded

_LARGE = 8_000_000
"""From how many bytes on: a smaller document is read at once."""
_HUGE = 100_000_000
"""From how many bytes on it is said that a document is read at once after all."""
_HEAD = _TAIL = 256 * 1024
_BATCH = 2048
_RECORD = '[{"headrace":"a record"}]'
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}"]', re.DOTALL)
_MARK = b"\xef\xbb\xbf"
_BLOCK = 1 << 20
_BLANKS = b" \t\r"
_COMMAS = bytes.maketrans(b"\n", b",")
_WRONG = re.compile(r"in record/value (\d+): ([^.\n]*)")
"""How the engine says which element of a list is no JSON, of which it takes the list itself for the first, and why."""


def unrolled(file: Found, local: Embedded, scratch: Path) -> Found:
    """The document as JSON lines, a record in each; as it is where it is small, or where its records are no list that can be told.

    Raises FileUnreadable where all of it is one list and no JSON.
    """
    size = file.path.stat().st_size
    if size < _LARGE:
        return file
    before = seen(file.path)
    for place, selector in _places(file, size, local):
        target = beside(file, scratch, f"{place[0] if place else 0}.lines")
        made = target.exists() or _written(file, place, target, local)
        if made and seen(file.path) == before:
            return replace(file, path=target, format="jsonl", selector=selector or None)
        target.unlink(missing_ok=True)
    if size >= _HUGE:
        emit(
            Warned(
                f"{file.key} is read at once, which takes many times its {size // 1_000_000} MB of memory: its records are no one list"
            )
        )
    return file


def _places(file: Found, size: int, local: Embedded) -> Iterator[tuple[tuple[int, int] | None, str]]:
    """Where the list of the records may be, from byte to byte or the whole document, with the selector of the record in its elements."""
    with file.path.open("rb") as stream:
        head = stream.read(_HEAD)
        stream.seek(max(0, size - _TAIL))
        tail = stream.read()
    for opened, around in _open_lists(head):
        if not around and (selector := _selector(file.selector, "", "", local)) is not None:
            yield None, selector
        elif (closed := _closing(tail, around)) is not None:
            before, after = head[:opened].removeprefix(_MARK), tail[closed:]
            try:
                selector = _selector(file.selector, before.decode(), after.decode(), local)
            except UnicodeDecodeError:
                continue
            if selector is not None:
                yield (opened, size - len(after)), selector


def _open_lists(head: bytes) -> Iterator[tuple[int, str]]:
    """Where the lists begin that do not end in the first bytes, outer ones first, and the least text that a value in their place has before it."""
    inside: list[tuple[bytes, int]] = []
    for token in _TOKEN.finditer(head):
        sign = token[0]
        if sign == b'"':
            break
        if sign in b"[{":
            inside.append((sign, token.start()))
        elif sign in b"]}" and inside:
            inside.pop()
    around = ""
    for sign, at in inside:
        if sign == b"[":
            yield at, around
        around += "[" if sign == b"[" else '{"":'


def _closing(tail: bytes, around: str) -> int | None:
    """Behind which bracket of the last bytes the document could end as it does, if a list of what is `around` it ended there."""
    text = tail.decode("latin-1")  # a character for each byte: signs of JSON are of ASCII
    decoder = json.JSONDecoder()
    at = text.find("]")
    while at >= 0:
        rest = f"{around}[]{text[at + 1 :]}"
        try:
            _, end = decoder.raw_decode(rest)
        except ValueError:
            end = 0
        if end and not rest[end:].strip():
            return at + 1
        at = text.find("]", at + 1)
    return None


def _selector(asked: str | None, before: str, after: str, local: Embedded) -> str | None:
    """The selector of the record in an element of the list that is between two texts; None where the records are elsewhere."""
    document = before + _RECORD + after
    try:
        path, within = until_list(asked or find_selector(local, document))
        ((found,),) = local.rows("SELECT CAST(json_extract(CAST(? AS JSON), ?) AS VARCHAR)", [document, path])
    except (StatementFailed, RecordsNotFound):
        return None
    return within if found == _RECORD else None


def _written(file: Found, place: tuple[int, int] | None, target: Path, local: Embedded) -> bool:
    """Write the elements of a list as lines; whether it is one. Raises FileUnreadable where it is all of the file, and none."""
    source, partial = file.path, target.with_name(f"{target.name}.part")
    try:
        if place:
            source = target.with_name(f"{target.name}.list")
            cut_out(file.path, *place, source)
        with source.open("rb") as raw, partial.open("wb") as out:
            is_list = _copied(_lines(source, local), raw, out)
        if is_list:
            partial.rename(target)
            return True
    except StatementFailed as error:
        wrong = _WRONG.search(str(error))
        if place is None and wrong:
            raise _no_list(file, int(wrong[1]) - 1, wrong[2]) from error
    finally:
        partial.unlink(missing_ok=True)
        if place:
            source.unlink(missing_ok=True)
    if place is None and (cut_off := _cut_off(file)):
        raise cut_off
    return False


def _copied(lines: Iterator[memoryview], raw: IO[bytes], out: IO[bytes]) -> bool:
    """Write the lines; whether a file is a list of them, and of one at least: the same bytes, but for blanks, with commas between the lines."""
    blanks = _BLANKS + b"\n"
    rest = raw.read(len(_MARK)).removeprefix(_MARK).translate(None, blanks)
    held, same = b"[", True
    for some in lines:
        out.write(some)
        told = held + bytes(some).translate(_COMMAS, _BLANKS)
        held, wanted = told[-1:], told[:-1]
        parts, size = [rest], len(rest)
        while size < len(wanted) and (block := raw.read(_BLOCK)):
            parts.append(block.translate(None, blanks))
            size += len(parts[-1])
        found = b"".join(parts)
        same, rest = same and found.startswith(wanted), found[len(wanted) :]
    return same and held == b"," and rest + raw.read().translate(None, blanks) == b"]"


def _lines(path: Path, local: Embedded) -> Iterator[memoryview]:
    """The elements of a list as bytes of lines. A line's end within one is a blank between its signs: in a text it is escaped."""
    from headrace.arrow import pa

    broken = "contains(json, chr(10)) OR contains(json, chr(13))"
    line = f"CASE WHEN {broken} THEN translate(json, chr(10) || chr(13), '  ') ELSE json END || chr(10)"
    batches = iter(
        local.query(f"SELECT {line} AS line FROM read_json_objects({located(str(path))}, format = 'array')", _BATCH)
    )
    while True:
        try:
            batch = next(batches, None)
        except OSError as error:
            raise StatementFailed(str(error)) from error
        if batch is None:
            return
        column = batch.column(0).cast(pa.large_string())
        _, offsets, values = column.buffers()
        ends = memoryview(offsets).cast("q")
        yield memoryview(values)[ends[column.offset] : ends[column.offset + len(column)]]


def _no_list(file: Found, record: int, wrong: str) -> FileUnreadable:
    """What is to be said of a document that begins as a list and is none."""
    return _cut_off(file) or FileUnreadable(
        f"{file.key} is not JSON in record {record}: {wrong}",
        hint=MEND,
    )


def _cut_off(file: Found) -> FileUnreadable | None:
    """What is to be said of a list that has no end at the end of its file."""
    with file.path.open("rb") as stream:
        stream.seek(max(0, file.path.stat().st_size - _TAIL))
        last = stream.read().rstrip()[-20:].decode("utf-8", "replace")
    if last.endswith("]"):
        return None
    return FileUnreadable(
        f"{file.key} is cut off, or goes on behind its end: it begins as a list, and ends with {last!r}",
        hint=FETCH_ANEW,
    )
