"""What nodes are configured to be where nothing is said, in the form of dbt's manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.project.nodes import (
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

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.project.nodes import Node

_SHARED: Mapping[str, Any] = {
    "enabled": True,
    "alias": None,
    "schema": None,
    "database": None,
    "tags": [],
    "meta": {},
    "group": None,
}
_BUILT: Mapping[str, Any] = {
    **_SHARED,
    "materialized": "view",
    "incremental_strategy": None,
    "batch_size": None,
    "lookback": 1,
    "begin": None,
    "persist_docs": {},
    "post-hook": [],
    "pre-hook": [],
    "quoting": {},
    "column_types": {},
    "full_refresh": None,
    "unique_key": None,
    "on_schema_change": "ignore",
    "on_configuration_change": "apply",
    "grants": {},
    "packages": [],
    "docs": {"show": True, "node_color": None},
    "contract": {"enforced": False, "alias_types": True},
    "event_time": None,
    "concurrent_batches": None,
}
_SNAPSHOT: Mapping[str, Any] = {
    "strategy": None,
    "target_schema": None,
    "target_database": None,
    "updated_at": None,
    "check_cols": None,
    "snapshot_meta_column_names": {},
    "dbt_valid_to_current": None,
}
_TEST: Mapping[str, Any] = {
    **_SHARED,
    "schema": "dbt_test__audit",
    "materialized": "test",
    "severity": "ERROR",
    "store_failures": None,
    "store_failures_as": None,
    "where": None,
    "limit": None,
    "fail_calc": "count(*)",
    "warn_if": "!= 0",
    "error_if": "!= 0",
}
DEFAULTS: Mapping[type[Node], Mapping[str, Any]] = {
    Model: {**_BUILT, "access": "protected", "freshness": None},
    Seed: {**_BUILT, "materialized": "seed", "delimiter": ",", "quote_columns": None},
    Snapshot: {**_BUILT, "materialized": "snapshot", **_SNAPSHOT},
    Analysis: _BUILT,
    Hook: _BUILT,
    DataTest: _TEST,
}
"""What each kind of node is configured to be where nothing is said."""
_FREE: Mapping[type[Node], Mapping[str, Any]] = {
    SourceTable: {"enabled": True, "event_time": None, "freshness": None, "meta": {}, "tags": []},
    Exposure: {"enabled": True, "meta": {}, "tags": []},
    Metric: {"enabled": True, "group": None, "meta": {}},
    SavedQuery: {"enabled": True, "group": None, "meta": {}, "export_as": None, "schema": None},
    SemanticModel: {"enabled": True, "group": None, "meta": {}},
    UnitTest: {"enabled": True, "meta": {}, "tags": []},
}
_HOOKS = {"pre_hook": "pre-hook", "post_hook": "post-hook"}


def config_dict(node: Node) -> dict[str, Any]:
    """The node's config with dbt's defaults below it, and hooks in dbt's form."""
    config: dict[str, Any] = {**(DEFAULTS.get(type(node)) or _FREE[type(node)])}
    for key, value in node.config.items():
        config[_HOOKS.get(key, key)] = value
    if isinstance(node, Model):
        config["materialized"] = node.materialized
    config["tags"], config["meta"] = list(node.tags), dict(node.meta)
    if isinstance(node, Metric | SemanticModel | SavedQuery):
        del config["tags"]
    for key in _HOOKS.values():
        if key in config:
            config[key] = [_hook(one, place) for place, one in enumerate(as_list(config[key]))]
    for key in ("docs", "contract"):
        if key in config and isinstance(node, Model | Seed | Snapshot | Analysis | Hook):
            config[key] = {**_BUILT[key], **(config[key] or {})}
    return config


def _hook(said: Any, place: int) -> dict[str, Any]:
    return {"transaction": True, "index": place, **(said if isinstance(said, dict) else {"sql": str(said)})}
