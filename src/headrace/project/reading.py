"""What reading the files of one package needs, and what all kinds of node have in common."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from headrace.errors import Place
from headrace.project.nodes import Ref
from headrace.project.properties import as_list
from headrace.project.recording import Facts, record, recording_names
from headrace.project.resolution import resolve_config, tree_levels, words
from headrace.project.texts import text_of
from headrace.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from headrace.project.cache import FactsCache
    from headrace.project.nodes import Node
    from headrace.project.properties import Properties
    from headrace.project.settings import Project, Settings
    from headrace.project.template import Templates


@dataclass(frozen=True, slots=True)
class Draft:
    """A node whose refs are found but not yet looked up."""

    node: Node
    facts: Facts
    raw: str = ""

    @property
    def enabled(self) -> bool:
        """Whether the node takes part."""
        return truth(self.node.config.get("enabled", True))


@dataclass(frozen=True, slots=True)
class File:
    """A file of a package: `shown` is its path from the project's root, `path` from the package's, `folders` those below the top one."""

    file: Path
    shown: str
    path: str
    folders: tuple[str, ...]

    def text(self) -> str:
        """What is in it."""
        return text_of(self.file, self.shown)


@dataclass(frozen=True, slots=True)
class Reading:
    """One package on its way to nodes. `names` are what its templates see."""

    settings: Settings
    project: Project
    templates: Templates
    names: Mapping[str, Any]
    cache: FactsCache
    properties: Mapping[tuple[str, str], Properties]
    used: set[tuple[str, str]] = field(default_factory=set)
    listed: dict[str, list[File]] = field(default_factory=dict)
    """The files of each folder, listed once."""
    elsewhere: dict[tuple[str, str], Properties] = field(default_factory=dict)
    """What packages say of nodes of their own that are disabled."""

    @property
    def package(self) -> str:
        """The package's name."""
        return self.project.name

    def said(self, kind: str, name: str) -> Properties | None:
        """What YAML says of a node."""
        self.used.add((kind, name))
        return self.properties.get((kind, name)) or self.elsewhere.get((kind, name))

    def files(self, folders: tuple[str, ...], *endings: str) -> Iterator[File]:
        """Each file with such an ending, in order of path."""
        for folder in dict.fromkeys(folders):
            if folder not in self.listed:
                self.listed[folder] = list(self._list(folder))
            yield from (file for file in self.listed[folder] if file.path.endswith(endings))

    def _list(self, folder: str) -> Iterator[File]:
        top = self.project.root / folder
        found: list[tuple[list[str], str]] = []
        for base, _, names in os.walk(top, followlinks=True):
            parts = Path(base).relative_to(top).parts
            found += [([*parts, name], os.path.join(base, name)) for name in names]  # noqa: PTH118 - as walk gives it
        above = PurePosixPath(folder).as_posix()
        for way, path in sorted(found):
            below = "/".join((above, *way) if above != "." else way)
            yield File(Path(path), self.project.prefix + below, below, tuple(way[:-1]))

    def configured(self, tree: str, fqn: tuple[str, ...], *levels: Mapping[str, Any]) -> dict[str, Any]:
        """The config of a node: the package's own tree, then what its files say, then the project's tree for a package."""
        own = getattr(self.project.trees, tree)
        above = () if not self.project.prefix else tree_levels(getattr(self.settings.trees, tree), fqn)
        return resolve_config(*tree_levels(own, fqn), *levels, *above)

    def written(self, tree: str, fqn: tuple[str, ...], *levels: Mapping[str, Any]) -> dict[str, Any]:
        """As `configured`, but of what was written before Jinja was evaluated."""
        own = self.project.trees.written.get(tree, {})
        above = () if not self.project.prefix else tree_levels(self.settings.trees.written.get(tree, {}), fqn)
        return resolve_config(*tree_levels(own, fqn), *levels, *above)

    def recorded(
        self, file: File, raw: str, node: Mapping[str, Any], key: str = "", more: Mapping[str, Any] | None = None
    ) -> Facts:
        """What a template refers to and how it configures itself; `key` tells several templates of one file apart.

        `more` are names that it knows beside the usual ones.
        """
        if "{" not in raw:
            return Facts()

        def find() -> Facts:
            return record(
                lambda names, calls: self.templates.render(
                    raw, names, Place(file.shown), package=self.package, calls=calls
                ),
                {**self.first_names, **(more or {})},
                self.templates,
                node,
            )

        return self.cache.get(file.shown + key, raw, find)

    def with_hooks(self, file: File, facts: Facts, config: Mapping[str, Any], node: Mapping[str, Any]) -> Facts:
        """The facts of a node with those of its hooks, which are templates of the same node: what they name, it depends on."""
        hooks = [one for key in ("pre_hook", "post_hook") for one in as_list(config.get(key))]
        texts = [str(one.get("sql", "")) if isinstance(one, dict) else str(one) for one in hooks]
        found = self.recorded(file, "\n".join(texts), node, f":hooks of {node['name']}")
        return facts.and_those(found)

    @property
    def first_names(self) -> Mapping[str, Any]:
        """What templates see the first time: in a dbt project, variables without a value are forgiven until they are needed."""
        return self.names if self.settings.native else {**self.names, "var": self.names["var"].forgiving()}

    def evaluate(self, text: str, place: Place) -> Any:
        """A text of YAML with its Jinja evaluated."""
        return self.templates.evaluate(text, self.names, place, package=self.package)


