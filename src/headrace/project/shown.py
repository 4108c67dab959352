"""Nodes in the form of dbt's manifest.json, which is also how `graph.nodes` and `model` show them to templates."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from headrace.project.defaults import config_dict
from headrace.project.nodes import (
    RESOURCE_TYPES,
    Analysis,
    DataTest,
    Exposure,
    Hook,
    Metric,
    Model,
    SavedQuery,
    Seed,
    SemanticModel,
    Snapshot,
    SourceTable,
    UnitTest,
)
from headrace.project.properties import as_list
from headrace.project.semantics import metric_dict, saved_query_dict, semantic_model_dict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from headrace.project.nodes import Node
    from headrace.project.settings import Settings
    from headrace.table import Table

_FOLDERS = ("models", "seeds", "snapshots", "analyses", "tests", "macros")
_NO_FILE = {"name": "none", "checksum": ""}


_SECTIONS: Mapping[type[Node], str] = {
    SourceTable: "sources",
    Exposure: "exposures",
    Metric: "metrics",
    SavedQuery: "saved_queries",
    SemanticModel: "semantic_models",
    UnitTest: "unit_tests",
}


def section(node: Node) -> str:
    """The part of the manifest that a node stands in."""
    return _SECTIONS.get(type(node), "nodes")


def node_dict(node: Node, settings: Settings, *, database: str | None = None, created: float = 0.0) -> dict[str, Any]:
    """A node in the form of dbt's manifest v12, without what only a compilation knows.

    `database` is the session's, for names that have none of their own; `created` is in seconds since 1970.
    """
    shown = _identity(node, created)
    place = database or settings.target.database
    match node:
        case SourceTable():
            return shown | _of_source(node, place)
        case Exposure():
            return shown | _of_exposure(node)
        case UnitTest():
            return shown | _of_unit_test(node)
        case Metric():
            return shown | _links(node) | metric_dict(node) | {"meta": dict(node.meta), "tags": list(node.tags)}
        case SemanticModel():
            return shown | _only(_links(node), ("refs", "depends_on")) | semantic_model_dict(node)
        case SavedQuery():
            return shown | _only(_links(node), ("refs", "depends_on")) | saved_query_dict(node)
    shown |= _of_compiled(node, settings, place)
    match node:
        case Seed():
            return _without(shown, _QUERY_ONLY) | {"root_path": str(settings.root), "depends_on": {"macros": []}}
        case Model():
            return shown | _of_model(node)
        case DataTest():
            return shown | _of_test(node)
        case Snapshot():
            return shown | {"defer_relation": None}
        case Hook():
            return shown | {"index": node.index}
    return shown


_QUERY_ONLY = {"language", "refs", "sources", "metrics", "functions", "compiled_path", "compiled", "contract"}


def _only(shown: dict[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    return {key: shown[key] for key in keys}


def _without(shown: dict[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    return {key: value for key, value in shown.items() if key not in keys}


def _identity(node: Node, created: float) -> dict[str, Any]:
    path = node.path or node.place.path
    shown: dict[str, Any] = {
        "name": node.name,
        "resource_type": RESOURCE_TYPES[type(node)],
        "package_name": node.package,
        "path": _path(node, path),
        "original_file_path": path,
        "unique_id": node.unique_id,
        "fqn": list(node.fqn),
        "description": node.description,
        "config": config_dict(node),
        "created_at": created,
    }
    if isinstance(node, Metric | SemanticModel | SavedQuery):
        shown["unrendered_config"] = dict(node.unrendered)
    elif not isinstance(node, UnitTest):
        shown |= {"tags": list(node.tags), "meta": dict(node.meta), "unrendered_config": dict(node.unrendered)}
    return shown


def _path(node: Node, path: str) -> str:
    match node:
        case Hook():
            return f"hooks/{node.name}.sql"
        case DataTest(kind=str()):
            return f"{node.config.get('alias') or node.name}.sql"
        case _:
            return below(path, node)


def below(path: str, node: Node) -> str:
    """A file's path from the folder of its kind on, as dbt's `path` has it; a node that YAML declares has it whole."""
    first, _, rest = path.partition("/")
    return rest if rest and (first in _FOLDERS or not isinstance(node, SourceTable | Exposure)) else path


def _links(node: Node) -> dict[str, Any]:
    return {
        "refs": [{"name": ref.name, "package": ref.package, "version": number(ref.version)} for ref in node.refs],
        "sources": [list(words) for words in node.sources],
        "depends_on": {"macros": list(node.macros), "nodes": list(node.depends_on)},
    }


def number(version: str | None) -> str | int | float | None:
    """A version as dbt keeps it: a number where it is one."""
    if version is None or version.isdigit():
        return None if version is None else int(version)
    return float(version) if re.fullmatch(r"\d+\.\d+", version) else version


def relation_name(table: Table, database: str | None) -> str:
    """`"database"."schema"."name"`, as dbt writes a relation."""
    parts = (table.database or database, table.schema, table.name)
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts if part)


def columns(node: Node) -> dict[str, Any]:
    """The described columns by name."""
    return {name: _column(name, text, node.column_specs.get(name) or {}) for name, text in node.columns.items()}


def _column(name: str, text: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    config = spec.get("config") or {}
    meta = {**(spec.get("meta") or {}), **(config.get("meta") or {})}
    tags = [*as_list(spec.get("tags")), *as_list(config.get("tags"))]
    return {
        "name": name,
        "description": text,
        "meta": meta,
        "data_type": spec.get("data_type"),
        "constraints": [_constraint(one) for one in spec.get("constraints") or ()],
        "quote": spec.get("quote"),
        "config": {"meta": meta, "tags": tags},
        "tags": tags,
        "granularity": spec.get("granularity"),
        "doc_blocks": [],
    }


def _constraint(said: Mapping[str, Any]) -> dict[str, Any]:
    none = {"type": None, "name": None, "expression": None, "warn_unenforced": True, "warn_unsupported": True}
    return {**none, "to": None, "to_columns": [], **said}


def _of_compiled(
    node: Model | Seed | Snapshot | Analysis | DataTest | Hook, settings: Settings, database: str | None
) -> dict[str, Any]:
    table = node.table if isinstance(node, Model | Seed | Snapshot) else None
    stands = table is not None and not (isinstance(node, Model) and node.materialized == "ephemeral")
    docs = node.config.get("docs") or {}
    shown: dict[str, Any] = {
        "database": (table.database if table else None) or database,
        "schema": table.schema if table else _elsewhere(node, settings),
        "alias": table.name if table else str(node.config.get("alias") or node.name),
        "checksum": {"name": "sha256", "checksum": node.checksum} if node.checksum else _NO_FILE,
        "columns": columns(node),
        "group": node.group,
        "docs": {"show": True, "node_color": None, **docs},
        "patch_path": f"{node.package}://{node.yaml}" if node.yaml and not isinstance(node, DataTest) else None,
        "build_path": None,
        "relation_name": relation_name(table, database) if stands and table else None,
        "raw_code": "" if isinstance(node, Seed) else code_of(node),
        "doc_blocks": [],
        "language": node.language if isinstance(node, Model) else "sql",
        "metrics": [],
        "functions": [],
        "compiled_path": None,
        "compiled": False,
        "contract": {"enforced": False, "alias_types": True, "checksum": None, **(node.config.get("contract") or {})},
    }
    return {**shown, **_links(node)}


def code_of(node: Model | Snapshot | Analysis | DataTest | Hook) -> str:
    """A node's template as dbt keeps it: files without the space around them, generic tests with their config."""
    if isinstance(node, DataTest) and node.kind is not None:
        given = ",".join(f"{key}={_literal(value)}" for key, value in node.settings.items())
        return f"{node.raw}{{{{ config({given}) }}}}" if given else node.raw
    return node.raw if isinstance(node, Snapshot) else node.raw.strip()


