"""The files a pattern matches, unpacked where they lie in a zip."""

from __future__ import annotations

import difflib
import glob
import hashlib
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.errors import FilesNotFound, FileUnreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

_FORMATS = {"csv": "csv", "tsv": "tsv", "txt": "csv", "json": "json", "geojson": "json", "jsonl": "jsonl", "ndjson": "jsonl",
            "parquet": "parquet", "pq": "parquet"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """A file to read: where its bytes are, what it is called in messages, and what identifies its content."""

    path: Path
    name: str
    format: str
    stamp: str
    member: str | None = None

    @property
    def key(self) -> str:
        """What `resume` calls a file: its name, and the member where it lies in a zip."""
        return f"{self.name}!{self.member}" if self.member else self.name


def find(folder: str, pattern: str, declared: str | None, scratch: Path) -> list[Found]:
    """The files a pattern matches, in the order of their names. Raises FilesNotFound or FileUnreadable."""
    root = Path(folder)
    paths = sorted(Path(path) for path in glob.glob(str(root / pattern), recursive=True) if Path(path).is_file())  # noqa: PTH207 - the pattern may be absolute
    if not paths:
        wanted = (root / pattern).parent
        near = difflib.get_close_matches(Path(pattern).name, [path.name for path in _beside(wanted)], n=3, cutoff=0.4)
        raise FilesNotFound(
            f"no file matches '{pattern}' in {root}", hint=f"there is {', '.join(near)}" if near else None
        )
    return [one for path in paths for one in _files_of(path, root, declared, scratch)]


def _beside(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _files_of(path: Path, root: Path, declared: str | None, scratch: Path) -> Iterator[Found]:
    name = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
    facts = path.stat()
    stamp = f"{facts.st_size}-{facts.st_mtime_ns}"
    if path.suffix != ".zip":
        yield Found(path, name, _format(path.name, declared, name), stamp)
        return
    try:
        with zipfile.ZipFile(path) as packed:
            for member in sorted(packed.infolist(), key=lambda one: one.filename):
                if not member.is_dir():
                    kind = _format(member.filename, declared, f"{name}!{member.filename}")
                    yield Found(
                        _unpacked(packed, member, scratch), name, kind, f"{stamp}-{member.CRC}", member.filename
                    )
    except zipfile.BadZipFile as error:
        raise FileUnreadable(f"{name} is not a zip file: {error}") from error


def _format(filename: str, declared: str | None, name: str) -> str:
    found = declared or _FORMATS.get(filename.lower().removesuffix(".gz").rpartition(".")[2])
    if found is None:
        raise FileUnreadable(f"the name of {name} does not tell its format", hint="set `format:` on the stream")
    return found


def _unpacked(packed: zipfile.ZipFile, member: zipfile.ZipInfo, scratch: Path) -> Path:
    # Named by content, so that a member is unpacked once, and never outside of the folder whatever it calls itself.
    mark = hashlib.sha256(f"{packed.filename}\n{member.filename}\n{member.CRC}".encode()).hexdigest()[:16]
    target = scratch / f"{mark}-{Path(member.filename).name}"
    if not target.exists():
        scratch.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(target.name + ".part")
        with packed.open(member) as source, partial.open("wb") as sink:
            shutil.copyfileobj(source, sink)
        partial.rename(target)
    return target
