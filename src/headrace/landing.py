"""Where arrived rows wait on disk until they are loaded: a package for each load, made of segments.

.headrace/landing/TARGET/SOURCE.STREAM/PACKAGE/
    package.json      what is being read: the stream, from which cursor, under which configuration
    journal.jsonl     a line for each segment that is safe: its file, its rows, the cursor it reaches, where to go on
    000001.parquet    rows as they arrived (after an in-flight transform)
    complete.json     the extraction came to its end
.headrace/landing/TARGET/SOURCE.STREAM/loaded/PACKAGE   the last few that were loaded

A segment is written under another name, synced and renamed before its line is; a line without its end, or whose file is not of the
size it says, is as if it had never been written, and so is everything after it.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from dataclasses import asdict, dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any

from headrace.batch import Batch, Dead, Scan
from headrace.counting import count
from headrace.cursor import Cursor
from headrace.durable import sync_folder, write_json, write_parquet
from headrace.events import SegmentDied, SegmentLanded, Warned, emit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from headrace.arrow import pa

ORIGIN = "_headrace_source"
"""The column of a segment that says which file or endpoint a row came from."""
_FILES = ("files", "sizes")
_GROWING = (*_FILES, "names")
"""Keys of `resume` to which each line of a journal only adds, so that a line costs the same after a hundred thousand files."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Rows that are safe: a Parquet file of them, and one of the records that could not be read. `columns` are names and Arrow types."""

    number: int
    file: Path
    rows: int
    read: int
    filtered: int = 0
    rejected: Path | None = None
    columns: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class _Journal:
    """What the lines of a journal add up to."""

    segments: list[Segment] = field(default_factory=list)
    scans: list[Scan] = field(default_factory=list)
    dead: list[Dead] = field(default_factory=list)
    unfit: set[str] = field(default_factory=set)
    resume: dict[str, Any] = field(default_factory=dict)
    reached: Cursor | None = None
    lines: int = 0
    end: int = 0


