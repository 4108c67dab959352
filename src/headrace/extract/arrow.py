"""Arrow IPC, as a file (which Feather is, too) or as a stream: batch by batch, as it lies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.errors import FileUnreadable, StatementFailed
from headrace.extract.columnar import batch_of, sliced

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from headrace.arrow import pa
    from headrace.batch import Batch
    from headrace.extract.found import Found
    from headrace.project.file_sources import FilesStream
    from headrace.warehouse.embedded import Embedded

_ROWS = 100_000


def batches(
    file: Found, spec: FilesStream, local: Embedded, start: Mapping[str, Any]
) -> Iterator[tuple[Batch, Mapping[str, Any], bool]]:
    """The rows of a file from a place on. Raises FileUnreadable."""
    from headrace.arrow import pa

    try:
        with pa.OSFile(str(file.path), "rb") as source:
            found = sliced(_parts(_opened(file, source)), start.get("row", 0))
            held = next(found, None)
            while held is not None:
                following = next(found, None)
                before, rows = held
                table = pa.Table.from_batches([rows])
                batch = batch_of(table, file.key, before + 1, local, flatten=spec.flattens)
                yield batch, {"row": before + rows.num_rows}, following is None
                held = following
    except (pa.ArrowException, OSError, StatementFailed) as error:
        raise FileUnreadable(
            f"{file.key} cannot be read as Arrow: {' '.join(str(error).split())[:200]}",
            hint="it may not have been written to its end",
        ) from error


def _opened(file: Found, source: pa.NativeFile) -> Any:
    from headrace.arrow import pa

    magic = source.read(6)
    source.seek(0)
    if magic.startswith(b"FEA1"):
        raise FileUnreadable(
            f"{file.key} is Feather of version 1, which has no exact types", hint="write it as version 2"
        )
    if magic == b"ARROW1":
        reader = pa.ipc.open_file(source)
        return (reader.get_batch(at) for at in range(reader.num_record_batches))
    return pa.ipc.open_stream(source)


def _parts(found: Any) -> Iterator[pa.RecordBatch]:
    """Batches that are not too large, each with values that are what their types say."""
    for batch in found:
        batch.validate(full=True)
        for at in range(0, batch.num_rows, _ROWS):
            yield batch.slice(at, _ROWS)
