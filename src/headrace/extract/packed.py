"""Compressed files and archives, told by their first bytes: what is in them lies unpacked on disk before a row of it is read."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import re
import shutil
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from headrace.errors import FileUnreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SUFFIXES = (".gz", ".zst", ".bz2", ".xz")
"""Endings of names that say nothing of the format."""

_BLOCK = 1 << 20
_LONGEST_NAME = 100
_MAGIC = {
    "gz": re.compile(rb"\x1f\x8b"),
    "zst": re.compile(rb"\x28\xb5\x2f\xfd"),
    "bz2": re.compile(rb"BZh[1-9](1AY&|\x17rE8)"),
    "xz": re.compile(rb"\xfd7zXZ\x00"),
}
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")


def is_archive(path: Path) -> bool:
    """Whether the file is a zip of other files, rather than a workbook, which is one too."""
    with path.open("rb") as stream:
        if stream.read(4) not in _ZIP:
            return path.suffix.lower() == ".zip"
    try:
        with zipfile.ZipFile(path) as packed:
            inside = set(packed.namelist())
    except (zipfile.BadZipFile, ValueError, OSError):
        return True
    return not inside & {"[Content_Types].xml", "mimetype"}


def unpacked(path: Path, name: str, stamp: str, scratch: Path) -> Path:
    """Where a file's bytes are as they were before they were compressed: itself, if they were not. Raises FileUnreadable.

    All of it is read, so that an archive that is cut off gives nothing rather than its beginning.
    """
    with path.open("rb") as stream:
        head = stream.read(8)
    kind = next((kind for kind, magic in _MAGIC.items() if magic.match(head)), None)
    if kind is None:
        return path
    bare = path.name
    for suffix in SUFFIXES:
        bare = bare.removesuffix(suffix)
    target = _target(scratch, f"{path.name}\n{name}\n{stamp}", bare)
    if not target.exists():
        with _failing_as(name):
            _copy(_opened(path, kind), target)
    # What was compressed twice is unpacked twice.
    return unpacked(target, name, stamp, scratch)


def _opened(path: Path, kind: str) -> IO[bytes]:
    match kind:
        case "gz":
            return cast("IO[bytes]", gzip.open(path, "rb"))
        case "bz2":
            return cast("IO[bytes]", bz2.open(path, "rb"))
        case "xz":
            return cast("IO[bytes]", lzma.open(path, "rb"))
        case _:
            from headrace.arrow import pa

            return cast("IO[bytes]", pa.CompressedInputStream(pa.OSFile(str(path), "rb"), "zstd"))


def members(path: Path, name: str, scratch: Path) -> Iterator[tuple[zipfile.ZipInfo, Callable[[], Path]]]:
    """The files in a zip, in the order of their names, each with what puts it on disk. Raises FileUnreadable."""
    with _failing_as(name):
        packed = zipfile.ZipFile(path)
    with packed:
        inside = sorted((one for one in packed.infolist() if not one.is_dir()), key=lambda one: one.filename)
        if not inside:
            raise FileUnreadable(f"{name} is a zip without a file in it")
        for member in inside:
            yield member, lambda member=member: _extracted(packed, member, name, scratch)  # type: ignore[misc]


def _extracted(packed: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, scratch: Path) -> Path:
    target = _target(scratch, f"{packed.filename}\n{member.filename}\n{member.CRC}", member.filename)
    if not target.exists():
        with _failing_as(f"{name}!{member.filename}"):
            _copy(packed.open(member), target)
    return target


def _target(scratch: Path, content: str, name: str) -> Path:
    # Named by content, so that it is unpacked once, and never outside of the folder whatever it calls itself.
    mark = hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return scratch / f"{mark}-{Path(name).name[-_LONGEST_NAME:]}"


def _copy(source: IO[bytes], target: Path) -> None:
    partial = target.with_name(f"{target.name}.part")
    with source, partial.open("wb") as sink:
        shutil.copyfileobj(source, sink, _BLOCK)
    partial.rename(target)


@contextmanager
def _failing_as(name: str) -> Iterator[None]:
    """What unpacking raises, as an error that names the file."""
    try:
        yield
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, RuntimeError) as error:
        raise FileUnreadable(
            f"{name} cannot be unpacked: {str(error)[:200] or type(error).__name__}",
            hint="it may not have been written to its end; nothing of it was loaded",
        ) from error