class Package:
    """What one load reads: segments, scans of files and dead requests. Its `id` grows with time and is the load's id."""

    def __init__(self, folder: Path, loaded: Path, keep: int = 3) -> None:
        about = json.loads((folder / "package.json").read_bytes())
        self.folder = folder
        self.id = folder.name
        self.label: str = about["label"]
        self.signature: str = about["signature"]
        self.cursor = Cursor(*about["cursor"]) if about["cursor"] else None
        self._loaded = loaded
        self._keep = keep
        self._journal = _read_journal(folder, self.cursor)

    @property
    def complete(self) -> bool:
        """Whether the extraction came to its end and nothing it wrote is missing."""
        return self._end().get("lines") == self._journal.lines

    def _end(self) -> dict[str, Any]:
        try:
            end = json.loads((self.folder / "complete.json").read_bytes())
        except (FileNotFoundError, ValueError):
            return {}
        return end if isinstance(end, dict) else {}

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The rows that are safe, in the order of arrival."""
        return tuple(self._journal.segments)

    @property
    def scans(self) -> tuple[Scan, ...]:
        """The files that are to be read in place."""
        return tuple(self._journal.scans)

    @property
    def dead(self) -> tuple[Dead, ...]:
        """The requests that failed for good."""
        return tuple(self._journal.dead)

    @property
    def unfit(self) -> frozenset[str]:
        """The files that cannot be read in place after all."""
        return frozenset(self._journal.unfit)

    @property
    def resume(self) -> Mapping[str, Any]:
        """Where the source goes on: what the last line of the journal says, with the `files`, `sizes` and `names` that all of them say."""
        return self._journal.resume

    @property
    def reached(self) -> Cursor | None:
        """The highest cursor of all that is here; where nothing is, the cursor it was read from."""
        return self._journal.reached

    @property
    def scratch(self) -> Path:
        """A folder for what is needed only while the package is read; it goes with the package."""
        folder = self.folder / "scratch"
        folder.mkdir(exist_ok=True)
        return folder

    def write(self, batch: Batch, filtered: int = 0) -> None:
        """Make a batch safe. `filtered` rows of those it read were taken out by the in-flight transform."""
        name = f"{self._journal.lines + 1:06d}"
        rows = batch.rows.num_rows
        stored = _with_origin(batch)
        line: dict[str, Any] = {
            "kind": "rows",
            "file": f"{name}.parquet",
            "rows": rows,
            "read": batch.read,
            "filtered": filtered,
            "columns": [[column.name, _kind(column)] for column in stored.schema],
            "size": write_parquet(self.folder / f"{name}.parquet", stored),
            "cursor": batch.cursor,
            "resume": dict(batch.resume),
        }
        if batch.rejected is not None and batch.rejected.num_rows:
            line["rejected"] = f"{name}.rejected.parquet"
            line["rejected_size"] = write_parquet(self.folder / line["rejected"], batch.rejected)
        self._append(line)
        emit(SegmentLanded(stream=self.label, segment=name, rows=rows))

    def refer(self, scan: Scan) -> None:
        """Note a file that the load is to read where it lies; going on, the source knows it as read."""
        key = scan.origin or scan.path
        read = {"files": {key: scan.stamp}} | ({} if scan.size is None else {"sizes": {key: scan.size}})
        # Not synced: a line that a power cut takes is a file that is listed once more, and `complete` counts the lines.
        self._append(
            {"kind": "scan", "scan": asdict(scan), "resume": {**self._place, **scan.words, **read}}, sync=False
        )

    def reopen(self, unfit: frozenset[str]) -> None:
        """Files cannot be read in place as their scans say: the package is not complete, and the source gives them another way."""
        self._append({"kind": "unfit", "origins": sorted(unfit), "resume": self._place})

    @property
    def _place(self) -> dict[str, Any]:
        return {key: value for key, value in self.resume.items() if key not in _GROWING}

    def bury(self, dead: Dead) -> None:
        """Note a request that failed for good, so that it can be asked for again."""
        self._append(
            {"kind": "dead", "request": dict(dead.request), "reason": dead.reason, "resume": dict(dead.resume)}
        )
        emit(SegmentDied(stream=self.label, segment=f"{self._journal.lines:06d}", reason=dead.reason))

    @property
    def settles(self) -> tuple[str, ...]:
        """Ids of what was in quarantine and is tried again by this package."""
        return tuple(self._end().get("settles", ()))

    def finish(self, settles: Sequence[str] = ()) -> None:
        """The extraction came to its end: the package can be loaded, and is not gone on with."""
        write_json(self.folder / "complete.json", {"lines": self._journal.lines, "settles": list(settles)})

    def discard(self) -> None:
        """The package waits no longer: kept among the loaded ones if it is complete, else gone."""
        if not self.complete:
            _remove(self.folder)
            return
        shutil.rmtree(self.folder / "scratch", ignore_errors=True)
        self._loaded.mkdir(exist_ok=True)
        target = self._loaded / self.id
        self.folder.rename(target)
        self.folder = target
        for old in _packages(self._loaded)[: -self._keep]:
            _remove(old)

    def _append(self, line: Mapping[str, Any], *, sync: bool = True) -> None:
        text = json.dumps(line, default=str).encode() + b"\n"
        with (self.folder / "journal.jsonl").open("ab") as journal:
            journal.truncate(self._journal.end)  # what a killed run left of a line must not begin this one
            journal.write(text)
            journal.flush()
            if sync:
                os.fsync(journal.fileno())
        _add(self._journal, self.folder, line)
        self._journal.end += len(text)


class Landing:
    """The packages of one target. `clock` gives nanoseconds since 1970."""

    def __init__(self, folder: Path, *, keep: int = 3, clock: Callable[[], int] = time.time_ns) -> None:
        self.folder = folder
        self._keep = keep
        self._clock = clock

    def pending(self, label: str) -> list[Package]:
        """The packages of a stream that wait to be gone on with or loaded, oldest first."""
        return [self._open(label, folder) for folder in _packages(self.folder / label)]

    def loaded(self, label: str) -> list[Package]:
        """The last packages of a stream that were loaded, oldest first."""
        return [self._open(label, folder) for folder in _packages(self.folder / label / "loaded")]

    def begin(self, label: str, cursor: Cursor | None, signature: str) -> Package:
        """The package to read into: the one a run left incomplete if it read the same, else a new one.

        `signature` stands for the stream's configuration; what was read under another, or from another cursor, is given up.
        """
        for package in self.pending(label):
            if package.complete:
                continue
            if package.signature != signature:
                why = "its configuration changed"
            elif package.cursor != cursor:
                why = "it is read from another cursor now"
            elif package.resume.get("anew"):
                why = "its source has no place to go on from"
            else:
                return package
            given_up = count(
                len(package.segments), "segment of an unfinished read is", "segments of an unfinished read are"
            )
            emit(Warned(f"{label} is read anew because {why}: {given_up} given up"))
            package.discard()
        return self.beside(label, cursor, signature)

    def beside(self, label: str, cursor: Cursor | None, signature: str) -> Package:
        """A new package, whatever else is unfinished."""
        home = self.folder / label
        home.mkdir(parents=True, exist_ok=True)
        known = [folder.name for folder in (*_packages(home), *_packages(home / "loaded"))]
        name = _time_ordered(self._clock(), max(known, default=""))
        draft = home / f".{name}"
        draft.mkdir()
        about = {"label": label, "signature": signature, "cursor": [cursor.field, cursor.value] if cursor else None}
        write_json(draft / "package.json", about)
        folder = draft.rename(home / name)
        sync_folder(home)
        return self._open(label, folder)

    def _open(self, label: str, folder: Path) -> Package:
        return Package(folder, self.folder / label / "loaded", self._keep)


def _time_ordered(nanoseconds: int, after: str) -> str:
    """An id of UUID 7's shape (60 bits of time, 62 of chance) that sorts behind `after` even where the clock went back."""
    last = after.replace("-", "")
    previous = int(last[:12] + last[13:16], 16) if last else 0
    stamp = max(nanoseconds >> 4, previous + 1)  # 16 ns steps: 60 bits last until the year 2554
    head = f"{stamp:015x}"
    tail = f"{secrets.randbits(62) | 1 << 63:016x}"
    return f"{head[:8]}-{head[8:12]}-7{head[12:]}-{tail[:4]}-{tail[4:]}"


