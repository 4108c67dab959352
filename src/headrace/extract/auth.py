"""Who we are, as a request says it: each kind is one function from its settings to what it adds, and for how long."""

from __future__ import annotations

import base64
import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urljoin

from headrace.errors import RequestFailed
from headrace.extract.connections import may_pass
from headrace.extract.gate import seconds_until
from headrace.extract.jwt import encode
from headrace.extract.paths import keys_of
from headrace.extract.signing import Wire, keyed, sigv4

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from headrace.project import credentials as says
    from headrace.retry import Clock

_EARLY = 0.1


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is added to each request to the API's own host, and the texts that no message may show.

    `sign` gives headers that depend on the request and the time. `seconds` is how long all this is good for; None is for ever.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    sign: Callable[[Wire, datetime], Mapping[str, str]] | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class World:
    """What a login needs: a way to send a request (status and body come back), the API's address, time, and a memory."""

    send: Callable[[Wire], tuple[int, str]]
    base_url: str
    clock: Clock
    memory: dict[str, str] = field(default_factory=dict)


class Identity:
    """The credentials of a client: made when they are first needed, anew before they expire, and when they are refused.

    Threads share it; one of them logs in and the others wait.
    """

    def __init__(self, auth: says.Auth | None, world: World) -> None:
        self._auth = auth
        self._world = world
        self._lock = threading.Lock()
        self._held: Credentials | None = None if auth else Credentials()
        self._until = float("inf")
        self._secrets: set[str] = set()

    def current(self) -> Credentials:
        """What the next request needs. Raises RequestFailed where a login fails."""
        with self._lock:
            if self._held is None or self._world.clock.monotonic() >= self._until:
                self._make()
            return self._held or Credentials()

    def shown(self) -> tuple[Credentials, frozenset[str]]:
        """What is held, without asking anybody, and every secret there has been."""
        held = self._held
        return held or Credentials(), frozenset(self._secrets | _secrets(self._auth))

    def renew(self, refused: Credentials) -> bool:
        """Log in anew, unless another thread has done so since. False where there is nothing to renew."""
        if refused.seconds is None:
            return False
        with self._lock:
            if self._held is refused:
                self._world.memory["renew"] = "yes"
                self._make()
        return True

    def _make(self) -> None:
        auth = self._auth
        if auth is None:
            return
        made = KINDS[auth.type](auth, self._world)
        self._held = made
        self._secrets.update(made.secrets)
        self._until = (
            float("inf")
            if made.seconds is None
            else self._world.clock.monotonic() + made.seconds - min(60.0, made.seconds * _EARLY)
        )


def _secrets(auth: says.Auth | None) -> set[str]:
    """Texts of the settings that are not to be shown, known before anything was asked."""
    if auth is None:
        return set()
    hidden = (getattr(auth, name) for name, about in type(auth).model_fields.items() if not about.repr)
    return {str(value) for value in hidden if isinstance(value, str) and value}


def _bearer(auth: says.BearerAuth, _: World) -> Credentials:
    return Credentials(headers={"Authorization": f"Bearer {auth.token}"}, secrets=(auth.token,))


def _api_key(auth: says.ApiKeyAuth, _: World) -> Credentials:
    return _placed(auth.location, auth.name, auth.api_key)


def _placed(location: str, name: str, text: str, seconds: float | None = None) -> Credentials:
    if location in ("query", "param"):
        return Credentials(params={name: text}, secrets=(text,), seconds=seconds)
    if location == "cookie":
        return Credentials(headers={"Cookie": f"{name}={text}"}, secrets=(text,), seconds=seconds)
    return Credentials(headers={name: text}, secrets=(text,), seconds=seconds)


def _http_basic(auth: says.HttpBasicAuth, _: World) -> Credentials:
    pair = _basic(auth.username, auth.password)
    return Credentials(headers={"Authorization": f"Basic {pair}"}, secrets=(auth.password, pair))


def _basic(name: str, word: str) -> str:
    return base64.b64encode(f"{name}:{word}".encode()).decode()


def _client_credentials(auth: says.OAuth2ClientCredentials, world: World) -> Credentials:
    return _exchanged(auth, {"grant_type": "client_credentials"}, world)


def _refresh_token(auth: says.OAuth2RefreshToken, world: World) -> Credentials:
    newest = world.memory.get("refresh_token", auth.refresh_token)
    return _exchanged(auth, {"grant_type": "refresh_token", "refresh_token": newest}, world)


def _exchanged(
    auth: says.OAuth2ClientCredentials | says.OAuth2RefreshToken, form: Mapping[str, str], world: World
) -> Credentials:
    if auth.access_token and "renew" not in world.memory:
        return _token(auth.access_token, auth.default_token_expiration)
    headers, sent = {}, {**form, **({"scope": " ".join(auth.scopes)} if auth.scopes else {})}
    if auth.client_id is not None and auth.client_in == "header":
        headers["Authorization"] = f"Basic {_basic(auth.client_id, auth.client_secret or '')}"
    elif auth.client_id is not None:
        sent |= {"client_id": auth.client_id} | ({"client_secret": auth.client_secret} if auth.client_secret else {})
    answer = _asked(auth.access_token_url, {**sent, **auth.access_token_request_data}, headers, world)
    if isinstance(answer.get("refresh_token"), str):
        world.memory["refresh_token"] = answer["refresh_token"]
    world.memory["renew"] = "yes"
    lifetime = _lifetime(answer.get(auth.expires_in_name), auth.default_token_expiration, world)
    return _token(_found(answer, auth.access_token_name, auth.access_token_url), lifetime)


