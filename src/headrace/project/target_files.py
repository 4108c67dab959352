"""Where what was made of a node is kept, by the path of the file that it comes from."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from headrace.project.nodes import DataTest, Snapshot, UnitTest

if TYPE_CHECKING:
    from pathlib import Path

    from headrace.project.nodes import Node
    from headrace.project.settings import Settings


def compiled_path(node: Node, settings: Settings, batch: str | None = None) -> Path:
    """Where a node's compiled SQL is kept: under dbt's `target/compiled/PACKAGE`, or under `.headrace/compiled`.

    Each batch of a microbatch model has a file in a folder of the model's name.
    """
    if settings.artifacts is not None:
        return settings.artifacts / "compiled" / node.package / _own_path(node, batch)
    return settings.folder / "compiled" / _own_path(node, batch)


def run_path(node: Node, settings: Settings, batch: str | None = None) -> Path | None:
    """Where the statements are kept that made a node, as dbt keeps them; None where no artifacts are written."""
    if settings.artifacts is None:
        return None
    return settings.artifacts / "run" / node.package / _own_path(node, batch)


def _own_path(node: Node, batch: str | None) -> PurePosixPath:
    path = PurePosixPath(node.path or node.place.path)
    apart = isinstance(node, Snapshot | UnitTest) or (isinstance(node, DataTest) and node.kind is not None)
    if apart and path.name != f"{node.name}.sql":
        # Several of them may stand in one file: their SQL is in a folder of that file's name.
        return path / f"{node.name}.sql"
    return path if batch is None else path.with_suffix("") / f"{path.stem}_{batch}{path.suffix}"
