"""Logins of a low-code manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.project.importing.expressions import Scope, translated
from headrace.project.importing.found import Unlike

if TYPE_CHECKING:
    from collections.abc import Mapping


def auth_of(said: Any, scope: Scope, notes: list[str]) -> dict[str, Any] | None:
    """The `auth:` of a requester's authenticator. Raises Unlike."""
    if not said or said.get("type") == "NoAuth":
        return None
    kind = str(said.get("type") or "")
    if kind == "SelectiveAuthenticator":
        chosen = next(iter(said.get("authenticators", {"": {}})))
        notes.append(f"of several ways to log in, {chosen!r} was taken")
        return auth_of(said["authenticators"][chosen], scope, notes)
    made = _KINDS.get(kind)
    if made is None or "class_name" in said:
        raise Unlike(f"an authenticator {said.get('class_name') or kind}")
    return made(said, scope)


def _bearer(said: Mapping[str, Any], scope: Scope) -> dict[str, Any]:
    return {"type": "bearer", "token": translated(said["api_token"], scope)}


def _api_key(said: Mapping[str, Any], scope: Scope) -> dict[str, Any]:
    inject = said.get("inject_into") or {}
    place = {"request_parameter": "query", "header": "header", None: "header"}.get(inject.get("inject_into"))
    if place is None:
        raise Unlike(f"a key injected into {inject.get('inject_into')}")
    name = translated(str(inject.get("field_name") or said.get("header")), scope)
    return {"type": "api_key", "name": name, "api_key": translated(said["api_token"], scope), "location": place}


def _basic(said: Mapping[str, Any], scope: Scope) -> dict[str, Any]:
    return {
        "type": "http_basic",
        "username": str(translated(said.get("username", ""), scope)),
        "password": str(translated(said.get("password") or "", scope)),
    }


def _oauth(said: Mapping[str, Any], scope: Scope) -> dict[str, Any]:
    client = said.get("grant_type") == "client_credentials"
    made: dict[str, Any] = {
        "type": "oauth2_client_credentials" if client else "oauth2_refresh_token",
        "access_token_url": translated(said["token_refresh_endpoint"], scope),
        "client_id": translated(said["client_id"], scope),
        "client_secret": translated(said["client_secret"], scope),
    }
    if not client:
        made["refresh_token"] = translated(said.get("refresh_token") or "", scope)
    scopes = translated(said.get("scopes") or [], scope)
    names = {"access_token_name": "access_token_name", "expires_in_name": "expires_in_name"}
    made |= {ours: said[theirs] for theirs, ours in names.items() if said.get(theirs)}
    extra = translated(said.get("refresh_request_body") or {}, scope)
    return {
        **made,
        **({"scopes": scopes} if scopes else {}),
        **({"access_token_request_data": extra} if extra else {}),
    }


def _jwt(said: Mapping[str, Any], scope: Scope) -> dict[str, Any]:
    payload = {key: value for key, value in (said.get("jwt_payload") or {}).items() if not key.startswith("$")}
    made: dict[str, Any] = {
        "type": "jwt",
        "secret_key": translated(said["secret_key"], scope),
        "algorithm": said.get("algorithm", "HS256"),
        "claims": translated({**payload, **(said.get("additional_jwt_payload") or {})}, scope),
        "base64_encoded": bool(said.get("base64_encode_secret_key")),
    }
    if isinstance(said.get("token_duration"), int):
        made["duration"] = said["token_duration"]
    return made


def _session(said: Mapping[str, Any], scope: Scope) -> dict[str, Any]:
    login, request = said["login_requester"], said.get("request_authentication") or {}
    inject = request.get("inject_into") or {}
    url = str(translated(login.get("url_base") or "", scope)).rstrip("/")
    url += "/" + str(translated(login.get("path") or "", scope)).lstrip("/")
    body = translated(login.get("request_body_json") or {}, scope)
    made: dict[str, Any] = {
        "type": "session_token",
        "login": {"url": url, "method": login.get("http_method", "POST"), **({"json": body} if body else {})},
        "session_token_path": ".".join(said.get("session_token_path") or ["token"]),
    }
    if request.get("type") == "Bearer":
        return {**made, "prefix": "Bearer "}
    place = {"request_parameter": "query", "header": "header"}.get(str(inject.get("inject_into")))
    if place is None:
        raise Unlike(f"a session token injected into {inject.get('inject_into')}")
    return {**made, "name": inject["field_name"], "location": place}


_KINDS = {
    "BearerAuthenticator": _bearer,
    "ApiKeyAuthenticator": _api_key,
    "BasicHttpAuthenticator": _basic,
    "OAuthAuthenticator": _oauth,
    "JwtAuthenticator": _jwt,
    "SessionTokenAuthenticator": _session,
}
