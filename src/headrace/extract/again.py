"""What was kept out of a table, once more: records from quarantine under what the stream says of them now."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from headrace.batch import Batch
from headrace.extract.records import Shape, rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.project.sources import Stream
    from headrace.warehouse.embedded import Embedded


def read_again(stream: Stream, records: Sequence[tuple[str, str]], local: Embedded) -> Batch:
    """Records, each as its origin and its JSON, as a batch that moves no cursor. One that is not JSON is rejected as it stands."""
    pages = [(origin, f"[{raw}]" if _is_json(raw) else json.dumps([raw])) for origin, raw in records]
    rows = rows_of(pages, Shape("$", stream.spec.column_types, stream.spec.flattens), local)
    origin = records[0][0] if records else ""
    return Batch(rows.rows, rows.read, rows.rejected, origin=origin, origins=rows.origins)


def _is_json(raw: str) -> bool:
    try:
        json.loads(raw)
    except ValueError:
        return False
    return True
