"""Streams of files: each file that is new arrives once, in the order of the names, wherever it comes from."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import accumulate, groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.batch import Batch, FileChanged, Scan
from headrace.durable import seen
from headrace.events import Warned, emit
from headrace.extract import delimited, documents, hive, lines, parquet, torn_lines
from headrace.extract.choosing import Choice
from headrace.extract.dialects import encoding_of
from headrace.extract.encodings import as_utf8, marked
from headrace.extract.fetching import fetched
from headrace.extract.found import Found, files_of, format_of
from headrace.extract.listing import Places, Sighting, find
from headrace.extract.packed import unpacked
from headrace.extract.pieces import At
from headrace.extract.unrolled import unrolled
from headrace.project.file_sources import FilesStream

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from headrace.batch import Arrived
    from headrace.extract.profiles import Profile
    from headrace.project.sources import Stream
    from headrace.retry import Clock
    from headrace.schema import Type
    from headrace.warehouse.embedded import Embedded

_TOGETHER = 500
_SMALL = 1_000_000
_GATHERED = 4_000_000
"""Bytes of a document that may be read with others, and of all that are."""
_OF_LINES = ("csv", "tsv", "jsonl", "fixed")


def read(
    stream: Stream,
    *,
    resume: Mapping[str, Any],
    local: Embedded,
    clock: Clock,
    scratch: Path,
    unfit: Collection[str] = (),
) -> Iterator[Arrived]:
    """The files of a stream that `resume` does not know as read, or changed since. Those called `unfit` are not read in place.

    `resume` holds the stamps of the files that were read, `{"files": {name: stamp}}`, and may hold a place within one, `at`, and
    how the files so far were written, `dialect`. What arrives says of `files` only what ends with it. Raises FilesNotFound,
    FileUnreadable, FileVanished and FileAltered, and FileChanged where the file of the place is another one now.
    """
    spec = stream.spec
    if not isinstance(spec, FilesStream):
        raise TypeError(f"{stream.label} is not a stream of files")
    scratch.mkdir(parents=True, exist_ok=True)
    choice = Choice(stream, spec, dict(resume.get("files") or {}))
    midway = resume.get("at") or {}
    with closing(Places(stream.access, clock)) as places:
        listed = find(stream.folder, spec, places, clock.now().date(), choice.after)
        partitions = hive.types_of((one.listed.name for one in listed), spec)
        # A file of which a part is loaded comes first: its place is not kept beside that in another.
        wanted = sorted(choice.of_listed(listed), key=lambda one: not _holds(one, midway))
        if midway and not (wanted and _holds(wanted[0], midway)):
            raise FileChanged(midway["file"])
        words = dict(resume.get("dialect") or {})
        reader = _Reader(stream, spec, local, scratch, partitions, midway, frozenset(unfit), words)
        with closing(fetched(wanted, stream.label, scratch, clock, spec.parallel)) as arriving:
            found = (file for one, path in arriving for file in _files_of(one, path, choice, scratch, midway))
            for group in _alone(found) if _one_by_one(wanted, spec) else iter([list(found)]):
                yield from reader.read(group)


@dataclass(frozen=True, slots=True)
class _Here:
    """A file on this disk, with what of it is a copy that nobody needs once its rows are safe."""

    file: Found
    copies: tuple[Path, ...] = ()


def _holds(one: Sighting, midway: Mapping[str, Any]) -> bool:
    name = one.listed.name
    return bool(midway) and (midway["file"] == name or midway["file"].startswith(f"{name}!"))


def _files_of(one: Sighting, path: Path, choice: Choice, scratch: Path, midway: Mapping[str, Any]) -> Iterator[_Here]:
    """The file, or those in it that are to be read, as they were before they were compressed. Raises FileChanged."""
    inside = files_of(path, one.listed.name, choice.stamp(one, path), choice.spec.known_format, scratch)
    taken: Iterable[Found] = (file for file in inside if choice.takes(file.key, file.stamp))
    if _holds(one, midway):
        taken = list(taken)
        if not any(_begun(midway, file) for file in taken):
            raise FileChanged(midway["file"])
    for file in taken:
        path = unpacked(file.path, file.key, file.stamp, scratch)
        plain = replace(file, path=path, selector=choice.spec.data_selector)
        yield _Here(plain, () if one.place is None else (file.path, plain.path))


def _begun(midway: Mapping[str, Any], file: Found) -> bool:
    return bool(midway) and midway["file"] == file.key and midway["stamp"] == file.stamp


def _one_by_one(wanted: Sequence[Sighting], spec: FilesStream) -> bool:
    """Whether no file has to be seen together with the others, as those without types of their own have to."""
    names = [one.listed.name.partition("?")[0] for one in wanted]
    if any(name.lower().endswith(".zip") for name in names):
        return False
    return not any(format_of(name, spec.known_format, name) in ("csv", "tsv") for name in names)


def _alone(found: Iterator[_Here]) -> Iterator[list[_Here]]:
    """Files of Parquet and small documents of JSON by hundreds, of which one statement is asked; others one by one."""
    for many, files in groupby(found, lambda one: one.file.format == "parquet" or _is_small(one.file)):
        while group := list(islice(files, _TOGETHER if many else 1)):
            yield group


def _is_small(file: Found) -> bool:
    return file.format == "json" and file.path.stat().st_size <= _SMALL


@dataclass(slots=True)
class _Reader:
    """Files on this disk, each as what it arrives as. `words` are how those so far are written."""

    stream: Stream
    spec: FilesStream
    local: Embedded
    scratch: Path
    partitions: Mapping[str, str]
    midway: Mapping[str, Any]
    unfit: frozenset[str]
    words: dict[str, Any]
    profiles: dict[str, Profile] = field(default_factory=dict)
    types: Mapping[str, Type] = field(default_factory=dict)
    lines_before: Scan | None = None

    @property
    def _in_flight(self) -> bool:
        """Whether SQL of the user's sees the rows before they are loaded: those of one file at a time."""
        return self.spec.transform is not None and self.spec.transform.when == "in_flight"

    def read(self, group: Sequence[_Here]) -> Iterator[Arrived]:
        """What arrives of files that have their types in common. Copies of what arrived as rows go as soon as those are safe."""
        empty = [one for one in group if self._is_nothing(one.file)]
        yield from (self._nothing(one.file) for one in empty)
        ready = [(self._readable(one.file), one.copies) for one in group if one not in empty]
        seen_by = delimited.profiled(
            list(self.profiles.values()), self.local, self.scratch, whole=self._in_flight, unfit=self.unfit
        )
        self.profiles = {one.file.key: one for one in seen_by}
        self.types = delimited.together(list(self.profiles.values()))
        tables = [file for file, _ in ready if file.format == "parquet"]
        scans = {scan.origin: scan for scan in parquet.scans_of(tables, self.partitions, self.local)} if tables else {}
        held = {"dialect": self.words} if self.words else {}
        for files in self._runs(ready):
            if len(files) > 1 and (batch := self._gathered([file for file, _ in files])):
                yield replace(batch, resume={**held, **batch.resume})
                _forget(path for _, copies in files for path in copies)
                continue
            for file, copies in files:
                if scan := scans.get(file.key) or self._in_place(file):
                    yield self._placed(scan, file, held)
                    continue
                for batch in self._batches(file):
                    yield replace(batch, resume={**held, **batch.resume})
                _forget(copies)
        self.profiles = {}

    def _runs(self, ready: Sequence[tuple[Found, tuple[Path, ...]]]) -> Iterator[list[tuple[Found, tuple[Path, ...]]]]:
        """Files with their copies: small documents that one statement can read in one list, each other file in one of its own."""
        ends = accumulate(file.path.stat().st_size if _is_small(file) else 0 for file, _ in ready)
        marks = (self._mark(file, number, end) for number, ((file, _), end) in enumerate(zip(ready, ends, strict=True)))
        for _, run in groupby(zip(marks, ready, strict=True), lambda one: one[0]):
            yield [one for _, one in run]

    def _mark(self, file: Found, number: int, end: int) -> tuple[Any, ...]:
        """What those files have in common that are read together: some megabytes of documents, of one folder where that is a row's value."""
        if self._in_flight or not _is_small(file) or _begun(self.midway, file):
            return (number,)
        return end // _GATHERED, file.name.rpartition("/")[0] if self.partitions else ""

    def _gathered(self, files: Sequence[Found]) -> Batch | None:
        batch = documents.gathered(files, self.spec, self.local)
        if batch is None:
            return None
        rows = hive.added(batch.rows, files[0].name, self.partitions, self.local)
        sizes = {file.key: file.size for file in files if file.size is not None}
        return replace(
            batch,
            rows=rows,
            resume={"files": {file.key: file.stamp for file in files}, **({"sizes": sizes} if sizes else {})},
        )

    def _is_nothing(self, file: Found) -> bool:
        """Whether a file of lines has no byte, where that can do no harm: a table that is made of all files might lose its rows."""
        return file.format in _OF_LINES and not self.stream.whole and file.path.stat().st_size == 0

    def _nothing(self, file: Found) -> Batch:
        from headrace.arrow import pa

        emit(Warned(f"{self.stream.label}: {file.key} is empty, so it counts as read and has no rows"))
        held = {"dialect": self.words} if self.words else {}
        read = {"files": {file.key: file.stamp}, "sizes": {file.key: 0}}
        return Batch(pa.table({}), 0, None, None, {**held, **read}, file.key)

    def _readable(self, file: Found) -> Found:
        """The file with its text in UTF-8, where its lines are looked at before it is read."""
        spec = self.spec
        if file.format in ("csv", "tsv"):
            one = delimited.opened(file, spec, self.words, self.scratch)
            self.profiles[file.key] = one
            self.words = self.words or one.dialect.written()
        elif file.format == "fixed":
            self.words = self.words or {"encoding": encoding_of(file, spec.encoding, {})}
            return as_utf8(file, encoding_of(file, spec.encoding, self.words), self.scratch)
        elif file.format in ("json", "jsonl"):
            readable = as_utf8(file, spec.encoding or _marked(file) or "utf-8", self.scratch)
            return unrolled(readable, self.local, self.scratch) if file.format == "json" else readable
        return file

    def _in_place(self, file: Found) -> Scan | None:
        """The file as a Scan, where nothing has to be asked of the rows before they are loaded."""
        spec, one = self.spec, self.profiles.get(file.key)
        if _begun(self.midway, file):
            return None
        if one is not None:
            fits = one.clean and file.key not in self.unfit
            return delimited.scan_of(one, self.types, self.local, self.scratch) if fits else None
        asked = file.selector or spec.incremental or self._in_flight
        if file.format != "jsonl" or asked:
            return None
        found = None if file.key in self.unfit else self._lines(file)
        if found is None and (
            ready := torn_lines.mended(file, documents.shape_of(spec, "$"), self.local, self.scratch)
        ):
            whole, rejected = ready
            found = self._lines(whole)
            found = replace(found, rejected=str(rejected or "")) if found else None
        self.lines_before = found or self.lines_before
        return found

    def _lines(self, file: Found) -> Scan | None:
        types, before = self.spec.column_types, self.lines_before
        return lines.scan_of(file, types, self.local, flatten=self.spec.flattens, before=before)

    def _placed(self, scan: Scan, file: Found, words: Mapping[str, Any]) -> Scan:
        """With the columns of the path, and what the file is now. Raises FileUnreadable."""
        if scan.format == "jsonl":
            hive.check(file.name, [str(one["name"]) for one in scan.options["fields"]], self.partitions)
        elif scan.format == "csv":
            hive.check(file.name, scan.options["columns"], self.partitions)
        return replace(scan, words=words, seen=seen(Path(scan.path)), size=file.size, partitions=self.partitions)

    def _batches(self, file: Found) -> Iterator[Batch]:
        """The file in Batches, each of which says where to go on after it."""
        start = self.midway if _begun(self.midway, file) else {}
        one = self.profiles.get(file.key)
        pieces = (
            _delimited(one, self.types, self.local, self.scratch, start)
            if one
            else _pieces(file, self.spec, self.local, start)
        )
        sizes = {} if file.size is None else {"sizes": {file.key: file.size}}
        for batch, place, last in pieces:
            at = {"file": file.key, "stamp": file.stamp, **place}
            rows = hive.added(batch.rows, file.name, self.partitions, self.local)
            yield replace(batch, rows=rows, resume={"files": {file.key: file.stamp}, **sizes} if last else {"at": at})


