"""`--state`, `--defer`, `--favor-state`: an earlier run's artifacts beside the project as it is now."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from headrace.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.cli.options import Asked
    from headrace.project.earlier import Earlier
    from headrace.project.manifest import Manifest
    from headrace.table import Table


def earlier(asked: Asked, *, defer: bool = False) -> Earlier | None:
    """The artifacts that the command line names, if it does. Raises UsageError where they cannot be read."""
    folder = (asked.defer_state or asked.state) if defer else asked.state
    if not folder:
        return None
    from headrace.project.earlier import read_earlier

    return read_earlier(Path(folder))


def deferred(asked: Asked, manifest: Manifest, chosen: tuple[str, ...]) -> Mapping[str, Table]:
    """Where nodes stand that are not built now, by id; nothing without `--defer`."""
    if not asked.defer:
        return {}
    state = earlier(asked, defer=True)
    if state is None:
        raise UsageError(
            "--defer needs --state", hint="name the folder that holds the other environment's manifest.json"
        )
    from headrace.cli.opening import connected, schemas_of

    tables = state.tables()
    there: set[tuple[str, str]] = set()
    if not asked.favor_state:
        with connected(manifest.settings) as connection:
            there = {(table.schema, table.name) for table in connection.inspect(*schemas_of(manifest))}
    found = {}
    for one, node in manifest.nodes.items():
        table = getattr(node, "table", None)
        apart = one in tables and one not in chosen and not one.startswith("source.")
        if apart and table is not None and (table.schema, table.name) not in there:
            found[one] = tables[one]
    return found
