"""The macros of a project, its packages and headrace, found by name, by package and by dispatch."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.project.scopes import PREFIX, Returned, scope
from headrace.project.texts import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

BUILTIN = Path(__file__).parent / "builtin"
"""Macros that come with headrace; their package is called `dbt`, as projects call it."""

_DEFINITION = re.compile(
    r"\{#.*?#\}"
    r"|\{%-?\s*raw\s*-?%\}.*?\{%-?\s*endraw\s*-?%\}"
    r"|\{%[-+]?\s*(?P<tag>macro|test|data_test|materialization)\s+(?P<name>\w+)(?P<rest>[^%]*)"
    r"|\{%[-+]?\s*end(?:macro|test|data_test|materialization)\s*[-+]?%\}",
    re.DOTALL,
)
_ADAPTER = re.compile(r"adapter\s*=\s*['\"](\w+)['\"]")


@dataclass(frozen=True, slots=True)
class Package:
    """A folder with macros: the project itself, an installed package, or what comes with headrace."""

    name: str
    root: Path
    folders: tuple[str, ...] = ("macros",)
    prefix: str = ""
    """What errors put before the path of a file."""

    def files(self) -> Iterator[tuple[str, str]]:
        """The path below `root` and the text of each macro file, in order of path."""
        for folder in self.folders:
            for file in sorted((self.root / folder).rglob("*.sql")):
                path = file.relative_to(self.root).as_posix()
                yield path, text_of(file, path)


@dataclass(slots=True)
class MacroFile:
    """A file with macros, compiled when the first of them is called."""

    package: str
    path: str
    text: str
    compiled: dict[str, Any] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def function(self, name: str) -> Any:
        """The compiled macro of that name."""
        if self.compiled is None:
            with self.lock:
                if self.compiled is None:
                    self.compiled = self._compile()
        return self.compiled[name]

    def _compile(self) -> dict[str, Any]:
        from headrace.project.jinja import language

        dialect = language()
        tree = dialect.parse_definitions(self.text, self.path)
        code = dialect.compile(tree, self.path, self.path)
        template = dialect.template_class.from_code(dialect, code, dialect.globals)
        module = template.make_module()
        return {key.removeprefix(PREFIX): value for key, value in vars(module).items() if key.startswith(PREFIX)}


@dataclass(frozen=True, slots=True)
class Macro:
    """A macro as a function: called with values, it gives what it returns, or the text that it writes."""

    name: str
    package: str
    file: MacroFile
    span: tuple[int, int] = (0, 0)
    """Where its block stands in the file's text."""

    @property
    def block(self) -> str:
        """Its own part of the file, from the opening to the closing tag."""
        return self.file.text[slice(*self.span)]

    def __call__(self, *values: Any, **named: Any) -> Any:
        """Run it in the rendering that is going on."""
        calls = scope.get().calls
        calls.enter(self.unique_id)
        try:
            return self.file.function(self.name)(*values, **named)
        except Returned as left:
            return left.value
        finally:
            calls.leave()

    @property
    def unique_id(self) -> str:
        """`macro.PACKAGE.NAME`, as dbt's manifest has it."""
        return f"macro.{self.package}.{self.name}"

    def __str__(self) -> str:
        return self.name


class Namespace:
    """A package as templates see it: `dbt_utils.star(...)`."""

    def __init__(self, package: str, macros: Mapping[str, Macro]) -> None:
        self._package = package
        self._macros = macros

    def __getattr__(self, name: str) -> Any:
        """A macro of the package; dbt's own is also where what is a function here and a macro there is looked for."""
        found = self._macros.get(name)
        if found is None and self._package == "dbt":
            found = scope.get().names.get(name)
        if found is None:
            raise AttributeError(name)
        return found

    def __getitem__(self, name: str) -> Macro:
        return self._macros[name]


