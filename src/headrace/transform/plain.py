"""The template functions that need no project and no warehouse."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from headrace.errors import ContractBroken, NotSupported
from headrace.events import Said, Warned, emit
from headrace.project.template import CompilerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from headrace.errors import Place


def fromjson(string: str, default: Any = None) -> Any:
    """The value a JSON text stands for, or the default where it is none."""
    try:
        return json.loads(string)
    except (TypeError, ValueError):
        return default


def tojson(value: Any, default: Any = None, sort_keys: bool = False) -> Any:
    """A value as JSON text, or the default where JSON has no such value."""
    try:
        return json.dumps(value, sort_keys=sort_keys, default=_plain)
    except (TypeError, ValueError):
        return default


def _plain(value: Any) -> Any:
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    return str(value)


def fromyaml(value: str, default: Any = None) -> Any:
    """The value a YAML text stands for, or the default where it is none."""
    import yaml

    try:
        return yaml.safe_load(value)
    except (AttributeError, yaml.YAMLError):
        return default


def toyaml(value: Any, default: str | None = None, sort_keys: bool = False) -> str | None:
    """A value as YAML text, or the default where YAML has no such value."""
    import yaml

    try:
        return str(yaml.safe_dump(value, sort_keys=sort_keys))
    except yaml.YAMLError:
        return default


def local_md5(value: str) -> str:
    """The MD5 of a text as hexadecimal digits, computed here and not in the warehouse."""
    return hashlib.md5(value.encode(), usedforsecurity=False).hexdigest()


def as_set(value: Iterable[Any], default: Any = None) -> Any:
    """The set of the values, or the default where they are no set's."""
    try:
        return set(value)
    except TypeError:
        return default


def zipped(*args: Iterable[Any], default: Any = None) -> Any:
    """The values side by side, or the default where something given has none."""
    try:
        return list(zip(*args, strict=False))
    except TypeError:
        return default


def say(msg: Any, info: bool = False) -> str:
    """Nothing in place of the call; the message goes to the log, and to the terminal with `info=True`."""
    emit(Said(str(msg), shown=info))
    return ""


def shout(msg: Any) -> str:
    """Nothing in place of the call; the message goes to the terminal."""
    return say(msg, info=True)


class Exceptions:
    """`exceptions`: how a macro stops the run or warns."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def raise_compiler_error(self, msg: str, node: Any = None) -> None:
        """Stop with the macro's own words, which reach the user as MacroFailed."""
        raise CompilerError(str(msg))

    raise_database_error = raise_compiler_error
    raise_dependency_error = raise_compiler_error
    raise_parsing_error = raise_compiler_error
    raise_fail_fast_error = raise_compiler_error

    def raise_not_implemented(self, msg: str) -> None:
        """Stop because the engine cannot do it. Raises NotSupported."""
        raise NotSupported(str(msg), where=self._place)

    def raise_contract_error(self, yaml_columns: Any, sql_columns: Any) -> None:
        """Stop because a model's columns are not those of its contract. Raises ContractBroken."""
        raise ContractBroken(f"the contract has {yaml_columns}, the query gives {sql_columns}", where=self._place)

    def warn(self, msg: str, node: Any = None) -> str:
        """Nothing in place of the call; the user is warned."""
        emit(Warned(str(msg), where=str(self._place)))
        return ""


def _plain_names() -> dict[str, Callable[..., Any]]:
    return {
        "fromjson": fromjson,
        "tojson": tojson,
        "fromyaml": fromyaml,
        "toyaml": toyaml,
        "local_md5": local_md5,
        "set": as_set,
        "set_strict": set,
        "zip": zipped,
        "zip_strict": lambda *args: list(zip(*args, strict=False)),
        "print": shout,
    }


PLAIN: Mapping[str, Callable[..., Any]] = _plain_names()
"""Those functions by the names templates know them by."""
