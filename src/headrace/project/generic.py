"""Generic tests: from what YAML declares to a node with dbt's name and id."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace.errors import ConfigInvalid, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from headrace.project.properties import Declared

CONFIG_KEYS = (
    "severity", "tags", "enabled", "where", "limit", "warn_if", "error_if", "fail_calc", "store_failures",
    "store_failures_as", "meta", "database", "schema", "alias", "group", "docs", "sql_header",
)  # fmt: skip
"""Keys that say how a test is run rather than what it asks; they stand under `config:` or beside the arguments."""

ARGUMENTS = "_dbt_generic_test_kwargs"
"""The name under which a generic test's template finds its arguments."""

# The argument that nearly every test has. With the names taken out, all tests share one compiled template.
_WORDS = "headrace_words"
_OWN = re.compile(r"\{\{ get_where_subquery\((ref|source)\('([^'\\]+(?:', '[^'\\]+)*)'\)\) \}\}")
_CALL = re.compile(r"^\s*(env_var|ref|var|source|doc)\s*\(.+\)\s*$")
_LONGEST = 64


@dataclass(frozen=True, slots=True)
class GenericTest:
    """A test as declared: `kind` is `unique` or `package.name`; `arguments` include `model` and, on a column, `column_name`."""

    kind: str
    arguments: Mapping[str, Any]
    config: Mapping[str, Any]
    name: str
    alias: str
    description: str
    digest: str

    @property
    def settings(self) -> dict[str, Any]:
        """What is configured, in dbt's order, with the alias that a long name gets."""
        given = {key: self.config[key] for key in CONFIG_KEYS if key in self.config}
        return given if self.alias == self.name or "alias" in given else {**given, "alias": self.alias}

    @property
    def raw(self) -> str:
        """The template that gives the query."""
        package, dot, bare = self.kind.rpartition(".")
        return f"{{{{ {package}{dot}test_{bare}(**{ARGUMENTS}) }}}}"


def read_test(declared: Declared, reference: str, target: str, prefix: str = "") -> GenericTest:
    """A declared test. `reference` is the call that names its node, `target` what the test's name calls it.

    Raises ConfigInvalid.
    """
    kind, data = _kind(declared)
    nested = data.pop("arguments", None)
    # What stands below `arguments:` counts as if it stood beside it, settings too, as in dbt.
    data |= nested if isinstance(nested, dict) else {}
    config = dict(data.pop("config", None) or {})
    for key in CONFIG_KEYS:
        if key in data:
            config.setdefault(key, data.pop(key))
    unknown = next((key for key in config if key not in CONFIG_KEYS), None)
    if unknown is not None:
        hint = did_you_mean(str(unknown), CONFIG_KEYS)
        raise ConfigInvalid(f"a test's config has no key {unknown!r}", where=declared.place, hint=hint)
    given, description = data.pop("name", None), str(data.pop("description", None) or "")
    arguments: dict[str, Any] = {**data}
    if declared.column is not None:
        arguments["column_name"] = declared.column
    arguments["model"] = f"{{{{ get_where_subquery({reference}) }}}}"
    namespace, _, bare = kind.rpartition(".")
    short, full = (
        (given, given) if given else names_of(f"{namespace}_" * bool(namespace) + prefix + bare, target, arguments)
    )
    metadata = {"namespace": namespace or None, "name": bare, "kwargs": arguments}
    digest = hashlib.md5((full + repr(_hashable(metadata))).encode(), usedforsecurity=False).hexdigest()[-10:]
    return GenericTest(kind, arguments, config, full, str(config.get("alias") or short), description, digest)


def _kind(declared: Declared) -> tuple[str, dict[str, Any]]:
    test = declared.test
    if isinstance(test, str):
        return test, {}
    if isinstance(test, dict) and "test_name" in test:
        return str(test["test_name"]), {key: value for key, value in test.items() if key != "test_name"}
    if isinstance(test, dict) and len(test) == 1:
        kind, data = next(iter(test.items()))
        if data is None or isinstance(data, dict):
            return str(kind), dict(data or {})
    raise ConfigInvalid(
        "a test is a name, or one name with its arguments below it",
        where=declared.place,
        hint="indent the arguments deeper than the test's name",
    )


def names_of(kind: str, target: str, arguments: Mapping[str, Any]) -> tuple[str, str]:
    """Dbt's two names of a test: one that fits a table's name, and the full one."""
    parts: list[str] = []
    for key in sorted(arguments):
        if key == "model":
            continue
        value = arguments[key]
        values = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else [value]
        parts += [re.sub(r"[^0-9a-zA-Z_]+", "_", str(one)) for one in values]
    head = f"{kind}_{target}"
    full = f"{head}_{'__'.join(parts)}"
    if len(full) < _LONGEST:
        return full, full
    return f"{head[:30]}_{hashlib.md5(full.encode(), usedforsecurity=False).hexdigest()}", full


def _hashable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _hashable(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_hashable(one) for one in value]
    return str(value)


def render_arguments(arguments: Mapping[str, Any], evaluate: Callable[[str, Mapping[str, Any]], Any]) -> dict[str, Any]:
    """The arguments with the Jinja in them evaluated; `ref('x')` and the like count as Jinja, as in dbt.

    `evaluate` is handed a template and the names it needs beside the usual ones.
    """

    def one(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: one(item) for key, item in value.items()}
        if isinstance(value, list):
            return [one(item) for item in value]
        if isinstance(value, str):
            own = _OWN.fullmatch(value)
            if own is not None:
                return evaluate(f"{{{{ get_where_subquery({own[1]}(*{_WORDS})) }}}}", {_WORDS: own[2].split("', '")})
            return evaluate(f"{{{{ {value} }}}}" if _CALL.match(value) else value, {})
        return value

    return {key: value if key == "column_name" else one(value) for key, value in arguments.items()}
