"""Streams of files: each file that is new arrives once, in the order of the names."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from headrace.batch import Batch, Scan, seen
from headrace.errors import FileAltered, FileUnreadable, NotSupported, StatementFailed
from headrace.events import Warned, emit
from headrace.extract import delimited, documents, hive, lines
from headrace.extract.fetching import fetched
from headrace.extract.found import Found, files_of, format_of
from headrace.extract.listing import Places, Sighting, find
from headrace.extract.paths import distinct_names
from headrace.project.file_sources import FilesStream
from headrace.sql.dialect import text as literal
from headrace.sql.scan import reading

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from headrace.batch import Arrived
    from headrace.project.sources import Stream
    from headrace.retry import Clock
    from headrace.warehouse.embedded import Embedded

_TOGETHER = 500
_DESCRIBED = (
    "name",
    "type",
    "type_length",
    "repetition_type",
    "num_children",
    "converted_type",
    "scale",
    "precision",
    "logical_type",
)


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

    `resume` holds the stamps of the files that were read, `{"files": {name: stamp}}`, and may hold a place within one.
    Raises FilesNotFound, FileUnreadable, FileVanished and FileAltered.
    """
    spec = stream.spec
    if not isinstance(spec, FilesStream):
        raise TypeError(f"{stream.label} is not a stream of files")
    choice = _Choice(stream, spec, dict(resume.get("files") or {}))
    with closing(Places(stream.access, clock)) as places:
        listed = find(stream.folder, spec, places, clock.now().date(), choice.after)
        partitions = hive.types_of((one.listed.name for one in listed), spec)
        reader = _Reader(stream, spec, local, partitions, resume.get("at"), frozenset(unfit))
        wanted = choice.of_listed(listed)
        arriving = fetched(wanted, stream.label, scratch, clock, spec.parallel)
        with closing(arriving):
            found = (
                (file, one.place is not None)
                for one, path in arriving
                for file in files_of(path, one.listed.name, choice.stamp(one, path), spec.format, scratch)
                if choice.takes(file.key, file.stamp)
            )
            yield from reader.read(found, lazily=_one_by_one(wanted, spec))


class _Choice:
    """Which files are read: those that no load knows, and those that changed since, as the stream says."""

    def __init__(self, stream: Stream, spec: FilesStream, known: dict[str, str]) -> None:
        self.stream = stream
        self.spec = spec
        self.known = known
        self.tags: dict[str, str] = {}
        self.decided: dict[str, bool] = {}
        last = max(known, default=None) if spec.ascending else None
        self.after = last.partition("!")[0] if last else None

    def of_listed(self, listed: list[Sighting]) -> list[Sighting]:
        """Those of which it can be said before their bytes are looked at, and those of which it cannot."""
        kept = [one for one in listed if self.after is None or one.listed.name >= self.after]
        if self.spec.changed_by == "etag":
            kept = [one for one in kept if self.spec.on_changed != "ignore" or one.listed.name not in self.known]
            with ThreadPoolExecutor(16) as pool:
                self.tags = dict(zip((one.listed.name for one in kept), pool.map(self._tag, kept), strict=True))
        return [one for one in kept if self._undecided(one) or self.takes(one.listed.name, self.stamp(one, None))]

    def _undecided(self, one: Sighting) -> bool:
        zipped = one.listed.name.lower().endswith(".zip")
        unread = self.spec.changed_by == "content" and not (
            self.spec.on_changed == "ignore" and one.listed.name in self.known
        )
        return zipped or unread

    def _tag(self, one: Sighting) -> str:
        if one.place is None:
            hint = "`changed_by: mtime` or `content`"
            raise NotSupported(f"{one.listed.name}: files of this machine have no tags", hint=hint)
        return one.place.tag(one.listed.path)

    def stamp(self, one: Sighting, path: Path | None) -> str:
        """What stands for the file's content in the ledger."""
        if self.spec.changed_by == "etag":
            return self.tags.get(one.listed.name, "")
        if self.spec.changed_by == "content" and path is not None:
            with path.open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()
        return one.listed.version

    def takes(self, key: str, stamp: str) -> bool:
        """Whether the file is to be read. Raises FileAltered."""
        before = self.known.get(key)
        if before is None:
            return True
        if before == stamp or self.spec.changed_by == "name":
            return False
        if key not in self.decided:
            self.decided[key] = self._changed(key)
        return self.decided[key]

    def _changed(self, key: str) -> bool:
        label = self.stream.label
        if self.spec.on_changed == "error":
            raise FileAltered(f"{label}: {key} changed since it was loaded", where=self.stream.place)
        if self.spec.on_changed == "load" and self.stream.disposition == "append":
            emit(Warned(f"{label}: {key} changed and is loaded again; the rows it had before stay (`on_changed:`)"))
        return self.spec.on_changed == "load"


def _one_by_one(wanted: list[Sighting], spec: FilesStream) -> bool:
    """Whether no file has to be seen together with the others, as those without types of their own have to."""
    names = {one.listed.name for one in wanted}
    return not any(name.lower().endswith(".zip") for name in names) and not any(
        format_of(name, spec.format, name) in ("csv", "tsv") for name in names
    )


