"""Statements that make, change and replace relations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.schema import Added, Clash, Risky, Widened
from headrace.sql.dialect import name, relation, spell, temporary, text
from headrace.sql.partitioned import scheme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.schema import Column
    from headrace.sql.capabilities import Capabilities
    from headrace.sql.operations import (
        AlterColumns,
        Comment,
        CreateSchema,
        CreateTable,
        CreateTableAs,
        DependentView,
        Drop,
        Publish,
        Require,
        SetView,
    )
    from headrace.table import Table


def create_schema(operation: CreateSchema, capabilities: Capabilities) -> list[str]:
    """Make a schema unless it is there."""
    place = ".".join(name(part) for part in (operation.database, operation.name) if part)
    made = f"CREATE SCHEMA IF NOT EXISTS {place}"
    if capabilities.dialect == "duckdb":
        return [made]
    # Two sessions that ask PostgreSQL at the same moment would both find it missing, and one of them would fail.
    return ["SELECT pg_advisory_xact_lock(hashtext('headrace.schema'))", made]


def create_table(operation: CreateTable, capabilities: Capabilities) -> list[str]:
    """An empty table of typed columns."""
    columns = ",\n    ".join(_definition(column, capabilities) for column in operation.schema)
    absent = "IF NOT EXISTS " if operation.if_absent else ""
    made = f"CREATE TABLE {absent}{relation(operation.table)} (\n    {columns}\n)"
    if operation.by is None or not capabilities.partitions:
        return [made]
    return [f"{made} PARTITION BY {scheme(operation.by)}"]


def _definition(column: Column, capabilities: Capabilities) -> str:
    return f"{name(column.name)} {spell(column.type, capabilities)}" + ("" if column.nullable else " NOT NULL")


def create_table_as(operation: CreateTableAs, capabilities: Capabilities) -> list[str]:
    """A table made of a query; a temporary one is where `dialect.temporary` says, whatever schema the operation names."""
    if operation.temporary:
        place = temporary(operation.table.name, capabilities)
        return [f"CREATE TEMPORARY TABLE {relation(place)} AS\n{operation.query}"]
    return [f"CREATE TABLE {relation(operation.table)} AS\n{operation.query}"]


def set_view(operation: SetView, capabilities: Capabilities) -> list[str]:
    """A view, with the views over it made again where replacing it would take them along."""
    if capabilities.view_replace == "any":
        return [f"CREATE OR REPLACE VIEW {relation(operation.view)} AS\n{operation.query}"]
    return [
        *_drop_kept(operation.kept),
        f"DROP VIEW IF EXISTS {relation(operation.view)}",
        f"CREATE VIEW {relation(operation.view)} AS\n{operation.query}",
        *operation.carried,
        *_make_kept(operation.kept),
    ]


def publish(operation: Publish, capabilities: Capabilities) -> list[str]:
    """Let the built table take the name; in a transaction, readers see the old relation until the commit."""
    kept = () if capabilities.views_follow_names else operation.kept
    dropped = [f"DROP {operation.was.upper()} {relation(operation.target)}"] if operation.was else []
    return [
        *_drop_kept(kept),
        *dropped,
        *_rename(operation.built, operation.target, capabilities),
        *_rename_partitions(operation, capabilities),
        *operation.carried,
        *_make_kept(kept),
    ]


def _rename(built: Table, target: Table, capabilities: Capabilities) -> list[str]:
    if built.schema == target.schema:
        return [f"ALTER TABLE {relation(built)} RENAME TO {name(target.name)}"]
    if capabilities.dialect == "duckdb":
        # DuckDB cannot move a table to another schema.
        return [
            f"CREATE TABLE {relation(target)} AS\nSELECT * FROM {relation(built)}",
            f"DROP TABLE {relation(built)}",
        ]
    moved = [f"ALTER TABLE {relation(built)} SET SCHEMA {name(target.schema)}"]
    if built.name != target.name:
        moved.append(f"ALTER TABLE {name(target.schema)}.{name(built.name)} RENAME TO {name(target.name)}")
    return moved


def _rename_partitions(operation: Publish, capabilities: Capabilities) -> list[str]:
    """The partitions are called after their table, and in another schema they follow it."""
    named: list[str] = []
    for part in operation.partitions:
        built, target = (
            each.beside(part, max_name=capabilities.max_name) for each in (operation.built, operation.target)
        )
        if built != target:
            named += _rename(built, target, capabilities)
    return named


def _drop_kept(kept: Sequence[DependentView]) -> list[str]:
    return [f"DROP VIEW {relation(dependent.view)}" for dependent in reversed(kept)]


def _make_kept(kept: Sequence[DependentView]) -> list[str]:
    made: list[str] = []
    for dependent in kept:
        made += [f"CREATE VIEW {relation(dependent.view)} AS\n{dependent.query}", *dependent.carried]
    return made


def alter_columns(operation: AlterColumns, capabilities: Capabilities) -> list[str]:
    """One statement for each change; a clash has no statement, because nothing holds both types."""
    retyped = any(isinstance(change, Widened | Risky) for change in operation.changes)
    kept = operation.kept if retyped and not capabilities.views_follow_names else ()
    alterations = [
        f"ALTER TABLE {relation(operation.table)} {_alteration(change, capabilities)}"
        for change in operation.changes
        if not isinstance(change, Clash)
    ]
    return [*_drop_kept(kept), *alterations, *_make_kept(kept)]


def _alteration(change: Added | Widened | Risky, capabilities: Capabilities) -> str:
    if isinstance(change, Added):
        return f"ADD COLUMN {name(change.column.name)} {spell(change.column.type, capabilities)}"
    held, word = name(change.column.name), spell(change.to, capabilities)
    # What rows hold is known to survive; what rows held that are gone is nobody's, and may not.
    cast = "TRY_CAST" if capabilities.retypes_gone else "CAST"
    return f"ALTER COLUMN {held} TYPE {word} USING {cast}({held} AS {word})"


def require(operation: Require) -> list[str]:
    """One statement for each column."""
    return [
        f"ALTER TABLE {relation(operation.table)} ALTER COLUMN {name(column)} SET NOT NULL"
        for column in operation.columns
    ]


def drop(operation: Drop) -> list[str]:
    """The relation goes, if it is there."""
    return [f"DROP {operation.kind.upper()} IF EXISTS {relation(operation.table)}"]


def comment(operation: Comment) -> list[str]:
    """A description kept in the catalog, for whoever looks there."""
    if operation.column is not None:
        place = f"COLUMN {relation(operation.table)}.{name(operation.column)}"
    else:
        place = f"{operation.kind.upper()} {relation(operation.table)}"
    return [f"COMMENT ON {place} IS {text(operation.text)}"]