def _literal(value: Any) -> str:
    return '"' + value.replace('"', '\\"') + '"' if isinstance(value, str) else str(value)


def _elsewhere(node: Node, settings: Settings) -> str:
    if not isinstance(node, DataTest):
        return settings.target.schema
    return str(node.config.get("schema") or f"{settings.target.schema}_dbt_test__audit")


def _of_model(node: Model) -> dict[str, Any]:
    return {
        "access": node.access,
        "constraints": [{**_constraint(one), "columns": one.get("columns") or []} for one in node.constraints],
        "version": number(node.version),
        "latest_version": number(node.latest_version),
        "deprecation_date": node.deprecation_date,
        "defer_relation": None,
        "primary_key": list(node.primary_key),
        "time_spine": {"custom_granularities": [], **node.time_spine} if node.time_spine else None,
    }


def _of_test(node: DataTest) -> dict[str, Any]:
    if node.kind is None:
        return {}
    space, _, name = node.kind.rpartition(".")
    arguments = dict(node.arguments)
    if node.column:
        arguments.setdefault("column_name", node.column)
    kind, _, label = (node.attached or "").partition(".")
    return {
        "column_name": node.column,
        "file_key_name": f"{kind}s.{label.rpartition('.')[2]}" if node.attached else None,
        "attached_node": node.attached,
        "test_metadata": {"name": name, "kwargs": arguments, "namespace": space or None},
    }


