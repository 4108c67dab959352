"""The files a pattern matches, unpacked where they lie in a zip."""

from __future__ import annotations

import difflib
import glob
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.errors import FilesNotFound, FileUnreadable
from headrace.extract.packed import SUFFIXES, is_archive, members

if TYPE_CHECKING:
    from collections.abc import Iterator

_FORMATS = {
    "csv": "csv", "tsv": "tsv", "tab": "tsv", "txt": "csv", "json": "json", "geojson": "json", "jsonl": "jsonl",
    "ndjson": "jsonl", "parquet": "parquet", "pq": "parquet", "arrow": "arrow", "arrows": "arrow", "ipc": "arrow",
    "feather": "arrow", "avro": "avro", "xlsx": "excel", "xlsm": "excel", "xlsb": "excel", "xls": "excel",
    "ods": "excel", "xml": "xml",
}  # fmt: skip


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
    if not is_archive(path):
        yield Found(path, name, _format(path.name, declared, name), stamp)
        return
    for member, put in members(path, name, scratch):
        kind = _format(member.filename, declared, f"{name}!{member.filename}")
        yield Found(put(), name, kind, f"{stamp}-{member.CRC}", member.filename)


def _format(filename: str, declared: str | None, name: str) -> str:
    bare = filename.lower()
    while bare.endswith(SUFFIXES):
        bare = bare.rpartition(".")[0]
    found = declared or _FORMATS.get(bare.rpartition(".")[2])
    if found is None:
        raise FileUnreadable(f"the name of {name} does not tell its format", hint="set `format:` on the stream")
    return found
