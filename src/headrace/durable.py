"""Files of this disk that are whole or not there, written under another name, synced and renamed; and what tells that one changed."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from headrace.arrow import pa


def seen(path: Path) -> str:
    """What tells a file of this disk from what it becomes when it is written again: bytes and time of change. Raises FileNotFoundError."""
    facts = path.stat()
    return f"{facts.st_size}-{facts.st_mtime_ns}"


def write_parquet(path: Path, rows: pa.Table) -> int:
    """Bytes written. LZ4 costs half the time of the lightest Zstandard, for files that live until the next load."""
    import pyarrow.parquet as pq

    draft = path.with_name(f".{path.name}")
    with draft.open("wb") as out:
        # Nobody skips a part of a segment by what it says of its values.
        pq.write_table(rows, out, compression="lz4", use_dictionary=_words(rows) or False, write_statistics=False)
        out.flush()
        os.fsync(out.fileno())
        size = out.tell()
    draft.rename(path)
    sync_folder(path.parent)
    return size


def _words(rows: pa.Table) -> list[str]:
    """Columns of texts that repeat, by their first rows: looking for repetitions among others costs as much as writing them."""
    from headrace.arrow import pa

    # Few enough that a set of Python counts them: Arrow's functions take as long to import as Arrow itself.
    first = rows.slice(0, 500)
    texts = [column.name for column in rows.schema if column.type == pa.string()]
    return [name for name in texts if len(set(first.column(name).to_pylist())) * 4 <= first.num_rows]


def write_json(path: Path, value: Any) -> None:
    """A value as JSON."""
    draft = path.with_name(f".{path.name}")
    with draft.open("wb") as out:
        out.write(json.dumps(value).encode())
        out.flush()
        os.fsync(out.fileno())
    draft.rename(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder last, where the system lets a folder be opened."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
