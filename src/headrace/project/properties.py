"""What YAML files say of nodes, and the nodes that they declare themselves."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from headrace.errors import ConfigInvalid, Place
from headrace.project.property_keys import ENTRIES, FILE, Strictness, check_keys
from headrace.project.rendering import render

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from headrace.project.files import Document

KINDS: Mapping[str, str] = {
    "models": "model",
    "seeds": "seed",
    "snapshots": "snapshot",
    "analyses": "analysis",
    "data_tests": "test",
    "tests": "test",
    "macros": "macro",
    "unit_tests": "unit_test",
    "exposures": "exposure",
    "groups": "group",
    "metrics": "metric",
    "semantic_models": "semantic_model",
    "saved_queries": "saved_query",
}
"""What the entries of each list are."""

_BESIDE = ("meta", "tags", "docs", "group", "access", "enabled", "contract")
"""Keys that may stand beside `config:` and mean the same as in it."""
_RAW = {
    "description",
    "tests",
    "data_tests",
    "relation",
    "given",
    "expect",
    "overrides",
    "filter",
    "depends_on",
    "versions",
}
"""Keys whose Jinja is not rendered where the file is read."""


@dataclass(frozen=True, slots=True)
class Declared:
    """A test as YAML declares it: on a node or on one of its columns, whose tags it has too."""

    test: Any
    column: str | None
    place: Place
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Properties:
    """What YAML says of one node; `extra` is all of it. For the table of a source, `source` is set and `above` is what its source says.

    A model with versions has one for each in `versions`; `unrendered` is the config before its Jinja was evaluated.
    """

    kind: str
    name: str
    place: Place
    description: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    tests: tuple[Declared, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    unrendered: Mapping[str, Any] = field(default_factory=dict)
    source: str | None = None
    above: Mapping[str, Any] = field(default_factory=dict)
    version: str | None = None
    latest_version: str | None = None
    defined_in: str | None = None
    versions: tuple[Properties, ...] = ()

    @property
    def relation(self) -> str | None:
        """What a snapshot declared in YAML reads."""
        return self.extra.get("relation") if self.kind == "snapshot" else None

    @property
    def descriptions(self) -> dict[str, str]:
        """The columns' descriptions by name."""
        return {name: str(column.get("description") or "") for name, column in self.columns.items()}


@dataclass(frozen=True, slots=True)
class _Page:
    """A file being read: `names` are what its Jinja sees."""

    document: Document
    names: Mapping[str, Any]
    strict: Strictness
    jinja: bool


def read_properties(document: Document, names: Mapping[str, Any], strict: Strictness) -> Iterator[Properties]:
    """The properties in one YAML file. Raises ConfigInvalid and what its Jinja raises."""
    data = document.data
    if data is None:
        return
    if not isinstance(data, dict):
        raise ConfigInvalid("a file of properties is a mapping", where=document.place())
    check_keys(data, FILE, document, (), strict)
    page = _Page(document, names, strict, any("{{" in line or "{%" in line for line in document.lines))
    for group, kind in KINDS.items():
        for place, written in entries(data, group, document, ()):
            check_keys(written, ENTRIES["tests" if kind == "test" else group], document, (group, place), strict)
            yield _node(page, kind, written, (group, place))
    for place, written in entries(data, "sources", document, ()):
        check_keys(written, ENTRIES["sources"], document, ("sources", place), strict)
        yield from _tables(page, written, ("sources", place))


