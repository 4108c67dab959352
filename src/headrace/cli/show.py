"""`headrace show`: rows of a model, of a table, of a test's failures, or of a query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from headrace.cli.options import Asked, Verb, everywhere, full_refresh, output, run_options, selection
from headrace.cli.terminal import document, result, say
from headrace.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.project.manifest import Manifest
    from headrace.project.nodes import Model, Node
    from headrace.table import Table
    from headrace.warehouse.base import Connection, Relation


@click.command(cls=Verb)
@click.argument("name", required=False)
@selection
@run_options
@full_refresh("Accepted as in dbt; the whole query is shown in any case.")
@click.option("--inline", metavar="SQL", help="A query instead, with ref() and source() as in a model.")
@click.option("--inline-direct", metavar="SQL", help="A query as it stands, without templates.")
@click.option(
    "--limit", type=click.IntRange(-1), default=5, show_default=True, metavar="N", help="How many rows; -1 for all."
)
@everywhere
@output("table", "json")
@click.pass_obj
def show(asked: Asked, name: str | None, inline: str | None, inline_direct: str | None, limit: int) -> int:
    """Print rows of a table as readers see it, of a model's query as it is written now (-s), or those that fail a test.

    Examples:
    headrace show revenue                    the table: of a model, a seed, or a stream such as api.orders
    headrace show -s revenue                 what the model's query gives now, published or not
    headrace show -s unique_orders_id        the rows that fail a test
    headrace show --inline "select count(*) from {{ ref('revenue') }}"
    """
    from headrace.cli.choosing import selected
    from headrace.cli.opening import connected, only, read_manifest, warnings_said

    if inline_direct:
        inline = "{% raw %}" + inline_direct + "{% endraw %}"
    if not (name or asked.select or asked.selector or inline):
        raise UsageError("show what?", hint="name a model: headrace show revenue")
    with warnings_said(asked):
        manifest = read_manifest(asked)
    if inline:
        nodes: list[Node] = [inline_node(manifest, inline)]
    elif name:
        nodes = [only(manifest, name)]
    else:
        nodes = [manifest.nodes[one] for one in selected(manifest, asked) if _has_rows(manifest.nodes[one], asked)]
    with warnings_said(asked), connected(manifest.settings) as connection:
        shown = [_preview(asked, manifest, connection, node, limit, published=bool(name)) for node in nodes]
    if asked.json:
        document("show", {"nodes": shown})
        return 0
    from headrace.counting import count
    from headrace.observe.wording import short, table

    for one in shown:
        if len(shown) > 1:
            result(asked, click.style(f"\n{short(one['unique_id'])}", bold=True))
        result(asked, table(one["columns"], one["rows"]))
        say(asked, f"({count(len(one['rows']), 'row')}{', and there are more: --limit N' if one['more'] else ''})")
    return 0


def _has_rows(node: Node, asked: Asked) -> bool:
    """Whether a selected node has rows to show; a model's tests, which come along with it, are shown where they are asked for."""
    from headrace.project.nodes import Analysis, DataTest, Model, Seed, Snapshot

    if isinstance(node, DataTest):
        return any(node.name in word for word in asked.select)
    return isinstance(node, Model | Seed | Snapshot | Analysis)


def inline_node(manifest: Manifest, sql: str) -> Model:
    """A query of the command line as a node, so that it can be compiled as a model is."""
    from headrace.errors import Place
    from headrace.project.nodes import Model
    from headrace.table import Table

    settings = manifest.settings
    return Model(
        unique_id=f"model.{settings.name}.inline",
        name="inline",
        package=settings.name,
        place=Place("--inline", 1),
        fqn=(settings.name, "inline"),
        raw=sql,
        table=Table(settings.target.schema, "inline"),
        materialized="ephemeral",
    )


def _preview(
    asked: Asked, manifest: Manifest, connection: Connection, node: Node, limit: int, *, published: bool
) -> dict[str, Any]:
    from headrace.cli.choosing import runtime_of
    from headrace.cli.opening import schemas_of
    from headrace.project.nodes import Model, Relational
    from headrace.sql.dialect import relation
    from headrace.transform.compile import compile_node

    known = connection.inspect(*schemas_of(manifest))
    if not isinstance(node, Relational) or (
        isinstance(node, Model) and not (published and _is_there(known, node.table))
    ):
        runtime = runtime_of(asked, manifest, "show", (node.unique_id,))
        compiled = compile_node(node, runtime, connection, known)
        with compiled.blame():
            return _rows(connection, node.unique_id, compiled.sql, limit)
    return _rows(connection, node.unique_id, f"SELECT * FROM {relation(node.table)}", limit)


def _is_there(known: Mapping[Table, Relation], table: Table) -> bool:
    return any((one.schema, one.name) == (table.schema, table.name) for one in known)


def _rows(connection: Connection, name: str, sql: str, limit: int) -> dict[str, Any]:
    """The query's first rows. It is read as a stream and left when there are enough, so that the author's SQL stays whole."""
    columns: list[str] = []
    rows: list[list[Any]] = []
    reader = connection.query(sql)
    columns = list(reader.schema.names)
    for batch in reader:
        lists = [column.to_pylist() for column in batch.columns]
        rows += [list(row) for row in zip(*lists, strict=True)]
        if 0 <= limit < len(rows):
            break
    reader.close()
    more = 0 <= limit < len(rows)
    return {"unique_id": name, "columns": columns, "rows": rows[:limit] if more else rows, "more": more}
