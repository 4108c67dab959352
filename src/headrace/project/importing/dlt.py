"""dlt's `rest_api` configuration: its keys are ours, so that it is mostly moved about."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from headrace.errors import ConfigInvalid
from headrace.project.importing.found import Imported, Unlike

if TYPE_CHECKING:
    from collections.abc import Mapping

_ENDPOINT = ("path", "method", "params", "json", "data", "headers", "auth", "paginator", "data_selector", "response_actions", "incremental")  # fmt: skip
_RESOURCE = (
    "write_disposition",
    "primary_key",
    "merge_key",
    "columns",
    "schema_contract",
    "table_name",
    "include_from_parent",
)
_IGNORED = ("name", "endpoint", "selected", "parallelized", "nested_hints", "table_format", "file_format", "processing_steps", "parent")  # fmt: skip


def from_dlt(config: Mapping[str, Any]) -> Imported:
    """A `RESTAPIConfig`. A resource with a function in it is left out, or noted where its rows are the same without."""
    client = dict(config.get("client") or {})
    client.pop("session", None)
    defaults = config.get("resource_defaults") or {}
    streams: dict[str, Any] = {}
    left_out: dict[str, str] = {}
    notes: list[str] = []
    for resource in config.get("resources") or ():
        one = {"name": resource} if isinstance(resource, str) else dict(resource)
        name = str(one.get("name") or "?")
        try:
            streams[name] = _stream(name, one, notes)
        except Unlike as unlike:
            left_out[name] = str(unlike)
    source: dict[str, Any] = {"type": "rest", "client": client}
    if defaults:
        source["defaults"] = _stream("resource_defaults", {"name": "", **defaults}, notes, endpoint=False)
    return Imported({**source, "streams": streams}, left_out, notes)


def _stream(name: str, resource: Mapping[str, Any], notes: list[str], *, endpoint: bool = True) -> dict[str, Any]:
    said = resource.get("endpoint")
    where = {"path": said} if isinstance(said, str) else dict(said or ({"path": name} if endpoint else {}))
    if endpoint:
        where.setdefault("path", name)
    made: dict[str, Any] = {key: where[key] for key in _ENDPOINT if where.get(key) not in (None, {}, [])}
    for key, value in resource.items():
        if key in _RESOURCE:
            made[key] = _disposition(value, notes, name) if key == "write_disposition" else value
        elif key == "incremental":
            made[key] = value
        elif key == "max_table_nesting":
            # 0 is headrace's own default: what is nested stays JSON.
            made |= {"nested": "tables", key: value} if value else {}
        elif key not in _IGNORED:
            notes.append(f"{name}: '{key}' has no counterpart")
    if resource.get("processing_steps"):
        raise Unlike("its processing_steps are functions: write them as SQL in `transform:`")
    _no_functions(made)
    if isinstance(made.get("columns"), list):
        made["columns"] = {str(one["name"]): _column(one) for one in made["columns"]}
    elif isinstance(made.get("columns"), dict):
        made["columns"] = {column: _column(one) for column, one in made["columns"].items()}
    return made


_TYPES = {"text": "varchar", "bool": "boolean", "binary": "blob", "wei": "hugeint", "timestamp": "timestamptz"}


def _column(one: Mapping[str, Any]) -> dict[str, Any]:
    kind = one.get("data_type")
    if kind == "decimal":
        kind = f"decimal({one.get('precision', 38)},{one.get('scale', 9)})"
    return {"type": _TYPES.get(kind, kind)} if kind else {}


def _disposition(value: Any, notes: list[str], name: str) -> Any:
    if not isinstance(value, dict):
        return value
    kept = {key: value[key] for key in ("disposition", "strategy") if key in value}
    lost = ", ".join(f"'{key}'" for key in value if key not in kept)
    if lost:
        notes.append(
            f"{name}: {lost} of its write_disposition stays behind; names of columns stand under `history:` here"
        )
    return kept


def _no_functions(value: Any) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("convert", "last_value_func") and inner not in ("max", "min"):
                raise Unlike(f"'{key}' is a function")
            _no_functions(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            _no_functions(inner)
    elif callable(value):
        raise Unlike("it has a function in it")


def read_dict(text: str, path: str) -> dict[str, Any]:
    """The one dict with `client` and `resources` in a Python file or a text of a dict, without running it.

    `dlt.secrets["a.b"]` becomes `${A_B}`. Raises ConfigInvalid.
    """
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise ConfigInvalid(f"{path} is not Python: {error.msg}, line {error.lineno}") from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            keys = {key.value for key in node.keys if isinstance(key, ast.Constant)}
            if {"client", "resources"} <= keys:
                found: dict[str, Any] = _value(node, path)
                return found
    raise ConfigInvalid(f"{path} has no dict with the keys 'client' and 'resources'")


def _value(node: ast.AST, path: str) -> Any:
    match node:
        case ast.Constant():
            return node.value
        case ast.Dict():
            return {
                _value(key, path): _value(value, path)
                for key, value in zip(node.keys, node.values, strict=True)
                if key is not None
            }
        case ast.List() | ast.Tuple():
            return [_value(one, path) for one in node.elts]
        case ast.Subscript(value=ast.Attribute(attr="secrets" | "config"), slice=ast.Constant(value=name)):
            return "${" + str(name).replace(".", "_").upper() + "}"
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=number)):
            return -number  # type: ignore[operator]
        case ast.Name():
            return "${" + node.id.upper() + "}"
    raise ConfigInvalid(
        f"{path}, line {getattr(node, 'lineno', '?')}: only values can be imported, and this is computed",
        hint="write it as a value, or take that key out",
    )
