"""Templates that hold nothing but calls such as `{{ ref('x') }}`, which most models do: read without compiling them."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

CALLABLE = frozenset({"ref", "source", "config", "var", "env_var"})
"""The calls that change nothing, so that a template which fails half-way can be rendered again by Jinja, which says where."""

_BRACES = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Call:
    """A call whose arguments are literals."""

    name: str
    values: tuple[Any, ...] = ()
    named: Mapping[str, Any] = field(default_factory=dict)


Part: TypeAlias = str | Call


def simple(text: str) -> tuple[Part, ...] | None:
    """The text and the calls of a template, in order; None where it takes Jinja to read it."""
    if "{%" in text or "{#" in text or "\r" in text:
        return None
    text = text.removesuffix("\n")  # as Jinja does
    parts: list[Part] = []
    end = 0
    for found in _BRACES.finditer(text):
        call = _call(found[1])
        if call is None:
            return None
        if found.start() > end:
            parts.append(text[end : found.start()])
        parts.append(call)
        end = found.end()
    rest = text[end:]
    if "{{" in rest or "}}" in rest:
        return None
    return (*parts, rest) if rest else tuple(parts)


def _call(expression: str) -> Call | None:
    # A backslash, and a minus that eats white space, mean something else to Jinja than to Python.
    if "\\" in expression or expression[:1] in "-+" or expression[-1:] in "-+":
        return None
    try:
        tree = ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        return None
    match tree:
        case ast.Call(func=ast.Name(id=name), args=values, keywords=named) if name in CALLABLE:
            pass
        case _:
            return None
    given = [_Literal(value) for value in values]
    by_name = {one.arg: _Literal(one.value) for one in named}
    if None in by_name or not all(one.known for one in (*given, *by_name.values())):
        return None
    return Call(name, tuple(one.value for one in given), {str(key): one.value for key, one in by_name.items()})


class _Literal:
    """A literal's value, if it is one that Jinja reads as Python does."""

    def __init__(self, node: ast.expr) -> None:
        self.known = True
        self.value = self._read(node)

    def _read(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=str() | bool() | int() | float() as value):
                return value
            case ast.List(elts=items):
                return [self._read(item) for item in items]
            case ast.Dict(keys=keys, values=values) if all(keys):
                return {self._read(key): self._read(value) for key, value in zip(keys, values, strict=True) if key}
        self.known = False
        return None
