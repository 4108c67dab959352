"""The look-up of what `ref()` and `source()` name, over the project and its packages."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headrace.counting import count
from headrace.errors import NameTaken, Place, RefUnknown, SourceUnknown, did_you_mean
from headrace.project.nodes import Model, Referable, SourceTable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headrace.project.nodes import Node, Ref


@dataclass(slots=True)
class Index:
    """All nodes by id, and by the words that templates use. `project` is the root's name, whose nodes are found first."""

    project: str
    nodes: dict[str, Node] = field(default_factory=dict)
    disabled: dict[str, Node] = field(default_factory=dict)
    refs: dict[str, dict[str, dict[str | None, str]]] = field(default_factory=dict)
    """Name, package and version to id; the version None means the latest one, or that there are none."""
    sources: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)

    def add(self, node: Node) -> None:
        """Take a node in. Raises NameTaken."""
        first = self.nodes.get(node.unique_id)
        if first is not None:
            raise NameTaken(f"{node.name!r} is there twice", where=node.place, hint=f"the other: {first.place}")
        self.nodes[node.unique_id] = node
        if isinstance(node, Referable):
            self._refer(node)
        elif isinstance(node, SourceTable):
            self.sources.setdefault((node.source, node.name), {})[node.package] = node.unique_id

    def _refer(self, node: Referable) -> None:
        versions = self.refs.setdefault(node.name, {}).setdefault(node.package, {})
        version = node.version if isinstance(node, Model) else None
        if version is None and None in versions:
            first = self.nodes[versions[None]]
            raise NameTaken(
                f"{node.name!r} is the name of two nodes", where=node.place, hint=f"the other: {first.place}"
            )
        versions[version] = node.unique_id
        if isinstance(node, Model) and node.is_latest:
            versions[None] = node.unique_id

    def drop(self, node: Node) -> None:
        """Put a node among the disabled ones."""
        self.disabled[node.unique_id] = node

    def ref(self, name: str, package: str | None, version: object, asker: str) -> str | None:
        """The id of what `ref()` means in a template of the package `asker`: the project comes before it, and it before the rest."""
        packages = self.refs.get(name)
        if packages is None:
            return None
        wanted = None if version is None else str(version)
        order: Iterable[str] = (package,) if package is not None else (self.project, asker, *packages)
        return next((packages[one][wanted] for one in order if wanted in packages.get(one, ())), None)

    def source(self, source: str, name: str, asker: str) -> str | None:
        """The id of what `source()` means in a template of the package `asker`."""
        packages = self.sources.get((source, name))
        if packages is None:
            return None
        return next((packages[one] for one in (self.project, asker, *packages) if one in packages), None)

    def find(
        self, refs: Iterable[Ref], sources: Iterable[tuple[str, str]], asker: str, place: Place, raw: str
    ) -> tuple[str, ...]:
        """The ids of what was referred to. Raises RefUnknown and SourceUnknown at the spot in the file."""
        found: list[str] = []
        for ref in refs:
            one = self.ref(ref.name, ref.package, ref.version, asker)
            if one is None:
                raise self.no_ref(ref, spot(place, raw, ref.name))
            found.append(one)
        for source, name in sources:
            one = self.source(source, name, asker)
            if one is None:
                raise self.no_source(source, name, place, raw)
            found.append(one)
        return tuple(dict.fromkeys(found))

    def no_ref(self, ref: Ref, where: Place | None) -> RefUnknown:
        """The error where `ref()` names nothing."""
        what = f"{ref.package}.{ref.name}" if ref.package is not None else ref.name
        if any(node.name == ref.name and isinstance(node, Referable) for node in self.disabled.values()):
            return RefUnknown(f"{what!r} is disabled", where=where, hint="set enabled: true, or drop the ref")
        versions = sorted(str(one) for of in self.refs.get(ref.name, {}).values() for one in of if one is not None)
        if versions:
            hint = f"its versions: {', '.join(versions)}"
            said = "that is the latest" if ref.version is None else ref.version
            return RefUnknown(f"there is no version {said} of {what!r}", where=where, hint=hint)
        if ref.package is not None and ref.name in self.refs:
            hint = f"it is in the package {', '.join(self.refs[ref.name])}"
        else:
            hint = (
                did_you_mean(ref.name, self.refs)
                or f"{count(len(self.refs), 'model or seed is', 'models and seeds are')} known: headrace ls"
            )
        return RefUnknown(f"there is no model or seed {what!r}", where=where, hint=hint)

    def no_source(self, source: str, name: str, place: Place | None, raw: str) -> SourceUnknown:
        """The error where `source()` names nothing."""
        known = [f"{one}.{two}" for one, two in self.sources]
        hint = did_you_mean(f"{source}.{name}", known) or "declare it under `sources:`"
        word = name if any(one == source for one, _ in self.sources) else source
        where = place if place is None else spot(place, raw, word)
        return SourceUnknown(f"there is no source '{source}.{name}'", where=where, hint=hint)


def spot(place: Place, raw: str, name: str) -> Place:
    """Where a quoted name stands in a file; the file where it is not written out there."""
    found = re.search(rf"(?<=['\"]){re.escape(name)}(?=['\"])", raw)
    if found is None or place.line is not None:
        return place
    line = raw.count("\n", 0, found.start())
    start = raw.rfind("\n", 0, found.start()) + 1
    return Place(place.path, line + 1, found.start() - start + 1, raw.splitlines()[line])
