"""The keys that YAML files of properties know, by what they describe, and what becomes of a key that is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from headrace.errors import ConfigInvalid, did_you_mean
from headrace.events import Warned, emit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from headrace.project.files import Document

Strictness: TypeAlias = Literal["all", "close", "warn", "silent"]
"""Which unknown keys are refused: all; those close to a known one, the rest warned of; none, all warned of; none, in silence."""

_COMMON = {"name", "description", "columns", "config", "tests", "data_tests", "meta", "tags", "docs", "group", "access"}

FILE = {
    "version", "models", "seeds", "snapshots", "sources", "macros", "analyses", "exposures", "metrics", "semantic_models",
    "unit_tests", "groups", "saved_queries", "data_tests", "tests", "functions", "anchors", "vars",
}  # fmt: skip

ENTRIES: Mapping[str, set[str]] = {
    "models": _COMMON
    | {
        "constraints", "contract", "latest_version", "versions", "deprecation_date", "time_spine", "primary_key", "enabled",
        "semantic_model", "metrics", "agg_time_dimension", "derived_semantics", "freshness",
    },
    "seeds": _COMMON | {"enabled"},
    "snapshots": _COMMON | {"enabled", "relation"},
    "analyses": _COMMON | {"enabled"},
    "macros": {"name", "description", "meta", "docs", "arguments", "config"},
    "sources": {
        "name", "description", "database", "catalog", "schema", "loader", "loaded_at_field", "loaded_at_query", "freshness",
        "meta", "tags", "config", "overrides", "quoting", "tables", "enabled", "unrendered_database", "unrendered_schema",
    },
    "tables": _COMMON
    | {
        "identifier", "loader", "loaded_at_field", "loaded_at_query", "freshness", "external", "quoting", "enabled",
    },
    "columns": {
        "name", "description", "data_type", "tests", "data_tests", "quote", "meta", "tags", "constraints", "config",
        "policy_tags", "granularity", "dimension", "entity", "docs", "type",
    },
    "versions": _COMMON | {"v", "defined_in", "constraints", "deprecation_date", "contract"},
    "tests": {"name", "description", "config", "meta", "docs", "tags", "enabled"},
    "unit_tests": {
        "name", "description", "model", "given", "expect", "overrides", "versions", "config", "meta", "tags", "enabled",
    },
    "exposures": {
        "name", "label", "type", "owner", "description", "maturity", "url", "depends_on", "meta", "tags", "config", "enabled",
    },
    "groups": {"name", "owner", "description", "config", "meta"},
    "semantic_models": {
        "name", "label", "description", "model", "defaults", "entities", "measures", "dimensions", "primary_entity", "config",
        "meta", "tags", "access", "group",
    },
    "metrics": {
        "name", "label", "description", "type", "type_params", "filter", "time_granularity", "config", "meta", "tags", "group",
        "enabled", "model", "calculation_method", "expression", "timestamp", "time_grains", "dimensions", "window", "filters",
        "treat_null_values_as_zero",
    },
    "saved_queries": {
        "name", "label", "description", "query_params", "exports", "config", "meta", "tags", "group", "enabled",
    },
    "functions": _COMMON | {"arguments", "returns", "type", "enabled"},
}  # fmt: skip
"""Keys by the list they stand in."""


def check_keys(
    entry: Mapping[str, Any], known: Iterable[str], document: Document, at: tuple[Any, ...], strict: Strictness
) -> None:
    """Refuse or warn of the keys that are not known. Raises ConfigInvalid."""
    for key in entry:
        if key in known:
            continue
        close = did_you_mean(str(key), known)
        where = document.key_place(*at, key)
        if strict == "all" or (strict == "close" and close):
            raise ConfigInvalid(
                f"unknown key {key!r}", where=where, hint=close or "free-form settings live under `meta:`"
            )
        if strict != "silent":
            emit(Warned(f"unknown key {key!r} changes nothing{f' ({close})' if close else ''}", where=str(where)))
