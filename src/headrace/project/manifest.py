"""The project as a graph of nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.errors import RefUnknown, SourceUnknown, did_you_mean
from headrace.project.nodes import Model, Seed, SourceTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.errors import Place
    from headrace.graph import Graph
    from headrace.project.nodes import Node
    from headrace.project.settings import Settings
    from headrace.project.template import Templates


@dataclass(frozen=True, slots=True)
class Manifest:
    """All nodes by id, in an order in which each comes after what it needs, with the templates to render them.

    `refs` and `sources` find a node by the words of `ref()` and `source()`.
    """

    settings: Settings
    nodes: Mapping[str, Node]
    graph: Graph
    templates: Templates
    refs: Mapping[str, str]
    sources: Mapping[tuple[str, str], str]
    disabled: frozenset[str] = frozenset()

    def ref(self, name: str, where: Place | None = None) -> Model | Seed:
        """The model or seed that `ref('name')` means. Raises RefUnknown."""
        node = self.nodes.get(self.refs.get(name, ""))
        if isinstance(node, Model | Seed):
            return node
        if name in self.disabled:
            raise RefUnknown(f"model {name!r} is disabled", where=where, hint="set enabled: true, or drop the ref")
        raise RefUnknown(f"model {name!r} is not in the project", where=where, hint=did_you_mean(name, self.refs))

    def source(self, source: str, name: str, where: Place | None = None) -> SourceTable:
        """The table that `source('source', 'name')` means. Raises SourceUnknown."""
        node = self.nodes.get(self.sources.get((source, name), ""))
        if isinstance(node, SourceTable):
            return node
        known = [f"{one}.{two}" for one, two in self.sources]
        hint = did_you_mean(f"{source}.{name}", known)
        raise SourceUnknown(f"source '{source}.{name}' is not declared", where=where, hint=hint)
