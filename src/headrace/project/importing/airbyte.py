"""Airbyte's low-code manifests: the part of them that says the same as keys of ours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from headrace.project.importing.airbyte_auth import auth_of
from headrace.project.importing.airbyte_pages import paging_of
from headrace.project.importing.expressions import Scope, setting_in, translated
from headrace.project.importing.found import Imported, Unlike
from headrace.project.importing.manifests import followed

if TYPE_CHECKING:
    from collections.abc import Mapping

_SPAN = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?)?")
_SPANS = (365 * 86400, 30 * 86400, 7 * 86400, 86400, 3600, 60, 1)
_ACTIONS = {
    "IGNORE": "ignore",
    "FAIL": "fail",
    "RETRY": "retry",
    "RATE_LIMITED": "rate_limited",
    "REFRESH_TOKEN_THEN_RETRY": "refresh_token",
    "RESET_PAGINATION": "reset_pagination",
}


def from_airbyte(manifest: Mapping[str, Any], name: str) -> Imported:
    """A manifest as a source. A stream that needs what we have no words for is left out, with the reason."""
    notes: list[str] = []
    left_out: dict[str, str] = {}
    made: dict[str, dict[str, Any]] = {}
    clients: dict[str, dict[str, Any]] = {}
    secrets = frozenset(_secrets(manifest.get("spec")))
    for number, raw in enumerate(manifest.get("streams") or []):
        called = f"stream {number + 1}"
        try:
            stream = followed(raw, manifest, {})
            called = str(_of(stream, "name") or called)
            _convert(stream, Scope(name, secrets), made, clients, notes)
        except Unlike as unlike:
            left_out[called] = str(unlike)
    if manifest.get("dynamic_streams"):
        notes.append("its dynamic_streams are not imported")
    client = _common(clients, made, left_out)
    _without_parents(made, left_out)
    return Imported({"type": "rest", "client": client, "streams": made}, left_out, list(dict.fromkeys(notes)))


def _secrets(spec: Any) -> list[str]:
    """The names of settings that the manifest calls secret."""
    if not isinstance(spec, dict):
        return []
    found = [key for key, inner in spec.items() if isinstance(inner, dict) and inner.get("airbyte_secret")]
    return found + [key for inner in spec.values() for key in _secrets(inner)]


def _of(component: Mapping[str, Any], key: str, default: Any = None) -> Any:
    """A field of a component, or the parameter that stands for it."""
    value = component.get(key)
    return component.get("$", {}).get(key, default) if value is None else value


def _convert(
    stream: Mapping[str, Any],
    scope: Scope,
    made: dict[str, dict[str, Any]],
    clients: dict[str, dict[str, Any]],
    notes: list[str],
) -> str:
    """Add a stream, and the parents it needs, to what was made; its name. Raises Unlike."""
    name = re.sub(r"\W+", "_", str(_of(stream, "name") or ""))
    if name in made:
        return name
    if stream.get("type") not in (None, "DeclarativeStream"):
        raise Unlike(f"a {stream['type']}")
    retriever = stream.get("retriever") or {}
    if _custom(retriever) or retriever.get("type") not in (None, "SimpleRetriever"):
        raise Unlike(f"a retriever {retriever.get('class_name') or retriever.get('type')}")
    scope = Scope(scope.prefix, scope.secrets, stream.get("$", {}))
    spec, slices = _partitions(_router(retriever, stream), scope, made, clients, notes)
    spec |= _incremental(_of(stream, "incremental_sync") or _old_cursor(retriever), slices, scope)
    scope = Scope(scope.prefix, scope.secrets, stream.get("$", {}), slices)
    selector = _selector(_of(retriever, "record_selector") or {}, scope)
    requester = dict(_of(retriever, "requester") or {})
    if _custom(requester):
        raise Unlike(f"a requester {requester.get('class_name') or requester.get('type')}")
    scope = Scope(scope.prefix, scope.secrets, {**stream.get("$", {}), **requester.get("$", {})}, slices)
    spec = _joined(_request(requester, scope), spec)
    if selector:
        spec["data_selector"] = selector
    paginator, params, body = paging_of(_of(retriever, "paginator"), selector or "$", scope)
    spec["paginator"] = paginator
    for key, more in (("params", {**spec.get("params", {}), **params}), ("json", {**spec.get("json", {}), **body})):
        if more:
            spec[key] = more
    if keys := _keys(_of(stream, "primary_key")):
        spec["primary_key"] = keys
    spec |= _errors(requester.get("error_handler"))
    _transformed(stream.get("transformations") or [], name, notes)
    if len(set(re.findall(r"\{resources\.(\w+)\.", repr(spec)))) > 1:
        raise Unlike("several parents")
    auth = auth_of(_of(requester, "authenticator"), scope, notes)
    base = str(translated(_of(requester, "url_base") or "", scope))
    if not base:
        spec["path"], base = "", spec["path"]
    clients[name] = {"base_url": base, **({"auth": auth} if auth else {})}
    made[name] = spec
    return name


def _joined(request: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """The request with what partitions add to its parameters, headers and body."""
    both: dict[str, Any] = {
        key: {**request[key], **more[key]}
        for key in ("params", "headers", "json", "data")
        if key in request and key in more
    }
    return {**request, **more, **both}


def _custom(component: Mapping[str, Any]) -> bool:
    return "class_name" in component or str(component.get("type", "")).startswith("Custom")


def _request(requester: Mapping[str, Any], scope: Scope) -> dict[str, Any]:
    path = translated(_of(requester, "path") or _of(requester, "url") or "", scope)
    made: dict[str, Any] = {"path": str(path).lstrip("/") if "://" not in str(path) else path}
    method = str(_of(requester, "http_method") or "GET").upper()
    if method not in ("GET", "POST"):
        raise Unlike(f"the method {method}")
    if method == "POST":
        made["method"] = method
    options = requester.get("request_options_provider") or requester
    for theirs, ours in (
        ("request_parameters", "params"),
        ("request_headers", "headers"),
        ("request_body_json", "json"),
        ("request_body_data", "data"),
    ):
        said = translated(options.get(theirs) or {}, scope)
        if not isinstance(said, dict):
            raise Unlike(f"{theirs} as a text")
        if said:
            made[ours] = {key: str(value) for key, value in said.items()} if ours == "headers" else said
    body = options.get("request_body")
    if isinstance(body, dict):
        made["json"] = translated(body.get("value") or {}, scope)
    return made


def _selector(selector: Mapping[str, Any], scope: Scope) -> str:
    extractor = selector.get("extractor") or selector
    if _custom(extractor) or extractor.get("type") not in (None, "DpathExtractor", "RecordSelector"):
        raise Unlike(f"an extractor {extractor.get('class_name') or extractor.get('type')}")
    if selector.get("record_filter"):
        raise Unlike("a record_filter: write it as SQL in `transform:`")
    steps = translated(_of(extractor, "field_path") or _of(extractor, "field_pointer") or [], scope)
    steps = [steps] if isinstance(steps, str) else [step for step in steps if step != ""]
    text = ""
    for step in steps:
        plain = re.fullmatch(r"\w+", str(step))
        text += "[*]" if step in ("*", "**") else f".{step}" if plain else f"['{step}']"
    return text.lstrip(".") if text else "$"


def _keys(said: Any) -> list[str]:
    if isinstance(said, str):
        return [] if "{{" in said else [said]
    found = [one[0] if isinstance(one, list) and len(one) == 1 else one for one in said or []]
    if not all(isinstance(one, str) for one in found):
        raise Unlike("a primary key inside of an object")
    return found


def _router(retriever: Mapping[str, Any], stream: Mapping[str, Any]) -> list[dict[str, Any]]:
    said = retriever.get("partition_router") or retriever.get("stream_slicer") or stream.get("partition_router") or []
    return [one for one in (said if isinstance(said, list) else [said]) if one.get("type") != "DatetimeBasedCursor"]


def _old_cursor(retriever: Mapping[str, Any]) -> Any:
    said = retriever.get("stream_slicer")
    return said if isinstance(said, dict) and said.get("type") == "DatetimeBasedCursor" else None


def _partitions(
    routers: list[dict[str, Any]],
    scope: Scope,
    made: dict[str, dict[str, Any]],
    clients: dict[str, dict[str, Any]],
    notes: list[str],
) -> tuple[dict[str, Any], dict[str, str]]:
    """The keys for parents and lists of values, and what the slices' fields are called here."""
    spec: dict[str, Any] = {}
    slices: dict[str, str] = {}
    for router in routers:
        if "parent_stream_configs" in router and not _custom(router):
            configs = router["parent_stream_configs"]
            if len(configs) != 1:
                raise Unlike("several parents")
            parent = _convert(configs[0]["stream"], scope, made, clients, notes)
            key, field = str(configs[0]["parent_key"]), str(_of(configs[0], "partition_field") or "")
            slices[field] = f"{{resources.{parent}.{key}}}"
            _inject(configs[0].get("request_option"), slices[field], spec)
        elif router.get("values") is not None and not _custom(router) and "for_each" not in spec:
            values = translated(router["values"], scope)
            if not isinstance(values, list):
                raise Unlike("a list of values that is a setting")
            spec["for_each"] = {"values": values}
            slices[str(_of(router, "cursor_field"))] = "{for_each.value}"
            _inject(router.get("request_option"), "{for_each.value}", spec)
        else:
            raise Unlike(f"a partition router {router.get('class_name') or router.get('type')}")
    return spec, slices


