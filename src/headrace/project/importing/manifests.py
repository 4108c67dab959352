"""A low-code manifest with its references followed and its parameters handed down."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from headrace.project.importing.found import Unlike

if TYPE_CHECKING:
    from collections.abc import Mapping

_OLD = re.compile(r"\*ref\((.*)\)")


def followed(value: Any, root: Mapping[str, Any], parameters: Mapping[str, Any], depth: int = 0) -> Any:
    """The value without references; each mapping has under `$` the parameters that hold for it. Raises Unlike for a circle."""
    if depth > 60:
        raise Unlike("references that go in a circle")
    if isinstance(value, list):
        return [followed(one, root, parameters, depth + 1) for one in value]
    if isinstance(value, str) and (found := _target(value)):
        return followed(_at(root, found), root, parameters, depth + 1)
    if not isinstance(value, dict):
        return value
    own = value
    if isinstance(value.get("$ref"), str):
        base = followed_once(value, root, depth)
        own = {**base, **{key: inner for key, inner in value.items() if key != "$ref"}}
    given = {**(own.get("$parameters") or own.get("$options") or {})}
    known = {**given, **parameters}
    made = {
        key: followed(inner, root, known, depth + 1)
        for key, inner in own.items()
        if key not in ("$parameters", "$options", "$ref")
    }
    return {**made, "$": known}


def followed_once(value: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """What a mapping's `$ref` names, with that one's own `$ref` followed as well."""
    found = _at(root, _target(str(value["$ref"])) or [])
    if not isinstance(found, dict):
        raise Unlike(f"the reference {value['$ref']} to what is no mapping")
    if isinstance(found.get("$ref"), str):
        if depth > 60:
            raise Unlike("references that go in a circle")
        return {
            **followed_once(found, root, depth + 1),
            **{key: inner for key, inner in found.items() if key != "$ref"},
        }
    return found


def _target(text: str) -> list[str] | None:
    if text.startswith("#/"):
        return text[2:].split("/")
    old = _OLD.fullmatch(text.strip())
    return old[1].split(".") if old else None


def _at(whole: Any, path: list[str]) -> Any:
    root = whole
    for key in path:
        if isinstance(root, dict) and key not in root and isinstance(root.get("$ref"), str):
            root = _at(whole, _target(root["$ref"]) or [])
        if isinstance(root, str) and (found := _target(root)):
            root = _at(whole, found)
        if isinstance(root, dict) and key in root:
            root = root[key]
        elif isinstance(root, list) and key.isdigit() and int(key) < len(root):
            root = root[int(key)]
        else:
            raise Unlike(f"the reference to {'/'.join(path)}, which is not there")
    return root
