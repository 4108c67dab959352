"""Versions of packages and the ranges that projects allow."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

from headrace.errors import ConfigInvalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Key: TypeAlias = tuple[int, int, int, tuple[tuple[int, int | str], ...]]

_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?")
_RULE = re.compile(r"\s*(>=|<=|>|<|=|==)?\s*(\S+)\s*")
_RELEASE: tuple[tuple[int, int | str], ...] = ((2, 0),)


def version_key(version: str) -> Key | None:
    """What versions are ordered by, pre-releases before their release; None where it is not a version."""
    match = _VERSION.fullmatch(version)
    if match is None:
        return None
    before = match[4]
    marks: tuple[tuple[int, int | str], ...] = _RELEASE
    if before:
        marks = tuple((0, int(part)) if part.isdigit() else (1, part) for part in before.split("."))
    return int(match[1]), int(match[2]), int(match[3]), marks


def allows(rules: Iterable[str], version: str) -> bool:
    """Whether a version fits all rules, such as `>=1.0.0`, `<2.0.0` or `1.3.1`. Raises ConfigInvalid where a rule is none."""
    key = version_key(version)
    return key is not None and all(_fits(rule, key) for text in rules for rule in text.split(","))


def _fits(rule: str, key: Key) -> bool:
    match = _RULE.fullmatch(rule)
    bound = version_key(match[2]) if match else None
    if match is None or bound is None:
        raise ConfigInvalid(
            f"{rule!r} is not a version or a range of versions", hint="such as: 1.3.1, or >=1.0.0,<2.0.0"
        )
    return {
        ">=": key >= bound,
        "<=": key <= bound,
        ">": key > bound,
        "<": key < bound,
    }.get(match[1] or "=", key == bound)


def newest(versions: Iterable[str], rules: Sequence[str], *, prerelease: bool = False) -> str | None:
    """The newest version that fits; a pre-release only where one is asked for."""
    asked = prerelease or any("-" in rule for rule in rules)
    fitting = [
        one for one in versions if allows(rules, one) and (asked or (version_key(one) or (0, 0, 0, ()))[3] == _RELEASE)
    ]
    return max(fitting, key=lambda one: version_key(one) or (0, 0, 0, ()), default=None)
