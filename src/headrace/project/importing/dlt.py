"""dlt's `rest_api` configuration: its keys are ours, so that it is mostly moved about."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from headrace.errors import ConfigInvalid
from headrace.naming import normalised
from headrace.project.importing.found import Imported, Unlike

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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
_COMPUTED = "computed"
_IGNORED = ("name", "endpoint", "selected", "parallelized", "table_format", "file_format", "processing_steps", "parent")  # fmt: skip

_HINTS = "make_nested_hints"
"""dlt's function that gives back, as a dict, what it is given."""


def from_dlt(config: Mapping[str, Any]) -> Imported:
    """A `RESTAPIConfig`. A resource with a function in it is left out, or noted where its rows are the same without."""
    client = dict(config.get("client") or {})
    client.pop("session", None)
    if isinstance(client.get("auth"), dict) and "type" not in client["auth"] and "token" in client["auth"]:
        client["auth"] = {"type": "bearer", **client["auth"]}
    if "paginator" in client:
        client["paginator"] = _paginator(client["paginator"])
    defaults = config.get("resource_defaults") or {}
    streams: dict[str, Any] = {}
    left_out: dict[str, str] = {}
    notes: list[str] = []
    for resource in config.get("resources") or ():
        one = {"name": resource} if isinstance(resource, str) else dict(resource)
        name = str(one.get("name") or "?")
        if _COMPUTED in one:
            left_out[name] = str(one[_COMPUTED])
            continue
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
    if "paginator" in made:
        made["paginator"] = _paginator(made["paginator"])
    for key, value in resource.items():
        if key in _RESOURCE:
            made[key] = _disposition(value, notes, name) if key == "write_disposition" else value
        elif key == "incremental":
            made[key] = value
        elif key == "max_table_nesting":
            # 0 is headrace's own default: what is nested stays JSON.
            made |= {"nested": "tables", key: value} if value else {}
        elif key == "nested_hints":
            made |= _lists(name, value, resource.get("max_table_nesting"), notes)
        elif key not in _IGNORED:
            notes.append(f"{name}: '{key}' has no counterpart")
    if resource.get("selected") is False:
        notes.append(f"{name}: `selected: False` stays behind: it is loaded as the others are")
    if resource.get("processing_steps"):
        raise Unlike("its processing_steps are functions: write them as SQL in `transform:`")
    _no_functions(made)
    if isinstance(made.get("columns"), (list, dict)):
        made["columns"] = _columns(made["columns"])
    return made


def _lists(name: str, hints: Any, deepest: int | None, notes: list[str]) -> dict[str, Any]:
    """What is known of the rows of lists, which have tables in dlt without being asked for; a list in a list is a tuple of names."""
    if deepest == 0:
        notes.append(f"{name}: its nested_hints stay behind, since `max_table_nesting: 0` keeps lists as JSON")
        return {}
    found: dict[str, Any] = {}
    for key, said in (hints if isinstance(hints, dict) else {}).items():
        path = [normalised(str(one)) for one in (key if isinstance(key, tuple) else (key,))]
        called = "__".join(path)
        if not isinstance(said, dict) or (deepest is not None and len(path) > deepest):
            why = "is deeper than max_table_nesting" if isinstance(said, dict) else "is not written out"
            notes.append(f"{name}: what its nested_hints say of '{called}' stays behind: it {why}")
            continue
        given = said.get("columns") or {}
        if not isinstance(given, (list, dict)):
            notes.append(f"{name}: the columns of its list '{called}' stay behind: they are not written out")
            given = {}
        found[called] = {"columns": {normalised(column): one for column, one in _columns(given).items()}}
        _tell_of_others(name, called, said, notes)
    if hints and not found:
        notes.append(f"{name}: nothing of its nested_hints is left")
    return {"nested": "tables", "nested_hints": found}


def _tell_of_others(name: str, called: str, said: Mapping[str, Any], notes: list[str]) -> None:
    for key in said:
        if key == "schema_contract":
            notes.append(
                f"{name}: the schema_contract of its list '{called}' stays behind: that of the stream holds for its lists, and "
                f"`contract:` for a column"
            )
        elif key not in ("columns", *_IGNORED) and said[key]:
            notes.append(
                f"{name}: '{key}' of its list '{called}' stays behind: rows of a list come and go with the row that they are in"
            )


def _columns(said: list[Mapping[str, Any]] | Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    if isinstance(said, list):
        return {str(one["name"]): _column(one) for one in said}
    return {column: _column(one) for column, one in said.items()}


def _paginator(said: Any) -> Any:
    """`json_response` is what dlt called `json_link` before."""
    if said == "json_response":
        return "json_link"
    return {**said, "type": "json_link"} if isinstance(said, dict) and said.get("type") == "json_response" else said


_TYPES = {"text": "varchar", "bool": "boolean", "binary": "blob", "wei": "hugeint", "timestamp": "timestamptz"}


def _column(one: Mapping[str, Any]) -> dict[str, Any]:
    kind = one.get("data_type")
    if kind == "decimal":
        kind = f"decimal({one.get('precision', 38)},{one.get('scale', 9)})"
    made: dict[str, Any] = {"type": _TYPES.get(kind, kind)} if kind else {}
    return made | ({"nullable": False} if one.get("nullable") is False else {})


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


def _key(node: ast.AST, path: str) -> Any:
    found = _value(node, path)
    return tuple(found) if isinstance(found, list) else found


def _resources(node: ast.AST, path: str) -> Any:
    """The resources of a configuration; one that is computed, in whole or in part, has a word of that in place of its values."""
    if not isinstance(node, ast.List | ast.Tuple):
        return _value(node, path)
    found: list[Any] = []
    for one in node.elts:
        try:
            found.append(_value(one, path))
        except ConfigInvalid as computed:
            said = {key.value: value.value for key, value in _constants(one)}
            found.append({"name": said.get("name", "?"), _COMPUTED: computed.what})
    return found


def _constants(node: ast.AST) -> Iterator[tuple[ast.Constant, ast.Constant]]:
    for pair in zip(node.keys, node.values, strict=True) if isinstance(node, ast.Dict) else ():
        key, value = pair
        if isinstance(key, ast.Constant) and isinstance(value, ast.Constant):
            yield key, value


def _value(node: ast.AST, path: str) -> Any:
    match node:
        case ast.Constant():
            return node.value
        case ast.Dict():
            pairs = [(_key(key, path), value) for key, value in zip(node.keys, node.values, strict=True) if key]
            return {key: _resources(value, path) if key == "resources" else _value(value, path) for key, value in pairs}
        case ast.List() | ast.Tuple():
            return [_value(one, path) for one in node.elts]
        case ast.Call(func=ast.Attribute(attr=called) | ast.Name(id=called), args=[], keywords=given) if (
            called == _HINTS and all(one.arg for one in given)
        ):
            return {one.arg: _value(one.value, path) for one in given}
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