class Macros:
    """All macros: the look-up that templates use. Two macros of one name in one package: the file read last counts, as in dbt."""

    def __init__(
        self,
        project: str,
        packages: Sequence[Package],
        dispatch: Mapping[str, Sequence[str]],
        *,
        empty_names: bool = False,
    ) -> None:
        self.project = project
        self.empty_names = empty_names
        self._dispatch = dispatch
        self._macros: dict[str, dict[str, Macro]] = {project: {}, "dbt": {}}
        self._macros.update({package.name: {} for package in packages})
        self._texts: dict[str, str] = {}
        for package in packages:
            for path, text in package.files():
                shown = path if package.name == project else f"{package.prefix or f'{package.name}/'}{path}"
                self.add(package.name, shown, text)
        self._spaces = {name: Namespace(name, macros) for name, macros in self._macros.items()}

    @classmethod
    def load(
        cls,
        project: str,
        root: Path,
        folders: Sequence[str] = ("macros",),
        packages: Sequence[Package] = (),
        dispatch: Mapping[str, Sequence[str]] | None = None,
        *,
        empty_names: bool = False,
    ) -> Macros:
        """Read the names of all macros of a project; `dispatch` is its `dispatch:` setting, from namespace to search order.

        With `empty_names` a name that means nothing is written out as nothing instead of being an error.
        """
        own = Package(project, root, tuple(folders))
        builtin = Package("dbt", BUILTIN.parent, (BUILTIN.name,))
        return cls(project, (own, *packages, builtin), dispatch or {}, empty_names=empty_names)

    def add(self, package: str, path: str, text: str) -> None:
        """Register the macros of one file."""
        file = MacroFile(package, path, text)
        self._texts[path] = text
        for name, span in definitions(text):
            self._macros[package][name] = Macro(name, package, file, span)

    def own(self, name: str, package: str) -> Macro | None:
        """A macro by its bare name, of the package that asks or of the project."""
        return self._macros.get(package, {}).get(name) or self._macros[self.project].get(name)

    def foreign(self, name: str) -> Namespace | Macro | None:
        """A package by its name, or a macro that comes with headrace."""
        return self._spaces.get(name) or self._macros["dbt"].get(name)

    def find(self, name: str, package: str | None = None) -> Macro | None:
        """A macro by name: anywhere a bare name would find it, or in one package."""
        if package is not None:
            return self._macros.get(package, {}).get(name)
        return self.own(name, self.project) or self._macros["dbt"].get(name)

    def of(self, name: str, package: str) -> Macro | None:
        """What a bare name means in a package's files: its own macro, the project's, or headrace's."""
        return self.own(name, package) or self._macros["dbt"].get(name)

    def every(self) -> Iterator[Macro]:
        """All macros of the project and its packages, and headrace's."""
        for macros in self._macros.values():
            yield from macros.values()

    def anywhere(self, name: str) -> Macro | None:
        """A macro by name in the project, else in headrace, else in any package."""
        found = self.find(name)
        return found or next((macros[name] for macros in self._macros.values() if name in macros), None)

    def dispatch(self, name: str, namespace: str | None, dialect: str, asker: str | None = None) -> Macro | None:
        """The macro for an engine: `duckdb__name`, else `default__name`, in the search order of the namespace.

        `asker` is the package that asks; by itself, that of the rendering that is going on.
        """
        if namespace is None or (namespace not in self._dispatch and namespace not in self._macros):
            package = asker or scope.get().package
            known = (self.of(f"{prefix}__{name}", package) for prefix in (dialect, "default"))
            return next((macro for macro in known if macro is not None), None)
        for package in self._dispatch.get(namespace) or (self.project, namespace):
            for prefix in (dialect, "default"):
                found = self.find(f"{prefix}__{name}", package)
                if found is not None:
                    return found
        return None

    @property
    def packages(self) -> tuple[str, ...]:
        """The names of the packages whose macros there are, the project's own first."""
        return tuple(self._macros)

    def text(self, path: str) -> str | None:
        """The text of a macro file by the path that errors show."""
        return self._texts.get(path)

    def names(self) -> set[str]:
        """Every name that a template may call, for did-you-mean."""
        return {*self._macros[self.project], *self._macros["dbt"], *self._macros}

    def digest(self) -> str:
        """A hash over all macros that are not headrace's own: it changes when any of them does."""
        import hashlib

        texts = sorted(
            {(macro.file.path, macro.file.text) for macros in self._macros.values() for macro in macros.values()}
        )
        return hashlib.sha256(repr(texts).encode()).hexdigest()


def definitions(text: str) -> list[tuple[str, tuple[int, int]]]:
    """The names of what a macro file defines (macros, `test_x`, `materialization_x_duckdb`) and where each stands."""
    found: list[tuple[str, tuple[int, int]]] = []
    opened: tuple[str, int] | None = None
    for match in _DEFINITION.finditer(text):
        if match["tag"] is not None:
            opened = opened or (_named(match["tag"], match["name"], match["rest"]), match.start())
        elif opened is not None and match[0].startswith("{%") and "raw" not in match[0][:8]:
            found.append((opened[0], (opened[1], match.end())))
            opened = None
    if opened is not None:
        # Without an end it is no template, which is said when it is compiled.
        found.append((opened[0], (opened[1], len(text))))
    return found


def _named(tag: str, name: str, rest: str) -> str:
    if tag == "macro":
        return name
    if tag in ("test", "data_test"):
        return f"test_{name}"
    adapter = _ADAPTER.search(rest)
    return f"materialization_{name}_{adapter[1] if adapter else 'default'}"
