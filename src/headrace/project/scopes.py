"""A rendering that is going on: what names mean in it, the macros it comes through, and how `return()` leaves one."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

OVERRIDES = "_headrace_overrides"
"""The name under which a rendering finds what takes the place of macros, as in unit tests."""
PREFIX = "macro__"
"""Compiled macros carry it, so that no call finds one without the look-up."""


ABSENT: Any = object()
"""What a name means that nobody knows."""


class Returned(Exception):
    """A macro was left by `return(value)`; never seen by users."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


class Finder(Protocol):
    """What finds the name of a macro or package."""

    def own(self, name: str, package: str) -> Any:
        """A macro of the package or of the project, or None."""
        ...

    def foreign(self, name: str) -> Any:
        """A package's namespace or a macro that comes with headrace, or None."""
        ...

    @property
    def empty_names(self) -> bool:
        """Whether a name that means nothing may be written out, as nothing."""
        ...


@dataclass(slots=True)
class Calls:
    """The macros that one rendering came through, by id, and whether the template itself called them."""

    found: dict[str, bool] = field(default_factory=dict)
    depth: int = 0

    def enter(self, macro: str) -> None:
        """Note that a macro is called; `leave` has to follow."""
        if self.depth == 0 and not self.found.get(macro):
            # What was met inside of another macro before takes its place among the direct calls.
            self.found.pop(macro, None)
            self.found[macro] = True
        else:
            self.found.setdefault(macro, False)
        self.depth += 1

    def leave(self) -> None:
        """Note that the macro entered last is done."""
        self.depth -= 1

    def call(self, macro: str) -> None:
        """Note a macro that calls no others."""
        self.enter(macro)
        self.leave()

    @property
    def direct(self) -> list[str]:
        """Those that the template calls, in order of the call: what dbt says that a node depends on."""
        return [macro for macro, direct in self.found.items() if direct]

    @property
    def reached(self) -> list[str]:
        """All of them, in order of name."""
        return sorted(self.found)


@dataclass(slots=True)
class Scope:
    """What names mean during one rendering, and which macros it came through."""

    names: Mapping[str, Any]
    finder: Finder
    package: str
    calls: Calls = field(default_factory=Calls)

    def find(self, name: str) -> Any:
        """A name's value: the project's macros come first, as they may override, then the names handed over, then the rest; else ABSENT."""
        overrides = self.names.get(OVERRIDES)
        if overrides and name in overrides:
            return overrides[name]
        found = self.finder.own(name, self.package)
        if found is not None:
            return found
        if name in self.names:
            return self.names[name]
        found = self.finder.foreign(name)
        return ABSENT if found is None else found


scope: ContextVar[Scope] = ContextVar("scope")
"""The rendering that is going on in this thread."""


def leave(value: Any = None) -> NoReturn:
    """`return(value)`: leave the macro with this value."""
    raise Returned(value)


@dataclass(frozen=True, slots=True)
class Cast:
    """A value that dbt's `as_…` filters marked; only values rendered from YAML know the difference."""

    value: Any
    kind: str

    def __str__(self) -> str:
        return str(self.value)

    def native(self) -> Any:
        """The value as the filter says. Raises ValueError where it is not one."""
        text = str(self.value).strip()
        if self.kind == "text":
            return str(self.value)
        if self.kind == "bool":
            return _boolean(text)
        if self.kind == "number":
            return int(text) if text.lstrip("+-").isdigit() else float(text)
        return _literal(self.value)


def _boolean(text: str) -> bool:
    known = {"true": True, "1": True, "false": False, "0": False}
    if text.lower() not in known:
        message = f"{text!r} is neither true nor false"
        raise ValueError(message)
    return known[text.lower()]


def _literal(value: Any) -> Any:
    import ast

    if not isinstance(value, str):
        return value
    try:
        return ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return value
