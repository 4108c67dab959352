"""The project as a graph of nodes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headrace.graph import Graph
from headrace.project.assembly import assemble
from headrace.project.index import Index
from headrace.project.nodes import Ref, Referable, SourceTable
from headrace.project.recording import base_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.errors import Place
    from headrace.project.nodes import DocBlock, Group, Hook, MacroNode, Node
    from headrace.project.settings import Project, Settings
    from headrace.project.template import Templates


@dataclass(frozen=True, slots=True)
class Manifest:
    """All nodes by id, in an order in which each comes after what it needs, with the templates to render them.

    `refs` and `sources` find a node by the words of `ref()` and `source()` as the project's own files use them; `docs` are the texts of
    `doc()`. `hooks` stand in the order in which they run; `packages` are the installed ones by name.
    """

    settings: Settings
    nodes: Mapping[str, Node]
    graph: Graph
    templates: Templates
    refs: Mapping[str, str]
    sources: Mapping[tuple[str, str], str]
    docs: Mapping[str, str]
    disabled: frozenset[str] = frozenset()
    disabled_nodes: Mapping[str, Node] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    hooks: tuple[Hook, ...] = ()
    doc_blocks: Mapping[str, DocBlock] = field(default_factory=dict)
    macro_nodes: Mapping[str, MacroNode] = field(default_factory=dict)
    packages: Mapping[str, Project] = field(default_factory=dict)
    index: Index | None = None

    def ref(
        self,
        name: str,
        where: Place | None = None,
        *,
        package: str | None = None,
        version: object = None,
        asker: str | None = None,
    ) -> Referable:
        """What `ref('package', 'name', version=…)` means in a template of the package `asker`. Raises RefUnknown."""
        index = self.index or self._indexed()
        found = index.ref(name, package, version, asker or self.settings.name)
        node = self.nodes.get(found or "")
        if isinstance(node, Referable):
            return node
        wanted = Ref(package, name, None if version is None else str(version))
        raise index.no_ref(wanted, where)

    def source(self, source: str, name: str, where: Place | None = None, *, asker: str | None = None) -> SourceTable:
        """What `source('source', 'name')` means in a template of the package `asker`. Raises SourceUnknown."""
        index = self.index or self._indexed()
        node = self.nodes.get(index.source(source, name, asker or self.settings.name) or "")
        if isinstance(node, SourceTable):
            return node
        raise index.no_source(source, name, where, "")

    def _indexed(self) -> Index:
        index = Index(self.settings.name)
        for node in self.nodes.values():
            index.add(node)
        return index

    def names(self, package: str | None = None) -> dict[str, Any]:
        """The names that every template of a package knows whatever it is for: var, env_var, target, modules and the like."""
        name = package or self.settings.name
        own = self.packages.get(name)
        return base_names(self.settings, name, self.docs, own.vars if own is not None else None)


def load_manifest(settings: Settings) -> Manifest:
    """Read a project. Files that did not change since the last time are not rendered again.

    Raises what files can have wrong: YamlInvalid, ConfigInvalid, TemplateInvalid, RefUnknown, SourceUnknown, NameTaken, CycleFound.
    """
    found = assemble(settings)
    index = found.index
    graph = Graph({name: node.depends_on for name, node in index.nodes.items()})
    own = settings.name
    return Manifest(
        settings=settings,
        nodes={name: index.nodes[name] for name in graph.order},
        graph=graph,
        templates=found.templates,
        refs={name: one for name in index.refs if (one := index.ref(name, None, None, own)) is not None},
        sources={key: one for key in index.sources if (one := index.source(*key, own)) is not None},
        docs=found.docs,
        disabled=frozenset(node.name for node in index.disabled.values()),
        disabled_nodes=index.disabled,
        groups=found.groups,
        hooks=found.hooks,
        doc_blocks=found.doc_blocks,
        macro_nodes=found.macro_nodes,
        packages=found.packages,
        index=index,
    )
