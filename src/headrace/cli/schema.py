"""`headrace schema`: what became of the columns of loaded tables."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from headrace.cli.options import Asked, Verb, everywhere, output
from headrace.cli.terminal import document, result, say

if TYPE_CHECKING:
    from headrace.state.ledger import Altered
    from headrace.warehouse.base import Connection


@click.command(cls=Verb)
@click.argument("words", nargs=-1, metavar="history [TABLE]")
@click.option(
    "--limit", type=click.IntRange(1), default=100, show_default=True, metavar="N", help="How many, newest first."
)
@everywhere
@output("table", "json")
@click.pass_obj
def schema(asked: Asked, words: tuple[str, ...], limit: int) -> int:
    """What became of the columns of loaded tables: with which load they came, and from which type to which they grew.

    Examples:
    headrace schema history                  of all tables
    headrace schema history api.orders       of a stream
    headrace schema history raw.orders -o json
    """
    from headrace.cli.opening import connected, only, read_manifest, warnings_said
    from headrace.errors import UsageError
    from headrace.project.nodes import SourceTable

    if not words or words[0] != "history" or len(words) > 2:
        raise UsageError(f"schema takes `history` and a table, not '{' '.join(words)}'", hint="headrace schema history")
    with warnings_said(asked):
        manifest = read_manifest(asked)
    label = None
    if len(words) == 2:
        node = only(manifest, words[1])
        if not isinstance(node, SourceTable):
            raise UsageError(f"'{words[1]}' is not loaded", hint="the columns of a model are those of its SQL")
        label = f"{node.source}.{node.name}"
    with connected(manifest.settings) as connection:
        found = _read(connection, label, limit)
    if asked.json:
        document("schema", {"changes": [asdict(one) for one in found]})
    elif found:
        _print(asked, found)
    else:
        say(asked, "nothing was loaded yet")
    return 0


def _read(connection: Connection, label: str | None, limit: int) -> list[Altered]:
    from headrace.state import ledger

    if ledger.SCHEMA.name not in {table.name for table in connection.inspect(ledger.HOME)}:
        return []
    return ledger.changes(connection, label=label, limit=limit)


def _print(asked: Asked, found: list[Altered]) -> None:
    from headrace.observe.wording import table

    rows = [
        (f"{one.changed_at:%Y-%m-%d %H:%M:%S}", one.target, one.column, one.change, one.was, one.type, one.load_id[:13])
        for one in found
    ]
    result(asked, table(["at (UTC)", "table", "column", "change", "was", "type", "load"], rows))