def _of_source(node: SourceTable, database: str | None) -> dict[str, Any]:
    asked = node.freshness
    return {
        "database": node.table.database or database,
        "schema": node.table.schema,
        "source_name": node.source,
        "source_description": node.source_description,
        "loader": node.loader,
        "identifier": node.identifier or node.table.name,
        "quoting": {"database": None, "schema": None, "identifier": None, "column": None, **node.quoting},
        "loaded_at_field": node.loaded_at_field,
        "loaded_at_query": node.loaded_at_query,
        "freshness": None if asked is None else _freshness(asked),
        "external": dict(node.external) if node.external else None,
        "columns": columns(node),
        "source_meta": dict(node.source_meta),
        "patch_path": None,
        "relation_name": node.location or relation_name(node.table, database),
        "unrendered_database": None,
        "unrendered_schema": None,
        "doc_blocks": [],
    }


def _freshness(asked: Mapping[str, Any]) -> dict[str, Any]:
    nothing = {"count": None, "period": None}
    spans = {key: {**nothing, **(asked.get(key) or {})} for key in ("warn_after", "error_after")}
    return {**spans, "filter": asked.get("filter")}


def _of_exposure(node: Exposure) -> dict[str, Any]:
    owner = {"email": None, "name": None, **node.owner}
    said = {"type": node.type, "owner": owner, "label": node.label, "maturity": node.maturity, "url": node.url}
    return {**said, **_links(node), "metrics": []}


def _of_unit_test(node: UnitTest) -> dict[str, Any]:
    def rows(one: Any) -> Any:
        return one.rows if isinstance(one.rows, str) else [dict(row) for row in one.rows]

    given = [
        {"input": one.input, "rows": rows(one), "format": one.format, "fixture": one.fixture} for one in node.given
    ]
    wanted = {"rows": rows(node.expect), "format": node.expect.format, "fixture": node.expect.fixture}
    overrides = {"macros": {}, "vars": {}, "env_vars": {}, **node.overrides} if node.overrides else None
    return {
        "model": node.model.partition(".")[2].partition(".")[2].partition(".")[0],
        "given": given,
        "expect": wanted,
        "overrides": overrides,
        "depends_on": {"macros": list(node.macros), "nodes": list(node.depends_on)},
        "checksum": node.checksum or None,
        "schema": None,
        "versions": None,
        "version": number(node.version),
    }
