"""From an operation to the statements of an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from headrace.sql import ddl, history, merge, partitioned, write
from headrace.sql import operations as op

if TYPE_CHECKING:
    from headrace.sql.capabilities import Capabilities


def render(operation: op.Operation, capabilities: Capabilities) -> list[str]:
    """The statements that do the operation, in order; more than one of them belong into one transaction."""
    match operation:
        case op.CreateSchema():
            return ddl.create_schema(operation, capabilities)
        case op.CreateTable():
            return ddl.create_table(operation, capabilities)
        case op.AddPartitions():
            return partitioned.add(operation, capabilities)
        case op.CreateTableAs():
            return ddl.create_table_as(operation, capabilities)
        case op.SetView():
            return ddl.set_view(operation, capabilities)
        case op.Publish():
            return ddl.publish(operation, capabilities)
        case op.AlterColumns():
            return ddl.alter_columns(operation, capabilities)
        case op.Require():
            return ddl.require(operation)
        case op.Drop():
            return ddl.drop(operation)
        case op.Comment():
            return ddl.comment(operation)
        case _:
            return _write(operation, capabilities)


def _write(
    operation: op.Append
    | op.Overwrite
    | op.Merge
    | op.Distinct
    | op.Sweep
    | op.Orphans
    | op.DeleteInsert
    | op.ReplaceWindow
    | op.Upsert
    | op.Scd2,
    capabilities: Capabilities,
) -> list[str]:
    match operation:
        case op.Append():
            return write.append(operation)
        case op.Overwrite():
            return write.overwrite(operation)
        case op.Orphans():
            return write.orphans(operation, capabilities)
        case op.DeleteInsert():
            return write.delete_insert(operation, capabilities)
        case op.ReplaceWindow():
            return write.replace_window(operation)
        case op.Upsert():
            return write.upsert(operation, capabilities)
        case op.Merge():
            return merge.merge(operation, capabilities)
        case op.Distinct():
            return merge.distinct(operation, capabilities)
        case op.Sweep():
            return merge.sweep(operation)
        case op.Scd2():
            return history.scd2(operation, capabilities)
        case _:
            assert_never(operation)
