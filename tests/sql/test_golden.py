"""The statements of each operation, in each dialect, as files under `golden/`.

After a change that is meant: `uv run pytest tests/sql --golden`, then read the difference.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from headrace.schema import (
    BIGINT,
    DOUBLE,
    INTEGER,
    JSON,
    TIMESTAMPTZ,
    VARCHAR,
    Added,
    Clash,
    Column,
    Kind,
    Risky,
    Schema,
    Type,
    Widened,
    decimal,
)
from headrace.sql import operations as op
from headrace.sql.render import render
from headrace.table import Table
from headrace.warehouse import duckdb, postgres

GOLDEN = Path(__file__).parent / "golden"
DIALECTS = {"duckdb": duckdb.CAPABILITIES, "postgres": postgres.CAPABILITIES}

ORDERS = Table("raw", "orders")
STAGED = Table("raw", "orders__staged")
BUILT = Table("marts", "revenue__built")
REVENUE = Table("marts", "revenue")
COLUMNS = ("id", "state", "updated_at", "_headrace_hash")
WIDE = Schema(
    (
        Column("id", BIGINT, nullable=False),
        Column('a "quoted" name', VARCHAR),
        Column("price", decimal(18, 3)),
        Column("tags", Type(Kind.LIST, item=VARCHAR)),
        Column("place", Type(Kind.STRUCT, fields=(("lat", DOUBLE), ("at", TIMESTAMPTZ)))),
        Column("raw", JSON),
    )
)
WITHIN = op.Within("day", Type(Kind.DATE), "2026-01-01", "2026-01-31")

CASES = {
    "create_schema": op.CreateSchema("raw"),
    "create_table": op.CreateTable(ORDERS, WIDE),
    "create_table_if_absent": op.CreateTable(ORDERS, WIDE, if_absent=True),
    "create_table_in_partitions": op.CreateTable(ORDERS, WIDE, by=op.Partitioning("id", BIGINT, step=1000)),
    "add_partitions": op.AddPartitions(
        ORDERS,
        op.Partitioning("day", Type(Kind.DATE), "month"),
        (op.Partition("2026_01", "2026-01-01", "2026-02-01"), op.Partition("others")),
    ),
    "add_partitions_of_values": op.AddPartitions(
        ORDERS, op.Partitioning("state", VARCHAR), (op.Partition("new_22af645d", "it's new"),)
    ),
    "create_table_as": op.CreateTableAs(REVENUE, "SELECT 1 AS one"),
    "create_table_as_temporary": op.CreateTableAs(Table("raw", "found"), "SELECT 1 AS one", temporary=True),
    "set_view": op.SetView(
        REVENUE, "SELECT 1 AS one", (op.DependentView(Table("marts", "over"), "SELECT one FROM x"),)
    ),
    "append": op.Append(ORDERS, STAGED, COLUMNS),
    "overwrite": op.Overwrite(ORDERS, STAGED, COLUMNS),
    "merge": op.Merge(
        ORDERS,
        STAGED,
        Table("raw", "orders__verdicts"),
        COLUMNS,
        key=("id",),
        order=("updated_at",),
        hash="_headrace_hash",
        deleted="_headrace_deleted",
        tombstones=Table("raw", "orders__tombstones"),
    ),
    "merge_compound_key": op.Merge(
        ORDERS,
        STAGED,
        Table("raw", "orders__verdicts"),
        COLUMNS,
        key=("id", "state"),
        order=("updated_at", "_headrace_offset"),
        hash="_headrace_hash",
    ),
    "merge_without_order": op.Merge(ORDERS, STAGED, Table("raw", "orders__verdicts"), COLUMNS, key=("id",)),
    "delete_insert": op.DeleteInsert(
        ORDERS, STAGED, COLUMNS, ("id", "state"), ("DBT_INTERNAL_DEST.updated_at > DATE '2026-01-01'",)
    ),
    "delete_insert_expression": op.DeleteInsert(ORDERS, STAGED, COLUMNS, (), expression="lower(state)"),
    "delete_insert_in_partitions": op.DeleteInsert(
        ORDERS, STAGED, COLUMNS, ("id",), within=replace(WITHIN, without=True)
    ),
    "replace_window": op.ReplaceWindow(ORDERS, STAGED, COLUMNS, "at >= '2026-01-01'", ("state = 'x'",)),
    "upsert": op.Upsert(ORDERS, STAGED, COLUMNS, ("id",), predicates=("DBT_INTERNAL_DEST.state <> 'x'",)),
    "merge_of_new_keys": op.Merge(
        ORDERS, STAGED, Table("raw", "orders__verdicts"), COLUMNS, key=("id",), only_new=True
    ),
    "merge_in_partitions": op.Merge(
        ORDERS,
        STAGED,
        Table("raw", "orders__verdicts"),
        COLUMNS,
        key=("id",),
        hash="_headrace_hash",
        within=WITHIN,
        partitioned=True,
    ),
    "merge_with_a_mark": op.Merge(
        ORDERS,
        STAGED,
        Table("raw", "orders__verdicts"),
        COLUMNS,
        key=("id",),
        hash="_headrace_hash",
        mark="_headrace_deleted",
    ),
    "merge_with_what_was_before": op.Merge(
        ORDERS,
        STAGED,
        Table("raw", "orders__verdicts"),
        (*COLUMNS, "previous_state", "state_changed_at"),
        key=("id",),
        hash="_headrace_hash",
        before=(op.Before("state", "previous_state", "state_changed_at", "updated_at"),),
    ),
    "distinct": op.Distinct(STAGED, ("id", "state"), ("updated_at",), ("updated_at",)),
    "sweep": op.Sweep(ORDERS, STAGED, ("id", "state"), "remove"),
    "sweep_by_marking": op.Sweep(ORDERS, STAGED, ("id",), "mark", "_headrace_deleted"),
    "sweep_by_closing": op.Sweep(ORDERS, STAGED, ("id",), "close", "valid_to", "TIMESTAMP '2026-01-04 00:00:00'"),
    "orphans": op.Orphans(Table("raw", "orders__lines"), ORDERS, "_headrace_root", "_headrace_row"),
    "orphans_of_keys": op.Orphans(
        Table("raw", "orders__lines"), ORDERS, "_headrace_root", "_headrace_row", STAGED, (("_headrace_root_id", "id"),)
    ),
    "orphans_in_partitions": op.Orphans(
        Table("raw", "orders__lines"),
        ORDERS,
        "_headrace_root",
        "_headrace_row",
        STAGED,
        (("_headrace_root_id", "id"),),
        within=WITHIN,
    ),
    "scd2": op.Scd2(
        ORDERS,
        STAGED,
        Table("raw", "orders__verdicts"),
        Table("raw", "orders__versions"),
        COLUMNS,
        ("id", "state"),
        changed_at="updated_at",
        hash="_headrace_hash",
    ),
    "scd2_with_deletions": op.Scd2(
        ORDERS,
        STAGED,
        Table("raw", "orders__verdicts"),
        Table("raw", "orders__versions"),
        COLUMNS,
        ("id",),
        changed_at="updated_at",
        hash="_headrace_hash",
        deleted="_headrace_deleted",
        tombstones=Table("raw", "orders__tombstones"),
    ),
    "scd2_in_partitions": op.Scd2(
        ORDERS,
        STAGED,
        Table("raw", "orders__verdicts"),
        Table("raw", "orders__versions"),
        COLUMNS,
        ("id",),
        changed_at="updated_at",
        hash="_headrace_hash",
        within=WITHIN,
    ),
    "publish_first": op.Publish(REVENUE, BUILT),
    "publish_over_table": op.Publish(
        REVENUE,
        BUILT,
        "table",
        (
            op.DependentView(Table("marts", "first"), "SELECT 1 FROM marts.revenue"),
            op.DependentView(Table("marts", "second"), "SELECT 1 FROM marts.first"),
        ),
    ),
    "publish_over_view": op.Publish(REVENUE, BUILT, "view"),
    "publish_elsewhere": op.Publish(REVENUE, Table("build", "revenue__built"), "table"),
    "alter_columns": op.AlterColumns(
        ORDERS,
        (
            Added(Column("note", VARCHAR)),
            Widened(Column("id", INTEGER), BIGINT),
            Risky(Column("price", decimal(18, 3)), DOUBLE),
            Clash(Column("state", VARCHAR), Type(Kind.BLOB)),
        ),
        (op.DependentView(Table("marts", "over"), "SELECT id FROM raw.orders"),),
    ),
    "alter_columns_by_adding": op.AlterColumns(
        ORDERS,
        (Added(Column("note", VARCHAR)),),
        (op.DependentView(Table("marts", "over"), "SELECT id FROM raw.orders"),),
    ),
    "publish_with_partitions": op.Publish(REVENUE, BUILT, "table", partitions=("2026_01", "others")),
    "require": op.Require(ORDERS, ("id", "state")),
    "drop": op.Drop(ORDERS),
    "drop_view": op.Drop(REVENUE, "view"),
    "comment": op.Comment(ORDERS, "each order's last state"),
    "comment_on_column": op.Comment(ORDERS, "paid, sent or lost", column="state"),
    "comment_on_view": op.Comment(REVENUE, "money by day", kind="view"),
}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("case", CASES)
def test_an_operation_is_rendered_as_its_golden_file_says(case, dialect, request):
    path = GOLDEN / case / f"{dialect}.sql"

    statements = "".join(f"{statement};\n" for statement in render(CASES[case], DIALECTS[dialect]))

    if request.config.getoption("--golden"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(statements, encoding="utf-8")
    assert statements == path.read_text(encoding="utf-8")


def test_every_operation_has_a_golden_file():
    assert {type(operation) for operation in CASES.values()} == set(get_args(op.Operation))


def test_there_is_no_golden_file_that_nobody_compares():
    assert {path.parent.name for path in GOLDEN.glob("*/*.sql")} == set(CASES)