def _inject(option: Any, value: str, spec: dict[str, Any]) -> None:
    if not option:
        return
    place = {"request_parameter": "params", "body_json": "json", "body_data": "data", "header": "headers"}
    where = place.get(str(option.get("inject_into")))
    if where is None or not option.get("field_name"):
        raise Unlike(f"a value injected into {option.get('inject_into')}")
    spec.setdefault(where, {})[str(option["field_name"])] = value


def _incremental(cursor: Any, slices: dict[str, str], scope: Scope) -> dict[str, Any]:
    if not cursor:
        return {}
    if _custom(cursor) or cursor.get("type") not in (None, "DatetimeBasedCursor", "IncrementingCountCursor"):
        raise Unlike(f"a cursor {cursor.get('class_name') or cursor.get('type')}")
    made: dict[str, Any] = {"cursor_path": translated(str(_of(cursor, "cursor_field")), scope)}
    start = _of(cursor, "start_datetime", _of(cursor, "start_value"))
    start = start.get("datetime") if isinstance(start, dict) else start
    if start is not None:
        try:
            made["initial_value"] = translated(str(start), scope)
        except Unlike:
            made["initial_value"] = setting_in(str(start), scope)
            if made["initial_value"] is None:
                raise Unlike("a start that is computed") from None
    form = str(_of(cursor, "datetime_format") or "")
    if form:
        made["format"] = {"%s": "epoch", "%ms": "epoch_ms"}.get(form, form)
    for option, param in (
        ("start_time_option", "start_param"),
        ("start_value_option", "start_param"),
        ("end_time_option", "end_param"),
    ):
        said = _of(cursor, option)
        if said and said.get("inject_into") not in ("request_parameter", None):
            raise Unlike(f"a cursor injected into {said.get('inject_into')}")
        if said:
            made[param] = translated(str(said.get("field_name")), scope)
    for theirs, ours in (("step", "step"), ("lookback_window", "lag")):
        span = _span(_of(cursor, theirs))
        if span:
            made[ours] = span
    slices |= {
        str(_of(cursor, "partition_field_start") or _of(cursor, "stream_slice_field_start") or "start_time"): "{incremental.start_value}",
        str(_of(cursor, "partition_field_end") or _of(cursor, "stream_slice_field_end") or "end_time"): "{incremental.end_value}",
    }  # fmt: skip
    return {"incremental": made}


