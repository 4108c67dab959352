"""Paginators of a low-code manifest."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from headrace.project.importing.expressions import Scope, bare, keys_of, translated
from headrace.project.importing.found import Unlike

if TYPE_CHECKING:
    from collections.abc import Mapping

Paging = tuple[dict[str, Any], dict[str, Any], dict[str, Any]]


def paging_of(said: Any, selector: str, scope: Scope) -> Paging:
    """A paginator, and what the size of a page adds to parameters and body. Raises Unlike."""
    if not said or said.get("type") == "NoPagination":
        return {"type": "single_page"}, {}, {}
    strategy = said.get("pagination_strategy") or {}
    if "class_name" in said or "class_name" in strategy or str(strategy.get("type", "")).startswith("Custom"):
        raise Unlike(f"a paginator {said.get('class_name') or strategy.get('class_name') or strategy.get('type')}")
    token, size = said.get("page_token_option") or {}, strategy.get("page_size")
    params, body = _sized(said.get("page_size_option"), size, scope)
    kind = strategy.get("type") or ("CursorPagination" if "cursor_value" in strategy else "")
    if kind == "PageIncrement":
        base = strategy.get("start_from_page", 0)
        return (
            {"type": "page_number", "base_page": base, "total_path": None, **_place(token, "page", scope)},
            params,
            body,
        )
    if kind == "OffsetIncrement":
        limit = translated(size, scope)
        if not str(limit).isdigit():
            raise Unlike("an offset by a page size that is a setting")
        named = {"limit_param": next(iter(params), None), "limit_body_path": next(iter(body), None)}
        said_limit = {key: value for key, value in named.items() if value} or {"limit_param": "limit"}
        made = {"type": "offset", "limit": int(limit), "total_path": None, **_place(token, "offset", scope)}
        return {**made, **said_limit}, {}, {}
    if kind == "CursorPagination":
        return _cursor(strategy, token, selector, scope), params, body
    raise Unlike(f"a pagination strategy {kind}")


def _sized(option: Any, size: Any, scope: Scope) -> tuple[dict[str, Any], dict[str, Any]]:
    if not option or size is None or not option.get("field_name"):
        return {}, {}
    value, name = translated(size, scope), translated(str(option["field_name"]), scope)
    if option.get("inject_into") == "request_parameter":
        return {name: value}, {}
    if option.get("inject_into") == "body_json":
        return {}, {name: value}
    raise Unlike(f"a page size injected into {option.get('inject_into')}")


def _place(option: Mapping[str, Any], usual: str, scope: Scope) -> dict[str, str]:
    """Where the number or token of a page goes."""
    place, field = option.get("inject_into"), option.get("field_name") or option.get("field_path")
    name = ".".join(field) if isinstance(field, list) else translated(str(field or usual), scope)
    if place in ("request_parameter", None):
        return {f"{usual}_param": name}
    if place == "body_json":
        return {f"{usual}_body_path": name}
    raise Unlike(f"a page's token injected into {place}")


def _cursor(strategy: Mapping[str, Any], token: Mapping[str, Any], selector: str, scope: Scope) -> dict[str, Any]:
    expression = bare(strategy.get("cursor_value")) or str(strategy.get("cursor_value"))
    header = keys_of(expression, "headers")
    if header and [key.lower() for key in header] == ["link", "next", "url"]:
        return {"type": "header_link"}
    path = _path(expression, selector)
    stops = _stops(strategy.get("stop_condition"), selector)
    if token.get("type") == "RequestPath" or token.get("inject_into") == "path":
        if path is None:
            raise Unlike(f"a next page's address {expression!r}")
        return {"type": "json_link", "next_url_path": path}
    if header and len(header) == 1:
        return {"type": "header_cursor", "cursor_key": header[0], "cursor_param": _place(token, "cursor", scope).get("cursor_param", "cursor")}  # fmt: skip
    if path is None:
        raise Unlike(f"a next page's token {expression!r}")
    return {"type": "cursor", "cursor_path": path, **_place(token, "cursor", scope), **stops}


def _path(expression: str, selector: str) -> str | None:
    """A path of the response that an expression names; the last record is one as well."""
    text = re.sub(r"\s+(or|if)\s.*$", "", expression.strip(), flags=re.DOTALL)
    for root, below in (("response", ""), ("last_records[-1]", f"{selector}[-1]"), ("last_record", f"{selector}[-1]")):
        keys = keys_of(text, root)
        if keys:
            plain = [f".{key}" if re.fullmatch(r"\w+", key) else f"[{key}]" if re.fullmatch(r"-?\d+", key) else f"['{key}']" for key in keys]  # fmt: skip
            return (below + "".join(plain)).lstrip(".")
    return None


def _stops(condition: Any, selector: str) -> dict[str, str]:
    """A flag that says whether there is more. Conditions on the token itself say nothing new: paging ends without one."""
    text = bare(condition) or ""
    negated = re.fullmatch(r"not\s+(.*)|(.*?)\s*(?:==|is)\s*(?:false|False)", text, re.DOTALL)
    path = _path((negated[1] or negated[2]).strip("() "), selector) if negated else None
    return {"has_more_path": path} if path else {}