def _packages(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    found = (entry for entry in folder.iterdir() if not entry.name.startswith(".") and entry.name != "loaded")
    return sorted(entry for entry in found if (entry / "package.json").is_file())


def _lines(folder: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The lines that were written to their end, each with where in the file it ends."""
    try:
        raw = (folder / "journal.jsonl").read_bytes()
    except FileNotFoundError:
        return
    end = 0
    for line in raw.splitlines(keepends=True):
        end += len(line)
        try:
            parsed = json.loads(line)
        except ValueError:
            return
        if not line.endswith(b"\n"):
            return
        yield end, parsed


def _read_journal(folder: Path, cursor: Cursor | None) -> _Journal:
    journal = _Journal(reached=cursor)
    for line_end, line in _lines(folder):
        files = [(line.get("file"), line.get("size")), (line.get("rejected"), line.get("rejected_size"))]
        if not all(name is None or _size(folder / name) == size for name, size in files):
            break
        _add(journal, folder, line)
        journal.end = line_end
    return journal


def _add(journal: _Journal, folder: Path, line: Mapping[str, Any]) -> None:
    journal.lines += 1
    grown = {key: journal.resume.get(key, {}) for key in _GROWING if key in {**journal.resume, **line["resume"]}}
    for key, held in grown.items():
        held.update(line["resume"].get(key, {}))
    journal.resume = {**line["resume"], **grown}
    if line["kind"] == "scan":
        journal.scans.append(Scan(**line["scan"]))
    elif line["kind"] == "unfit":
        journal.unfit |= set(line["origins"])
        for key, origin in product(_FILES, line["origins"]):
            grown.get(key, {}).pop(origin, None)
        journal.scans = [scan for scan in journal.scans if (scan.origin or scan.path) not in line["origins"]]
    elif line["kind"] == "dead":
        journal.dead.append(Dead(line["request"], line["reason"], line["resume"]))
    else:
        rejected = folder / line["rejected"] if line.get("rejected") else None
        columns = tuple((name, kind) for name, kind in line["columns"])
        segment = Segment(
            journal.lines, folder / line["file"], line["rows"], line["read"], line["filtered"], rejected, columns
        )
        journal.segments.append(segment)
        if journal.reached:
            journal.reached = journal.reached.past(line["cursor"])


def _with_origin(batch: Batch) -> pa.Table:
    from headrace.arrow import pa

    rows, origins = batch.rows, batch.origins
    for index, column in enumerate(rows.schema):
        if pa.types.is_null(column.type):  # Parquet has no such type
            rows = rows.set_column(index, column.name, pa.nulls(rows.num_rows, pa.string()))
    if origins is None:
        return rows.append_column(ORIGIN, pa.repeat(pa.scalar(batch.origin, pa.string()), rows.num_rows))
    return rows.append_column(ORIGIN, origins)


def _kind(column: pa.Field) -> str:
    """Its Arrow type, or what its text stands for."""
    marked = (column.metadata or {}).get(b"headrace")
    return marked.decode() if marked else str(column.type)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _remove(folder: Path) -> None:
    gone = folder.with_name(f".gone-{folder.name}")
    folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)