def _lifetime(said: Any, usual: float, world: World) -> float:
    """How many seconds a token is good for, told as a number of them or as a time; as usual where the answer says neither, or zero."""
    told = seconds_until(str(said), world.clock) if isinstance(said, (int, float, str)) and said is not True else None
    return told or usual


def _token(token: str, seconds: float) -> Credentials:
    return Credentials(headers={"Authorization": f"Bearer {token}"}, secrets=(token,), seconds=seconds)


def _jwt(auth: says.JwtAuth, world: World) -> Credentials:
    issued = int(world.clock.now().timestamp())
    claims = {"iat": issued, "exp": issued + int(auth.duration), **auth.claims}
    token = encode(claims, _key(auth), auth.algorithm, headers=auth.headers, passphrase=auth.passphrase)
    return Credentials(headers={auth.header: auth.prefix + token}, secrets=(token,), seconds=auth.duration)


def _key(auth: says.JwtAuth) -> bytes:
    if not auth.base64_encoded:
        return auth.secret_key.encode()
    try:
        return base64.b64decode("".join(auth.secret_key.split()), validate=True)
    except ValueError:
        raise RequestFailed(
            "the `secret_key` of auth is not written in base64", hint="leave `base64_encoded` out, or encode it"
        ) from None


def _oauth2_jwt(auth: says.OAuth2Jwt, world: World) -> Credentials:
    issued = int(world.clock.now().timestamp())
    claims = {
        "iss": auth.client_id,
        "sub": auth.subject or auth.client_id,
        "aud": auth.audience or auth.auth_endpoint,
        "iat": issued,
        "exp": issued + 3600,
        **({"scope": " ".join(auth.scopes)} if auth.scopes else {}),
        **auth.claims,
    }
    key, passphrase = auth.private_key.encode(), auth.private_key_passphrase
    assertion = encode(claims, key, auth.algorithm, headers=auth.headers, passphrase=passphrase)
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}
    answer = _asked(auth.auth_endpoint, form, {}, world)
    lifetime = _lifetime(answer.get("expires_in"), auth.default_token_expiration, world)
    return _token(_found(answer, "access_token", auth.auth_endpoint), lifetime)


def _session_token(auth: says.SessionTokenAuth, world: World) -> Credentials:
    login = auth.login
    url = urljoin(world.base_url.rstrip("/") + "/", login.url.lstrip("/"))
    answer = _asked(url, login.data, login.headers, world, method=login.method, body=login.json_body)
    token = _found(answer, auth.session_token_path, url)
    made = _placed(auth.location, auth.name, auth.prefix + token, auth.expiration)
    return Credentials(made.headers, made.params, (*made.secrets, token), seconds=auth.expiration)


def _asked(
    url: str,
    form: Mapping[str, Any] | None,
    headers: Mapping[str, str],
    world: World,
    *,
    method: str = "POST",
    body: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The JSON object that a login answers. Raises RequestFailed, without the answer's text: it may hold what was sent."""
    kind = {"Content-Type": "application/json" if body is not None else "application/x-www-form-urlencoded"}
    data = json.dumps(body).encode() if body is not None else urlencode(form).encode() if form else None
    sent = Wire(method, url, {"Accept": "application/json", **(kind if data else {}), **headers}, data)
    status, text = world.send(sent)
    if not 200 <= status < 300:
        failed = RequestFailed(f"the login {method} {url} failed: status {status}", hint="are id and secret right?")
        failed.passes = may_pass(status)
        raise failed
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise RequestFailed(f"the login {method} {url} was not answered with a JSON object")
    return answer


def _found(answer: Mapping[str, Any], path: str, url: str) -> str:
    value: Any = answer
    for key in keys_of(path):
        value = value.get(key) if isinstance(value, dict) else None
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value:
        raise RequestFailed(f"the answer of the login {url} has no text at '{path}'")
    return value


def _sigv4(auth: says.AwsSigV4, _: World) -> Credentials:
    secrets = tuple(text for text in (auth.secret_access_key, auth.session_token) if text)
    return Credentials(secrets=secrets, sign=lambda wire, now: sigv4(wire, auth, now))


def _hmac(auth: says.HmacAuth, _: World) -> Credentials:
    return Credentials(secrets=(auth.secret,), sign=lambda wire, now: keyed(wire, auth, now))


KINDS: Mapping[str, Callable[[Any, World], Credentials]] = {
    "bearer": _bearer,
    "api_key": _api_key,
    "http_basic": _http_basic,
    "oauth2_client_credentials": _client_credentials,
    "oauth2_refresh_token": _refresh_token,
    "jwt": _jwt,
    "oauth2_jwt": _oauth2_jwt,
    "session_token": _session_token,
    "aws_sigv4": _sigv4,
    "hmac": _hmac,
}
"""Each `auth: {type: …}` and what it adds."""
