"""dbt's catalog.json v1: what stands in the warehouse, column by column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.docs.envelope import envelope
from headrace.project.nodes import Model, Relational, SourceTable
from headrace.sql.catalog import COLUMNS, catalog

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from headrace.docs.envelope import Invocation
    from headrace.project.manifest import Manifest
    from headrace.warehouse.base import Connection

_STATS = {
    "has_stats": {
        "id": "has_stats",
        "label": "Has Stats?",
        "value": False,
        "include": False,
        "description": "Whether the engine keeps statistics of this table",
    }
}


def catalog_document(
    manifest: Manifest, connection: Connection | None, invocation: Invocation, chosen: Iterable[str]
) -> dict[str, Any]:
    """The file's content, of the chosen nodes that stand in the warehouse; without a connection nothing stands there."""
    tables = _tables(manifest, connection) if connection is not None else {}
    nodes: dict[str, Any] = {}
    sources: dict[str, Any] = {}
    for one in chosen:
        node = manifest.nodes[one]
        if not isinstance(node, Relational) or (isinstance(node, Model) and node.materialized == "ephemeral"):
            continue
        found = tables.get((node.table.schema.lower(), node.table.name.lower()))
        if found:
            (sources if isinstance(node, SourceTable) else nodes)[one] = _entry(one, found)
    head = envelope("catalog/v1", invocation)
    return {"metadata": head, "nodes": nodes, "sources": sources, "errors": None}


def _tables(manifest: Manifest, connection: Connection) -> dict[tuple[str, str], list[Mapping[str, Any]]]:
    schemas = sorted({node.table.schema for node in manifest.nodes.values() if isinstance(node, Relational)})
    tables: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    if schemas:
        for row in connection.rows(catalog(connection.capabilities.dialect, schemas)):
            told = dict(zip(COLUMNS, row, strict=True))
            tables.setdefault((str(told["schema"]).lower(), str(told["name"]).lower()), []).append(told)
    return tables


def _entry(one: str, rows: list[Mapping[str, Any]]) -> dict[str, Any]:
    first = rows[0]
    return {
        "metadata": {
            "type": first["kind"],
            "schema": first["schema"],
            "name": first["name"],
            "database": first["database"],
            "comment": first["comment"],
            "owner": first["owner"],
        },
        "columns": {
            row["column"]: {
                "type": row["type"],
                "index": int(row["index"]),
                "name": row["column"],
                "comment": row["column_comment"],
            }
            for row in rows
        },
        "stats": _STATS,
        "unique_id": one,
    }
