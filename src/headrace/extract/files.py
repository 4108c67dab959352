"""Streams of files of this machine: each file that is new arrives once, in the order of the names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from headrace.batch import Batch, Scan
from headrace.errors import FileUnreadable, StatementFailed
from headrace.extract import delimited, lines
from headrace.extract.found import Found, find
from headrace.extract.paths import distinct_names
from headrace.extract.records import Shape, rows_of
from headrace.extract.selecting import find_selector
from headrace.project.file_sources import FilesStream
from headrace.schema import parse_type
from headrace.sql.dialect import text as literal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from headrace.batch import Arrived
    from headrace.project.sources import Stream
    from headrace.schema import Type
    from headrace.warehouse.embedded import Embedded

_CHUNK = 8_000_000


def read(
    stream: Stream, *, resume: Mapping[str, Any], local: Embedded, scratch: Path, unfit: Collection[str] = ()
) -> Iterator[Arrived]:
    """The files of a stream that `resume` does not know as read, or changed since. Those called `unfit` are not read in place.

    `resume` holds the stamps of the files that were read, `{"files": {name: stamp}}`, and may hold a place within one.
    Raises FilesNotFound or FileUnreadable.
    """
    spec = stream.spec
    if not isinstance(spec, FilesStream):
        raise TypeError(f"{stream.label} is not a stream of files")
    found = find(stream.folder, spec.path, spec.format, scratch)
    midway = resume.get("at")
    known = dict(resume.get("files") or {})
    new = [file for file in found if known.get(file.key) != file.stamp]
    tables = {file: delimited.profile(file, spec, local) for file in new if file.format in ("csv", "tsv")}
    types = delimited.together(list(tables.values()))
    for file in new:
        before, known = known, {**known, file.key: file.stamp}
        if file in tables:
            yield delimited.arrived(tables[file], types, local, {"files": known})
        elif file.format == "parquet":
            yield _parquet(file, local)
        elif file.key not in unfit and not _begun(midway, file) and (scan := _in_place(file, spec, local)):
            yield scan
        else:
            start = midway["byte"] if midway and _begun(midway, file) else 0
            yield from _documents(file, spec, local, start, (before, known))


def _begun(midway: Mapping[str, Any] | None, file: Found) -> bool:
    return midway is not None and midway["file"] == file.key and midway["stamp"] == file.stamp


def _parquet(file: Found, local: Embedded) -> Scan:
    try:
        described = local.rows(f"DESCRIBE SELECT * FROM read_parquet({literal(str(file.path))})")
    except StatementFailed as error:
        raise FileUnreadable(f"{file.name} cannot be read: {str(error)[:200]}") from error
    originals = [str(row[0]) for row in described]
    names = {keys[0]: name for keys, name in distinct_names([(name,) for name in originals]).items()}
    options = {} if all(old == new for old, new in names.items()) else {"rename": names}
    return Scan(str(file.path), "parquet", options, file.stamp, file.member, file.key)


def _in_place(file: Found, spec: FilesStream, local: Embedded) -> Scan | None:
    """JSON lines as a Scan, where nothing has to be asked of the rows before they are loaded."""
    asked = spec.data_selector or spec.incremental or (spec.transform and spec.transform.when == "in_flight")
    if file.format != "jsonl" or asked:
        return None
    return lines.scan_of(file, _columns(spec), local, flatten=spec.nested == "flatten")


def _columns(spec: FilesStream) -> dict[str, Type]:
    return {name: parse_type(column.type) for name, column in spec.columns.items() if column.type}


def _documents(
    file: Found, spec: FilesStream, local: Embedded, start: int, known: tuple[Mapping[str, str], Mapping[str, str]]
) -> Iterator[Batch]:
    """JSON and JSON lines, in batches that say at which byte to go on."""
    before, after = known
    pieces = _lines(file, start) if file.format == "jsonl" else _whole(file)
    for body, end, last in pieces:
        here = {"file": file.key, "stamp": file.stamp, "byte": end}
        resume = {"files": dict(after)} if last else {"files": dict(before), "at": here}
        yield _batch(file, spec, local, body, resume)


def _batch(file: Found, spec: FilesStream, local: Embedded, body: str, resume: Mapping[str, Any]) -> Batch:
    columns = _columns(spec)
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
    return Batch(rows.rows, rows.read, rows.rejected, rows.cursor, resume, file.name)


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
