"""The first pass over a template: what it refers to and how it configures itself, with nothing asked of a warehouse."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from headrace.errors import TemplateInvalid, did_you_mean
from headrace.project.names import PLAIN, Variables, custom_environment, env_var, target_names
from headrace.project.scopes import Calls, scope

if TYPE_CHECKING:
    from headrace.project.settings import Settings
    from headrace.project.template import Templates


@dataclass(slots=True)
class Facts:
    """What one rendering found: refs as (package or None, name, version or None), sources, config, and variables of the environment.

    `macros` are the ids of those that the template calls, in order of the call; `reached` of all that it came through.
    """

    refs: list[tuple[str | None, str, str | None]] = field(default_factory=list)
    sources: list[tuple[str, str]] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    macros: list[str] = field(default_factory=list)
    reached: list[str] = field(default_factory=list)
    environ: dict[str, str | None] = field(default_factory=dict)

    def called(self, calls: Calls) -> None:
        """Note the macros of a rendering."""
        self.macros, self.reached = calls.direct, calls.reached

    def and_those(self, more: Facts) -> Facts:
        """These, and those of another template of the same node, whose config is its own."""
        return replace(
            self,
            refs=[*self.refs, *more.refs],
            sources=[*self.sources, *more.sources],
            macros=list(dict.fromkeys([*self.macros, *more.macros])),
            reached=sorted({*self.reached, *more.reached}),
            environ={**self.environ, **more.environ},
        )


class Nothing(Mapping[str, Any]):
    """Stands for what only a warehouse knows: empty, false, and whatever is asked of it is nothing again."""

    def __init__(self, text: str = "") -> None:
        self._text = text

    def __getattr__(self, name: str) -> Any:
        """Nothing has every attribute."""
        if name.startswith("__"):
            raise AttributeError(name)
        return NOTHING

    def __call__(self, *_values: Any, **_named: Any) -> Any:
        """Whatever is called gives nothing."""
        return NOTHING

    def __getitem__(self, key: Any) -> Any:
        return NOTHING

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return False

    def __str__(self) -> str:
        return self._text

    def get(self, key: Any, default: Any = None) -> Any:
        """A relation says that it is one, as macros of packages ask."""
        return {"type": "Relation"} if key == "metadata" else default

    def __hash__(self) -> int:
        return 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Nothing)

    def _same(self, *_others: Any) -> Any:
        return NOTHING

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __mod__ = __neg__ = _same

    def _no(self, _other: Any) -> bool:
        return False

    __lt__ = __le__ = __gt__ = __ge__ = _no

    def __int__(self) -> int:
        return 0

    def __float__(self) -> float:
        return 0.0


NOTHING = Nothing()


class Reference(Nothing):
    """What `ref`, `source` and `this` give while recording: a relation that is there, with a name and without a content."""

    @property
    def identifier(self) -> str:
        """The name of the table, as far as it is known before names are given."""
        return self._text

    name = table = alias = identifier

    @property
    def schema(self) -> str:
        """Nothing yet."""
        return ""

    database = schema

    def __bool__(self) -> bool:
        """Macros refuse to work without a relation, and here is one."""
        return True


class RecordingConfig:
    """`config(...)` and `config.get(...)` while recording."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def __call__(self, values: Mapping[str, Any] | None = None, **named: Any) -> str:
        """Note a config; a later one wins over an earlier one."""
        self._facts.config.update({**(values or {}), **named})
        return ""

    def set(self, name: str, value: Any) -> str:
        """Note one config."""
        return self({name: value})

    def get(self, name: str, default: Any = None, validator: Any = None) -> str:  # noqa: ARG002 - dbt's signature
        """Empty text, whatever is asked: all levels are known only when the file was read, and macros count on dbt's answer."""
        return ""

    require = meta_get = get

    def persist_relation_docs(self) -> bool:
        """Nothing is written while recording."""
        return False

    persist_column_docs = persist_relation_docs


class RecordingAdapter:
    """`adapter.…` while recording: dispatch works, the rest is nothing."""

    def __init__(self, templates: Templates) -> None:
        self.dispatch = templates.dispatch
        self._dialect = templates.dialect

    def quote(self, identifier: str) -> str:
        """A quoted name."""
        return f'"{identifier}"'

    def type(self) -> str:
        """The engine."""
        return self._dialect

    def __getattr__(self, name: str) -> Any:
        """What a warehouse would be asked."""
        if name.startswith("__"):
            raise AttributeError(name)
        return NOTHING


