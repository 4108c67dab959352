"""JSON and JSON lines in Batches, each with the byte at which to go on; a line that is no record is rejected with its number."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace.batch import Batch
from headrace.errors import FileUnreadable, RecordsNotFound, StatementFailed
from headrace.extract.nesting import DEEPEST, too_deep
from headrace.extract.records import Shape, rows_of
from headrace.extract.selecting import all_there, find_selector, find_selectors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from headrace.extract.found import Found
    from headrace.project.file_sources import FilesStream
    from headrace.warehouse.embedded import Embedded

FETCH_ANEW = "fetch it anew; whoever writes it does best to write beside it and rename it when it is whole"
MEND = "mend the file, or set `format:` on the stream if it is something else"
"""What to do about a document that is cut off, and about one that is no JSON."""

_CHUNK = 8_000_000
_SHOWN = 40
_COMPLAINT = re.compile(r"Malformed JSON at byte (\d+) of input: ([^.\n]*)")
"""How the engine says what is wrong with a text, and at which byte."""


@dataclass(frozen=True, slots=True)
class _Lines:
    """Lines with the number of each, the byte and the number of lines after them, and whether they are the last."""

    texts: Sequence[str]
    numbers: Sequence[int]
    end: int
    line: int
    last: bool


def shape_of(spec: FilesStream, selector: str) -> Shape:
    """What the stream says of its records."""
    incremental = spec.incremental
    return Shape(
        selector,
        spec.column_types,
        spec.flattens,
        incremental.cursor_path if incremental else None,
        incremental.on_cursor_value_missing if incremental else "include",
    )


def document(file: Found, spec: FilesStream, local: Embedded) -> Iterator[tuple[Batch, Mapping[str, Any], bool]]:
    """A JSON document as one Batch. Raises FileUnreadable, RecordsNotFound."""
    body = _text(file, file.path.read_bytes())
    if too_deep(body):
        raise FileUnreadable(f"{file.key} is nested deeper than {DEEPEST} levels, which no record is")
    try:
        selector = file.selector or find_selector(local, body)
        if not all_there(local, [body], selector):
            raise RecordsNotFound(f"{file.key} has nothing at '{selector}'", hint="say where with `data_selector:`")
        rows = rows_of([(file.key, body)], shape_of(spec, selector), local)
    except StatementFailed as error:
        raise _no_document(file, body, str(error)) from error
    yield Batch(rows.rows, rows.read, rows.rejected, rows.cursor, {}, file.key), {"byte": len(body)}, True


def gathered(files: Sequence[Found], spec: FilesStream, local: Embedded) -> Batch | None:
    """Small JSON documents as one Batch, since a statement for each costs more than its rows; None where they have to be told apart."""
    try:
        bodies = [_text(file, file.path.read_bytes()) for file in files]
        selectors = {files[0].selector} if files[0].selector else set(find_selectors(local, bodies))
        shape = shape_of(spec, str(selectors.pop()))
        if selectors or any(map(too_deep, bodies)) or not all_there(local, bodies, shape.selector):
            return None
        rows = rows_of([(file.key, body) for file, body in zip(files, bodies, strict=True)], shape, local)
    except (StatementFailed, FileUnreadable, RecordsNotFound):
        return None
    return Batch(rows.rows, rows.read, rows.rejected, rows.cursor, {}, files[0].key, rows.origins)


def _no_document(file: Found, body: str, said: str) -> FileUnreadable:
    """What is wrong with a text that the engine does not take for JSON, by what it said, and where in the text that is."""
    found = _COMPLAINT.search(said)
    if not body.strip():
        return FileUnreadable(
            f"{file.key} is empty",
            hint="a document without records is []; if somebody is still writing it, load it when it is whole",
        )
    if found is None:
        return FileUnreadable(f"{file.key} is not JSON: {said.splitlines()[0][:200]}")
    before = body.encode()[: int(found[1])].decode("utf-8", "ignore")
    line = before.count("\n") + 1
    if "end of data" in found[2]:
        return FileUnreadable(
            f"{file.key} is cut off: it ends in line {body.rstrip().count(chr(10)) + 1}, and its document does not",
            hint=FETCH_ANEW,
        )
    if "after document" in found[2]:
        return FileUnreadable(
            f"{file.key} goes on in line {line}, behind the end of its document",
            hint="set `format: jsonl` if each line is a record",
        )
    rest = body[len(before) :].split("\n", 1)[0][:_SHOWN]
    at = len(before) - before.rfind("\n")
    return FileUnreadable(
        f"{file.key} is not JSON in line {line}, at character {at}: {found[2]} at {rest!r}",
        hint=MEND,
    )


def json_lines(
    file: Found, spec: FilesStream, local: Embedded, start: Mapping[str, Any]
) -> Iterator[tuple[Batch, Mapping[str, Any], bool]]:
    """JSON lines in Batches of some megabytes, from a place on."""
    selector = "$[*]." + file.selector.removeprefix("$").lstrip(".") if file.selector else "$"
    shape = shape_of(spec, selector)
    for piece in _lines(file, start.get("byte", 0), start.get("line", 0)):
        try:
            batch = records_batch(file.key, piece.texts, piece.numbers, shape, local)
        except StatementFailed as error:
            raise FileUnreadable(f"{file.key} is not JSONL: {str(error)[:200]}") from error
        yield batch, {"byte": piece.end, "line": piece.line}, piece.last


def records_batch(origin: str, texts: Sequence[str], numbers: Sequence[int], shape: Shape, local: Embedded) -> Batch:
    """JSON texts, each a record, as a Batch; where some are rejected, each of them with its number."""
    body = "[" + "\n,".join(texts) + "]"
    torn = too_deep(body)
    if torn:
        texts = [json.dumps(text) if too_deep(text) else text for text in texts]
    else:
        try:
            rows = rows_of([(origin, body)], shape, local)
            torn = rows.rejected is not None
        except StatementFailed:
            torn = True
    if torn:
        valid = local.rows("SELECT json_valid(line) FROM (SELECT unnest(?) AS line)", [list(texts)])
        # What is not JSON becomes a JSON text, which is no record and so is rejected as it stands.
        whole = [text if fits else json.dumps(text) for text, (fits,) in zip(texts, valid, strict=True)]
        pages = [(f"{origin}:{number}", f"[{text}]") for number, text in zip(numbers, whole, strict=True)]
        rows = rows_of(pages, shape, local)
    return Batch(rows.rows, rows.read, rows.rejected, rows.cursor, {}, origin)


def _text(file: Found, raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileUnreadable(
            f"{file.key} is not UTF-8, which JSON has to be", hint="set `encoding:` on the stream, such as cp1252"
        ) from error


def _lines(file: Found, start: int, line: int) -> Iterator[_Lines]:
    with file.path.open("rb") as stream:
        stream.seek(start)
        rest, end = b"", start
        block = stream.read(_CHUNK)
        while block:
            following = stream.read(_CHUNK)
            whole, newline, rest = (rest + block).rpartition(b"\n") if following else (rest + block, b"", b"")
            end += len(whole) + len(newline)
            texts = _text(file, whole).split("\n") if whole else []
            numbers = [line + at for at, text in enumerate(texts, 1) if text.strip()]
            line += len(texts)
            if numbers:
                yield _Lines([text for text in texts if text.strip()], numbers, end, line, not following)
            block = following
