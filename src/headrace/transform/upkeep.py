"""What a relation gets once it has its name: indexes, rights, comments, and the hooks that come after it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Literal

from headrace.errors import ConfigInvalid
from headrace.events import Warned, emit
from headrace.sql.dialect import name, names, relation
from headrace.sql.operations import Comment
from headrace.transform.adapter import describe
from headrace.transform.built import hooked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headrace.project.nodes import Model, Seed, Snapshot
    from headrace.table import Table
    from headrace.transform.built import Built
    from headrace.transform.compile import Compiled
    from headrace.warehouse.base import Connection


def finish(connection: Connection, node: Model | Seed | Snapshot, compiled: Compiled, built: Built) -> None:
    """What comes after publishing, in the same transaction, the post-hooks last."""
    if built.fresh and built.kind == "table":
        _index(connection, node.table, node.config.get("indexes") or (), node)
    grants = node.config.get("grants")
    if grants:
        grant(connection, node.table, grants)
    kind, persist = built.kind, node.config.get("persist_docs") or {}
    if persist.get("relation") and node.description:
        connection.run(Comment(node.table, node.description, kind=kind))
    if persist.get("columns"):
        _describe_columns(connection, node, kind)
    with compiled.blame():
        hooked(connection, compiled.after)


def _describe_columns(connection: Connection, node: Model | Seed | Snapshot, kind: Literal["table", "view"]) -> None:
    """The columns' descriptions as comments; one of a column that is not there says so in a warning."""
    held = {column for column, _ in describe(connection, f"select * from {relation(node.table)}")}
    for column, text in node.columns.items():
        if text and column in held:
            connection.run(Comment(node.table, text, column=column, kind=kind))
        elif text:
            emit(Warned(f"{node.name} has no column {column!r}, which is described", where=str(node.place)))


def _index(
    connection: Connection, table: Table, indexes: Sequence[Mapping[str, Any]], node: Model | Seed | Snapshot
) -> None:
    for index in indexes:
        columns = [str(column) for column in index.get("columns") or ()]
        if not columns:
            raise ConfigInvalid(f"an index of {node.name} has no columns", where=node.place)
        kind = index.get("type")
        using = f" USING {kind}" if kind and connection.capabilities.dialect == "postgres" else ""
        unique = "UNIQUE " if index.get("unique") else ""
        named = hashlib.md5(f"{table}{columns}{unique}{kind}".encode(), usedforsecurity=False).hexdigest()
        # PostgreSQL names an index by itself; DuckDB wants to be told, and forgets the name with the table.
        given = f" {name(named)}" if connection.capabilities.dialect == "duckdb" else ""
        connection.execute(f"CREATE {unique}INDEX{given} ON {relation(table)}{using} ({names(columns)})")


def grant(connection: Connection, table: Table, grants: Mapping[str, Any]) -> None:
    """Give the rights that are listed, and take those that are not; an engine that knows no rights says so in a warning."""
    if connection.capabilities.dialect == "duckdb":
        emit(Warned(f"grants of {table} are not given: DuckDB has no users"))
        return
    wanted = {(str(right).lower(), role) for right, roles in grants.items() for role in _roles(roles)}
    held = {
        (str(right).lower(), str(role))
        for role, right in connection.rows(
            "select grantee, privilege_type from information_schema.role_table_grants"
            " where grantor = current_role and grantee <> current_role and table_schema = ? and table_name = ?",
            (table.schema, table.name),
        )
    }
    for right, role in sorted(held - wanted):
        if right in {one.lower() for one in grants}:
            connection.execute(f"REVOKE {right} ON {relation(table)} FROM {_role(role)}")
    for right, role in sorted(wanted - held):
        connection.execute(f"GRANT {right} ON {relation(table)} TO {_role(role)}")


def _roles(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [str(one) for one in value or ()]


def _role(role: str) -> str:
    return "PUBLIC" if role.lower() == "public" else name(role)
