"""Models: a file each, and where YAML declares versions, a file for each version."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from headrace.errors import ConfigInvalid, NotSupported, Place, did_you_mean
from headrace.project.nodes import Model
from headrace.project.python_models import read_python
from headrace.project.reading import (
    Draft,
    checksum,
    facts_of,
    node_names,
    place_table,
    said_of,
)
from headrace.project.resolution import resolve_config, words
from headrace.project.shown import number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from headrace.project.properties import Properties
    from headrace.project.reading import File, Reading

BUILT_IN = ("table", "view", "incremental", "ephemeral", "materialized_view")
"""Materializations that need no macro."""
FILES = {"duckdb": ("external",), "postgres": ()}
"""Those that make files, by the engine that can."""


def read_models(reading: Reading) -> Iterator[Draft]:
    """The models of a package. Raises what their templates raise."""
    versions = _versions(reading)
    for file in reading.files(reading.project.paths.models, ".sql", ".py"):
        stem = file.file.stem
        versioned = versions.get(stem)
        said = versioned or reading.said("model", stem)
        if said is not None and said.version is None and said.versions:
            raise ConfigInvalid(
                f"{stem!r} has versions, and the file is none of them",
                where=Place(file.shown),
                hint=f"they are in {', '.join(sorted(set(versions) - {stem}))}",
            )
        yield _model(reading, file, stem, said)


def _versions(reading: Reading) -> dict[str, Properties]:
    """What YAML says of each version, by the name of the file that holds it."""
    found: dict[str, Properties] = {}
    if not any(said.versions for said in reading.properties.values()):
        return found
    stems = {file.file.stem for file in reading.files(reading.project.paths.models, ".sql", ".py")}
    for (kind, name), said in reading.properties.items():
        if kind != "model" or not said.versions:
            continue
        reading.used.add((kind, name))
        for version in said.versions:
            file = version.defined_in or f"{name}_v{version.version}"
            if file not in stems and version.version == version.latest_version:
                file = name
            found[file] = version
    return found


def _model(reading: Reading, file: File, stem: str, said: Properties | None) -> Draft:
    raw = file.text()
    name = said.name if said is not None else stem
    version = said.version if said is not None else None
    fqn = (reading.package, *file.folders, name, *([f"v{version}"] if version is not None else []))
    place = Place(file.shown)
    own: Mapping[str, Any] = said.config if said is not None else {}
    node = node_names("model", name, fqn, reading.configured("models", fqn, own), file.path)
    if version is not None:
        node.update(unique_id=f"{node['unique_id']}.v{version}", version=number(version))
    python = file.file.suffix == ".py"
    facts = read_python(raw, place) if python else reading.recorded(file, raw, node)
    config = resolve_config(
        {"enabled": True, "materialized": "table" if python else "view"},
        reading.configured("models", fqn, own, facts.config),
    )
    facts = reading.with_hooks(file, facts, config, node)
    model = Model(
        unique_id=str(node["unique_id"]),
        name=name,
        package=reading.package,
        place=place,
        path=file.path,
        fqn=fqn,
        tags=words(config.get("tags")),
        meta=config.get("meta") or {},
        config=config,
        unrendered=reading.written("models", fqn, said.unrendered if said else {}, facts.config),
        checksum=checksum(raw),
        raw=raw,
        table=place_table(reading, {**node, "config": config}, config),
        materialized=_materialized(reading, name, config, place),
        language="python" if python else "sql",
        **_beside(said),
        **said_of(reading, said),
        **facts_of(facts),
    )
    return Draft(model, facts, raw)


def _materialized(reading: Reading, name: str, config: dict[str, Any], place: Place) -> str:
    materialized = str(config.get("materialized") or "view")
    config["materialized"] = materialized
    macros = reading.templates.macros
    custom = any(
        macros.anywhere(f"materialization_{materialized}_{engine}")
        for engine in (reading.settings.target.dialect, "default")
    )
    known = BUILT_IN + FILES[reading.settings.target.dialect]
    if materialized in known or custom or not config.get("enabled", True):
        return materialized
    close = did_you_mean(materialized, known)
    kind = ConfigInvalid if close else NotSupported
    hint = close or f"one of {', '.join(known)}, or a materialization that a macro defines"
    raise kind(f"{name}: materialized {materialized!r} is not known", where=place, hint=hint)


def _beside(said: Properties | None) -> dict[str, Any]:
    """Fields of a model that only YAML gives."""
    if said is None:
        return {}
    extra = said.extra
    constraints = tuple(extra.get("constraints") or ())
    return {
        "version": said.version,
        "latest_version": said.latest_version,
        "constraints": constraints,
        "deprecation_date": _date(extra.get("deprecation_date"), said.place),
        "time_spine": extra.get("time_spine"),
        "primary_key": _primary_key(constraints, said.columns),
    }


def _date(said: Any, where: Place) -> str | None:
    """A date as a time with its zone, as dbt keeps it: the machine's, where it has none. Raises ConfigInvalid."""
    if said is None:
        return None
    try:
        time = dt.datetime.fromisoformat(str(said).strip())
    except ValueError:
        raise ConfigInvalid(f"deprecation_date {said!r} is no date", where=where, hint="such as 2027-01-31") from None
    return (time if time.tzinfo else time.astimezone()).isoformat()


def _primary_key(
    constraints: tuple[Mapping[str, Any], ...], columns: Mapping[str, Mapping[str, Any]]
) -> tuple[str, ...]:
    for constraint in constraints:
        if constraint.get("type") == "primary_key":
            return words(constraint.get("columns"))
    return tuple(
        name
        for name, column in columns.items()
        if any(one.get("type") == "primary_key" for one in column.get("constraints") or ())
    )
