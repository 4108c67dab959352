"""Which rows of its table an operation reads or changes: the others may lie anywhere else meanwhile."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from headrace.sql.dialect import relation
from headrace.sql.merge import missing
from headrace.sql.operations import DeleteInsert, Merge, Orphans, Scd2, Sweep
from headrace.sql.partitioned import inside
from headrace.sql.write import orphaned, same_key

if TYPE_CHECKING:
    from headrace.sql.capabilities import Capabilities
    from headrace.sql.operations import Operation
    from headrace.table import Table

Reaching = Merge | Scd2 | DeleteInsert | Orphans | Sweep
"""The operations that leave most of their `target` alone."""
READ = ("staged", "rows", "among")
"""What an operation calls tables that it does not change."""


def reached(operation: Reaching, capabilities: Capabilities) -> str:
    """A condition over the operation's target, called t: true for rows of staged keys, or for those that go or are marked."""
    match operation:
        case Orphans():
            return orphaned(operation, capabilities)
        case Sweep():
            return missing(operation)
        case DeleteInsert(expression=str(key)):
            return f"({key}) IN (SELECT {key} FROM {relation(operation.staged)})"
        case _:
            match = same_key(operation.key, "s", "t")
            there = inside(operation.within, "t", capabilities)
            return f"EXISTS (SELECT 1 FROM {relation(operation.staged)} AS s WHERE {match}){there}"


def changes(operation: Operation, table: Table) -> bool:
    """Whether the operation may change the table."""
    return any(getattr(operation, each.name) == table for each in fields(operation) if each.name not in READ)
