"""Values that do not stand in files: `${NAME}`, `${NAME:-default}` and `secret:NAME`, resolved where settings are read."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import SplitResult, parse_qsl, quote, quote_plus, unquote, urlsplit

from headrace.errors import Place, SecretMissing, did_you_mean
from headrace.project.texts import text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from headrace.events import Event, Listener
    from headrace.project.files import Document

_VARIABLE = re.compile(r"\$(?P<quoted>\$)?\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<has>:-(?P<default>[^}]*))?\}")
_LINE = re.compile(r"\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_.]*)\s*=\s*(?P<value>.*?)\s*$")
TELLING = re.compile(r"PASS|PWD|SECRET|TOKEN|KEY|CREDENTIAL|AUTH|DSN", re.IGNORECASE)
_MAY_TELL = re.compile(r"URL|URI|WEBHOOK", re.IGNORECASE)
_SAID = ("message", "hint", "where", "reason", "details")
"""The fields of events that hold what others said: an engine, a server, the system."""
_SHORTEST = 4
"""Shorter secrets are not looked for in texts: they would be found everywhere and say more about themselves than they hide."""

_SHORTEST_TOKEN = 12
"""Shorter steps of a path are taken for words."""

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
    """Have `redact` hide this text from now on, also as URLs, JSON and SQL spell it."""
    if len(value) < _SHORTEST:
        return
    parts = _parts(value)
    for inner in (parts.password or "", *(one for name, one in parse_qsl(parts.query) if TELLING.search(name))):
        remember(inner)
    bare = unquote(value)
    _known.update((value, bare, quote(bare, safe=""), quote(bare), quote_plus(bare)))
    _known.update((json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], value.replace("'", "''")))


def redact(text: str) -> str:
    """The text with every secret that was resolved in this process written as `***`."""
    if any(secret in text for secret in tuple(_known)):
        for secret in sorted(_known, key=len, reverse=True):
            text = text.replace(secret, "***")
    return text


def discreet(*listeners: Listener) -> Listener:
    """A listener that tells these what happened, with every secret in what somebody else said written as `***`."""

    def tell(event: Event) -> None:
        told = {name: _redacted(getattr(event, name)) for name in _SAID if hasattr(event, name)} if _known else {}
        if any(getattr(event, name) != value for name, value in told.items()):
            event = replace(event, **told)
        for listener in listeners:
            listener(event)

    return tell


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    return {key: _redacted(one) for key, one in value.items()} if isinstance(value, dict) else value


def _parts(value: str) -> SplitResult:
    """A value as the URL that it may be."""
    try:
        return urlsplit(value if "://" in value else "")
    except ValueError:
        return urlsplit("")


def _harmless(url: str) -> bool:
    """Whether a value is a URL that says no more than where something is: no user, no query, and no step as long as a token."""
    parts = _parts(url)
    plain = parts.scheme and not ("@" in parts.netloc or parts.query or parts.fragment)
    return bool(plain) and all(len(step) < _SHORTEST_TOKEN for step in parts.path.split("/"))


def read_env(path: Path) -> dict[str, str]:
    """The variables of an `.env` file; an absent file has none. Quotes around a value are dropped, `#` begins a comment."""
    if not path.is_file():
        return {}
    found = {}
    for line in text_of(path).splitlines():
        match = _LINE.match(line)
        if match and not line.lstrip().startswith("#"):
            found[match["name"]] = _unquoted(match["value"])
    return found


def _unquoted(value: str) -> str:
    for mark in ('"', "'"):
        if value.startswith(mark) and value.find(mark, 1) > 0:
            return value[1 : value.index(mark, 1)]
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
    told = False

    def one(match: re.Match[str]) -> str:
        nonlocal told
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
        if _tells(match["name"], value):
            told = True
            remember(value)
        return value

    replaced = _VARIABLE.sub(one, text)
    return Secret(replaced) if told else replaced


def _tells(name: str, value: str) -> bool:
    """Whether a variable of that name holds what nobody should read."""
    if TELLING.search(name):
        return True
    return bool(_MAY_TELL.search(name)) and not _harmless(value)
