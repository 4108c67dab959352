"""Files on this disk that are to be read, taken out where they lie in a zip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.errors import FileUnreadable
from headrace.extract.packed import SUFFIXES, is_archive, members

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FORMATS = {
    "csv": "csv", "tsv": "tsv", "tab": "tsv", "txt": "csv", "json": "json", "geojson": "json", "jsonl": "jsonl",
    "ndjson": "jsonl", "parquet": "parquet", "pq": "parquet", "arrow": "arrow", "arrows": "arrow", "ipc": "arrow",
    "feather": "arrow", "avro": "avro", "xlsx": "excel", "xlsm": "excel", "xlsb": "excel", "xls": "excel",
    "ods": "excel", "xml": "xml",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """A file to read: where its bytes are, what it is called in messages, what identifies its content, and where in it the records are."""

    path: Path
    name: str
    format: str
    stamp: str
    member: str | None = None
    size: int | None = None
    selector: str | None = None

    @property
    def key(self) -> str:
        """What `resume` calls a file: its name, and the member where it lies in a zip."""
        return f"{self.name}!{self.member}" if self.member else self.name


def files_of(path: Path, name: str, stamp: str, declared: str | None, scratch: Path) -> Iterator[Found]:
    """The file, or the members of a zip. Raises FileUnreadable."""
    if not is_archive(path):
        yield Found(path, name, format_of(path.name, declared, name), stamp, None, path.stat().st_size)
        return
    for member, put in members(path, name, scratch):
        kind = format_of(member.filename, declared, f"{name}!{member.filename}")
        yield Found(put(), name, kind, f"{stamp}-{member.CRC}", member.filename, member.file_size)


def format_of(filename: str, declared: str | None, name: str) -> str:
    """As declared, or as the end of the name says. Raises FileUnreadable."""
    bare = filename.lower()
    while bare.endswith(SUFFIXES):
        bare = bare.rpartition(".")[0]
    found = declared or _FORMATS.get(bare.rpartition(".")[2])
    if found is None:
        raise FileUnreadable(f"the name of {name} does not tell its format", hint="set `format:` on the stream")
    return found
