"""From compiled SQL to a table or view, inside the step's transaction."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from headrace.errors import ContractBroken
from headrace.events import ModelBuilt, emit
from headrace.sql.dialect import name, names, relation, temporary
from headrace.sql.operations import CreateTableAs, Drop, SetView
from headrace.transform.adapter import describe
from headrace.transform.built import Built, hooked
from headrace.transform.constraints import definition, has_constraints, has_foreign_key
from headrace.transform.custom import build_custom, strategy_macro, write_by_macro
from headrace.transform.external import place_of, write
from headrace.transform.incremental import Increment, apply_increment
from headrace.transform.python import python_query

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.project.nodes import Model
    from headrace.table import Table
    from headrace.transform.compile import Compiled
    from headrace.warehouse.base import Connection, Relation


def build(
    connection: Connection,
    node: Model,
    compiled: Compiled,
    *,
    relations: Mapping[Table, Relation],
    waits: bool = True,
) -> Built:
    """Run the model's query; its result stands beside the model's name until it is published.

    A view that no test `waits` for is made when it is published. An incremental model that is there is changed in place, which others
    see only after the commit. To be called inside a transaction, when the model's schema is there.
    Raises StatementFailed with the place in the model's file, ContractBroken, SchemaFrozen or NotSupported.
    """
    if node.materialized == "ephemeral":
        return Built(None, None, published=True)
    if compiled.macro and compiled.templates:
        return build_custom(connection, node, compiled, compiled.templates, compiled.macro)
    with compiled.blame():
        hooked(connection, compiled.before)
        if node.config.get("sql_header"):
            connection.execute(str(node.config["sql_header"]))
        if node.language == "python":
            with python_query(connection, node, compiled) as query:
                built = _materialized(connection, node, query, compiled, relations, waits=waits)
        else:
            built = _materialized(connection, node, compiled.sql, compiled, relations, waits=waits)
    emit(ModelBuilt(node.unique_id, str(node.table), built.rows))
    return built


def _materialized(
    connection: Connection,
    node: Model,
    sql: str,
    compiled: Compiled,
    relations: Mapping[Table, Relation],
    *,
    waits: bool,
) -> Built:
    query = _agreed(connection, node, sql)
    if compiled.incremental:
        return _increment(connection, node, query, compiled)
    if node.materialized == "external":
        return _external(connection, node, query, compiled)
    if node.materialized == "view":
        return _view(connection, node, query, relations, waits=waits)
    return _table(connection, node, query, relations, compiled)


def _beside(connection: Connection, node: Model, relations: Mapping[Table, Relation]) -> Table:
    """The name to build under, free of what a run that died without a transaction may have left."""
    built = node.table.beside("new", max_name=connection.capabilities.max_name)
    left = relations.get(built)
    if left is not None:
        connection.run(Drop(built, left.kind))
    return built


def _table(
    connection: Connection, node: Model, query: str, relations: Mapping[Table, Relation], compiled: Compiled
) -> Built:
    constrained = node.contracted and has_constraints(node)
    held = relations.get(node.table)
    if held is not None and constrained and connection.capabilities.dialect == "duckdb" and has_foreign_key(node):
        # DuckDB keeps the name under which a table that refers to another was made; readers see the old one until the commit.
        connection.run(Drop(node.table, held.kind))
        held = None
    # A name that nothing has needs no change of names: nobody sees the table before the commit.
    built = _beside(connection, node, relations) if held is not None else node.table
    if constrained:
        rows = _constrained(connection, node, query, built, compiled)
    else:
        rows = connection.run(CreateTableAs(built, query))
    return Built(built, _counted(rows), published=built == node.table)


def _constrained(connection: Connection, node: Model, query: str, built: Table, compiled: Compiled) -> int:
    """A table that holds its rows to the contract's constraints, and the rows."""
    types = _declared(connection, {column: node.types.get(column) for column in node.columns})
    connection.execute(
        f"CREATE TABLE {relation(built)} (\n    {definition(node, {c: str(k) for c, k in types.items()}, compiled.evaluate)}\n)"
    )
    return connection.execute(f"INSERT INTO {relation(built)} ({names(types)})\n{query}")


def _view(
    connection: Connection, node: Model, query: str, relations: Mapping[Table, Relation], *, waits: bool
) -> Built:
    if not waits:
        return Built(node.table, None, published=False, kind="view", query=query)
    built = _beside(connection, node, relations)
    connection.run(SetView(built, query))
    return Built(built, None, published=False, kind="view", query=query)


def _external(connection: Connection, node: Model, query: str, compiled: Compiled) -> Built:
    """The rows in a table of the session, which its tests ask, and as a file that waits for its place."""
    goal = place_of(node, compiled)  # what is wrong with it is told before the query runs
    staged = node.table.beside("staged", max_name=connection.capabilities.max_name)
    rows = connection.run(CreateTableAs(staged, query, temporary=True))
    place = temporary(staged.name, connection.capabilities)
    written = write(connection, node, place, goal)
    return Built(place, _counted(rows), published=False, kind="view", written=written)


def _increment(connection: Connection, node: Model, query: str, compiled: Compiled) -> Built:
    staged = node.table.beside("staged", max_name=connection.capabilities.max_name)
    rows = connection.run(CreateTableAs(staged, query, temporary=True))
    place = temporary(staged.name, connection.capabilities)
    increment = Increment.of(node, compiled.batch)
    macro = compiled.templates and strategy_macro(increment, compiled.templates)
    if macro and compiled.templates:
        write_by_macro(connection, increment, place, compiled, compiled.templates, macro)
    else:
        apply_increment(connection, increment, place)
    connection.run(Drop(place))
    return Built(node.table, _counted(rows), published=True, fresh=False)


def _counted(rows: int) -> int | None:
    return None if rows < 0 else rows


def _agreed(connection: Connection, node: Model, query: str) -> str:
    """The query, with its columns in the order of the model's enforced contract. Raises ContractBroken where they differ."""
    if not node.contracted:
        return query
    given = describe(connection, query)
    wanted = _declared(connection, {column: node.types.get(column) for column in node.columns})
    complaints = [f"'{column}' is missing" for column in wanted if column not in dict(given)]
    complaints += [f"'{column}' is not in the contract" for column, _ in given if column not in wanted]
    complaints += [
        f"'{column}' is {kind}, and the contract says {wanted[column]}"
        for column, kind in given
        if wanted.get(column) is not None and _family(kind) != _family(str(wanted[column]))
    ]
    if complaints:
        raise ContractBroken(f"{node.name} breaks its contract: {'; '.join(complaints)}", where=node.place)
    listed = ", ".join(name(column) for column in wanted)
    return f"select {listed} from (\n{query}\n) as agreed"


def _declared(connection: Connection, types: Mapping[str, str | None]) -> dict[str, str | None]:
    """The contract's types in the engine's own words, so that `int` and `INTEGER` are one."""
    typed = {column: kind for column, kind in types.items() if kind}
    if not typed:
        return dict(types)
    casts = ", ".join(f"cast(null as {kind}) as {name(column)}" for column, kind in typed.items())
    return dict(types) | dict(describe(connection, f"select {casts}"))


def _family(kind: str) -> str:
    """The type without its sizes; all unlimited or limited text is one."""
    word = re.sub(r"\(.*\)", "", kind).strip().lower()
    return "text" if word in ("character varying", "varchar", "character", "bpchar") else word
