"""From files to nodes: models, seeds and singular tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headrace.errors import ConfigInvalid, NotSupported, Place, did_you_mean
from headrace.project.nodes import DataTest, Model, Seed
from headrace.project.recording import Facts, record
from headrace.project.resolution import resolve_config, tree_levels, words
from headrace.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from headrace.project.cache import FactsCache
    from headrace.project.nodes import Materialized
    from headrace.project.properties import Properties
    from headrace.project.settings import Settings
    from headrace.project.template import Templates

_MATERIALIZED: Mapping[str, Materialized] = {
    "table": "table",
    "view": "view",
    "incremental": "incremental",
    "ephemeral": "ephemeral",
}


@dataclass(frozen=True, slots=True)
class Draft:
    """A node whose refs are found but not yet looked up."""

    node: Model | Seed | DataTest
    facts: Facts
    enabled: bool = True
    raw: str = ""
    properties: Properties | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What is needed to read the files of one package."""

    settings: Settings
    templates: Templates
    names: Mapping[str, Any]
    cache: FactsCache
    properties: Mapping[tuple[str, str], Properties]
    package: str
    root: Path
    used: set[tuple[str, str]] = field(default_factory=set)

    def said(self, kind: str, name: str) -> Properties | None:
        """What YAML says of a node."""
        self.used.add((kind, name))
        return self.properties.get((kind, name))

    def files(self, folders: tuple[str, ...], *endings: str) -> Iterator[tuple[Path, str, tuple[str, ...]]]:
        """Each file with such an ending: its path, what errors call it, and the folders between the top one and it."""
        for folder in folders:
            top = self.root / folder
            for file in sorted(top.rglob("*")):
                if file.suffix in endings and file.is_file():
                    yield file, file.relative_to(self.root).as_posix(), file.relative_to(top).parent.parts


TEST_DEFAULTS: Mapping[str, Any] = {
    "enabled": True,
    "materialized": "test",
    "severity": "ERROR",
    "warn_if": "!= 0",
    "error_if": "!= 0",
    "fail_calc": "count(*)",
}
"""A test's config where nothing is said."""


def read_models(reading: Reading) -> Iterator[Draft]:
    """The models of a package. Raises what their templates raise."""
    for file, shown, folders in reading.files(reading.settings.paths.models, ".sql", ".py"):
        if file.suffix == ".py":
            raise NotSupported("models in Python are not built yet", where=Place(shown))
        name, raw = file.stem, file.read_text(encoding="utf-8")
        said = reading.said("model", name)
        fqn = (reading.package, *folders, name)
        below = resolve_config(*tree_levels(reading.settings.trees.models, fqn), *([said.config] if said else []))
        place = Place(shown)
        node = node_names("model", name, fqn, below, shown)
        facts = _recorded(reading, shown, raw, below, node)
        config = resolve_config(below, facts.config)
        enabled = truth(config.get("enabled", True))
        materialized = config.get("materialized") or "view"
        if materialized not in _MATERIALIZED and enabled:
            hint = did_you_mean(str(materialized), _MATERIALIZED) or f"one of {', '.join(_MATERIALIZED)}"
            kind = ConfigInvalid if did_you_mean(str(materialized), _MATERIALIZED) else NotSupported
            raise kind(f"{name}: materialized {materialized!r} is not known", where=place, hint=hint)
        config = {"enabled": enabled, "materialized": materialized, **config}
        model = Model(
            unique_id=str(node["unique_id"]),
            name=name,
            package=reading.package,
            place=place,
            fqn=fqn,
            tags=words(config.get("tags")),
            description=described(reading, said),
            meta=config.get("meta") or {},
            config=config,
            yaml=said.place.path if said else None,
            raw=raw,
            table=place_table(reading, {**node, "config": config}, config),
            materialized=_MATERIALIZED.get(materialized, "view"),
            columns=said.descriptions if said else {},
            column_specs=said.columns if said else {},
            macros=tuple(facts.macros),
        )
        yield Draft(model, facts, enabled, raw, said)


def _recorded(reading: Reading, shown: str, raw: str, below: Mapping[str, Any], node: Mapping[str, Any]) -> Facts:
    if "{" not in raw:
        return Facts()

    def find() -> Facts:
        return record(
            lambda names, used: reading.templates.render(raw, names, Place(shown), package=reading.package, used=used),
            reading.names,
            reading.templates,
            node,
        )

    return reading.cache.get(shown, f"{raw}\0{below!r}", find)


