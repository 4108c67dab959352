"""What stands in braces in a request, such as `{incremental.start_value}`, and the values it stands for."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

_EXPRESSION = re.compile(r"\{((?:incremental|resources|for_each|job)\.[^{}]+)\}")


def filled(value: Any, values: Mapping[str, Any]) -> Any:
    """A value of the config with its expressions replaced; a text that is one expression without a value is None.

    A parameter `{type: resolve, resource: R, field: F}` is the expression `{resources.R.F}`.
    """
    if isinstance(value, dict):
        if value.get("type") == "resolve":
            return values.get(f"resources.{value['resource']}.{value['field']}")
        return {
            key: made for key, inner in value.items() if (made := filled(inner, values)) is not None or inner is None
        }
    if isinstance(value, (list, tuple)):
        return [filled(inner, values) for inner in value]
    if not isinstance(value, str):
        return value
    whole = _EXPRESSION.fullmatch(value)
    if whole:
        return values.get(whole[1])
    return _EXPRESSION.sub(lambda found: _text(values.get(found[1])), value)


def addressed(path: str, params: Mapping[str, Any], values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """A path and its parameters, filled; a parameter that the path names in braces, as `posts/{id}`, goes there."""
    made = filled(params, values)
    # A value inside of a path is one step of it, whatever it holds; a path that is nothing but a value is an address.
    whole = _EXPRESSION.fullmatch(path)
    where = _text(values.get(whole[1])) if whole else _EXPRESSION.sub(lambda found: _step(values.get(found[1])), path)
    used = [name for name in made if f"{{{name}}}" in where]
    for name in used:
        where = where.replace(f"{{{name}}}", _step(made[name]))
    return where, {name: value for name, value in made.items() if name not in used}


def _step(value: Any) -> str:
    return quote(_text(value), safe="")


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
