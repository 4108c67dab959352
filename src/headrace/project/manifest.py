"""The project as a graph of nodes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headrace.errors import NameTaken, Place, RefUnknown, SourceUnknown, did_you_mean
from headrace.events import Warned, emit
from headrace.graph import Graph
from headrace.project.cache import FactsCache
from headrace.project.files import read_yaml
from headrace.project.linking import Index, generic_tests, link, source_nodes
from headrace.project.macros import Macros
from headrace.project.nodes import Model, Seed, SourceTable
from headrace.project.nodes_from_files import Draft, Reading, read_models, read_seeds, read_singular_tests
from headrace.project.packages import installed
from headrace.project.properties import Properties, read_properties
from headrace.project.recording import base_names
from headrace.project.template import Templates

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from headrace.project.nodes import DocBlock, Group, Hook, MacroNode, Node
    from headrace.project.settings import Settings

_DOCS = re.compile(r"\{%-?\s*docs\s+(\w+)\s*-?%\}(.*?)\{%-?\s*enddocs\s*-?%\}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Manifest:
    """All nodes by id, in an order in which each comes after what it needs, with the templates to render them.

    `refs` and `sources` find a node by the words of `ref()` and `source()`; `docs` are the texts of `doc()`. `hooks` stand in the order
    in which they run.
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

    def ref(self, name: str, where: Place | None = None) -> Model | Seed:
        """The model or seed that `ref('name')` means. Raises RefUnknown."""
        node = self.nodes.get(self.refs.get(name, ""))
        if isinstance(node, Model | Seed):
            return node
        what = f"{name!r} is disabled" if name in self.disabled else f"there is no model or seed {name!r}"
        raise RefUnknown(what, where=where, hint=did_you_mean(name, self.refs))

    def source(self, source: str, name: str, where: Place | None = None) -> SourceTable:
        """The table that `source('source', 'name')` means. Raises SourceUnknown."""
        node = self.nodes.get(self.sources.get((source, name), ""))
        if isinstance(node, SourceTable):
            return node
        hint = did_you_mean(f"{source}.{name}", [f"{one}.{two}" for one, two in self.sources])
        raise SourceUnknown(f"there is no source '{source}.{name}'", where=where, hint=hint)

    def names(self, package: str | None = None) -> dict[str, Any]:
        """The names that every template of the project knows whatever it is for: var, env_var, target, modules and the like."""
        return base_names(self.settings, package or self.settings.name, self.docs)


def load_manifest(settings: Settings) -> Manifest:
    """Read a project. Files that did not change since the last time are not rendered again.

    Raises what files can have wrong: YamlInvalid, ConfigInvalid, TemplateInvalid, RefUnknown, SourceUnknown, NameTaken, CycleFound.
    """
    packages = installed(settings.root, settings.paths.packages)
    macros = Macros.load(
        settings.name,
        settings.root,
        (*settings.paths.macros, *(f"{folder}/generic" for folder in settings.paths.tests)),
        packages,
        settings.dispatch,
        empty_names=settings.unknown_names == "empty",
    )
    templates = Templates(macros, settings.target.dialect, settings.name)
    docs = dict(_docs(settings))
    properties = list(_properties(settings))
    reading = Reading(
        settings=settings,
        templates=templates,
        names=base_names(settings, settings.name, docs),
        cache=_cache(settings, macros),
        properties=_by_name(properties),
        package=settings.name,
        root=settings.root,
    )
    index = Index()
    for node in source_nodes(reading, settings.streams, (one for one in properties if one.kind == "source")):
        index.add(node)
    drafts = _drafts(reading, index)
    link(index, drafts)
    for test in generic_tests(reading, index, properties):
        # The same test twice on one column is one test.
        index.nodes.setdefault(test.unique_id, test)
    reading.cache.save()
    _trees_used(settings, {one.name for one in packages})
    _tables_differ(index.nodes.values())
    graph = Graph({name: node.depends_on for name, node in index.nodes.items()})
    ordered = {name: index.nodes[name] for name in graph.order}
    return Manifest(settings, ordered, graph, templates, index.refs, index.sources, docs, frozenset(index.disabled))


def _drafts(reading: Reading, index: Index) -> list[Draft]:
    drafts = []
    for draft in (*read_seeds(reading), *read_models(reading), *read_singular_tests(reading)):
        if draft.enabled:
            index.add(draft.node)
            drafts.append(draft)
        else:
            index.disabled.add(draft.node.name)
    for (kind, name), said in reading.properties.items():
        if (kind, name) not in reading.used and kind != "source" and not said.tests:
            emit(Warned(f"there is no {kind} {name!r} to describe", where=str(said.place)))
    return drafts


def _cache(settings: Settings, macros: Macros) -> FactsCache:
    context = (
        macros.digest(),
        settings.name,
        settings.target.name,
        settings.target.schema,
        settings.target.dialect,
        settings.target.database,
        settings.vars,
        settings.overrides,
    )
    return FactsCache(settings.folder / "cache" / "facts.json", context, settings.environ)


def _folders(settings: Settings) -> Iterator[Path]:
    paths = settings.paths
    for folder in dict.fromkeys((*paths.models, *paths.seeds, *paths.tests, *paths.snapshots, *paths.analyses)):
        yield settings.root / folder


def _properties(settings: Settings) -> Iterator[Properties]:
    for folder in _folders(settings):
        for path in sorted(folder.rglob("*.y*ml")):
            if path.suffix in (".yml", ".yaml"):
                yield from read_properties(read_yaml(path, settings.root))


def _by_name(properties: Iterable[Properties]) -> dict[tuple[str, str], Properties]:
    found: dict[tuple[str, str], Properties] = {}
    for said in properties:
        key = (said.kind, said.name if said.source is None else f"{said.source}.{said.name}")
        if key in found:
            first = found[key].place
            raise NameTaken(f"{said.kind} {key[1]!r} is described twice", where=said.place, hint=f"the other: {first}")
        found[key] = said
    return found


def _docs(settings: Settings) -> Iterator[tuple[str, str]]:
    for folder in _folders(settings):
        for path in sorted(folder.rglob("*.md")):
            for match in _DOCS.finditer(path.read_text(encoding="utf-8")):
                yield match[1], match[2].strip()


def _trees_used(settings: Settings, packages: set[str]) -> None:
    trees = settings.trees
    known = {settings.name, *packages}
    for kind, tree in (("models", trees.models), ("seeds", trees.seeds), ("data_tests", trees.data_tests)):
        for key, value in tree.items():
            if isinstance(value, dict) and not key.startswith("+") and key not in known:
                hint = did_you_mean(key, known) or f"the first level is the project's name: {settings.name}"
                emit(Warned(f"the config under {kind}: {key}: holds for nothing ({hint})"))


def _tables_differ(nodes: Iterable[Node]) -> None:
    taken: dict[str, Node] = {}
    for node in nodes:
        if not isinstance(node, Model | Seed) or (isinstance(node, Model) and node.materialized == "ephemeral"):
            continue
        first = taken.setdefault(str(node.table).lower(), node)
        if first is not node:
            raise NameTaken(
                f"{first.name!r} and {node.name!r} would both be the table {node.table}",
                where=node.place,
                hint=f"give one of them an alias or a schema; the other: {first.place}",
            )
