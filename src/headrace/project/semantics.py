"""The semantic layer in the form of dbt's manifest: metrics, semantic models and saved queries, which headrace keeps and does not run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.project.nodes import Metric, SavedQuery, SemanticModel

_PARAMS: Mapping[str, Any] = {
    "measure": None,
    "input_measures": [],
    "numerator": None,
    "denominator": None,
    "expr": None,
    "window": None,
    "grain_to_date": None,
    "metrics": [],
    "conversion_type_params": None,
    "cumulative_type_params": None,
}
_MEASURE: Mapping[str, Any] = {"filter": None, "alias": None, "join_to_timespine": False, "fill_nulls_with": None}
_INPUT: Mapping[str, Any] = {"filter": None, "alias": None, "offset_window": None, "offset_to_grain": None}
_ELEMENT: Mapping[str, Any] = {"description": None, "label": None, "expr": None, "config": None}


def metric_dict(node: Metric) -> dict[str, Any]:
    """What a metric says beside what every node has."""
    spec = node.spec
    return {
        "label": str(spec.get("label") or node.name),
        "type": spec.get("type"),
        "type_params": _params(spec.get("type_params") or {}),
        "filter": _filters(spec.get("filter")),
        "metadata": None,
        "time_granularity": spec.get("time_granularity"),
        "metrics": [],
        "group": node.group,
    }


def _params(said: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {**_PARAMS, **{key: value for key, value in said.items() if key in _PARAMS}}
    if said.get("measure"):
        shown["measure"] = _measure(said["measure"])
        shown["input_measures"] = [shown["measure"]]
    for key in ("numerator", "denominator"):
        if said.get(key):
            shown[key] = _input(said[key])
    shown["metrics"] = [_input(one) for one in said.get("metrics") or ()]
    if said.get("window") is not None:
        shown["window"] = _window(said["window"])
    if isinstance(said.get("cumulative_type_params"), dict):
        cumulative = {"window": None, "grain_to_date": None, "period_agg": "first", "metric": None}
        shown["cumulative_type_params"] = {**cumulative, **said["cumulative_type_params"]}
        shown["cumulative_type_params"]["window"] = _window(shown["cumulative_type_params"]["window"])
    if isinstance(said.get("conversion_type_params"), dict):
        conversion = {"calculation": "conversion_rate", "window": None, "constant_properties": None}
        shown["conversion_type_params"] = {**conversion, **said["conversion_type_params"]}
        shown["conversion_type_params"]["window"] = _window(shown["conversion_type_params"]["window"])
        for key in ("base_measure", "conversion_measure"):
            shown["conversion_type_params"][key] = _measure(shown["conversion_type_params"].get(key) or "")
    return shown


def _measure(said: Any) -> dict[str, Any]:
    known = said if isinstance(said, dict) else {"name": str(said)}
    return {**_MEASURE, **known, "filter": _filters(known.get("filter"))}


def _input(said: Any) -> dict[str, Any]:
    known = said if isinstance(said, dict) else {"name": str(said)}
    return {
        **_INPUT,
        **known,
        "filter": _filters(known.get("filter")),
        "offset_window": _window(known.get("offset_window")),
    }


def _window(said: Any) -> dict[str, Any] | None:
    if said is None or isinstance(said, dict):
        return said
    number, _, unit = str(said).partition(" ")
    return {"count": int(number) if number.isdigit() else 1, "granularity": unit.strip().rstrip("s") or "day"}


def _filters(said: Any) -> dict[str, Any] | None:
    if said is None or isinstance(said, dict):
        return said
    listed = said if isinstance(said, list) else [said]
    return {"where_filters": [{"where_sql_template": str(one)} for one in listed]}


def semantic_model_dict(node: SemanticModel) -> dict[str, Any]:
    """What a semantic model says beside what every node has."""
    spec = node.spec
    defaults = spec.get("defaults")
    return {
        "model": str(spec.get("model") or ""),
        "node_relation": None,
        "label": spec.get("label"),
        "defaults": {"agg_time_dimension": None, **defaults} if isinstance(defaults, dict) else None,
        "entities": [{**_ELEMENT, "role": None, **one} for one in spec.get("entities") or ()],
        "measures": [_aggregate(one) for one in spec.get("measures") or ()],
        "dimensions": [_dimension(one) for one in spec.get("dimensions") or ()],
        "metadata": None,
        "primary_entity": spec.get("primary_entity"),
        "group": node.group,
    }


def _aggregate(said: Mapping[str, Any]) -> dict[str, Any]:
    more = {"create_metric": False, "agg_params": None, "non_additive_dimension": None, "agg_time_dimension": None}
    shown: dict[str, Any] = {**_ELEMENT, **more, **said}
    if shown["expr"] is not None:
        shown["expr"] = str(shown["expr"])
    return shown


def _dimension(said: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {**_ELEMENT, "metadata": None, "type_params": None, "is_partition": False, **said}
    if isinstance(shown["type_params"], dict):
        shown["type_params"] = {"validity_params": None, **shown["type_params"]}
    return shown


def saved_query_dict(node: SavedQuery) -> dict[str, Any]:
    """What a saved query says beside what every node has."""
    spec = node.spec
    query = spec.get("query_params") or {}
    return {
        "query_params": {
            "metrics": list(query.get("metrics") or ()),
            "group_by": list(query.get("group_by") or ()),
            "where": _filters(query.get("where")),
            "order_by": list(query.get("order_by") or ()),
            "limit": query.get("limit"),
        },
        "exports": [_export(one) for one in spec.get("exports") or ()],
        "label": spec.get("label"),
        "metadata": None,
        "group": node.group,
        "tags": list(node.tags),
    }


def _export(said: Mapping[str, Any]) -> dict[str, Any]:
    config = said.get("config") or {}
    return {
        "name": said.get("name"),
        "config": {
            "export_as": config.get("export_as") or "table",
            "schema_name": config.get("schema") or config.get("schema_name"),
            "alias": config.get("alias"),
            "database": config.get("database"),
        },
        "unrendered_config": dict(config),
    }