def read_seeds(reading: Reading) -> Iterator[Draft]:
    """The CSV files of a package."""
    for file, shown, folders in reading.files(reading.settings.paths.seeds, ".csv"):
        name = file.stem
        said = reading.said("seed", name)
        fqn = (reading.package, *folders, name)
        config = resolve_config(
            {"enabled": True, "materialized": "seed"},
            *tree_levels(reading.settings.trees.seeds, fqn),
            *([said.config] if said else []),
        )
        node = node_names("seed", name, fqn, config, shown)
        seed = Seed(
            unique_id=str(node["unique_id"]),
            name=name,
            package=reading.package,
            place=Place(shown),
            fqn=fqn,
            tags=words(config.get("tags")),
            description=described(reading, said),
            meta=config.get("meta") or {},
            config=config,
            yaml=said.place.path if said else None,
            file=file.as_posix(),
            table=place_table(reading, node, config),
            columns=said.descriptions if said else {},
            column_specs=said.columns if said else {},
        )
        yield Draft(seed, Facts(), truth(config.get("enabled", True)), "", said)


def read_singular_tests(reading: Reading) -> Iterator[Draft]:
    """The queries in the test folders, except those that define generic tests."""
    for file, shown, folders in reading.files(reading.settings.paths.tests, ".sql"):
        if folders[:1] == ("generic",):
            continue
        name, raw = file.stem, file.read_text(encoding="utf-8")
        said = reading.said("test", name)
        fqn = (reading.package, *folders, name)
        below = resolve_config(*tree_levels(reading.settings.trees.data_tests, fqn), *([said.config] if said else []))
        node = node_names("test", name, fqn, below, shown)
        facts = _recorded(reading, shown, raw, below, node)
        config = resolve_config(below, facts.config)
        test = DataTest(
            unique_id=str(node["unique_id"]),
            name=name,
            package=reading.package,
            place=Place(shown),
            fqn=fqn,
            tags=words(config.get("tags")),
            description=described(reading, said),
            meta=config.get("meta") or {},
            config={**TEST_DEFAULTS, "alias": name, **config},
            raw=raw,
            **judged_by(config, Place(shown)),
        )
        yield Draft(test, facts, truth(config.get("enabled", True)), raw)


def judged_by(config: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """How a test is judged, from its config. Raises ConfigInvalid."""
    severity = str(config.get("severity") or "error").lower()
    if severity not in ("error", "warn"):
        hint = did_you_mean(severity, ("error", "warn"))
        raise ConfigInvalid(f"severity {severity!r} is neither error nor warn", where=place, hint=hint)
    limit = config.get("limit")
    return {
        "severity": severity,
        "warn_if": str(config.get("warn_if") or "!= 0"),
        "error_if": str(config.get("error_if") or "!= 0"),
        "fail_calc": str(config.get("fail_calc") or "count(*)"),
        "where": None if config.get("where") is None else str(config["where"]),
        "limit": None if limit is None else int(limit),
    }


def node_names(kind: str, name: str, fqn: tuple[str, ...], config: Mapping[str, Any], shown: str) -> dict[str, Any]:
    """A node as `model` and as the argument of `generate_schema_name` see it: dbt's keys."""
    return {
        "unique_id": f"{kind}.{fqn[0]}.{name}",
        "resource_type": kind,
        "name": name,
        "package_name": fqn[0],
        "fqn": list(fqn),
        "config": config,
        "tags": list(words(config.get("tags"))),
        "original_file_path": shown,
        "path": shown.partition("/")[2],
        "version": None,
    }


def place_table(reading: Reading, node: Mapping[str, Any], config: Mapping[str, Any]) -> Table:
    """The table of a node, by the project's `generate_…_name` macros or dbt's rules."""
    target = reading.settings.target
    schema = _generated(reading, "schema", config.get("schema"), node)
    if schema is None:
        custom = config.get("schema")
        schema = target.schema if custom is None else f"{target.schema}_{str(custom).strip()}"
    alias = _generated(reading, "alias", config.get("alias"), node)
    if alias is None:
        alias = str(config.get("alias") or node["name"]).strip()
    database = _generated(reading, "database", config.get("database"), node)
    if database is None and config.get("database") is not None:
        database = str(config["database"]).strip()
    return Table(schema, alias, None if database == target.database else database)


def _generated(reading: Reading, what: str, custom: Any, node: Mapping[str, Any]) -> str | None:
    name = f"generate_{what}_name"
    macros = reading.templates.macros
    found = macros.own(name, macros.project) or macros.own(f"default__{name}", macros.project)
    if found is None:
        return None
    value = reading.templates.call(found.name, reading.names, custom, node)
    return None if value is None else str(value).strip()


def described(reading: Reading, said: Properties | None) -> str:
    """The description, with the `doc()` in it resolved."""
    if said is None or "{{" not in said.description:
        return said.description if said else ""
    return str(reading.templates.evaluate(said.description, reading.names, said.place))


def truth(value: Any) -> bool:
    """A config's yes or no, however it was written."""
    return value if isinstance(value, bool) else str(value).strip().lower() in ("true", "yes", "on", "1")
