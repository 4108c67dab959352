"""dbt's manifest.json v12: the whole project for other tools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.docs.envelope import envelope
from headrace.project.macro_calls import arguments, called
from headrace.project.shown import node_dict, section
from headrace.project.target_files import compiled_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from headrace.docs.envelope import Invocation
    from headrace.project.manifest import Manifest
    from headrace.project.nodes import Group, MacroNode, Node

_SECTIONS = ("nodes", "sources", "exposures", "metrics", "saved_queries", "semantic_models", "unit_tests")


def manifest_document(manifest: Manifest, invocation: Invocation, compiled: Mapping[str, str]) -> dict[str, Any]:
    """The file's content. `compiled` has the SQL of the nodes that this invocation compiled, by id."""
    created = invocation.started.timestamp()
    sections: dict[str, dict[str, Any]] = {name: {} for name in _SECTIONS}
    for one, node in manifest.nodes.items():
        shown = node_dict(node, manifest.settings, created=created)
        if one in compiled:
            shown |= _compilation(manifest, node, compiled[one])
        sections[section(node)][one] = shown
    sections["nodes"] |= {
        hook.unique_id: node_dict(hook, manifest.settings, created=created) for hook in manifest.hooks
    }
    parents, children = _maps(manifest)
    return {
        "metadata": _metadata(manifest, invocation),
        "nodes": sections["nodes"],
        "sources": sections["sources"],
        "macros": _macros(manifest, created),
        "docs": _docs(manifest),
        "exposures": sections["exposures"],
        "metrics": sections["metrics"],
        "groups": {group.unique_id: _group(group) for group in manifest.groups.values()},
        "selectors": {},
        "disabled": {
            one: [node_dict(node, manifest.settings, created=created)] for one, node in manifest.disabled_nodes.items()
        },
        "parent_map": parents,
        "child_map": children,
        "group_map": _members(manifest),
        "saved_queries": sections["saved_queries"],
        "semantic_models": sections["semantic_models"],
        "unit_tests": sections["unit_tests"],
        "functions": {},
    }


def _metadata(manifest: Manifest, invocation: Invocation) -> dict[str, Any]:
    from hashlib import md5

    settings = manifest.settings
    return {
        **envelope("manifest/v12", invocation),
        "project_name": settings.name,
        # dbt's id of a project, which is no secret: tools compare it with that of other runs.
        "project_id": md5(settings.name.encode(), usedforsecurity=False).hexdigest(),
        "user_id": None,
        "send_anonymous_usage_stats": False,
        "adapter_type": settings.target.dialect,
        "quoting": {"database": True, "schema": True, "identifier": True, "column": None},
        "run_started_at": invocation.started.isoformat(),
    }


def _compilation(manifest: Manifest, node: Node, sql: str) -> dict[str, Any]:
    path = compiled_path(node, manifest.settings)
    root = manifest.settings.root
    shown = path.relative_to(root) if path.is_relative_to(root) else path
    return {
        "compiled": True,
        "compiled_code": sql,
        "compiled_path": shown.as_posix(),
        "extra_ctes_injected": True,
        "extra_ctes": [],
    }


def _docs(manifest: Manifest) -> dict[str, Any]:
    return {
        one: {
            "name": block.name,
            "resource_type": "doc",
            "package_name": block.package,
            "path": block.path.partition("/")[2] or block.path,
            "original_file_path": block.path,
            "unique_id": block.unique_id,
            "block_contents": block.text,
        }
        for one, block in manifest.doc_blocks.items()
    }


def _maps(manifest: Manifest) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    def known(ids: Iterable[str]) -> list[str]:
        return sorted(one for one in ids if one in manifest.nodes)

    parents = {one: known(manifest.graph.parents.get(one, ())) for one in manifest.nodes}
    children = {one: known(manifest.graph.children.get(one, ())) for one in manifest.nodes}
    return parents, children


def _members(manifest: Manifest) -> dict[str, list[str]]:
    members: dict[str, list[str]] = {group.name: [] for group in manifest.groups.values()}
    for one, node in manifest.nodes.items():
        if node.group in members:
            members[node.group].append(one)
    return members


def _macros(manifest: Manifest, created: float) -> dict[str, Any]:
    templates = manifest.templates
    shown = {}
    for macro in templates.macros.every():
        node = manifest.macro_nodes[macro.unique_id]
        # Parameters that nobody described are known by their names.
        named = node.arguments or [{"name": name} for name in arguments(macro)]
        shown[node.unique_id] = _macro(node, called(macro, templates.macros, templates.dialect), named, created)
    return shown


def _macro(macro: MacroNode, calls: list[str], named: Sequence[Mapping[str, Any]], created: float) -> dict[str, Any]:
    """A macro in the form of dbt's manifest."""
    docs = {"show": True, "node_color": None, **macro.docs}
    none = {"type": None, "description": ""}
    return {
        "name": macro.name,
        "resource_type": "macro",
        "package_name": macro.package,
        "path": macro.path,
        "original_file_path": macro.path,
        "unique_id": macro.unique_id,
        "macro_sql": macro.text,
        "depends_on": {"macros": calls},
        "description": macro.description,
        "meta": dict(macro.meta),
        "docs": docs,
        "config": {"meta": dict(macro.meta), "docs": docs},
        "patch_path": f"{macro.package}://{macro.yaml}" if macro.yaml else None,
        "arguments": [{**none, **argument} for argument in named],
        "created_at": created,
        "supported_languages": None,
    }


def _group(group: Group) -> dict[str, Any]:
    """A group of models in the form of dbt's manifest."""
    return {
        "name": group.name,
        "resource_type": "group",
        "package_name": group.package,
        "path": group.path,
        "original_file_path": group.path,
        "unique_id": group.unique_id,
        "owner": {"email": None, "name": None, **group.owner},
        "description": group.description or None,
        "config": {"meta": {}, **group.config},
    }