def _span(said: Any) -> int | None:
    found = _SPAN.fullmatch(str(said)) if said and "{{" not in str(said) else None
    old = re.fullmatch(r"(\d+)([dwmy])", str(said or ""))
    if old:
        return int(old[1]) * {"d": 86400, "w": 604800, "m": 30 * 86400, "y": 365 * 86400}[old[2]]
    return int(sum(float(part) * size for part, size in zip(found.groups(), _SPANS, strict=True) if part)) if found else None  # fmt: skip


def _errors(handler: Any) -> dict[str, Any]:
    actions: list[dict[str, Any]] = []
    retry: dict[str, Any] = {}
    for one in (handler or {}).get("error_handlers") or ([handler] if handler else []):
        if _custom(one):
            raise Unlike("an error handler of its own")
        if isinstance(one.get("max_retries"), int):
            retry["max_attempts"] = one["max_retries"] + 1
        for strategy in one.get("backoff_strategies") or []:
            retry |= _backoff(strategy)
        for rule in one.get("response_filters") or []:
            actions += _action(rule)
    return {**({"response_actions": actions} if actions else {}), **({"retry": retry} if retry else {})}


def _backoff(strategy: Mapping[str, Any]) -> dict[str, Any]:
    kind = strategy.get("type")
    seconds, header = strategy.get("backoff_time_in_seconds"), str(strategy.get("header"))
    if kind == "ConstantBackoffStrategy" and isinstance(seconds, (int, float)):
        return {"backoff": "constant", "factor": seconds}
    if kind == "ExponentialBackoffStrategy" and isinstance(strategy.get("factor", 5), (int, float)):
        return {"factor": strategy.get("factor", 5)}
    names = {"WaitTimeFromHeader": "wait_time_header", "WaitUntilTimeFromHeader": "wait_until_header"}
    return {names[kind]: header} if kind in names and "{{" not in header else {}


