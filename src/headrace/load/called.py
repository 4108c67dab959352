"""What a stream says of columns by their names at the source, by the names that the columns have."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from headrace.state import ledger

if TYPE_CHECKING:
    from headrace.landing import Package
    from headrace.project.sources import Stream
    from headrace.state.ledger import Entry


def as_columns(stream: Stream, package: Package, previous: Entry | None) -> Stream:
    """The stream with `orderId` where it says so read as the column `order_id` that came of it.

    What is a column's own name stays that; after SQL in flight, whose columns have the names that it gives them, everything does.
    """
    spec = stream.spec
    known = {**((previous.names if previous else None) or {}), **package.resume.get(ledger.NAMES, {})}
    if spec.transform is not None or not known:
        return stream
    columns = set(known.values())

    def one(word: str) -> str:
        return word if word in columns else known.get(word, word)

    said: dict[str, Any] = {
        key: tuple(map(one, words)) for key in ("primary_key", "merge_key") if (words := getattr(spec, key))
    }
    if spec.deletes and spec.deletes.column:
        said["deletes"] = spec.deletes.model_copy(update={"column": one(spec.deletes.column)})
    if spec.surrogate_key:
        said["surrogate_key"] = spec.surrogate_key.model_copy(
            update={"columns": tuple(map(one, spec.surrogate_key.columns))}
        )
    if spec.partition_by:
        said["partition_by"] = spec.partition_by.model_copy(update={"column": one(spec.partition_by.column)})
    if spec.history:
        changed = one(spec.history.changed_at) if spec.history.changed_at else None
        previous_of = tuple(map(one, spec.history.previous))
        said["history"] = spec.history.model_copy(update={"changed_at": changed, "previous": previous_of})
    return replace(stream, spec=spec.model_copy(update=said)) if said else stream