def _forget(copies: Iterable[Path]) -> None:
    for path in copies:
        path.unlink(missing_ok=True)


def _delimited(
    profile: Profile, types: Mapping[str, Type], local: Embedded, scratch: Path, start: Mapping[str, Any]
) -> Iterator[tuple[Batch, Mapping[str, Any], bool]]:
    place = At(start.get("byte", 0), start.get("line", 0))
    for batch, after, last in delimited.batches_of(profile, types, local, scratch, place):
        yield batch, {"byte": after.byte, "line": after.line}, last


def _pieces(
    file: Found, spec: FilesStream, local: Embedded, start: Mapping[str, Any]
) -> Iterator[tuple[Batch, Mapping[str, Any], bool]]:
    """A file in Batches, each with the place after it and whether it is the last."""
    match file.format:
        case "arrow":
            from headrace.extract import arrow

            return arrow.batches(file, spec, local, start)
        case "avro":
            from headrace.extract import avro

            return avro.batches(file, spec, local, start)
        case "excel":
            from headrace.extract import excel

            return excel.batches(file, spec, local)
        case "xml":
            from headrace.extract import xml

            return xml.batches(file, spec, local, start)
        case "fixed":
            from headrace.extract import fixed

            return fixed.batches(file, spec, local, start)
        case "jsonl":
            return documents.json_lines(file, spec, local, start)
        case _:
            return documents.document(file, spec, local)


def _marked(file: Found) -> str | None:
    """What is not UTF-8 by the mark at its beginning."""
    with file.path.open("rb") as stream:
        found = marked(stream.read(4))
    return None if found == "utf-8" else found
