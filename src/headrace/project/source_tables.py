"""The tables of sources: streams that headrace loads, and what dbt's `sources:` declare."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from headrace.errors import Place
from headrace.naming import LONGEST
from headrace.project.lists import known_lists, list_of, table_of
from headrace.project.nodes import SourceTable
from headrace.project.reading import said_of
from headrace.project.resolution import words
from headrace.project.source_locations import location_of
from headrace.table import Table, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from headrace.project.properties import Properties
    from headrace.project.reading import Reading
    from headrace.project.sources import Stream


def source_nodes(reading: Reading, streams: Sequence[Stream], declared: Iterable[Properties]) -> Iterator[SourceTable]:
    """Streams and the tables of dbt's `sources:`; where both name one, the YAML describes the stream."""
    said = {(one.source, one.name): one for one in declared if one.source is not None}
    for stream in streams:
        about = said.pop((stream.source, stream.name), None)
        if stream.spec.enabled:
            parent = _loaded(reading, stream, about)
            yield parent
            for name, table in known_lists(reading.settings.root, stream).items():
                yield _of_list(reading, parent, name, table, said.pop((stream.source, f"{stream.name}__{name}"), None))
    for (source, name), about in said.items():
        found = list_of(streams, str(source), name)
        if found is None:
            yield _external(reading, about)
        else:
            yield list_node(reading, *found, about)


def list_node(reading: Reading, stream: Stream, name: str, about: Properties | None = None) -> SourceTable:
    """The table of a stream's list that no load has made yet."""
    return _of_list(reading, _loaded(reading, stream, None), name, table_of(stream, name), about)


def _of_list(reading: Reading, parent: SourceTable, name: str, table: str, about: Properties | None) -> SourceTable:
    fqn = (*parent.fqn[:-1], f"{parent.name}__{name}")
    config = {"enabled": True, **reading.configured("sources", fqn, {}, about.config if about else {})}
    fields = {"path": parent.place.path, **said_of(reading, about)}
    fields["description"] = (
        fields.get("description") or f"The rows of `{name}` in the rows of {parent.source}.{parent.name}."
    )
    return SourceTable(
        unique_id=f"source.{'.'.join(fqn)}",
        name=fqn[-1],
        package=parent.package,
        place=parent.place,
        fqn=fqn,
        tags=words(config.get("tags")),
        meta=config.get("meta") or {},
        config=config,
        source=parent.source,
        table=replace(parent.table, name=table),
        depends_on=(parent.unique_id,),
        identifier=table,
        **_watched(about),
        **fields,
    )


def _loaded(reading: Reading, stream: Stream, about: Properties | None) -> SourceTable:
    fqn = (reading.package, stream.source, stream.name)
    own = {"tags": list(stream.spec.tags), "meta": stream.spec.meta}
    config = {"enabled": True, **reading.configured("sources", fqn, own, about.config if about else {})}
    columns = {column: spec.description for column, spec in stream.spec.columns.items()}
    place = stream.place or Place("headrace.yml")
    fields = {"path": place.path, **said_of(reading, about)}
    fields["columns"] = {**columns, **fields.get("columns", {})}
    fields["description"] = fields.get("description") or stream.spec.description
    called = stream.spec.table_name or stream.name
    table = stream.table or Table(shortened(stream.source, LONGEST), shortened(called, LONGEST))
    return SourceTable(
        unique_id=f"source.{'.'.join(fqn)}",
        name=stream.name,
        package=reading.package,
        place=place,
        fqn=fqn,
        tags=words(config.get("tags")),
        meta=config.get("meta") or {},
        config=config,
        source=stream.source,
        table=table,
        stream=stream,
        depends_on=_parents(reading, stream),
        identifier=table.name,
        **_watched(about),
        **fields,
    )


def _parents(reading: Reading, stream: Stream) -> tuple[str, ...]:
    """The stream whose rows this one asks for is loaded before it."""
    parent = stream.spec.parent
    return (f"source.{reading.package}.{stream.source}.{parent}",) if parent else ()