class _Reader:
    """Files on this disk, each as what it arrives as."""

    def __init__(
        self,
        stream: Stream,
        spec: FilesStream,
        local: Embedded,
        partitions: Mapping[str, str],
        midway: Mapping[str, Any] | None,
        unfit: frozenset[str],
    ) -> None:
        self.stream = stream
        self.spec = spec
        self.local = local
        self.partitions = partitions
        self.midway = midway
        self.unfit = unfit

    def read(self, found: Iterator[tuple[Found, bool]], *, lazily: bool) -> Iterator[Arrived]:
        """What arrives of files, each with whether it was fetched; what was, and arrived as rows, goes as soon as they are safe."""
        held: Iterable[tuple[Found, bool]] = found if lazily else list(found)
        tabular = [] if lazily else [file for file, _ in held if file.format in ("csv", "tsv")]
        tables = {file: delimited.profile(file, self.spec, self.local) for file in tabular}
        types = delimited.together(list(tables.values()))
        following = iter(held)
        for file, far in following:
            if file in tables:
                one = delimited.arrived(tables[file], types, self.local, _finished(file))
                yield from self._with_path([one], file)
            elif file.format == "parquet":
                more = list(islice(following, _TOGETHER - 1))
                same = [file, *(one for one, _ in more if one.format == "parquet")]
                yield from self._parquet(same)
                following = chain(((one, off) for one, off in more if one.format != "parquet"), following)
            elif file.key not in self.unfit and not self._begun(file) and (scan := self._in_place(file)):
                yield from self._with_path([scan], file)
            else:
                start = self.midway["byte"] if self.midway and self._begun(file) else 0
                rows = documents.read(file, self.spec, self.local, start, _finished(file))
                yield from self._with_path(rows, file)
                if far:
                    file.path.unlink(missing_ok=True)

    def _begun(self, file: Found) -> bool:
        at = self.midway
        return at is not None and at["file"] == file.key and at["stamp"] == file.stamp

    def _with_path(self, arrived: Iterable[Arrived], file: Found) -> Iterator[Arrived]:
        """With the columns of the path, and what the file is now."""
        name = f"{file.name}"
        for one in arrived:
            if isinstance(one, Batch):
                yield replace(one, rows=hive.added(one.rows, name, self.partitions, self.local))
            elif isinstance(one, Scan):
                if one.format == "jsonl":
                    hive.check(name, [str(field["name"]) for field in one.options["fields"]], self.partitions)
                elif one.format == "csv":
                    hive.check(name, one.options["columns"], self.partitions)
                yield replace(one, seen=seen(file.path), size=file.size, partitions=self.partitions)

    def _in_place(self, file: Found) -> Scan | None:
        """JSON lines as a Scan, where nothing has to be asked of the rows before they are loaded."""
        spec = self.spec
        asked = spec.data_selector or spec.incremental or (spec.transform and spec.transform.when == "in_flight")
        if file.format != "jsonl" or asked:
            return None
        return lines.scan_of(file, documents.columns_of(spec), self.local, flatten=spec.nested == "flatten")

    def _parquet(self, files: list[Found]) -> Iterator[Scan]:
        """Files of Parquet: one statement for the schemas of all, one for the columns of each schema there is."""
        marks = self._marks(files)
        options: dict[str, Mapping[str, Any]] = {}
        for file in files:
            mark = marks[file]
            if mark not in options:
                options[mark] = self._renaming(file)
            scan = Scan(str(file.path), "parquet", options[mark], file.stamp, file.member, file.key, alike=mark)
            yield replace(scan, seen=seen(file.path), size=file.size, partitions=self.partitions)

    def _marks(self, files: list[Found]) -> dict[Found, str]:
        listed = ", ".join(literal(str(file.path)) for file in files)
        told = " || chr(31) || ".join(f"COALESCE(CAST({one} AS VARCHAR), '')" for one in _DESCRIBED)
        sql = f"SELECT file_name, md5(string_agg({told}, chr(30) ORDER BY place)) FROM"
        try:
            rows = self.local.rows(
                f"{sql} (SELECT *, row_number() OVER () AS place FROM parquet_schema([{listed}])) GROUP BY file_name"
            )
        except StatementFailed as error:
            if len(files) > 1:
                return {file: mark for one in files for file, mark in self._marks([one]).items()}
            raise FileUnreadable(f"{files[0].name} cannot be read: {str(error)[:200]}") from error
        found = {str(path): str(mark) for path, mark in rows}
        return {file: found[str(file.path)] for file in files}

    def _renaming(self, file: Found) -> dict[str, Any]:
        try:
            described = self.local.rows(f"DESCRIBE SELECT * FROM {reading('parquet', str(file.path), {})}")
        except StatementFailed as error:
            raise FileUnreadable(f"{file.name} cannot be read: {str(error)[:200]}") from error
        originals = [str(row[0]) for row in described]
        names = {keys[0]: name for keys, name in distinct_names([(name,) for name in originals]).items()}
        hive.check(file.name, names.values(), self.partitions)
        return {} if all(old == new for old, new in names.items()) else {"rename": names}


def _finished(file: Found) -> dict[str, Any]:
    """What `resume` says once all of the file has arrived."""
    sizes = {} if file.size is None else {"sizes": {file.key: file.size}}
    return {"files": {file.key: file.stamp}, **sizes}