def entries(
    data: Mapping[str, Any], kind: str, document: Document, at: tuple[Any, ...]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The mappings of a list with their positions. Raises ConfigInvalid where it is something else."""
    found = data.get(kind)
    if found is None:
        return
    if not isinstance(found, list):
        raise ConfigInvalid(f"{kind} takes a list", where=document.place(*at, kind))
    for place, entry in enumerate(found):
        if not isinstance(entry, dict) or "name" not in entry:
            raise ConfigInvalid(f"each of {kind} is a mapping with a name", where=document.place(*at, kind, place))
        yield place, entry


def _rendered(page: _Page, entry: Mapping[str, Any], at: tuple[Any, ...]) -> dict[str, Any]:
    if not page.jinja:
        return dict(entry)
    return {
        key: _columns_rendered(page, value, (*at, key))
        if key == "columns" and isinstance(value, list)
        else value
        if key in _RAW or key == "tables"
        else render(value, page.names, page.document, (*at, key))
        for key, value in entry.items()
    }


def _columns_rendered(page: _Page, columns: list[Any], at: tuple[Any, ...]) -> list[Any]:
    return [
        _rendered(page, column, (*at, place)) if isinstance(column, dict) else column
        for place, column in enumerate(columns)
    ]


def _node(page: _Page, kind: str, written: Mapping[str, Any], at: tuple[Any, ...]) -> Properties:
    entry = _rendered(page, written, at)
    said = Properties(
        kind=kind,
        name=str(entry["name"]),
        place=page.document.place(*at, "name"),
        description=str(entry.get("description") or ""),
        config=config_of(entry),
        columns=_columns(page, entry, at) if kind in ("model", "seed", "snapshot", "analysis") else {},
        tests=tuple(_tests(page, entry, at)) if kind in ("model", "seed", "snapshot") else (),
        extra=entry,
        unrendered=config_of(written),
    )
    return (
        replace(said, versions=tuple(_versions(page, said, at))) if entry.get("versions") and kind == "model" else said
    )


def config_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The config of an entry: under `config:`, and beside it."""
    beside = {key: entry[key] for key in _BESIDE if entry.get(key) is not None}
    return {**beside, **(entry.get("config") or {})}


def _columns(page: _Page, entry: Mapping[str, Any], at: tuple[Any, ...]) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    columns = [(place, one) for place, one in enumerate(entry.get("columns") or ()) if not _inherits(one)]
    if isinstance(entry.get("columns"), dict) or any(
        not isinstance(one, dict) or "name" not in one for _, one in columns
    ):
        raise ConfigInvalid("each of columns is a mapping with a name", where=page.document.key_place(*at, "columns"))
    for place, column in columns:
        check_keys(column, ENTRIES["columns"], page.document, (*at, "columns", place), page.strict)
        spec = {key: value for key, value in column.items() if key not in ("tests", "data_tests")}
        more = column.get("config") or {}
        if more.get("meta") or more.get("tags"):
            spec["meta"] = {**(column.get("meta") or {}), **(more.get("meta") or {})}
            spec["tags"] = [*as_list(column.get("tags")), *as_list(more.get("tags"))]
        found[str(column["name"])] = spec
    return found


def _inherits(column: Any) -> bool:
    return isinstance(column, dict) and "include" in column and "name" not in column


def _tests(page: _Page, entry: Mapping[str, Any], at: tuple[Any, ...]) -> Iterator[Declared]:
    tags = as_list(entry.get("tags")) if at[0] == "sources" else []
    yield from _declared(page, entry, None, at, tags)
    for place, column in enumerate(entry.get("columns") or ()):
        if not _inherits(column):
            written = f'"{column["name"]}"' if column.get("quote") else str(column["name"])
            own = [*as_list(column.get("tags")), *as_list((column.get("config") or {}).get("tags"))]
            yield from _declared(page, column, written, (*at, "columns", place), [*tags, *own])


def _declared(
    page: _Page, entry: Mapping[str, Any], column: str | None, at: tuple[Any, ...], tags: list[Any]
) -> Iterator[Declared]:
    for key in ("tests", "data_tests"):
        tests = entry.get(key) or []
        if not isinstance(tests, list):
            raise ConfigInvalid(f"{key} takes a list", where=page.document.place(*at, key))
        for place, test in enumerate(tests):
            yield Declared(test, column, page.document.place(*at, key, place), tuple(map(str, tags)))


def _versions(page: _Page, model: Properties, at: tuple[Any, ...]) -> Iterator[Properties]:
    """What is said of each version: its own words over the model's, its columns those it includes and its own."""
    written = model.extra["versions"]
    if not isinstance(written, list) or any(not isinstance(one, dict) or "v" not in one for one in written):
        raise ConfigInvalid("each of versions is a mapping with a v", where=page.document.key_place(*at, "versions"))
    latest = model.extra.get("latest_version")
    if latest is None:
        latest = max((one["v"] for one in written), key=_by_number)
    for place, raw in enumerate(written):
        here = (*at, "versions", place)
        check_keys(raw, ENTRIES["versions"], page.document, here, page.strict)
        own = _rendered(page, raw, here)
        inherited = _inherited(model, own)
        columns = {**{name: model.columns[name] for name in inherited}, **_columns(page, own, here)}
        above = [one for one in model.tests if one.column is not None and one.column.strip('"') in inherited]
        tests = list(_tests(page, own, here))
        if "tests" not in own and "data_tests" not in own:
            above = [one for one in model.tests if one.column is None] + above
        yield replace(
            model,
            place=page.document.place(*here, "v"),
            description=str(own.get("description") or model.description),
            config={**model.config, **config_of(own)},
            unrendered={**model.unrendered, **config_of(raw)},
            columns=columns,
            tests=tuple(above + tests),
            extra={**model.extra, **own, "deprecation_date": own.get("deprecation_date")},
            version=str(own["v"]),
            latest_version=str(latest),
            defined_in=own.get("defined_in"),
        )


def _by_number(version: Any) -> tuple[float, str]:
    try:
        return float(version), ""
    except (TypeError, ValueError):
        return float("inf"), str(version)


def _inherited(model: Properties, own: Mapping[str, Any]) -> list[str]:
    rule = next((one for one in own.get("columns") or () if _inherits(one)), {"include": "all"})
    include, exclude = rule.get("include"), as_list(rule.get("exclude"))
    return [
        name for name in model.columns if (include in ("all", "*") or name in as_list(include)) and name not in exclude
    ]


def _tables(page: _Page, written: Mapping[str, Any], at: tuple[Any, ...]) -> Iterator[Properties]:
    source = _rendered(page, written, at)
    above = config_of(source)
    for place, raw in entries(written, "tables", page.document, at):
        here = (*at, "tables", place)
        check_keys(raw, ENTRIES["tables"], page.document, here, page.strict)
        table = _rendered(page, raw, here)
        own = config_of(table)
        tags = [*as_list(above.get("tags")), *as_list(own.get("tags"))]
        meta = {**(above.get("meta") or {}), **(own.get("meta") or {})}
        yield Properties(
            kind="source",
            name=str(table["name"]),
            place=page.document.place(*here, "name"),
            description=str(table.get("description") or ""),
            config={**above, **own, "tags": tags, "meta": meta},
            columns=_columns(page, table, here),
            tests=tuple(_tests(page, {**table, "tags": tags}, here)),
            extra=table,
            unrendered={**config_of(written), **config_of(raw)},
            source=str(source["name"]),
            above=source,
        )


def as_list(value: Any) -> list[Any]:
    """A list, one value as a list, or nothing as an empty one."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def as_texts(value: Any) -> tuple[str, ...]:
    """A config that may be one text or a list of them."""
    return tuple(str(one) for one in as_list(value))