def _external(reading: Reading, about: Properties) -> SourceTable:
    path = about.place.path.removeprefix(reading.project.prefix)
    fqn = (reading.package, *path.split("/")[1:-1], str(about.source), about.name)
    watched = {key: value for key, value in _watched(about).items() if value is not None}
    config = {"enabled": True, **reading.configured("sources", fqn, about.config, watched)}
    if about.config.get("tags"):
        config["tags"] = about.config["tags"]  # a source's own tags stand in place of the tree's, as by dbt
    said, above = about.extra, about.above
    database = above.get("database", above.get("catalog"))
    schema = str(above.get("schema") or about.source)
    identifier = str(said.get("identifier") or about.name)
    known = reading.settings.target.database
    place = about.place
    tags = words(config.get("tags"))
    names = {
        "name": about.name,
        "identifier": identifier,
        "schema": schema,
        "database": database or known,
        "tags": tags,
    }
    free = {**(config.get("meta") or {}), **{key: value for key, value in config.items() if key not in _CONFIGS}}
    return SourceTable(
        unique_id=f"source.{reading.package}.{about.source}.{about.name}",
        name=about.name,
        package=reading.package,
        place=place,
        path=path,
        fqn=fqn,
        tags=tags,
        meta=config.get("meta") or {},
        config=config,
        unrendered=reading.written("sources", fqn, about.unrendered),
        source=str(about.source),
        table=Table(schema, identifier, None if database in (known, None) else str(database)),
        identifier=identifier,
        location=location_of(free, names, place),
        plugin=None if free.get("plugin") is None else str(free["plugin"]),
        loader=str(said.get("loader") or above.get("loader") or ""),
        source_description=str(reading.evaluate(str(above.get("description") or ""), place)),
        source_meta={**(above.get("meta") or {}), **((above.get("config") or {}).get("meta") or {})},
        external=said.get("external"),
        quoting={**(above.get("quoting") or {}), **(said.get("quoting") or {})},
        **_watched(about),
        **said_of(reading, about),
    )


_CONFIGS = ("enabled", "tags", "meta", "freshness", "loaded_at_field", "loaded_at_query", "event_time")
"""Configs of a source that mean something to dbt itself; any other is for who reads the source."""


def _watched(about: Properties | None) -> dict[str, Any]:
    """Freshness: what the source says, and over it the table, key by key; `null` at the table turns it off."""
    if about is None:
        return {}
    return {
        "freshness": _freshness(about),
        "loaded_at_field": _either("loaded_at_field", about),
        "loaded_at_query": _either("loaded_at_query", about),
    }


def _levels(key: str, about: Properties) -> Iterator[Any]:
    for level in (about.above, about.extra):
        for said in (level, level.get("config") or {}):
            if key in said:
                yield said[key]


def _either(key: str, about: Properties) -> str | None:
    # A table that says one of the two ways to look does not take the other from its source.
    other = {"loaded_at_field": "loaded_at_query", "loaded_at_query": "loaded_at_field"}[key]
    own: Mapping[str, Any] = {**about.extra, **(about.extra.get("config") or {})}
    if other in own and key not in own:
        return None
    found = list(_levels(key, about))
    return None if not found or found[-1] is None else str(found[-1])


def _freshness(about: Properties) -> dict[str, Any] | None:
    merged: dict[str, Any] | None = None
    for level in _levels("freshness", about):
        if level is None:
            merged = None
            continue
        merged = {**(merged or {}), **{key: value for key, value in level.items() if value is not None}}
        for key in ("warn_after", "error_after"):
            if key in level and level[key] is None:
                merged.pop(key, None)
    return merged


def overridden(properties: Iterable[Properties], package: str, others: Iterable[Properties]) -> list[Properties]:
    """A package's sources with what other packages say of them by `overrides:`."""
    said = {
        (one.source, one.name): one
        for one in others
        if one.source is not None and one.above.get("overrides") == package
    }
    sources = {one.source: one.above for one in said.values()}
    found = []
    for one in properties:
        if one.source is None or one.source not in sources:
            found.append(one)
            continue
        over = said.get((one.source, one.name))
        source = {key: value for key, value in sources[one.source].items() if key not in ("tables", "overrides")}
        more: Mapping[str, Any] = over.extra if over else {}
        found.append(
            replace(
                one,
                above={**one.above, **source},
                extra={**one.extra, **more},
                description=(over.description if over else "") or one.description,
                columns={**one.columns, **(over.columns if over else {})},
                config={**one.config, **{key: value for key, value in (over.config if over else {}).items() if value}},
                tests=over.tests if over and over.tests else one.tests,
            )
        )
    return found
