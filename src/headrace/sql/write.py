"""Statements that move staged rows into a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.sql.dialect import column, names, relation
from headrace.sql.partitioned import inside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.sql.capabilities import Capabilities
    from headrace.sql.operations import Append, DeleteInsert, Orphans, Overwrite, ReplaceWindow, Upsert
    from headrace.table import Table


def append(operation: Append) -> list[str]:
    """All staged rows, by column name."""
    return [_insert(operation.target, operation.staged, operation.columns)]


def overwrite(operation: Overwrite) -> list[str]:
    """The staged rows and no others. It deletes instead of truncating, because truncating would make readers wait."""
    return [
        f"DELETE FROM {relation(operation.target)}",
        _insert(operation.target, operation.staged, operation.columns),
    ]


def orphans(operation: Orphans, capabilities: Capabilities) -> list[str]:
    """One statement over the rows that nothing stands for any longer."""
    return [f"DELETE FROM {relation(operation.target)} AS t\nWHERE {orphaned(operation, capabilities)}"]


def orphaned(operation: Orphans, capabilities: Capabilities) -> str:
    """The condition of those rows of the target, which is called t."""
    belongs = f"{column(operation.row, 'r')} = {column(operation.of, 't')}"
    there = (
        f"SELECT 1 FROM {relation(operation.rows)} AS r WHERE {belongs}{inside(operation.within, 'r', capabilities)}"
    )
    where = f"NOT EXISTS (\n    {there}\n)"
    if operation.among is not None:
        match = " AND ".join(f"{column(other, 's')} = {column(own, 't')}" for own, other in operation.key)
        known = f"EXISTS (\n    SELECT 1 FROM {relation(operation.among)} AS s WHERE {match}\n)"
        # What has no key is of a time when the key was another one.
        unknown = " OR ".join(f"{column(own, 't')} IS NULL" for own, _ in operation.key)
        where = f"{known} AND {where}" if operation.within else f"({unknown} OR {known}) AND {where}"
    return where


def delete_insert(operation: DeleteInsert, capabilities: Capabilities) -> list[str]:
    """Rows of a staged key go, then all staged rows come; predicates name the target as `DBT_INTERNAL_DEST`."""
    conditions = [f"({predicate})" for predicate in operation.predicates]
    if operation.expression is not None:
        key = operation.expression
        where = " AND ".join([f"({key}) IN (SELECT {key} FROM {relation(operation.staged)})", *conditions])
        return [
            f"DELETE FROM {relation(operation.target)} AS DBT_INTERNAL_DEST\nWHERE {where}",
            _insert(operation.target, operation.staged, operation.columns),
        ]
    match = same_key(operation.key, "DBT_INTERNAL_DEST", "DBT_INTERNAL_SOURCE")
    where = " AND ".join(
        [f"EXISTS (SELECT 1 FROM {relation(operation.staged)} AS DBT_INTERNAL_SOURCE WHERE {match})", *conditions]
    ) + inside(operation.within, "DBT_INTERNAL_DEST", capabilities)
    return [
        f"DELETE FROM {relation(operation.target)} AS DBT_INTERNAL_DEST\nWHERE {where}",
        _insert(operation.target, operation.staged, operation.columns),
    ]


def replace_window(operation: ReplaceWindow) -> list[str]:
    """Rows that meet the condition go from the target, and come from the staged ones."""
    where = " AND ".join([operation.condition, *(f"({predicate})" for predicate in operation.predicates)])
    return [
        f"DELETE FROM {relation(operation.target)}\nWHERE {where}",
        f"{_insert(operation.target, operation.staged, operation.columns)}\nWHERE {operation.condition}",
    ]


def upsert(operation: Upsert, _capabilities: Capabilities) -> list[str]:
    """One MERGE statement, which both engines have and in which a key staged twice is an error."""
    changed = operation.update or tuple(part for part in operation.columns if part not in operation.key)
    match = " AND ".join(
        [
            *(f"({predicate})" for predicate in operation.predicates),
            same_key(operation.key, "DBT_INTERNAL_DEST", "DBT_INTERNAL_SOURCE"),
        ]
    )
    update = ", ".join(f"{column(part)} = {column(part, 'DBT_INTERNAL_SOURCE')}" for part in changed)
    matched = f"WHEN MATCHED THEN UPDATE SET {update}\n" if update else ""
    return [
        (
            f"MERGE INTO {relation(operation.target)} AS DBT_INTERNAL_DEST\n"
            f"USING {relation(operation.staged)} AS DBT_INTERNAL_SOURCE\n"
            f"ON {match}\n"
            f"{matched}"
            f"WHEN NOT MATCHED THEN INSERT ({names(operation.columns)})\n"
            f"VALUES ({names(operation.columns, 'DBT_INTERNAL_SOURCE')})"
        )
    ]


def same_key(key: Sequence[str], left: str, right: str) -> str:
    """A condition that two relations hold the same key, column by column; NULL matches nothing."""
    return " AND ".join(f"{column(part, left)} = {column(part, right)}" for part in key)


def _insert(target: Table, staged: Table, columns: tuple[str, ...]) -> str:
    return f"INSERT INTO {relation(target)} ({names(columns)})\nSELECT {names(columns)}\nFROM {relation(staged)}"
