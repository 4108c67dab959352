"""`headrace trace`: where the rows of a table came from."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.options import Asked, Verb, everywhere, output
from headrace.cli.terminal import document, result, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.project.nodes import Node
    from headrace.state.ledger import Build, Entry
    from headrace.warehouse.base import Connection

COUNTS = ("read", "inserted", "updated", "unchanged", "duplicate", "filtered", "quarantined")


@click.command(cls=Verb)
@click.argument("table")
@click.option(
    "--limit", type=click.IntRange(1), default=20, show_default=True, metavar="N", help="How many loads, newest first."
)
@everywhere
@output("table", "json")
@click.pass_obj
def trace(asked: Asked, table: str, limit: int) -> int:
    """Where the rows of a table came from: each load with what became of every row it read, each build of a model.

    For each load, read = inserted + updated + unchanged + duplicate + filtered + quarantined.

    Examples:
    headrace trace api.orders                a stream
    headrace trace revenue                   a model: its builds
    headrace trace raw.orders -o json        by the name of its table
    """
    from headrace.cli.opening import connected, only, read_manifest, warnings_said
    from headrace.errors import UsageError
    from headrace.project.nodes import RESOURCE_TYPES, Relational

    with warnings_said(asked):
        manifest = read_manifest(asked)
    node = only(manifest, table)
    if not isinstance(node, Relational):
        kind = RESOURCE_TYPES[type(node)].replace("_", " ")
        raise UsageError(f"'{table}' is a {kind}, which has no rows of its own", hint="trace the table it is for")
    with connected(manifest.settings) as connection:
        loads, builds = _read(connection, node, limit)
    if asked.json:
        totals = {name: sum(getattr(load, name) for load in loads) for name in COUNTS}
        body = {"unique_id": node.unique_id, "table": str(node.table), "balances": _balances(totals), "totals": totals}
        document("trace", {**body, "loads": [asdict(one) for one in loads], "builds": [asdict(one) for one in builds]})
        return 0
    for line in _loads(loads) + _builds(builds):
        result(asked, line)
    if not loads and not builds:
        say(asked, f"nothing was loaded or built in {node.table} yet")
    return 0


def _read(connection: Connection, node: Node, limit: int) -> tuple[list[Entry], list[Build]]:
    from headrace.project.nodes import SourceTable
    from headrace.state import ledger

    if not {ledger.LOADS.name, ledger.BUILDS.name} <= {table.name for table in connection.inspect(ledger.HOME)}:
        return [], []
    if isinstance(node, SourceTable):
        return ledger.loads(connection, label=f"{node.source}.{node.name}", limit=limit), []
    return [], ledger.builds(connection, node=node.unique_id, limit=limit)


def _balances(counts: dict[str, int]) -> bool:
    return counts["read"] == sum(counts[name] for name in COUNTS[1:])


def _loads(loads: Sequence[Entry]) -> list[str]:
    from headrace.observe.wording import table

    if not loads:
        return []
    heads = ["load", "committed (UTC)", *COUNTS, "deleted", "table has", "cursor"]
    rows: list[list[Any]] = [
        [
            load.load_id[:13],
            f"{load.committed_at:%Y-%m-%d %H:%M:%S}",
            *(getattr(load, name) for name in COUNTS),
            load.deleted,
            load.rows_after,
            load.cursor_value,
        ]
        for load in loads
    ]
    totals = {name: sum(getattr(load, name) for load in loads) for name in COUNTS}
    sums = " + ".join(f"{totals[name]:,} {name}" for name in COUNTS[1:] if totals[name]) or "0"
    verdict = "every row is accounted for" if _balances(totals) else "this does not add up"
    return [table(heads, rows), "", f"{totals['read']:,} read = {sums}: {verdict}"]


def _builds(builds: Sequence[Build]) -> list[str]:
    from headrace.observe.wording import duration, table

    if not builds:
        return []
    heads = ["run", "finished (UTC)", "took", "as", "rows", "tests passed", "warned", "sql"]
    rows = [
        (
            one.run_id,
            f"{one.finished_at:%Y-%m-%d %H:%M:%S}",
            duration((one.finished_at - one.started_at).total_seconds()),
            one.kind,
            one.rows,
            one.passed,
            one.warned,
            one.code,
        )
        for one in builds
    ]
    return [table(heads, rows)]
