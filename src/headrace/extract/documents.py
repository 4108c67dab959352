"""JSON documents and JSON lines, in batches that are gone on with at any byte where one ended."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from headrace.batch import Batch
from headrace.errors import FileUnreadable, StatementFailed
from headrace.extract import lines
from headrace.extract.records import Shape, rows_of
from headrace.extract.selecting import find_selector
from headrace.schema import parse_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from headrace.extract.found import Found
    from headrace.project.file_sources import FilesStream
    from headrace.schema import Type
    from headrace.warehouse.embedded import Embedded

_CHUNK = 8_000_000


def columns_of(spec: FilesStream) -> dict[str, Type]:
    """The types that are declared."""
    return {name: parse_type(column.type) for name, column in spec.columns.items() if column.type}


def read(file: Found, spec: FilesStream, local: Embedded, start: int, finished: Mapping[str, Any]) -> Iterator[Batch]:
    """Batches that say at which byte to go on; the last one says what is `finished`. Raises FileUnreadable."""
    pieces = _lines(file, start) if file.format == "jsonl" else _whole(file)
    for body, end, last in pieces:
        here = {"at": {"file": file.key, "stamp": file.stamp, "byte": end}}
        yield _batch(file, spec, local, body, finished if last else here)


def _batch(file: Found, spec: FilesStream, local: Embedded, body: str, resume: Mapping[str, Any]) -> Batch:
    columns = columns_of(spec)
    try:
        selector = "$" if file.format == "jsonl" else spec.data_selector or find_selector(local, body)
        if file.format == "jsonl" and spec.data_selector:
            selector = f"$[*].{spec.data_selector.removeprefix('$').lstrip('.')}"
        incremental = spec.incremental
        shape = Shape(
            selector,
            columns,
            spec.nested == "flatten",
            incremental.cursor_path if incremental else None,
            incremental.on_cursor_value_missing if incremental else "include",
        )
        rows = rows_of([(file.name, body)], shape, local)
    except StatementFailed as error:
        if file.format == "jsonl" and (mended := _mended(local, body)) != body:
            return _batch(file, spec, local, mended, resume)
        raise FileUnreadable(f"{file.name} is not {file.format.upper()}: {str(error)[:200]}") from error
    return Batch(rows.rows, rows.read, rows.rejected, rows.cursor, resume, file.key)


def _mended(local: Embedded, body: str) -> str:
    """Lines that are not JSON become JSON texts, which are no records and so are rejected as they stand."""
    texts = body[1:-1].split("\n,")
    valid = local.rows("SELECT json_valid(line) FROM (SELECT unnest(?) AS line)", [texts])
    return (
        "[" + "\n,".join(line if fits else json.dumps(line) for line, (fits,) in zip(texts, valid, strict=True)) + "]"
    )


def _text(file: Found, raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileUnreadable(f"{file.name} is not UTF-8, which JSON has to be") from error


def _whole(file: Found) -> Iterator[tuple[str, int, bool]]:
    with lines.opened(file) as stream:
        raw = stream.read()
    yield _text(file, raw), len(raw), True


def _lines(file: Found, start: int) -> Iterator[tuple[str, int, bool]]:
    """Lines as JSON lists of some megabytes, each with the byte after it and whether it is the last."""
    with lines.opened(file) as stream:
        stream.seek(start)
        rest, end = b"", start
        block = stream.read(_CHUNK)
        while block:
            following = stream.read(_CHUNK)
            whole, newline, rest = (rest + block).rpartition(b"\n") if following else (rest + block, b"", b"")
            end += len(whole) + len(newline)
            texts = [line for line in _text(file, whole).split("\n") if line.strip()]
            if texts:
                yield "[" + "\n,".join(texts) + "]", end, not following
            block = following
