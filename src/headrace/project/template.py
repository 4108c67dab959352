"""Rendering: text and values from the templates of a project, with errors that say where."""

from __future__ import annotations

import re
import sys
from copy import deepcopy
from typing import TYPE_CHECKING, Any, NoReturn

from headrace.errors import HeadraceError, MacroFailed, Place, TemplateInvalid, did_you_mean
from headrace.project.scopes import Calls, Cast, Returned, Scope, scope
from headrace.project.simple import Part, simple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from types import TracebackType

    import jinja2

    from headrace.project.macros import Macro, Macros


class CompilerError(Exception):
    """What `exceptions.raise_compiler_error` raises inside a template; users see it as MacroFailed with its place."""


class Templates:
    """The templates of one project for one engine. Compiled ones are kept; it may be used from several threads."""

    def __init__(self, macros: Macros, dialect: str, project: str) -> None:
        self.macros = macros
        self.dialect = dialect
        self.project = project
        self._simple: dict[str, tuple[Part, ...] | None] = {}
        self._compiled: dict[tuple[bool, str, str], jinja2.Template] = {}

    def render(
        self,
        text: str,
        names: Mapping[str, Any],
        place: Place,
        *,
        package: str | None = None,
        calls: Calls | None = None,
    ) -> str:
        """The text of a template. `calls` collects the macros it comes through.

        Raises TemplateInvalid, MacroFailed, and what the functions in `names` raise, with a place.
        """
        return "".join(str(part) for part in self._run(False, text, names, place, package, calls))

    def evaluate(
        self,
        text: str,
        names: Mapping[str, Any],
        place: Place,
        *,
        package: str | None = None,
        calls: Calls | None = None,
    ) -> Any:
        """The value of a template of a single expression, such as `{{ 1 + 1 }}`; text where it is mixed or has none.

        Raises what `render` raises.
        """
        if "{" not in text:
            return text
        parts = self._run(True, text, names, place, package, calls)
        if not parts:
            return ""
        if len(parts) > 1:
            return "".join(str(part) for part in parts)
        value = parts[0]
        if not isinstance(value, Cast):
            return str(value) if _is_undefined(value) else value
        try:
            return value.native()
        except ValueError as error:
            raise TemplateInvalid(str(error), where=place) from error

    def call(self, name: str, names: Mapping[str, Any], *values: Any, **named: Any) -> Any:
        """What a macro returns, or the text that it writes. `package.name` calls that of a package. Raises what `render` raises."""
        package, _, bare = name.rpartition(".")
        macro = self.macros.find(bare, package or None)
        if macro is None:
            raise TemplateInvalid(f"there is no macro {name!r}", hint=did_you_mean(name, self.macros.names()))
        place = Place(macro.file.path)
        token = scope.set(Scope(names, self.macros, self.project))
        try:
            return macro(*values, **named)
        except Exception as error:  # noqa: BLE001 - whatever a template raises gets a place
            self._explain(error, place, names)
        finally:
            scope.reset(token)

    def dispatch(self, macro_name: str, macro_namespace: str | None = None) -> Macro:
        """`adapter.dispatch`: the macro that fits the engine. Raises TemplateInvalid."""
        package, dot, bare = macro_name.rpartition(".")
        if dot:
            raise TemplateInvalid(
                f"adapter.dispatch({macro_name!r}) has a dot in its name",
                hint=f"write adapter.dispatch({bare!r}, {package!r})",
            )
        found = self.macros.dispatch(macro_name, macro_namespace, self.dialect)
        if found is None:
            raise TemplateInvalid(
                f"no macro {self.dialect}__{macro_name} or default__{macro_name} to dispatch to",
                hint=did_you_mean(f"default__{macro_name}", self.macros.names()),
            )
        return found

    def _run(
        self,
        values: bool,  # noqa: FBT001 - chooses between the two languages, private
        text: str,
        names: Mapping[str, Any],
        place: Place,
        package: str | None,
        calls: Calls | None,
    ) -> list[Any]:
        token = scope.set(Scope(names, self.macros, package or self.project, Calls() if calls is None else calls))
        try:
            parts = self._simply(text)
            if parts is not None:
                return parts
            template = self._compile(values, text, place)
            return list(template.root_render_func(template.new_context()))
        except Returned as left:
            return [left.value]
        except Exception as error:  # noqa: BLE001 - whatever a template raises gets a place
            self._explain(error, place, names, text)
        finally:
            scope.reset(token)

    def _simply(self, text: str) -> list[Any] | None:
        """The parts of a template of simple calls; None where Jinja has to read it, also to say what is wrong with it."""
        if text not in self._simple:
            self._simple[text] = simple(text)
        parts = self._simple[text]
        if parts is None:
            return None
        rendering = scope.get()
        found: list[Any] = []
        for part in parts:
            if isinstance(part, str):
                found.append(part)
                continue
            function: Callable[..., Any] | None = rendering.names.get(part.name)
            if function is None or rendering.find(part.name) is not function:
                return None
            try:
                found.append(function(*deepcopy(part.values), **deepcopy(part.named)))
            except Exception:  # noqa: BLE001 - Jinja meets it again, and knows its line
                return None
        return found

    def _compile(self, values: bool, text: str, place: Place) -> jinja2.Template:  # noqa: FBT001 - as above
        key = (values, place.path, text)
        template = self._compiled.get(key)
        if template is None:
            from headrace.project.jinja import language

            dialect = language(values=values)
            code = dialect.compile(text, place.path, place.path)
            template = dialect.template_class.from_code(dialect, code, dialect.globals)
            self._compiled[key] = template
        return template

    def _explain(self, error: Exception, place: Place, names: Mapping[str, Any], text: str | None = None) -> NoReturn:
        from jinja2 import TemplateSyntaxError

        from headrace.project.jinja import language

        frames = list(_frames(error.__traceback__))
        texts = {place.path: text} if text is not None else {}
        if isinstance(error, TemplateSyntaxError):
            where = self._spot(error.name or place.path, error.lineno, texts, place)
            raise TemplateInvalid(f"the template cannot be read: {error.message}", where=where) from error
        path, line = frames[-1] if frames else (place.path, place.line)
        word = _unknown_word(error)
        where = self._spot(path, line, texts, place, word)
        stack = _stack(frames)
        if isinstance(error, HeadraceError):
            if error.where is None:
                error.where = where
            raise error
        if isinstance(error, CompilerError):
            raise MacroFailed(str(error) + stack, where=where) from error
        if word is not None:
            # What an object lacks is none of the names that templates know.
            known = () if "has no attribute" in str(error) else {*names, *self.macros.names(), *language().globals}
            hint = did_you_mean(word, known)
            raise TemplateInvalid(f"{word!r} is not known here{stack}", where=where, hint=hint) from error
        raise TemplateInvalid(f"{str(error) or type(error).__name__}{stack}", where=where) from error

    def _spot(
        self, path: str, line: int | None, texts: Mapping[str, str], place: Place, word: str | None = None
    ) -> Place:
        text = texts.get(path)
        if text is None:
            text = self.macros.text(path)
        lines = (text or "").splitlines()
        if line is None or not 1 <= line <= len(lines):
            return place if path == place.path else Place(path, line)
        shown = lines[line - 1]
        if path == place.path and place.line is not None:
            # The template is a value inside another file, such as YAML: what it says of its lines is counted from there.
            return place
        return Place(path, line, _column(shown, word), shown)


