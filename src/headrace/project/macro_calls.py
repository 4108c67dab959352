"""Which macros a macro calls, as far as its text tells: what dbt's manifest says that it depends on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from headrace.project.recording import FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headrace.project.macros import Macro, Macros

_CODE = re.compile(r"\{#.*?#\}|\{%-?\s*raw\s*-?%\}.*?\{%-?\s*endraw\s*-?%\}|\{\{(.*?)\}\}|\{%(.*?)%\}", re.DOTALL)
_INSIDE = re.compile(r"'[^']*'|\"[^\"]*\"|\[[^\[\]]*\]|\{[^{}]*\}|\([^()]*\)")
_CALL = re.compile(r"(?<![\w.])(?:(\w+)\.)?(\w+)\s*\(")
_DISPATCH = re.compile(
    r"adapter\.dispatch\(\s*(?:macro_name\s*=\s*)?['\"](\w+)['\"]"
    r"(?:\s*,\s*(?:macro_namespace\s*=\s*)?(?:\[\s*)?['\"](\w+)['\"])?"
)


def called(macro: Macro, macros: Macros, dialect: str) -> list[str]:
    """The ids of the macros that a macro's text calls by name or by dispatch, in order; itself left out."""
    found: dict[str, None] = {}
    head, _, body = macro.block.partition("%}")
    for one in _calls(body if head else macro.block, macro.package, macros, dialect):
        found[one] = None
    found.pop(macro.unique_id, None)
    return list(found)


def _calls(text: str, package: str, macros: Macros, dialect: str) -> Iterator[str]:
    for code in _CODE.finditer(text):
        inside = code[1] or code[2]
        if not inside or "(" not in inside:
            continue
        for call in _CALL.finditer(inside):
            space, name = call[1], call[2]
            if space == "adapter":
                dispatched = _DISPATCH.match(inside, call.start()) if name == "dispatch" else None
                macro = dispatched and macros.dispatch(dispatched[1], dispatched[2], dialect, package)
            else:
                macro = macros.of(name, package) if space is None else macros.find(name, space)
            if macro:
                yield macro.unique_id
            elif space in (None, "dbt") and name in FUNCTIONS:
                yield f"macro.dbt.{name}"


def arguments(macro: Macro) -> list[str]:
    """The names of a macro's parameters, in order."""
    head = macro.block.partition("%}")[0]
    signature = head.partition("(")[2].rpartition(")")[0]
    # Defaults may hold lists, mappings and texts with commas; what stands inside of them is no parameter.
    while (plain := _INSIDE.sub("", signature)) != signature:
        signature = plain
    return [name for part in signature.split(",") if (name := part.partition("=")[0].strip()).isidentifier()]
