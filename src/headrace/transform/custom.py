"""Materializations and incremental strategies that a project defines by macros of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.project.properties import as_list
from headrace.sql.dialect import relation
from headrace.transform.adapter import describe
from headrace.transform.built import Built
from headrace.transform.relation import Column, Relation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.project.macros import Macro
    from headrace.project.nodes import Model
    from headrace.project.template import Templates
    from headrace.table import Table
    from headrace.transform.compile import Compiled
    from headrace.transform.incremental import Increment
    from headrace.warehouse.base import Connection


def build_custom(connection: Connection, node: Model, compiled: Compiled, templates: Templates, macro: Macro) -> Built:
    """Let the project's macro make the model. Raises what templates raise, and StatementFailed."""
    names = dict(compiled.names)
    names.update(
        model={**names["model"], "compiled_code": compiled.sql},
        pre_hooks=[_hook(one) for one in as_list(node.config.get("pre_hook"))],
        post_hooks=[_hook(one) for one in as_list(node.config.get("post_hook"))],
    )
    with compiled.blame():
        templates.call(f"{macro.package}.{macro.name}", names)
    made = connection.inspect(node.table.schema, database=node.table.database).get(node.table)
    return Built(node.table if made else None, None, published=True, kind=made.kind if made else "table")


def _hook(value: Any) -> Mapping[str, Any]:
    return {"transaction": True, **value} if isinstance(value, dict) else {"sql": str(value), "transaction": True}


def strategy_macro(increment: Increment, templates: Templates) -> Macro | None:
    """The project's own macro for the model's incremental strategy: a strategy of its own, or its way of one of dbt's."""
    word = increment.strategy.replace("+", "_")
    names = [f"get_incremental_{word}_sql"]
    if increment.strategy == "merge":
        # dbt's adapter for DuckDB calls its own macro without asking which one is meant.
        names.append("duckdb__get_merge_sql" if templates.dialect == "duckdb" else "get_merge_sql")
    elif increment.strategy == "delete+insert":
        names.append("get_delete_insert_merge_sql")
    for name in names:
        for found in (templates.macros.find(name), templates.macros.dispatch(name, "dbt", templates.dialect)):
            if found is not None and found.package != "dbt":
                return templates.macros.find(name)
    return None


def write_by_macro(
    connection: Connection, increment: Increment, staged: Table, compiled: Compiled, templates: Templates, macro: Macro
) -> None:
    """Have the macro give the statements that bring the staged rows into the table, and run them."""
    node = increment.node
    columns = [Column(name, kind) for name, kind in describe(connection, f"select * from {relation(node.table)}")]
    database = compiled.names.get("database")
    target, source = Relation.of(node.table, database, "table"), Relation.of(staged, database, "table")
    key = node.config.get("unique_key")
    predicates = list(increment.predicates) or None
    if macro.name.startswith("get_incremental_"):
        given = {
            "target_relation": target, "temp_relation": source, "unique_key": key, "dest_columns": columns,
            "incremental_predicates": predicates,
        }  # fmt: skip
        sql = templates.call(f"{macro.package}.{macro.name}", compiled.names, given)
    else:
        sql = templates.call(f"{macro.package}.{macro.name}", compiled.names, target, source, key, columns, predicates)
    with compiled.blame():
        connection.execute(str(sql))
