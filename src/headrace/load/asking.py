"""What has to be asked of the data before a column may change its type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.load import staging
from headrace.load.evolve import Asking
from headrace.schema import Column, Kind, Schema, Type
from headrace.sql.dialect import name, read_type, relation, spell

if TYPE_CHECKING:
    from headrace.load.parts import Part
    from headrace.table import Table
    from headrace.warehouse.base import Connection


def asking(connection: Connection, target: Table, parts: list[Part], stored: Schema | None) -> Asking:
    """Asks the table, of which `stored` are the columns, and the parts."""

    def empty(column: str) -> bool:
        if stored is not None and stored.get(column):
            held = f"SELECT 1 FROM {relation(target)} WHERE {name(column)} IS NOT NULL LIMIT 1"
            if connection.rows(held):
                return False
        texts = [part.query for part in parts if (known := part.schema.get(column)) and known.type.kind is Kind.VARCHAR]
        held = f"SELECT 1 FROM (\n%s\n) AS part WHERE {name(column)} IS NOT NULL LIMIT 1"
        return not any(connection.local.rows(held % query) for query in texts)

    def survives(column: Column, to: Type) -> bool:
        if stored is None or stored.get(column.name) is None:
            return not any(connection.local.rows(query) for query in staging.lossy_queries(parts, column.name, to))
        held, capabilities = name(column.name), connection.capabilities
        if column.type.kind is Kind.DECIMAL:
            word = spell(column.type, capabilities)
            lost = f"CAST(CAST({held} AS {spell(to, capabilities)}) AS {word}) <> {held}"
        else:
            lost = f"abs({held}) > 9007199254740992"
        return not connection.rows(f"SELECT 1 FROM {relation(target)} WHERE {lost} LIMIT 1")

    def kept_as(of: Type) -> Type:
        return read_type(spell(of, connection.capabilities)) if of.kind in (Kind.LIST, Kind.STRUCT) else of

    return Asking(empty, survives, kept_as)
