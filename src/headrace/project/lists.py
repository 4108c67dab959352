"""The tables that streams make of lists: which there are is only known of what was loaded, and kept in `.headrace/lists`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from headrace.naming import LONGEST, table_name
from headrace.project.nodes import SourceTable
from headrace.table import shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from headrace.project.nodes import Node
    from headrace.project.sources import Stream


def known_lists(root: Path, stream: Stream) -> dict[str, str]:
    """The tables by the names of their lists, as `lines__taxes`: those that a load made, and those that `nested_hints` speak of."""
    if stream.spec.nested != "tables":
        return {}
    path = _path(root, stream)
    made: dict[str, str] = json.loads(path.read_bytes()) if path.is_file() else {}
    return {name: table_of(stream, name) for name in stream.spec.nested_hints} | made


def keep_lists(root: Path, stream: Stream, lists: Mapping[str, str]) -> None:
    """Remember the tables that the stream's last load left."""
    path = _path(root, stream)
    written = json.dumps(dict(sorted(lists.items())))
    if (path.read_text(encoding="utf-8") if path.is_file() else "{}") == written:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".half")
    draft.write_text(written, encoding="utf-8")
    draft.replace(path)


def table_of(stream: Stream, lists: str) -> str:
    """The name that the table of a list gets."""
    own = stream.table.name if stream.table else stream.spec.table_name or stream.name
    return table_name(f"{shortened(own, LONGEST)}__{lists}")


def list_of(streams: Iterable[Stream], source: str, name: str) -> tuple[Stream, str] | None:
    """The stream and its list that `source('source', 'stream__list')` may mean, whether or not it was loaded yet."""
    found = [
        one
        for one in streams
        if one.source == source
        and one.spec.nested == "tables"
        and name.startswith(f"{one.name}__")
        and one.spec.enabled
    ]
    stream = max(found, key=lambda one: len(one.name), default=None)
    return (stream, name.removeprefix(f"{stream.name}__")) if stream else None


def stream_of(node: Node) -> str | None:
    """The id of the stream by whose load the table of a list is made; None for every other node."""
    if not isinstance(node, SourceTable) or node.stream is not None:
        return None
    return next(iter(node.depends_on), None)


def with_lists(nodes: Mapping[str, Node], left_out: set[str]) -> set[str]:
    """What is left out, and the tables of lists of the streams among it, which are made by no other load."""
    return left_out | {one for one, node in nodes.items() if stream_of(node) in left_out}


def _path(root: Path, stream: Stream) -> Path:
    return root / ".headrace" / "lists" / f"{stream.label}.json"