def _frames(trace: TracebackType | None) -> Iterator[tuple[str, int]]:
    while trace is not None:
        template = trace.tb_frame.f_globals.get("__jinja_template__")
        if template is None and "environment" in trace.tb_frame.f_globals:
            template = trace.tb_frame.f_globals.get("__template__")
        if template is not None:
            yield template.filename or "", template.get_corresponding_lineno(trace.tb_lineno)
        trace = trace.tb_next


def _is_undefined(value: Any) -> bool:
    """Whether it is one of Jinja's, which there are only where Jinja was imported."""
    jinja2 = sys.modules.get("jinja2")
    return jinja2 is not None and isinstance(value, jinja2.Undefined)


def _unknown_word(error: Exception) -> str | None:
    from jinja2 import UndefinedError

    if not isinstance(error, UndefinedError):
        return None
    match = re.match(r"'([^']+)' is undefined|.* has no attribute '([^']+)'", str(error))
    return (match[1] or match[2]) if match else None


def _column(line: str, word: str | None) -> int:
    if word is not None:
        found = re.search(rf"\b{re.escape(word.split('.')[-1])}\b", line)
        if found:
            return found.start() + 1
    found = re.search(r"\{[{%]", line)
    return found.start() + 1 if found else len(line) - len(line.lstrip()) + 1


def _stack(frames: Iterable[tuple[str, int]]) -> str:
    places = [f"{path}:{line}" for path, line in frames]
    return f" (by way of {' → '.join(places)})" if len(places) > 1 else ""
