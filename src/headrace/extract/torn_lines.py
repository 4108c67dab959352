"""JSON lines of which a few are no records, written anew without them, so that all others are read in place."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from headrace.durable import seen, write_parquet
from headrace.errors import StatementFailed
from headrace.extract.cutting import Cut, beside, written
from headrace.extract.documents import records_batch
from headrace.sql.lines import torn_query

if TYPE_CHECKING:
    from pathlib import Path

    from headrace.extract.found import Found
    from headrace.extract.records import Shape
    from headrace.warehouse.embedded import Embedded

_WORTH = 1_000_000
"""From how many bytes on a file is looked through for lines that are no records: a smaller one is read in Batches as fast."""
_MOST = 1000


def mended(file: Found, shape: Shape, local: Embedded, scratch: Path) -> tuple[Found, Path | None] | None:
    """The file without the lines that are no records, and a Parquet file of these, as `Batch.rejected`.

    None where there are none or too many, and where it was made once: what then does not fit is read in Batches.
    """
    target, before = beside(file, scratch, "jsonl"), seen(file.path)
    if file.path.stat().st_size < _WORTH or target.exists():
        return None
    try:
        numbers = {number for (number,) in local.rows(torn_query(str(file.path), _MOST + 1))}
        if not numbers or len(numbers) > _MOST:
            return None
        cuts, texts = _lines(file.path, numbers)
        rejected = None
        if texts:
            batch = records_batch(file.key, list(texts.values()), list(texts), shape, local)
            if batch.rows.num_rows or batch.rejected is None:
                return None
            rejected = beside(file, scratch, "rejected.parquet")
            write_parquet(rejected, batch.rejected)
    except (StatementFailed, UnicodeDecodeError):
        return None
    written(file.path, cuts, target, None)
    return (replace(file, path=target), rejected) if seen(file.path) == before else None


def _lines(path: Path, numbers: set[int]) -> tuple[list[Cut], dict[int, str]]:
    """Where the lines of these numbers are, and their texts but for those of blanks, which are no records and not wrong."""
    cuts, texts, place = list[Cut](), dict[int, str](), 0
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            if number in numbers:
                cuts.append(Cut(place, place + len(line), None))
                text = line.removesuffix(b"\n").decode("utf-8" if place else "utf-8-sig")
                if text.strip():
                    texts[number] = text
            place += len(line)
    return cuts, texts
