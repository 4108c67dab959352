"""Files on this disk that are to be read, unpacked where they lie in a zip."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.errors import FileUnreadable

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
    size: int | None = None

    @property
    def key(self) -> str:
        """What `resume` calls a file: its name, and the member where it lies in a zip."""
        return f"{self.name}!{self.member}" if self.member else self.name


def files_of(path: Path, name: str, stamp: str, declared: str | None, scratch: Path) -> Iterator[Found]:
    """The file, or the members of a zip. Raises FileUnreadable."""
    if path.suffix != ".zip":
        yield Found(path, name, format_of(path.name, declared, name), stamp, None, path.stat().st_size)
        return
    try:
        with zipfile.ZipFile(path) as packed:
            for member in sorted(packed.infolist(), key=lambda one: one.filename):
                if not member.is_dir():
                    kind = format_of(member.filename, declared, f"{name}!{member.filename}")
                    target = _unpacked(packed, member, scratch)
                    yield Found(target, name, kind, f"{stamp}-{member.CRC}", member.filename, member.file_size)
    except zipfile.BadZipFile as error:
        raise FileUnreadable(f"{name} is not a zip file: {error}") from error


def format_of(filename: str, declared: str | None, name: str) -> str:
    """As declared, or as the end of the name says. Raises FileUnreadable."""
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
