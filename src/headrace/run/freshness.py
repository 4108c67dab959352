"""The freshness of sources: those that others load are asked, those that headrace loads are looked up in its ledger."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from headrace.check.freshness import Freshness, ask_freshness
from headrace.project.nodes import SourceTable
from headrace.state import ledger
from headrace.transform.relation import Relation

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from headrace.project.manifest import Manifest
    from headrace.warehouse.base import Connection


def source_freshness(
    manifest: Manifest, connection: Connection, selected: Iterable[str], now: dt.datetime
) -> list[Freshness]:
    """How fresh the selected sources are, of those that say how fresh they have to be. `now` has a zone."""
    ledger.ensure(connection)
    found = []
    for key in selected:
        node = manifest.nodes.get(key)
        if not isinstance(node, SourceTable) or not asked_of(node):
            continue
        started = time.perf_counter()
        names = manifest.names(node.package) | {"this": replace(Relation.of(node.table), external=node.location)}
        query = node.loaded_at_query
        if query is not None:
            query = manifest.templates.render(query, names, node.place, package=node.package)
        last = ledger.last_load(connection, node.stream.label) if node.stream else None
        result = ask_freshness(connection, node, now, query=query, loaded=last.committed_at if last else None)
        found.append(replace(result, seconds=time.perf_counter() - started))
    return found


def asked_of(node: SourceTable) -> bool:
    """Whether anything is asked of the source's freshness: a threshold, or at least a field to look at."""
    rules = node.freshness
    return bool(rules) and bool(rules and (rules.get("warn_after") or rules.get("error_after")))
