"""URLs that users write: their parts, or an error that says which of them is wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from headrace.errors import ConfigInvalid

if TYPE_CHECKING:
    from headrace.errors import Place

_SPELLING = "in a user or a password, @ : / ? # [ ] and % are written in percent-encoding, such as %2F for /"


def split(url: str, what: str, where: Place | None = None) -> SplitResult:
    """The parts of a URL; `what` names it in a sentence. Raises ConfigInvalid, which quotes no part of it: it may hold a password."""
    if where is not None and "@" in url:
        where = replace(where, text=None)
    try:
        parts = urlsplit(url if "\0" not in url else "//[")
    except ValueError:
        raise ConfigInvalid(f"{what} is no URL: its host is not written right", where=where, hint=_SPELLING) from None
    try:
        _ = parts.port
    except ValueError:
        raise ConfigInvalid(
            f"{what} has a port that is no number from 0 to 65535", where=where, hint=_SPELLING
        ) from None
    if any(one.isspace() for one in parts.netloc.rpartition("@")[2]):
        raise ConfigInvalid(f"{what} is no URL: its host is not written right", where=where, hint=_SPELLING)
    return parts


def web(url: str, what: str, where: Place | None = None) -> SplitResult:
    """As `split`, of a URL that is asked over HTTP."""
    parts = split(url, what, where)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigInvalid(
            f"{what} is no address of an API", where=where, hint="it begins with https:// and a host, or with http://"
        )
    return parts
