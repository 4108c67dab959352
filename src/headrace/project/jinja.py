"""The Jinja dialect of dbt: blocks that define things, names that are looked up when they are used, and loud unknown names.

A macro is a function: `return()` leaves it with any value, so compiled macros are wrapped (see `macros`) and every macro of a file is
renamed, which makes each call go through the look-up and lets a project override a macro by its name.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.nativetypes import NativeCodeGenerator
from jinja2.runtime import Context
from jinja2.utils import missing

from headrace.events import Warned, emit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jinja2.parser import Parser

OVERRIDES = "_headrace_overrides"
"""The name under which a rendering finds what takes the place of macros, as in unit tests."""
PREFIX = "macro__"
"""Compiled macros carry it, so that no call finds one without the look-up."""


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
    def language(self) -> jinja2.Environment:
        """The dialect that macros are compiled in."""
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
        """A name's value: the project's macros come first, as they may override, then the names handed over, then the rest."""
        overrides = self.names.get(OVERRIDES)
        if overrides and name in overrides:
            return overrides[name]
        found = self.finder.own(name, self.package)
        if found is not None:
            return found
        if name in self.names:
            return self.names[name]
        found = self.finder.foreign(name)
        return missing if found is None else found


scope: ContextVar[Scope] = ContextVar("scope")
"""The rendering that is going on in this thread."""


class LateContext(Context):
    """Looks names up in the rendering that is going on, so that a compiled macro serves all renderings and threads."""

    def resolve_or_missing(self, key: str) -> Any:
        """A name set in the template itself, else one of the rendering, else one of Jinja's own."""
        if key in self.vars:
            return self.vars[key]
        found = scope.get().find(key)
        if found is not missing:
            return found
        return self.parent.get(key, missing)


class Unknown(jinja2.Undefined):
    """A name that means nothing: false and empty when asked about, an error when it is called, and when it is written out.

    Where names may be empty, as in dbt, writing it out writes nothing; so does a parameter that a macro was not given.
    """

    __slots__ = ()

    def __getattr__(self, name: str) -> Unknown:
        """An attribute of nothing is nothing, which lets `{% if a.b.c %}` be asked."""
        if name.startswith("__"):
            raise AttributeError(name)
        return Unknown(name=f"{self._undefined_name}.{name}", exc=self._undefined_exception)

    def __getitem__(self, _key: Any) -> Unknown:  # type: ignore[override]
        return self

    def _fail(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        self._fail_with_undefined_error()

    __html__ = _fail

    def __call__(self, *_args: Any, **_kwargs: Any) -> Any:
        """Nothing, where names may be empty and the template is only read; else an error."""
        now = scope.get()
        if not now.finder.empty_names or now.names.get("execute") is not False:
            self._fail()
        return self

    def __str__(self) -> str:
        if not scope.get().finder.empty_names:
            self._fail()
        reading = scope.get().names.get("execute") is False
        if self._undefined_hint is None and self._undefined_obj is missing and not reading:
            emit(Warned(f"'{self._undefined_name}' is not known, so nothing is written in its place"))
        return ""


class Definitions(Extension):
    """`{% test %}`, `{% materialization %}` and `{% snapshot %}` as macros, `{% docs %}` as a block of text."""

    tags = {"test", "data_test", "materialization", "snapshot", "docs"}

    def parse(self, parser: Parser) -> nodes.Node:
        """A macro named as dbt names it: `test_x`, `materialization_x_duckdb`, `snapshot_x`."""
        tag = next(parser.stream)
        name = parser.stream.expect("name").value
        node = nodes.Macro(lineno=tag.lineno)
        node.args, node.defaults = [], []
        if tag.value in ("test", "data_test"):
            node.name = f"test_{name}"
            parser.parse_signature(node)
        elif tag.value == "materialization":
            node.name = f"materialization_{name}_{_adapter(parser)}"
        else:
            node.name = f"{tag.value}_{name}"
        node.body = parser.parse_statements((f"name:end{tag.value}",), drop_needle=True)
        return node


def _adapter(parser: Parser) -> str:
    adapter = "default"
    while parser.stream.skip_if("comma"):
        key = parser.stream.expect("name").value
        if key == "default":
            continue
        parser.stream.expect("assign")
        value = parser.parse_expression()
        if key == "adapter" and isinstance(value, nodes.Const):
            adapter = str(value.value)
    return adapter


class Language(jinja2.Environment):
    """Jinja with dbt's additions, for text."""

    context_class = LateContext

    def __init__(self) -> None:
        super().__init__(
            extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols", Definitions],
            undefined=Unknown,
            cache_size=0,
            autoescape=False,
            keep_trailing_newline=False,
        )
        # What becomes text anyway is left as it is.
        self.filters.update(dict.fromkeys(("as_bool", "as_number", "as_native", "as_text"), _same))
        self.globals["return"] = leave

    def parse_definitions(self, text: str, path: str) -> nodes.Template:
        """A macro file's definitions without what stands between them, renamed with PREFIX."""
        tree = self.parse(text, path, path)
        macros = [node for node in tree.body if isinstance(node, nodes.Macro)]
        for macro in macros:
            macro.name = PREFIX + macro.name
        tree.body = list(macros)
        return tree


class Values(Language):
    """The same for values: an expression's result stays what it is instead of becoming text."""

    code_generator_class = NativeCodeGenerator

    def __init__(self) -> None:
        super().__init__()
        self.filters.update(
            as_bool=lambda value: Cast(value, "bool"),
            as_number=lambda value: Cast(value, "number"),
            as_native=lambda value: Cast(value, "native"),
            as_text=lambda value: Cast(value, "text"),
        )


def _same(value: Any) -> Any:
    return value


def rendered(text: str) -> str:
    """Text in a value that is a template of its own, with the names of the rendering that is going on."""
    here = scope.get(None)
    if here is None or "{" not in text:
        return text
    language = here.finder.language
    code = language.compile(text, "var()", "var()")
    template = language.template_class.from_code(language, code, language.globals)
    return "".join(str(part) for part in template.root_render_func(template.new_context()))


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