RUN_STARTED = dt.datetime.now(dt.UTC)
INVOCATION = str(uuid.uuid4())


def base_names(
    settings: Settings, package: str, docs: Mapping[str, str] | None = None, own: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The names that both passes share: variables, environment, target, Python's tools. `own` are a package's variables.

    `docs` are texts by `name`, and by `package.name` for those of packages.
    """
    texts = docs or {}

    def doc(*words: str) -> str:
        known = (".".join(words), f"{package}.{words[-1]}", words[-1])
        found = next((texts[one] for one in known if one in texts), None)
        if found is None:
            raise TemplateInvalid(f"there is no docs block {words[-1]!r}", hint=did_you_mean(words[-1], texts))
        return found

    return {
        **PLAIN,
        "var": Variables(settings.vars, settings.overrides, package, own),
        "env_var": env_var(settings.environ),
        "dbt_metadata_envs": custom_environment(settings.environ),
        "target": target_names(settings.target, settings.profile),
        "project_name": settings.name,
        "schema": settings.target.schema,
        "database": settings.target.database,
        "run_started_at": RUN_STARTED,
        "invocation_id": INVOCATION,
        "doc": doc,
    }


def record(
    render: Callable[[Mapping[str, Any], Calls], object],
    base: Mapping[str, Any],
    templates: Templates,
    node: Mapping[str, Any],
) -> Facts:
    """Render with recording names; `node` is what `model` means."""
    facts = Facts()
    calls = Calls()
    render(recording_names(facts, base, templates, node), calls)
    facts.called(calls)
    return facts


def _quiet(*_values: Any, **_named: Any) -> str:
    return ""


def _statement(*_values: Any, caller: Callable[[], str] | None = None, **_named: Any) -> str:
    if caller is not None:
        caller()
    return ""


def _noted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """What is a macro by dbt and a function here, noted as the macro that templates know."""

    def call(*values: Any, **named: Any) -> Any:
        calls = scope.get().calls
        calls.enter(f"macro.dbt.{name}")
        try:
            return function(*values, **named)
        finally:
            calls.leave()

    return call


def _nothing(*_values: Any, **_named: Any) -> Nothing:
    return NOTHING


def _no(*_values: Any, **_named: Any) -> bool:
    return False


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    name: _noted(name, function)
    for name, function in (
        ("is_incremental", _no),
        ("load_relation", _nothing),
        ("run_query", _nothing),
        ("should_full_refresh", _no),
        ("should_store_failures", _no),
        ("statement", _statement),
    )
}
"""What is a function here and a macro of dbt's own by dbt: noted as that macro where a template calls it."""


def recording_names(
    facts: Facts, base: Mapping[str, Any], templates: Templates, node: Mapping[str, Any]
) -> dict[str, Any]:
    """The names of the first pass, which write to `facts`."""

    def ref(*words: str, version: Any = None, v: Any = None) -> Reference:
        asked = v if version is None else version
        package = words[0] if len(words) > 1 else None
        facts.refs.append((package, words[-1], None if asked is None else str(asked)))
        return Reference(words[-1])

    def source(source_name: str, table_name: str) -> Reference:
        facts.sources.append((source_name, table_name))
        return Reference(table_name)

    def read_env(var: str, default: Any = None) -> str:
        value = base["env_var"](var, default)
        facts.environ[var] = value
        return str(value)

    config = RecordingConfig(facts)
    names = {
        **base,
        "execute": False,
        "ref": ref,
        "source": source,
        "config": config,
        "env_var": read_env,
        "adapter": RecordingAdapter(templates),
        "this": Reference(str(node["name"])),
        "model": node,
        **FUNCTIONS,
        "load_result": lambda *_values: NOTHING,
        **dict.fromkeys(("store_result", "store_raw_result", "write", "log", "print"), _quiet),
        "flags": NOTHING,
        "graph": {"nodes": {}, "sources": {}, "exposures": {}, "metrics": {}, "groups": {}, "macros": {}},
        "api": NOTHING,
        "selected_resources": [],
        "invocation_args_dict": {},
        "thread_id": "MainThread",
    }
    names["builtins"] = dict(names)
    names["context"] = names
    return names
