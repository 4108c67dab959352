"""What YAML files say of models, seeds and sources."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headrace.errors import ConfigInvalid, NotSupported, Place, did_you_mean
from headrace.events import Warned, emit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from headrace.project.files import Document

_FILE = {
    "version",
    "models",
    "seeds",
    "snapshots",
    "sources",
    "macros",
    "analyses",
    "exposures",
    "metrics",
    "semantic_models",
    "unit_tests",
    "groups",
    "saved_queries",
    "data_tests",
    "tests",
    "functions",
    "anchors",
}
_COMMON = {"name", "description", "columns", "config", "tests", "data_tests", "meta", "tags", "docs", "group", "access"}
_MODEL = _COMMON | {
    "constraints",
    "contract",
    "latest_version",
    "versions",
    "deprecation_date",
    "time_spine",
    "primary_key",
    "enabled",
    "semantic_model",
    "metrics",
    "agg_time_dimension",
    "derived_semantics",
    "freshness",
}
_SEED = _COMMON | {"enabled"}
_COLUMN = {
    "name",
    "description",
    "data_type",
    "tests",
    "data_tests",
    "quote",
    "meta",
    "tags",
    "constraints",
    "config",
    "policy_tags",
    "granularity",
    "dimension",
    "entity",
    "docs",
    "type",
}
_SOURCE = {
    "name",
    "description",
    "database",
    "catalog",
    "schema",
    "loader",
    "loaded_at_field",
    "loaded_at_query",
    "freshness",
    "meta",
    "tags",
    "config",
    "overrides",
    "quoting",
    "tables",
    "enabled",
}
_TABLE = _COMMON | {
    "identifier",
    "loader",
    "loaded_at_field",
    "loaded_at_query",
    "freshness",
    "external",
    "quoting",
    "enabled",
}
_TEST_FILE = {"name", "description", "config", "meta", "docs", "tags", "enabled"}


@dataclass(frozen=True, slots=True)
class Declared:
    """A test as YAML declares it: on a node or on one of its columns."""

    test: Any
    column: str | None
    place: Place


@dataclass(frozen=True, slots=True)
class Properties:
    """What YAML says of one node. `source` is set for a table of a source, with `schema`, `identifier` and `database`."""

    kind: str
    name: str
    place: Place
    description: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    tests: tuple[Declared, ...] = ()
    source: str | None = None
    schema: str | None = None
    identifier: str | None = None
    database: str | None = None

    @property
    def descriptions(self) -> dict[str, str]:
        """The columns' descriptions by name."""
        return {name: str(column.get("description") or "") for name, column in self.columns.items()}

    @property
    def types(self) -> dict[str, str]:
        """The columns' `data_type`s by name, of those that have one."""
        return {name: str(column["data_type"]) for name, column in self.columns.items() if column.get("data_type")}


def read_properties(document: Document) -> Iterator[Properties]:
    """The properties in one YAML file. Raises ConfigInvalid, and NotSupported for what would change results if it were passed over."""
    data = document.data
    if data is None:
        return
    if not isinstance(data, dict):
        raise ConfigInvalid("a file of properties is a mapping", where=document.place())
    _keys(data, _FILE, document, ())
    for kind, known in (("models", _MODEL), ("seeds", _SEED)):
        for place, entry in _entries(data, kind, document, ()):
            _keys(entry, known, document, (kind, place))
            yield _node(kind.removesuffix("s"), entry, document, (kind, place))
    for place, entry in _entries(data, "sources", document, ()):
        _keys(entry, _SOURCE, document, ("sources", place))
        yield from _tables(entry, document, ("sources", place))
    for kind in ("data_tests", "tests"):
        for place, entry in _entries(data, kind, document, ()):
            _keys(entry, _TEST_FILE, document, (kind, place))
            yield _node("test", entry, document, (kind, place))
    for place, entry in _entries(data, "snapshots", document, ()):
        if "relation" in entry:
            raise NotSupported("snapshots are not built yet", where=document.key_place("snapshots", place, "name"))
    if data.get("unit_tests"):
        emit(Warned("unit tests are not run yet", where=str(document.key_place("unit_tests"))))


