"""The Jinja dialect of dbt: blocks that define things, names that are looked up when they are used, and loud unknown names.

A macro is a function: `return()` leaves it with any value, so compiled macros are wrapped (see `macros`) and every macro of a file is
renamed, which makes each call go through the look-up and lets a project override a macro by its name.

Importing Jinja costs as much as reading a small project, so only what has to compile a template imports this.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.nativetypes import NativeCodeGenerator
from jinja2.runtime import Context
from jinja2.utils import missing

from headrace.events import Warned, emit
from headrace.project.scopes import ABSENT, PREFIX, Cast, leave, scope

if TYPE_CHECKING:
    from jinja2.parser import Parser


class LateContext(Context):
    """Looks names up in the rendering that is going on, so that a compiled macro serves all renderings and threads."""

    def resolve_or_missing(self, key: str) -> Any:
        """A name set in the template itself, else one of the rendering, else one of Jinja's own."""
        if key in self.vars:
            return self.vars[key]
        found = scope.get().find(key)
        return self.parent.get(key, missing) if found is ABSENT else found


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


@cache
def language(*, values: bool = False) -> Language:
    """The dialect for text, or the one for values. It knows nothing of a project, so that one is enough."""
    return Values() if values else Language()


def _same(value: Any) -> Any:
    return value


def rendered(text: str) -> str:
    """Text in a value that is a template of its own, with the names of the rendering that is going on."""
    here = scope.get(None)
    if here is None:
        return text
    dialect = language()
    code = dialect.compile(text, "var()", "var()")
    template = dialect.template_class.from_code(dialect, code, dialect.globals)
    return "".join(str(part) for part in template.root_render_func(template.new_context()))
