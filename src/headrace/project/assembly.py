"""From files to nodes, package by package."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from headrace.errors import NameTaken, did_you_mean
from headrace.events import Warned, emit
from headrace.project.access import check_access
from headrace.project.cache import FactsCache
from headrace.project.declared import read_declared, read_groups, semantic_parents
from headrace.project.files import read_yaml
from headrace.project.hooks import read_hooks
from headrace.project.index import Index
from headrace.project.linking import generic_tests, infer_keys, link
from headrace.project.lists import list_of
from headrace.project.macros import Macros, Package
from headrace.project.models import read_models
from headrace.project.nodes import DocBlock, Hook, MacroNode, Model, Referable
from headrace.project.nodes_from_files import read_analyses, read_seeds, read_singular_tests, read_snapshots
from headrace.project.packages import installed
from headrace.project.properties import Properties, read_properties
from headrace.project.reading import Draft, Reading, described, truth
from headrace.project.recording import Facts, base_names
from headrace.project.source_tables import list_node, overridden, source_nodes
from headrace.project.template import Templates
from headrace.project.texts import text_of
from headrace.project.unit_tests import read_unit_tests

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from headrace.project.nodes import Group, Node
    from headrace.project.property_keys import Strictness
    from headrace.project.settings import Project, Settings

_DOCS = re.compile(r"\{%-?\s*docs\s+(\w+)\s*-?%\}(.*?)\{%-?\s*enddocs\s*-?%\}", re.DOTALL)
_NEEDS_NODE = ("model", "seed", "snapshot")


@dataclass(frozen=True, slots=True)
class Assembled:
    """What a project and its packages consist of; see `Manifest` for what each part is."""

    templates: Templates
    index: Index
    docs: Mapping[str, str]
    doc_blocks: Mapping[str, DocBlock]
    groups: Mapping[str, Group]
    hooks: tuple[Hook, ...]
    macro_nodes: Mapping[str, MacroNode]
    packages: Mapping[str, Project]


def assemble(settings: Settings) -> Assembled:
    """Read the project and its packages. Raises what files can have wrong."""
    packages = installed(settings)
    projects = (settings.project, *packages)
    macros = _macros(settings, projects)
    templates = Templates(macros, settings.target.dialect, settings.name)
    blocks = {block.unique_id: block for project in projects for block in _docs(project)}
    texts = _texts(settings, blocks.values())
    cache = _cache(settings, macros, packages)
    properties = {project.name: list(_properties(settings, project, texts)) for project in projects}
    for project in packages:
        others = (one for name, said in properties.items() if name != project.name for one in said)
        properties[project.name] = overridden(properties[project.name], project.name, others)
    readings = [
        Reading(
            settings=settings,
            project=project,
            templates=templates,
            names=base_names(settings, project.name, texts, project.vars if project.prefix else None),
            cache=cache,
            properties=_by_name(properties[project.name]),
        )
        for project in projects
    ]
    index = Index(settings.name)
    _fill(index, readings, properties)
    groups = {
        group.unique_id: group for reading in readings for group in read_groups(reading, properties[reading.package])
    }
    infer_keys(index)
    hooks = tuple(_enabled(index, read_hooks(readings, index)))
    cache.save()
    check_access(index.nodes, groups.values(), {one.name for one in projects if one.restrict_access})
    _trees_used(settings, {one.name for one in packages})
    _tables_differ(index.nodes.values())
    _add_semantics(index)
    return Assembled(
        templates=templates,
        index=index,
        docs=texts,
        doc_blocks=blocks,
        groups=groups,
        hooks=hooks,
        macro_nodes=_macro_nodes(macros, readings),
        packages={one.name: one for one in packages},
    )


def _macros(settings: Settings, projects: Sequence[Project]) -> Macros:
    def folders(project: Project) -> tuple[str, ...]:
        return (*project.paths.macros, *(f"{folder}/generic" for folder in project.paths.tests))

    own, *others = projects
    packages = [Package(one.name, one.root, folders(one), one.prefix) for one in others]
    empty = settings.unknown_names == "empty"
    return Macros.load(own.name, own.root, folders(own), packages, settings.dispatch, empty_names=empty)


def _fill(index: Index, readings: Sequence[Reading], properties: Mapping[str, Sequence[Properties]]) -> None:
    """All nodes of all packages, linked."""
    drafts: list[Draft] = []
    # The project comes last: what a package says of a node that it has switched off holds for the project's node of that name.
    for reading in (*readings[1:], readings[0]):
        said = properties[reading.package]
        streams = () if reading.project.prefix else reading.settings.streams
        overrides = [one for one in said if one.above.get("overrides") in (None, reading.package)]
        for source in source_nodes(reading, streams, (one for one in overrides if one.kind == "source")):
            _take(index, Draft(source, Facts()))
        if not reading.project.prefix:
            reading.elsewhere.update(_elsewhere(index, properties))
        read = (
            *read_seeds(reading),
            *read_models(reading),
            *read_snapshots(reading),
            *read_singular_tests(reading),
            *read_analyses(reading),
            *read_declared(reading, said),
        )
        drafts += [draft for draft in read if _take(index, draft)]
        _undescribed(reading)
    _take_lists(index, readings[0], drafts)
    link(index, drafts, strict=readings[0].settings.native)
    for reading in readings:
        for test in generic_tests(reading, index, properties[reading.package]):
            # The same test twice on one column is one test.
            index.nodes.setdefault(test.unique_id, test)
        for unit in read_unit_tests(reading, index, properties[reading.package]):
            (index.add if truth(unit.config["enabled"]) else index.drop)(unit)


def _take_lists(index: Index, reading: Reading, drafts: Iterable[Draft]) -> None:
    """Tables of lists that templates read before a load has made them."""
    asked = {(source, name) for draft in drafts for source, name in draft.facts.sources}
    for source, name in sorted(asked - set(index.sources)):
        found = list_of(reading.settings.streams, source, name)
        if found is not None:
            index.add(list_node(reading, *found))


def _elsewhere(
    index: Index, properties: Mapping[str, Sequence[Properties]]
) -> Iterator[tuple[tuple[str, str], Properties]]:
    for node in index.disabled.values():
        for said in properties[node.package] if isinstance(node, Referable) else ():
            if said.name == node.name and node.unique_id.startswith(f"{said.kind}."):
                yield (said.kind, said.name), said


def _take(index: Index, draft: Draft) -> bool:
    (index.add if draft.enabled else index.drop)(draft.node)
    return draft.enabled


def _enabled(index: Index, hooks: Iterable[Hook]) -> Iterator[Hook]:
    """The hooks that run: where the models of a package are switched off its hooks are as well, as by dbt."""
    for hook in hooks:
        if truth(hook.config["enabled"]):
            yield hook
        else:
            index.drop(hook)


def _undescribed(reading: Reading) -> None:
    if reading.project.prefix:
        return
    for (kind, name), said in reading.properties.items():
        if (kind, name) not in reading.used and kind in _NEEDS_NODE and not said.tests:
            emit(Warned(f"there is no {kind} {name!r} to describe", where=str(said.place)))


def _add_semantics(index: Index) -> None:
    for one, parents in semantic_parents(index.nodes).items():
        node = index.nodes[one]
        index.nodes[one] = replace(node, depends_on=tuple(dict.fromkeys([*parents, *node.depends_on])))


def _cache(settings: Settings, macros: Macros, packages: Iterable[Project]) -> FactsCache:
    context = (
        macros.digest(),
        settings.name,
        settings.target.name,
        settings.target.schema,
        settings.target.dialect,
        settings.target.database,
        settings.vars,
        settings.overrides,
        [(one.name, one.vars) for one in packages],
    )
    return FactsCache(settings.folder / "cache" / "facts.json", context, settings.environ)


def _properties(settings: Settings, project: Project, docs: Mapping[str, str]) -> Iterator[Properties]:
    names = base_names(settings, project.name, docs, project.vars if project.prefix else None)
    paths = project.paths
    folders = (*paths.models, *paths.seeds, *paths.tests, *paths.snapshots, *paths.analyses, *paths.macros)
    for folder in dict.fromkeys(folders):
        for path in sorted((project.root / folder).rglob("*.y*ml")):
            if path.suffix in (".yml", ".yaml"):
                document = read_yaml(path, settings.root, old=bool(project.prefix) or not settings.native)
                yield from read_properties(document, names, _strictness(settings, project))


def _strictness(settings: Settings, project: Project) -> Strictness:
    if project.prefix:
        return "silent"
    if settings.lenient:
        return "warn"
    return "all" if settings.native else "close"


def _by_name(properties: Iterable[Properties]) -> dict[tuple[str, str], Properties]:
    found: dict[tuple[str, str], Properties] = {}
    for said in properties:
        name = said.name if said.source is None else f"{said.source}.{said.name}"
        name = f"{said.extra.get('model')}.{name}" if said.kind == "unit_test" else name
        key = (said.kind, name)
        if key in found and said.above.get("overrides") is None:
            first = found[key].place
            raise NameTaken(f"{said.kind} {key[1]!r} is described twice", where=said.place, hint=f"the other: {first}")
        found[key] = said
    return found


def _docs(project: Project) -> Iterator[DocBlock]:
    for folder in project.paths.docs:
        for path in sorted((project.root / folder).rglob("*.md")):
            for match in _DOCS.finditer(text_of(path)):
                yield DocBlock(
                    unique_id=f"doc.{project.name}.{match[1]}",
                    name=match[1],
                    package=project.name,
                    path=path.relative_to(project.root).as_posix(),
                    text=match[2].strip(),
                )


def _texts(settings: Settings, blocks: Iterable[DocBlock]) -> dict[str, str]:
    """By name, those of the project before those of packages, and by package and name."""
    found: dict[str, str] = {}
    for block in blocks:
        found[f"{block.package}.{block.name}"] = block.text
        if block.package == settings.name:
            found[block.name] = block.text
        else:
            found.setdefault(block.name, block.text)
    return found


def _macro_nodes(macros: Macros, readings: Sequence[Reading]) -> Mapping[str, MacroNode]:
    by_package = {reading.package: reading for reading in readings}
    found = {}
    for macro in macros.every():
        reading = by_package.get(macro.package)
        said = reading.properties.get(("macro", macro.name)) if reading else None
        about: dict[str, Any] = {}
        if said is not None and reading is not None:
            about = {
                "description": described(reading, said),
                "arguments": tuple(said.extra.get("arguments") or ()),
                "meta": said.config.get("meta") or {},
                "docs": said.config.get("docs") or {},
                "yaml": said.place.path.removeprefix(reading.project.prefix),
            }
        prefix = reading.project.prefix if reading else ""
        found[macro.unique_id] = MacroNode(
            unique_id=macro.unique_id,
            name=macro.name,
            package=macro.package,
            path=macro.file.path.removeprefix(prefix),
            text=macro.block,
            **about,
        )
    return found


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
        if not isinstance(node, Referable) or (isinstance(node, Model) and node.materialized == "ephemeral"):
            continue
        first = taken.setdefault(str(node.table).lower(), node)
        if first is not node:
            raise NameTaken(
                f"{first.name!r} and {node.name!r} would both be the table {node.table}",
                where=node.place,
                hint=f"give one of them an alias or a schema; the other: {first.place}",
            )
