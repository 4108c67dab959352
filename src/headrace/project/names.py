"""The names that mean the same in every template: variables, the environment, the target, and Python's own tools."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import re
from typing import TYPE_CHECKING, Any, NoReturn
from zoneinfo import ZoneInfo

from headrace.errors import HeadraceError, SecretMissing, TemplateInvalid, did_you_mean
from headrace.events import Warned, emit
from headrace.project.secrets import Secret
from headrace.project.template import CompilerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from headrace.project.settings import Target

DBT_VERSION = "1.11.16"
"""The version that projects ask for and compare with: whose behaviour headrace has."""

_ABSENT: Any = object()
_SECRET = re.compile(r"^DBT_ENV_SECRET|PASSWORD|SECRET|TOKEN|(API|ACCESS|PRIVATE)_?KEY", re.IGNORECASE)
"""Variables whose values are hidden; a template's other variables may be names of columns, which have to stay readable."""


def env_var(environ: Mapping[str, str]) -> Callable[..., str]:
    """`env_var('NAME', 'default')`; raises SecretMissing where there is neither."""

    def read(var: str, default: Any = None) -> str:
        value = environ.get(var, default)
        if value is None:
            hint = did_you_mean(var, environ) or f"set it, write it to .env, or give a default: env_var('{var}', '…')"
            raise SecretMissing(f"the variable {var} has no value", hint=hint)
        return Secret(str(value)) if _SECRET.search(var) else str(value)

    return read


def custom_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """`dbt_metadata_envs`: the variables that are meant for artifacts, by what follows DBT_ENV_CUSTOM_ENV_ in their names."""
    prefix = "DBT_ENV_CUSTOM_ENV_"
    return {name.removeprefix(prefix): value for name, value in environ.items() if name.startswith(prefix)}


class Variables:
    """`var('name', default)`: the command line's, else the project's for the package, else the project's, else the package's own."""

    def __init__(
        self,
        declared: Mapping[str, Any],
        overrides: Mapping[str, Any],
        package: str,
        own: Mapping[str, Any] | None = None,
    ) -> None:
        self.values: dict[str, Any] = {}
        for level in (own or {}, declared):
            scoped = level.get(package)
            self.values.update({**level, **(scoped if isinstance(scoped, dict) else {})})
        self.values.update(overrides)
        self._forgiving = False

    def forgiving(self) -> Variables:
        """The same, where a variable without a value is None, as by dbt while it reads a project."""
        same = Variables({}, self.values, "")
        same._forgiving = True
        return same

    def __call__(self, name: str, default: Any = _ABSENT) -> Any:
        """The variable's value. Raises TemplateInvalid where it has none and no default was given."""
        if name in self.values:
            value = self.values[name]
            if not isinstance(value, str) or "{" not in value:
                return value
            from headrace.project.jinja import rendered

            return rendered(value)
        if default is _ABSENT and self._forgiving:
            return None
        if default is _ABSENT:
            hint = did_you_mean(name, self.values) or f"declare it under `vars:`, or write var('{name}', default)"
            raise TemplateInvalid(f"the variable {name!r} has no value", hint=hint)
        return default

    def has_var(self, name: str) -> bool:
        """Whether the variable has a value."""
        return name in self.values


def target_names(target: Target, profile: str) -> dict[str, Any]:
    """`target` as templates see it."""
    return {
        "name": target.name,
        "target_name": target.name,
        "profile_name": profile,
        "schema": target.schema,
        "dbname": target.database,
        "database": target.database,
        "type": target.dialect,
        "threads": target.threads,
    }


class Exceptions:
    """`exceptions.…`, with which macros refuse."""

    def raise_compiler_error(self, msg: str, node: Any = None) -> NoReturn:  # noqa: ARG002 - dbt's signature
        """Stop: the user sees MacroFailed with the place in the macro."""
        raise CompilerError(msg)

    raise_parsing_error = raise_not_implemented = raise_contract_error = raise_compiler_error

    def warn(self, msg: str, node: Any = None) -> str:  # noqa: ARG002 - dbt's signature
        """Say something and go on."""
        emit(Warned(msg))
        return ""

    def warn_snapshot_timestamp_data_types(self, *_types: Any) -> str:
        """What dbt warns of here does not change a result."""
        return ""

    def column_type_missing(self, column_names: Any) -> NoReturn:
        """A contract without a type."""
        raise CompilerError(f"columns without a data_type: {column_names}")


class Modules:
    """`modules.…`: what dbt lends of Python."""

    datetime = dt
    re = re
    itertools = itertools

    @property
    def pytz(self) -> Any:
        """The library pytz where it is installed, else an equal for `pytz.timezone(…)` and `pytz.utc`."""
        try:
            import pytz  # type: ignore[import-untyped,unused-ignore]
        except ImportError:
            return Zones()
        return pytz


class Zone(ZoneInfo):
    """A time zone with the two methods that pytz adds to it."""

    def localize(self, moment: dt.datetime, is_dst: bool = False) -> dt.datetime:  # noqa: ARG002, FBT001, FBT002 - pytz's signature
        """A moment without a zone as one of this zone."""
        return moment.replace(tzinfo=self)

    def normalize(self, moment: dt.datetime) -> dt.datetime:
        """The same moment by this zone's clocks."""
        return moment.astimezone(self)


class Zones:
    """The part of pytz that projects use, from the standard library."""

    @property
    def utc(self) -> Zone:
        """Universal time."""
        return Zone("UTC")

    def timezone(self, name: str) -> Zone:
        """The time zone of that name."""
        return Zone(name)


def from_json(string: str, default: Any = None) -> Any:
    """`fromjson`: the value of JSON text, or the default where it is none."""
    try:
        return json.loads(string)
    except ValueError:
        return default


def to_json(value: Any, default: Any = None, sort_keys: bool = False) -> Any:  # noqa: FBT001, FBT002 - dbt's signature
    """`tojson`: a value as JSON text, or the default where it cannot be."""
    try:
        return json.dumps(value, sort_keys=sort_keys)
    except (TypeError, ValueError):
        return default


def from_yaml(value: str, default: Any = None) -> Any:
    """`fromyaml`: the value of YAML text, or the default where it is none."""
    from headrace.project.files import parse_yaml

    try:
        return parse_yaml(value, "fromyaml").data
    except HeadraceError:
        return default


def to_yaml(value: Any, default: Any = None, sort_keys: bool = False) -> Any:  # noqa: FBT001, FBT002 - dbt's signature
    """`toyaml`: a value as YAML text, or the default where it cannot be."""
    import yaml

    try:
        return yaml.safe_dump(value, sort_keys=sort_keys)
    except yaml.YAMLError:
        return default


def _set(value: Any, default: Any = None) -> Any:
    try:
        return set(value)
    except TypeError:
        return default


def _zip(*values: Any, default: Any = None) -> Any:
    try:
        return zip(*values, strict=False)
    except TypeError:
        return default


def _local_md5(value: str) -> str:
    import hashlib

    return hashlib.md5(value.encode(), usedforsecurity=False).hexdigest()


PLAIN: Mapping[str, Any] = {
    "modules": Modules(),
    "exceptions": Exceptions(),
    "fromjson": from_json,
    "tojson": to_json,
    "fromyaml": from_yaml,
    "toyaml": to_yaml,
    "local_md5": _local_md5,
    "set": _set,
    "set_strict": set,
    "zip": _zip,
    "zip_strict": zip,
    "dbt_version": DBT_VERSION,
}
"""Names that need nothing of the project."""
