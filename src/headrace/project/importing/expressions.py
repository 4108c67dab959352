"""The expressions of a low-code manifest, as far as they name something: `{{ config['key'] }}`, `{{ response.next }}`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headrace.project.importing.found import Unlike

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLACE = re.compile(r"\{\{\s*(.*?)\s*\}\}", re.DOTALL)
_STEP = re.compile(
    r"""\[\s*['"]([^'"]+)['"]\s*\]|\[(-?\d+)\]|\.get\(\s*['"]([^'"]+)['"]\s*(?:,\s*(?:\{\}|None|''|""|\[\]))?\s*\)|\.(\w+)(?!\w*\()"""
)
_KEY = r"""(?:\[\s*['"]\w+['"]\s*\]|\.get\(\s*['"]\w+['"]\s*(?:,\s*(?:\{\}|None))?\s*\)|\.(?!get\b)\w+)"""
_CONFIG = re.compile(
    rf"""config(?P<keys>{_KEY}*?(?:{_KEY}|\.get\(\s*['"]\w+['"]\s*,\s*['"]?(?P<default>[^'")]*)['"]?\s*\)))"""
    r"""(?:\s*or\s*['"]?(?P<other>[^'"|]*)['"]?)?(?:\s*\|\s*\w+)?$"""
)


@dataclass(frozen=True, slots=True)
class Scope:
    """What names in expressions stand for: the prefix of environment variables, parameters, and what a stream adds."""

    prefix: str
    secrets: frozenset[str] = frozenset()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    slices: Mapping[str, str] = field(default_factory=dict)


def keys_of(expression: str, root: str) -> list[str] | None:
    """The keys that an expression takes from `root`, such as `response['a'].b`; None where it is anything else."""
    text = expression.strip()
    if not text.startswith(root):
        return None
    text, keys = text[len(root) :].strip(), []
    while text:
        step = _STEP.match(text)
        if step is None:
            return None
        keys.append(next(group for group in step.groups() if group is not None))
        text = text[step.end() :].strip()
    return keys


def bare(text: Any) -> str | None:
    """The expression of a text that is nothing else."""
    found = _PLACE.fullmatch(text.strip()) if isinstance(text, str) else None
    return found[1] if found and "{{" not in found[1] else None


def translated(value: Any, scope: Scope) -> Any:
    """A value with its expressions in our words. Raises Unlike for one that we have no word for."""
    if isinstance(value, dict):
        return {str(key): translated(inner, scope) for key, inner in value.items() if not str(key).startswith("$")}
    if isinstance(value, list):
        return [translated(inner, scope) for inner in value]
    if not isinstance(value, str) or "{{" not in value:
        if isinstance(value, str) and "{%" in value:
            raise Unlike(f"the template {value!r}")
        return value
    whole = bare(value)
    if whole is not None:
        secret = _CONFIG.match(whole)
        names = _names(secret["keys"]) if secret else []
        if secret and names[-1] in scope.secrets and not (secret["default"] or secret["other"]):
            return f"secret:{scope.prefix}_{names[-1]}".lower()
    return _PLACE.sub(lambda found: _word(found[1], scope), value)


def _word(expression: str, scope: Scope) -> str:
    text = re.sub(r"\s*\|\s*(string|int|trim)\s*$", "", expression)
    config = _CONFIG.match(text)
    if config:
        name, default = _names(config["keys"])[-1], config["default"] or config["other"]
        return "${" + f"{scope.prefix}_{name}".upper() + (f":-{default}" if default else "") + "}"
    for root in ("parameters", "options"):
        keys = keys_of(text, root)
        if keys and keys[0] in scope.parameters:
            return str(translated(scope.parameters[keys[0]], scope))
        if usual := re.fullmatch(rf"""{root}\.get\(\s*['"](\w+)['"]\s*,\s*['"]([^'"]*)['"]\s*\)""", text):
            return str(translated(scope.parameters.get(usual[1], usual[2]), scope))
    for root in ("stream_slice.extra_fields", "stream_slice", "stream_interval", "stream_partition"):
        keys = keys_of(text, root)
        if keys and keys[-1] in scope.slices:
            return scope.slices[keys[-1]]
    if literal := re.fullmatch(r"""['"]([^'"]*)['"]""", text):
        return literal[1]
    raise Unlike(f"the expression {{{{ {expression} }}}}")


def _names(keys: str) -> list[str]:
    return re.findall(r"""(?:\[\s*['"]|\.get\(\s*['"]|\.)(?!get\()(\w+)""", keys)


def setting_in(expression: str, scope: Scope) -> str | None:
    """The one setting that a computed value is made of, as a variable; None where there is none, or several."""
    found = set(re.findall(r"""config(?:\[\s*['"]|\.get\(\s*['"]|\.)(?!get\()(\w+)""", expression))
    return "${" + f"{scope.prefix}_{found.pop()}".upper() + "}" if len(found) == 1 else None