def _action(rule: Mapping[str, Any]) -> list[dict[str, Any]]:
    action = _ACTIONS.get(str(rule.get("action", "FAIL")))
    if action is None or rule.get("predicate"):
        if rule.get("predicate") and str(rule.get("action")) in ("FAIL", "RETRY"):
            return []
        raise Unlike(f"a response filter {rule.get('action')} with a predicate")
    content = {"content": rule["error_message_contains"]} if rule.get("error_message_contains") else {}
    codes = rule.get("http_codes") or [None]
    return [
        {**({"status_code": code} if code else {}), **content, "action": action} for code in codes if code or content
    ]


def _transformed(steps: list[Any], name: str, notes: list[str]) -> None:
    for step in steps:
        if _custom(step):
            raise Unlike(f"a transformation {step.get('class_name')}")
        if step.get("type") not in ("RemoveFields", None):
            notes.append(f"{name}: {step.get('type')} is left to a model or to `transform:`")


def _common(
    clients: dict[str, dict[str, Any]], made: dict[str, dict[str, Any]], left_out: dict[str, str]
) -> dict[str, Any]:
    """The client that most streams share; paths of others on its host are whole, those of other hosts or logins left out."""
    if not clients:
        return {"base_url": ""}
    texts = [repr(client) for client in clients.values()]
    client = clients[max(clients, key=lambda name: texts.count(repr(clients[name])))]
    for name, other in clients.items():
        if other == client:
            continue
        home, there = (one["base_url"].split("/")[:3] for one in (client, other))
        if other.get("auth") == client.get("auth") and home == there:
            made[name]["path"] = other["base_url"].rstrip("/") + "/" + made[name]["path"]
        else:
            del made[name]
            left_out[name] = "another host or login than the other streams: make it a source of its own"
    return client


def _without_parents(made: dict[str, dict[str, Any]], left_out: dict[str, str]) -> None:
    while lost := [
        name
        for name, spec in made.items()
        if any(parent not in made for parent in re.findall(r"\{resources\.(\w+)\.", repr(spec)))
    ]:
        for name in lost:
            del made[name]
            left_out[name] = "its parent is left out"