def facts_of(facts: Facts) -> dict[str, Any]:
    """What was found in a template, as fields of its node."""
    return {
        "macros": tuple(facts.macros),
        "reached": tuple(facts.reached),
        "refs": tuple(Ref(*words) for words in facts.refs),
        "sources": tuple(facts.sources),
    }


def said_of(reading: Reading, said: Properties | None) -> dict[str, Any]:
    """What YAML says of a node, as its fields."""
    if said is None:
        return {}
    return {
        "description": described(reading, said),
        "yaml": said.place.path.removeprefix(reading.project.prefix),
        "columns": {
            name: str(reading.evaluate(text, said.place)) if "{{" in text else text
            for name, text in said.descriptions.items()
        },
        "column_specs": said.columns,
    }


def node_names(kind: str, name: str, fqn: tuple[str, ...], config: Mapping[str, Any], path: str) -> dict[str, Any]:
    """A node as `model` and as the argument of `generate_schema_name` see it: dbt's keys."""
    return {
        "unique_id": f"{kind}.{fqn[0]}.{name}",
        "resource_type": kind,
        "name": name,
        "package_name": fqn[0],
        "fqn": list(fqn),
        "config": config,
        "tags": list(words(config.get("tags"))),
        "meta": config.get("meta") or {},
        "original_file_path": path,
        "path": path.partition("/")[2],
        "version": None,
    }


def place_table(reading: Reading, node: Mapping[str, Any], config: Mapping[str, Any]) -> Table:
    """The table of a node, by the project's `generate_…_name` macros or dbt's rules."""
    target = reading.settings.target
    schema = config.get("target_schema") if node["resource_type"] == "snapshot" else None
    if schema is None:
        schema = _generated(reading, "schema", config.get("schema"), node)
    if schema is None:
        custom = config.get("schema")
        schema = target.schema if custom is None else f"{target.schema}_{str(custom).strip()}"
    alias = _generated(reading, "alias", config.get("alias"), node)
    if alias is None:
        alias = str(config.get("alias") or _versioned(node)).strip()
    database = config.get("target_database") if node["resource_type"] == "snapshot" else None
    if database is None:
        database = _generated(reading, "database", config.get("database"), node)
    if database is None and config.get("database") is not None:
        database = str(config["database"]).strip()
    return Table(str(schema), alias, None if database == target.database else database)


def failures_table(reading: Reading, node: Mapping[str, Any], config: Mapping[str, Any]) -> Table:
    """Where the failing rows of a test are kept: in `TARGET_dbt_test__audit`, or as the test's config and the project's macros say."""
    return place_table(reading, node, {**config, "schema": config.get("schema") or "dbt_test__audit"})


def _versioned(node: Mapping[str, Any]) -> str:
    version = node.get("version")
    return node["name"] if not version else f"{node['name']}_v{str(version).replace('.', '_')}"


def _generated(reading: Reading, what: str, custom: Any, node: Mapping[str, Any]) -> str | None:
    name = f"generate_{what}_name"
    macros = reading.templates.macros
    found = macros.own(name, macros.project) or macros.own(f"default__{name}", macros.project)
    if found is None:
        return None
    names = recording_names(Facts(), reading.names, reading.templates, node)
    value = reading.templates.call(found.name, names, custom, node)
    return None if value is None else str(value).strip()


def described(reading: Reading, said: Properties | None) -> str:
    """The description, with the `doc()` in it resolved."""
    if said is None or "{{" not in said.description:
        return said.description if said else ""
    return str(reading.evaluate(said.description, said.place))


def checksum(text: str) -> str:
    """SHA-256 of a file's text without the space around it, as dbt has it."""
    return hashlib.sha256(text.strip().encode()).hexdigest()


def truth(value: Any) -> bool:
    """A config's yes or no, however it was written."""
    return value if isinstance(value, bool) else str(value).strip().lower() in ("true", "yes", "on", "1")
