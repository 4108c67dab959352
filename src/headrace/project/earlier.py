"""An earlier state of the project, read from its artifacts: manifest.json, run_results.json, sources.json, of headrace or of dbt."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headrace.errors import UsageError
from headrace.project.nodes import Analysis, DataTest, Exposure, Model, Seed, Snapshot, SourceTable, UnitTest
from headrace.project.shown import code_of, columns, relation_name
from headrace.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from headrace.project.manifest import Manifest
    from headrace.project.nodes import Node

_SECTIONS = ("nodes", "sources", "exposures", "metrics", "saved_queries", "semantic_models", "unit_tests")
_PERSISTED = ("description", "columns")


@dataclass(frozen=True, slots=True)
class Earlier:
    """Nodes in the manifest's form by id, macros' texts by id, and how nodes and sources ended."""

    folder: Path
    nodes: Mapping[str, Mapping[str, Any]]
    macros: Mapping[str, str]
    results: Mapping[str, str] = field(default_factory=dict)
    fresh: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def tables(self) -> dict[str, Table]:
        """Where nodes stood, by id, of those that stood somewhere."""
        return {
            one: Table(
                node["schema"], node.get("alias") or node.get("identifier") or node["name"], node.get("database")
            )
            for one, node in self.nodes.items()
            if node.get("relation_name")
        }


def read_earlier(folder: Path) -> Earlier:
    """The artifacts of a folder. Raises UsageError where there is no manifest.json that can be read."""
    manifest = _read(folder / "manifest.json")
    if manifest is None:
        raise UsageError(f"there is no manifest.json in {folder}", hint="--state takes the folder that holds one")
    nodes = {one: node for section in _SECTIONS for one, node in (manifest.get(section) or {}).items()}
    macros = {one: macro.get("macro_sql", "") for one, macro in (manifest.get("macros") or {}).items()}
    results = (_read(folder / "run_results.json") or {}).get("results") or ()
    ends = {one["unique_id"]: one["status"] for one in results}
    return Earlier(folder, nodes, macros, ends, freshness_in(folder))


def freshness_in(folder: Path) -> dict[str, Mapping[str, Any]]:
    """What the sources.json of a folder says, by the source's id; nothing where there is none."""
    return {one["unique_id"]: one for one in (_read(folder / "sources.json") or {}).get("results") or ()}


def _read(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UsageError(f"{path} is no JSON: {error}") from error
    return data if isinstance(data, dict) else None


def changed(manifest: Manifest, earlier: Earlier, what: str) -> set[str]:
    """The nodes that `state:WHAT` means: new, old, unmodified or modified; `modified.` with one of PARTS looks at that alone.

    Raises UsageError.
    """
    kind, _, part = what.partition(".")
    if kind not in ("new", "old", "modified", "unmodified") or (part and (kind != "modified" or part not in PARTS)):
        hint = f"state: new, old, modified, unmodified, and modified. with {', '.join(PARTS)}"
        raise UsageError(f"there is no state {what!r}", hint=hint)
    if kind == "new":
        return {one for one in manifest.nodes if one not in earlier.nodes}
    if kind == "old":
        return {one for one in manifest.nodes if one in earlier.nodes}
    macros = _changed_macros(manifest, earlier)
    modified = {
        one
        for one, node in manifest.nodes.items()
        if _is_modified(manifest, node, earlier.nodes.get(one), part, macros)
    }
    return set(manifest.nodes) - modified if kind == "unmodified" else modified


PARTS = ("body", "configs", "relation", "persisted_descriptions", "macros", "contract")
"""What of a node may have been modified."""


def _is_modified(
    manifest: Manifest, node: Node, then: Mapping[str, Any] | None, part: str, macros: frozenset[str]
) -> bool:
    if then is None:
        return not part
    if part in ("", "macros") and macros & set(node.reached):
        return True
    looked: list[str] = [part] if part else ["body", "configs", "relation", "persisted_descriptions", "contract"]
    return any(_LOOKS[one](manifest, node, then) for one in looked if one in _LOOKS)


def _changed_macros(manifest: Manifest, earlier: Earlier) -> frozenset[str]:
    """The project's and its packages' macros whose text is another. What comes with headrace is not compared with what comes with dbt."""
    now = {one: macro.text for one, macro in manifest.macro_nodes.items() if macro.package != "dbt"}
    return frozenset(
        one for one, text in now.items() if one in earlier.macros and _text(earlier.macros[one]) != _text(text)
    )


def _text(value: Any) -> str:
    return str(value or "").strip()


def _body(_: Manifest, node: Node, then: Mapping[str, Any]) -> bool:
    match node:
        case Seed() | Exposure() | SourceTable():
            mine = node.checksum
            return bool(mine) and mine != (then.get("checksum") or {"checksum": mine}).get("checksum")
        case UnitTest():
            return bool(node.checksum) and node.checksum != then.get("checksum")
        case Model() | Snapshot() | Analysis() | DataTest():
            return code_of(node).strip() != _text(then.get("raw_code"))
        case _:
            return False


def _configs(_: Manifest, node: Node, then: Mapping[str, Any]) -> bool:
    """Of what was written, not of what it came to: another target alone is no modification."""
    before = then.get("unrendered_config")
    return before is not None and dict(node.unrendered) != {
        key: value for key, value in before.items() if key != "docs"
    }


def _relation(manifest: Manifest, node: Node, then: Mapping[str, Any]) -> bool:
    """Of what names the table beside the target, which two environments differ in on purpose."""
    if isinstance(node, Model | Seed | Snapshot):
        return node.table.name != then.get("alias")
    if isinstance(node, SourceTable):
        database = manifest.settings.target.database
        return relation_name(node.table, database).lower() != str(then.get("relation_name") or "").lower()
    return False


def _descriptions(_: Manifest, node: Node, then: Mapping[str, Any]) -> bool:
    persist = node.config.get("persist_docs") or {}
    if persist.get("relation") and node.description != then.get("description"):
        return True
    before = {name: column.get("description") for name, column in (then.get("columns") or {}).items()}
    return bool(persist.get("columns")) and dict(node.columns) != before


def _contract(_: Manifest, node: Node, then: Mapping[str, Any]) -> bool:
    if not isinstance(node, Model):
        return False
    before = then.get("contract") or {}
    if not (node.contracted or before.get("enforced")):
        return False

    def promised(shown: Mapping[str, Any]) -> Any:
        return {name: (column.get("data_type"), column.get("constraints")) for name, column in shown.items()}

    return node.contracted != bool(before.get("enforced")) or promised(columns(node)) != promised(
        then.get("columns") or {}
    )


_LOOKS = {
    "body": _body,
    "configs": _configs,
    "relation": _relation,
    "persisted_descriptions": _descriptions,
    "contract": _contract,
}


def ended(manifest: Manifest, earlier: Earlier, status: str) -> set[str]:
    """The nodes that ended so in the earlier run: `result:error`, `result:fail`, `result:skipped` and the like."""
    known = {"success", "error", "skipped", "pass", "fail", "warn", "no-op", "partial success"}
    if status not in known:
        raise UsageError(f"there is no result {status!r}", hint=f"result: {', '.join(sorted(known))}")
    return {one for one, found in earlier.results.items() if found == status and one in manifest.nodes}


def fresher(manifest: Manifest, earlier: Earlier, current: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """`source_status:fresher`: the sources with newer rows than in the earlier run, as the latest sources.json has it."""
    return {
        one
        for one, now in current.items()
        if one in manifest.nodes
        and str(now.get("max_loaded_at") or "") > str((earlier.fresh.get(one) or {}).get("max_loaded_at") or "")
    }