def _entries(
    data: Mapping[str, Any], kind: str, document: Document, at: tuple[Any, ...]
) -> Iterator[tuple[int, dict[str, Any]]]:
    entries = data.get(kind)
    if entries is None:
        return
    if not isinstance(entries, list):
        raise ConfigInvalid(f"{kind} takes a list", where=document.place(*at, kind))
    for place, entry in enumerate(entries):
        if not isinstance(entry, dict) or "name" not in entry:
            raise ConfigInvalid(f"each of {kind} is a mapping with a name", where=document.place(*at, kind, place))
        yield place, entry


def _keys(entry: Mapping[str, Any], known: Iterable[str], document: Document, at: tuple[Any, ...]) -> None:
    for key in entry:
        if key not in known:
            hint = did_you_mean(str(key), known) or "free-form settings live under `meta:`"
            raise ConfigInvalid(f"unknown key {key!r}", where=document.key_place(*at, key), hint=hint)


def _node(kind: str, entry: Mapping[str, Any], document: Document, at: tuple[Any, ...]) -> Properties:
    if entry.get("versions"):
        raise NotSupported("versions of a model are not built yet", where=document.key_place(*at, "versions"))
    return Properties(
        kind=kind,
        name=str(entry["name"]),
        place=document.place(*at, "name"),
        description=str(entry.get("description") or ""),
        config=_config(entry),
        columns=_columns(entry, document, at),
        tests=tuple(_tests(entry, document, at)),
    )


def _config(entry: Mapping[str, Any]) -> dict[str, Any]:
    beside = {
        key: entry[key] for key in ("meta", "tags", "docs", "group", "access", "enabled") if entry.get(key) is not None
    }
    return {**beside, **(entry.get("config") or {})}


def _columns(entry: Mapping[str, Any], document: Document, at: tuple[Any, ...]) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for place, column in _entries(entry, "columns", document, at):
        _keys(column, _COLUMN, document, (*at, "columns", place))
        found[str(column["name"])] = column
    return found


def _tests(entry: Mapping[str, Any], document: Document, at: tuple[Any, ...]) -> Iterator[Declared]:
    yield from _declared(entry, None, document, at)
    for place, column in enumerate(entry.get("columns") or ()):
        name = str(column["name"])
        written = f'"{name}"' if column.get("quote") else name
        yield from _declared(column, written, document, (*at, "columns", place))


def _declared(
    entry: Mapping[str, Any], column: str | None, document: Document, at: tuple[Any, ...]
) -> Iterator[Declared]:
    for key in ("tests", "data_tests"):
        tests = entry.get(key) or []
        if not isinstance(tests, list):
            raise ConfigInvalid(f"{key} takes a list", where=document.place(*at, key))
        for place, test in enumerate(tests):
            yield Declared(test, column, document.place(*at, key, place))


def _tables(source: Mapping[str, Any], document: Document, at: tuple[Any, ...]) -> Iterator[Properties]:
    name = str(source["name"])
    above = _config(source)
    for place, table in _entries(source, "tables", document, at):
        here = (*at, "tables", place)
        _keys(table, _TABLE, document, here)
        own = _config(table)
        tags = [*_list(above.get("tags")), *_list(own.get("tags"))]
        meta = {**(above.get("meta") or {}), **(own.get("meta") or {})}
        database = source.get("database")
        yield Properties(
            kind="source",
            name=str(table["name"]),
            place=document.place(*here, "name"),
            description=str(table.get("description") or ""),
            config={**above, **own, "tags": tags, "meta": meta},
            columns=_columns(table, document, here),
            tests=tuple(_tests(table, document, here)),
            source=name,
            schema=str(source.get("schema") or name),
            identifier=str(table.get("identifier") or table["name"]),
            database=None if database is None else str(database),
        )


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
