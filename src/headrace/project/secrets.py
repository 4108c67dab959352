"""Values that do not stand in files: `${NAME}`, `${NAME:-default}` and `secret:NAME`, resolved where settings are read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Self

from headrace.errors import Place, SecretMissing, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from headrace.project.files import Document

_VARIABLE = re.compile(r"\$(?P<quoted>\$)?\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<has>:-(?P<default>[^}]*))?\}")
_LINE = re.compile(r"\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_.]*)\s*=\s*(?P<value>.*?)\s*$")
TELLING = re.compile(r"PASS|PWD|SECRET|TOKEN|KEY|CREDENTIAL|AUTH|DSN|URL", re.IGNORECASE)
_SHORTEST = 4
"""Shorter secrets are not looked for in texts: they would be found everywhere and say more about themselves than they hide."""

_known: set[str] = set()


class Secret(str):
    """Text that its repr does not show. It is the text itself where it is used: in a header, a URL, a statement."""

    __slots__ = ()

    def __new__(cls, value: str) -> Self:
        """Remember the value, so that `redact` finds it."""
        remember(value)
        return super().__new__(cls, value)

    def __repr__(self) -> str:
        return "'***'"


def remember(value: str) -> None:
    """Have `redact` hide this text from now on."""
    if len(value) >= _SHORTEST:
        _known.add(value)


def redact(text: str) -> str:
    """The text with every secret that was resolved in this process written as `***`."""
    for secret in sorted(_known, key=len, reverse=True):
        if secret in text:
            text = text.replace(secret, "***")
    return text


def read_env(path: Path) -> dict[str, str]:
    """The variables of an `.env` file; an absent file has none. Quotes around a value are dropped, `#` begins a comment."""
    if not path.is_file():
        return {}
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        match = _LINE.match(line)
        if match and not line.lstrip().startswith("#"):
            found[match["name"]] = _unquoted(match["value"])
    return found


def _unquoted(value: str) -> str:
    for quote in ('"', "'"):
        if value.startswith(quote) and value.find(quote, 1) > 0:
            return value[1 : value.index(quote, 1)]
    return re.split(r"\s#", value, maxsplit=1)[0].rstrip()


def from_environment(name: str, environ: Mapping[str, str]) -> str | None:
    """`secret:shop_token` is the variable SHOP_TOKEN."""
    return environ.get(name.upper(), environ.get(name))


RESOLVERS: Mapping[str, Callable[[str, Mapping[str, str]], str | None]] = {"secret": from_environment}
"""What stands before the colon of a reference, and what looks it up; each kind of vault is one line here."""


def resolve(value: Any, environ: Mapping[str, str], document: Document, at: tuple[str | int, ...] = ()) -> Any:
    """`value` with the references in all its texts resolved. Raises SecretMissing at the place of the text."""
    if isinstance(value, dict):
        return {key: resolve(item, environ, document, (*at, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve(item, environ, document, (*at, place)) for place, item in enumerate(value)]
    if isinstance(value, str):
        return resolve_text(value, environ, document.place, at)
    return value


def resolve_later(
    value: Any, environ: Mapping[str, str], document: Document, at: tuple[str | int, ...] = ()
) -> tuple[Any, dict[tuple[str | int, ...], SecretMissing]]:
    """As `resolve`, but what has no value is left as it is written, with the error by the path of the text."""
    missing: dict[tuple[str | int, ...], SecretMissing] = {}

    def one(item: Any, path: tuple[str | int, ...]) -> Any:
        if isinstance(item, dict):
            return {key: one(below, (*path, key)) for key, below in item.items()}
        if isinstance(item, list):
            return [one(below, (*path, place)) for place, below in enumerate(item)]
        try:
            return resolve_text(item, environ, document.place, path) if isinstance(item, str) else item
        except SecretMissing as error:
            missing[path] = error
            return item

    return one(value, at), missing


def resolve_text(
    text: str, environ: Mapping[str, str], place: Callable[..., Place], at: tuple[str | int, ...] = ()
) -> str:
    """One text with its references resolved; `place(*at)` says where it stands. Raises SecretMissing."""
    scheme, colon, name = text.partition(":")
    if colon and scheme in RESOLVERS and re.fullmatch(r"[\w.-]+", name):
        found = RESOLVERS[scheme](name, environ)
        if found is None:
            raise SecretMissing(
                f"the secret {name!r} has no value",
                where=place(*at),
                hint=f"set the environment variable {name.upper()}, or write {name.upper()}=… to .env",
            )
        return Secret(found)
    if "${" not in text:
        return text
    telling = False

    def one(match: re.Match[str]) -> str:
        nonlocal telling
        if match["quoted"]:
            return match[0][1:]
        value = environ.get(match["name"])
        if not value and match["has"] is not None:
            return str(match["default"])
        if value is None:
            close = did_you_mean(match["name"], environ)
            raise SecretMissing(
                f"the variable {match['name']} has no value",
                where=place(*at),
                hint=close or f"set it, write it to .env, or give a default: ${{{match['name']}:-default}}",
            )
        if TELLING.search(match["name"]):
            telling = True
            remember(value)
        return value

    replaced = _VARIABLE.sub(one, text)
    return Secret(replaced) if telling else replaced
