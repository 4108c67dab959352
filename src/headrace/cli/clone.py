"""`headrace clone`: another environment's tables under the names they would have here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from headrace.cli.options import Asked, Verb, by_kind, everywhere, full_refresh, output, run_options, selection
from headrace.cli.terminal import document, result, say
from headrace.errors import UsageError

if TYPE_CHECKING:
    from headrace.project.manifest import Manifest
    from headrace.project.nodes import Model, Seed, Snapshot
    from headrace.table import Table
    from headrace.warehouse.base import Connection


@click.command(cls=Verb)
@selection
@by_kind
@full_refresh("Make anew what is already here.")
@run_options
@everywhere
@output("table", "json")
@click.pass_obj
def clone(asked: Asked) -> int:
    """Make views here of the tables that stand in another environment, so that models can be built upon them one by one.

    What is already here stays, unless --full-refresh. Incremental models and snapshots are copied, because the next build adds to them.

    Examples:
    headrace clone --state prod-artifacts
    headrace clone --state prod-artifacts -s +revenue
    headrace clone --state prod-artifacts --full-refresh
    """
    from headrace.cli.choosing import selected
    from headrace.cli.earlier import earlier
    from headrace.cli.opening import connected, read_manifest, schemas_of, warnings_said
    from headrace.project.nodes import Model, Seed, Snapshot
    from headrace.run.lock import locked
    from headrace.sql.operations import CreateSchema

    with warnings_said(asked):
        manifest = read_manifest(asked)
        state = earlier(asked)
        if state is None:
            raise UsageError(
                "clone needs --state", hint="name the folder that holds the other environment's manifest.json"
            )
        tables = state.tables()
        chosen = [manifest.nodes[one] for one in selected(manifest, asked) if one in tables]
    nodes = [node for node in chosen if isinstance(node, Model | Seed | Snapshot)]
    settings = manifest.settings
    done: list[dict[str, str]] = []
    with locked(settings.folder, settings.target.name), connected(settings) as connection:
        there = {(one.schema, one.name): held.kind for one, held in connection.inspect(*schemas_of(manifest)).items()}
        for schema in sorted({node.table.schema for node in nodes}):
            connection.run(CreateSchema(schema))
        for node in nodes:
            here = there.get((node.table.schema, node.table.name))
            if _same(manifest, tables[node.unique_id], node.table) or (here and not asked.full_refresh):
                continue
            _clone(connection, node, tables[node.unique_id], here)
            done.append({"unique_id": node.unique_id, "relation": str(node.table), "from": str(tables[node.unique_id])})
    if asked.json:
        document("clone", {"cloned": done})
        return 0
    for one in done:
        result(asked, f"{one['relation']}  <-  {one['from']}")
    say(asked, f"{len(done)} cloned, {len(nodes) - len(done)} were here already")
    return 0


def _same(manifest: Manifest, one: Table, other: Table) -> bool:
    database = manifest.settings.target.database
    return (one.database or database, one.schema, one.name) == (other.database or database, other.schema, other.name)


def _clone(connection: Connection, node: Model | Seed | Snapshot, source: Table, here: str | None) -> None:
    from headrace.project.nodes import Model, Snapshot
    from headrace.sql.dialect import relation
    from headrace.sql.operations import CreateTableAs, Drop, SetView

    query = f"select * from {relation(source)}"
    copied = isinstance(node, Snapshot) or (isinstance(node, Model) and node.materialized == "incremental")
    with connection.transaction():
        if here == "view":
            connection.run(Drop(node.table, "view"))
        elif here:
            connection.run(Drop(node.table))
        connection.run(CreateTableAs(node.table, query) if copied else SetView(node.table, query))
