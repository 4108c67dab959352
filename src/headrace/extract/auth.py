"""Who we are, as a request says it: each kind is one function from its settings to what it adds."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from headrace.project.sources import ApiKeyAuth, Auth, BearerAuth, HttpBasicAuth


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is added to each request to the API's own host, and the texts that no message may show."""

    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()


def credentials(auth: Auth | None) -> Credentials:
    """The credentials of a client; none where it has no `auth:`."""
    return KINDS[auth.type](auth) if auth else Credentials()


def _bearer(auth: BearerAuth) -> Credentials:
    return Credentials(headers={"Authorization": f"Bearer {auth.token}"}, secrets=(auth.token,))


def _api_key(auth: ApiKeyAuth) -> Credentials:
    secrets = (auth.api_key,)
    if auth.location == "query":
        return Credentials(params={auth.name: auth.api_key}, secrets=secrets)
    if auth.location == "cookie":
        return Credentials(headers={"Cookie": f"{auth.name}={auth.api_key}"}, secrets=secrets)
    return Credentials(headers={auth.name: auth.api_key}, secrets=secrets)


def _http_basic(auth: HttpBasicAuth) -> Credentials:
    pair = base64.b64encode(f"{auth.username}:{auth.password}".encode()).decode()
    return Credentials(headers={"Authorization": f"Basic {pair}"}, secrets=(auth.password, pair))


KINDS: Mapping[str, Callable[[Any], Credentials]] = {
    "bearer": _bearer,
    "api_key": _api_key,
    "http_basic": _http_basic,
}
"""Each `auth: {type: …}` and what it adds."""
