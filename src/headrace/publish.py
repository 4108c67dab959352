"""Giving a built result the name that readers know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.events import TablePublished, emit
from headrace.sql.operations import Drop, Publish, SetView

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.table import Table
    from headrace.warehouse.base import Connection, Relation


def publish(
    connection: Connection,
    model: str,
    built: Table,
    target: Table,
    relations: Mapping[Table, Relation],
    *,
    view: str | None = None,
) -> None:
    """Let `target` mean what was built, in the transaction that built it; views over `target` are made again where they must be.

    `model` is the node's id, `relations` what the schemas held before, `view` the query where a view was built.
    """
    held = relations.get(target)
    if view is not None:
        _publish_view(connection, built, target, held, view)
    elif built != target:
        kept = connection.dependents(target) if held else ()
        carried = connection.carried(target, "table") if held else ()
        connection.run(Publish(target, built, held.kind if held else None, kept, carried))
    emit(TablePublished(model, str(target)))


def _publish_view(connection: Connection, built: Table, target: Table, held: Relation | None, query: str) -> None:
    """A view takes the name by its query; it is no view over the one that was asked, which goes."""
    kept = connection.dependents(target) if held else ()
    carried = connection.carried(target, "view") if held else ()
    if built != target:
        connection.run(Drop(built, "view"))
    if held is None or held.kind == "view":
        connection.run(SetView(target, query, kept, carried))
        return
    for dependent in reversed(kept):
        connection.run(Drop(dependent.view, "view"))
    connection.run(Drop(target, held.kind))
    connection.run(SetView(target, query, carried=carried))
    for dependent in kept:
        connection.run(SetView(dependent.view, dependent.query, carried=dependent.carried))
