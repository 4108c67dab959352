"""Streams of files of this machine: each file that is new arrives once, in the order of the names."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from headrace.batch import Batch, FileChanged, Scan
from headrace.errors import FileUnreadable, StatementFailed
from headrace.extract import arrow, avro, delimited, documents, excel, fixed, lines, xml
from headrace.extract.dialects import encoding_of
from headrace.extract.encodings import as_utf8, marked
from headrace.extract.found import Found, find
from headrace.extract.packed import unpacked
from headrace.extract.paths import distinct_names
from headrace.extract.pieces import At
from headrace.project.file_sources import FilesStream
from headrace.sql.readers import located

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from headrace.batch import Arrived
    from headrace.extract.delimited import Profile
    from headrace.project.sources import Stream
    from headrace.schema import Type
    from headrace.warehouse.embedded import Embedded


def read(
    stream: Stream, *, resume: Mapping[str, Any], local: Embedded, scratch: Path, unfit: Collection[str] = ()
) -> Iterator[Arrived]:
    """The files of a stream that `resume` does not know as read, or changed since. Those called `unfit` are not read in place.

    `resume` holds the stamps of the files that were read, `{"files": {name: stamp}}`, and may hold a place within one, `at`, and
    how the files so far were written, `dialect`. Raises FilesNotFound or FileUnreadable, and FileChanged where the file of the
    place is another one now.
    """
    spec = stream.spec
    if not isinstance(spec, FilesStream):
        raise TypeError(f"{stream.label} is not a stream of files")
    scratch.mkdir(parents=True, exist_ok=True)
    found = find(stream.folder, spec.path, spec.known_format, scratch)
    midway = resume.get("at")
    if midway and not any(_begun(midway, file) for file in found):
        raise FileChanged(midway["file"])
    known = dict(resume.get("files") or {})
    new = [
        replace(file, path=unpacked(file.path, file.key, file.stamp, scratch))
        for file in found
        if known.get(file.key) != file.stamp
    ]
    words = dict(resume.get("dialect") or {})
    profiles: dict[str, Profile] = {}
    readable: list[Found] = []
    in_flight = spec.transform is not None and spec.transform.when == "in_flight"
    for file in new:
        if file.format in ("csv", "tsv"):
            whole = in_flight or file.key in unfit
            profiles[file.key] = delimited.profile(file, spec, words, local, scratch, whole=whole)
            words = words or profiles[file.key].dialect.written()
        elif file.format == "fixed":
            words = words or {"encoding": encoding_of(file, spec.encoding, {})}
            file = as_utf8(file, encoding_of(file, spec.encoding, words), scratch)  # noqa: PLW2901 - the same, readable
        readable.append(file)
    types = delimited.together(list(profiles.values()))
    held = {"dialect": words} if words else {}
    for file in readable:
        before, known = known, {**known, file.key: file.stamp}
        begun = _begun(midway, file)
        one = profiles.get(file.key)
        if not begun and file.key not in unfit and (scan := _in_place(file, spec, one, types, local)):
            yield replace(scan, words=held)
            continue
        start = midway if midway and begun else {}
        pieces = _delimited(one, types, local, scratch, start) if one else _pieces(file, spec, local, scratch, start)
        for batch, place, last in pieces:
            at = {"file": file.key, "stamp": file.stamp, **place}
            where = {"files": dict(known)} if last else {"files": dict(before), "at": at}
            yield replace(batch, resume={**held, **where})


def _begun(midway: Mapping[str, Any] | None, file: Found) -> bool:
    return midway is not None and midway["file"] == file.key and midway["stamp"] == file.stamp


def _in_place(
    file: Found, spec: FilesStream, profile: Profile | None, types: Mapping[str, Type], local: Embedded
) -> Scan | None:
    """The file as a Scan, where nothing has to be asked of the rows before they are loaded."""
    if profile is not None:
        return delimited.scan_of(profile, types) if profile.clean else None
    if file.format == "parquet":
        return _parquet(file, local)
    asked = spec.data_selector or spec.incremental or (spec.transform and spec.transform.when == "in_flight")
    if file.format != "jsonl" or asked or _marked(file) or spec.encoding:
        return None
    return lines.scan_of(file, documents.declared_types(spec), local, flatten=spec.nested == "flatten")


def _parquet(file: Found, local: Embedded) -> Scan:
    try:
        described = local.rows(f"DESCRIBE SELECT * FROM read_parquet({located(str(file.path))})")
    except StatementFailed as error:
        raise FileUnreadable(f"{file.key} cannot be read: {str(error)[:200]}") from error
    originals = [str(row[0]) for row in described]
    names = {keys[0]: name for keys, name in distinct_names([(name,) for name in originals]).items()}
    options = {} if all(old == new for old, new in names.items()) else {"rename": names}
    return Scan(str(file.path), "parquet", options, file.stamp, file.member, file.key)


def _delimited(
    profile: Profile, types: Mapping[str, Type], local: Embedded, scratch: Path, start: Mapping[str, Any]
) -> Iterator[tuple[Batch, Mapping[str, Any], bool]]:
    place = At(start.get("byte", 0), start.get("line", 0))
    for batch, after, last in delimited.batches_of(profile, types, local, scratch, place):
        yield batch, {"byte": after.byte, "line": after.line}, last


def _pieces(
    file: Found, spec: FilesStream, local: Embedded, scratch: Path, start: Mapping[str, Any]
) -> Iterator[tuple[Batch, Mapping[str, Any], bool]]:
    """A file in Batches, each with the place after it and whether it is the last."""
    match file.format:
        case "arrow":
            return arrow.batches(file, spec, local, start)
        case "avro":
            return avro.batches(file, spec, local, start)
        case "excel":
            return excel.batches(file, spec, local)
        case "xml":
            return xml.batches(file, spec, local, start)
        case "fixed":
            return fixed.batches(file, spec, local, start)
        case _:
            readable = as_utf8(file, spec.encoding or _marked(file) or "utf-8", scratch)
            if file.format == "jsonl":
                return documents.json_lines(readable, spec, local, start)
            return documents.document(readable, spec, local)


def _marked(file: Found) -> str | None:
    """What is not UTF-8 by the mark at its beginning."""
    with file.path.open("rb") as stream:
        found = marked(stream.read(4))
    return None if found == "utf-8" else found
