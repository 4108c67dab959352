"""One request to an API: sent, waited for, tried again, and never too often."""

from __future__ import annotations

import json
import re
import threading
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit, urlunsplit

from headrace.counting import count
from headrace.errors import RequestFailed
from headrace.events import RequestRetried, emit
from headrace.extract.connections import NoAnswer, Reply, answering, connections, exchange, may_pass
from headrace.extract.encodings import detected
from headrace.extract.gate import pause, seconds_until
from headrace.extract.signing import Wire
from headrace.project.secrets import redact
from headrace.retry import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    import urllib3

    from headrace.extract.auth import Credentials, Identity
    from headrace.extract.gate import Gate
    from headrace.project.apis import Client, ResponseAction, Retry
    from headrace.retry import Clock

_TELLING = re.compile(r"(?i)^(.*[_-])?(api[_-]?key|key|token|secret|password|signature|sig|auth)$")
_MESSAGE_LENGTH = 200
_LONGEST = 3600.0
_HINTS = {
    401: "is what stands under `auth:` right, and still valid?",
    403: "may whoever `auth:` stands for read this?",
    404: "are `base_url:` and `path:` right?",
}
_HARMLESS = frozenset({"Accept", "Accept-Encoding", "User-Agent", "Content-Type"})


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked: without credentials, which the client adds. `url` may be relative to the client's `base_url`."""

    url: str
    method: str = "GET"
    params: Mapping[str, Any] = field(default_factory=dict)
    json: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """What was answered: header names are in lower case. `ignored` says that a response action ended the paging here."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: str
    ignored: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """What counts as a failure, how often it is tried again, and how a body is written.

    With `guesses`, the encoding of one that does not say it is found by its bytes.
    """

    retry: Retry
    actions: tuple[ResponseAction, ...] = ()
    encoding: str | None = None
    guesses: bool = False


class PagingReset(RequestFailed):
    """A response action says to begin with the first page again."""


class PageFailed(RequestFailed):
    """RequestFailed with the status the server gave, for those who can go on without this page."""

    def __init__(self, what: str, *, status: int | None, reason: str, kept: bool | None = None) -> None:
        super().__init__(what, hint=_HINTS.get(status or 0))
        self.status = status
        self.reason = reason
        self.kept = kept
        """What a response action says: that the request goes to quarantine, or (False) that the load is to fail; None is not a word."""
        self.passes = may_pass(status)


class Http:
    """The connections of one reader to an API. Limits and logins are shared by all readers of that API."""

    def __init__(
        self, client: Client, identity: Identity, gates: Sequence[Gate], clock: Clock, threads: int = 4
    ) -> None:
        self.client = client
        self.identity = identity
        self.gates = gates
        self.clock = clock
        self.stopped = threading.Event()
        self.pool = connections(client, threads)

    def close(self) -> None:
        """End all connections and all pauses."""
        self.stopped.set()
        self.pool.clear()

    def fetch(self, request: Request, policy: Policy, stream: str, check: Callable[[str], str | None]) -> Response:
        """The response, after as many attempts as it takes. `check` gives the reason why a body is not fit, or None.

        Raises RequestFailed, or PagingReset where a response action says so.
        """
        retry = policy.retry
        pauses = Backoff(retry.max_attempts, retry.backoff, retry.factor, retry.max_delay, retry.jitter)
        attempt, renewed = 1, False
        while True:
            got, used = self._attempt(request, policy, check)
            if isinstance(got, Response):
                return got
            refused = (got.status == 401 and not got.acted) or got.renew
            if refused and not renewed and self.identity.renew(used):
                renewed = True
                continue
            if not got.again or attempt == retry.max_attempts:
                raise self._failed(request, got, attempt)
            delay = self._held_up(got, pauses.delay(attempt, self.clock.random), retry)
            emit(RequestRetried(stream, attempt, round(delay, 3), got.reason))
            pause(delay, self.clock, self.stopped)
            attempt += 1

    def _held_up(self, got: _Failure, delay: float, retry: Retry) -> float:
        """How long to wait; what the server said, or its refusal, holds for all threads."""
        if got.retry_after is not None:
            wait = min(got.retry_after, max(retry.max_delay, _LONGEST))
            delay = max(delay, wait)
            for gate in self.gates:
                gate.close_for(wait)
        elif got.limited:
            for gate in self.gates:
                gate.slow_down()
                gate.close_for(delay)
        return delay

    def _attempt(
        self, request: Request, policy: Policy, check: Callable[[str], str | None]
    ) -> tuple[Response | _Failure, Credentials]:
        with ExitStack() as entered:
            for gate in self.gates:
                entered.enter_context(gate.enter(self.stopped))
            # Only now: a token may expire, and a signature age, while a request waits for its turn.
            used = self.identity.current()
            wire = self.wire(request, used)
            try:
                reply = exchange(self.pool, wire, self.client, self.clock, _redirects(wire))
            except NoAnswer as error:
                return _Failure(error.reason, again=error.again, status=error.status), used
        got = _judge(wire.url, reply, policy, check, self.clock)
        if isinstance(got, Response):
            for gate in self.gates:
                gate.observe(got.headers)
        return got, used

    def begun(self, request: Request) -> AbstractContextManager[urllib3.BaseHTTPResponse]:
        """A request, sent, whose answer is read while the context lasts, as large as it may be. Raises NoAnswer."""
        wire = self.wire(request, self.identity.current())
        return answering(self.pool, wire, _redirects(wire))

    def wire(self, request: Request, used: Credentials) -> Wire:
        """The request as it goes out. Credentials go to the host of `base_url` alone, wherever a link leads."""
        try:
            place = _placed(self.client.base_url.rstrip("/") + "/", request.url)
        except ValueError:
            raise PageFailed("what is to be asked is no URL", status=None, reason="no URL") from None
        ours = used if place.ours else None
        added = {**request.params, **(ours.params if ours else {})}
        query = [pair for pair in place.query if pair[0] not in added]
        query += [(name, _text(one)) for name, value in added.items() for one in _each(value)]
        url = urlunsplit((place.scheme, place.netloc, place.path, urlencode(query), ""))
        kind, body = _body(request)
        headers = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "headrace", **kind}
        headers |= {**self.client.headers, **request.headers, **ours.headers} if ours else {}
        if ours and ours.sign:
            headers |= ours.sign(Wire(request.method, url, headers, body), self.clock.now())
        return Wire(request.method, url, headers, body)

    def bare(self, url: str) -> str:
        """A link without the credentials that the server repeated in it, fit to be stored."""
        hidden = self.identity.shown()[0].params
        if not hidden:
            return url
        parts = urlsplit(url)
        query = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in hidden]
        return urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(query), ""))

    def shown(self, text: str) -> str:
        """A text without the credentials, fit for a message."""
        for secret in sorted(self.identity.shown()[1], key=len, reverse=True):
            for form in {secret, quote(secret, safe=""), urlencode({"": secret})[1:]} - {""}:
                text = text.replace(form, "***")
        return redact(text)

    def shown_url(self, request: Request) -> str:
        """The URL without anything that looks like a secret."""
        held = self.identity.shown()[0]
        parts = urlsplit(self.wire(request, replace(held, sign=None)).url)
        hidden = [
            (name, "***" if name in held.params or _TELLING.match(name) else value)
            for name, value in parse_qsl(parts.query, keep_blank_values=True)
        ]
        netloc = parts.netloc.rpartition("@")[2]
        return self.shown(urlunsplit((parts.scheme, netloc, parts.path, urlencode(hidden, safe="*:/,"), "")))

    def _failed(self, request: Request, failure: _Failure, attempts: int) -> PageFailed | PagingReset:
        if failure.reset:
            return PagingReset(f"{self.shown_url(request)}: the paging begins again")
        reason = self.shown(failure.reason)
        said = self.shown(" ".join(failure.body.split()))[:_MESSAGE_LENGTH]
        tries = count(attempts, "attempt")
        what = f"{request.method} {self.shown_url(request)} failed after {tries}: {reason}"
        what += f": {said}" if said else ""
        return PageFailed(what, status=failure.status, reason=reason, kept=failure.kept)


class _Place(NamedTuple):
    """Where a request goes, but for its parameters; whether that is the host of `base_url`."""

    scheme: str
    netloc: str
    path: str
    query: tuple[tuple[str, str], ...]
    ours: bool


@lru_cache(100)  # the pages of a stream are mostly asked of one place
def _placed(base: str, url: str) -> _Place:
    """The place of a URL, or of a path below the base. Raises ValueError."""
    parts = urlsplit(urljoin(base, url.lstrip("/") if "://" not in url else url))
    home = urlsplit(base)
    ours = (parts.scheme, parts.netloc) == (home.scheme, home.netloc)
    path = quote(parts.path, safe="/%:@!$&'()*+,;=~-._")
    return _Place(parts.scheme, parts.netloc, path, tuple(parse_qsl(parts.query, keep_blank_values=True)), ours)


def _body(request: Request) -> tuple[dict[str, str], bytes | None]:
    if request.json is not None:
        return {"Content-Type": "application/json"}, json.dumps(request.json).encode()
    if request.data is not None:
        pairs = [(name, _text(one)) for name, value in request.data.items() for one in _each(value)]
        return {"Content-Type": "application/x-www-form-urlencoded"}, urlencode(pairs).encode()
    return {}, None


@dataclass(frozen=True, slots=True)
class _Failure:
    """An attempt that gave nothing; `again` says whether another one may."""

    reason: str
    again: bool
    status: int | None = None
    retry_after: float | None = None
    body: str = ""
    kept: bool | None = None
    limited: bool = False
    renew: bool = False
    reset: bool = False
    acted: bool = False


def _redirects(wire: Wire) -> urllib3.Retry | None:
    """Links elsewhere are followed a few times, and never with credentials."""
    import urllib3

    if wire.body:
        # What is in a body may be secret as well, and is sent nowhere else.
        return None
    own = frozenset({*urllib3.Retry.DEFAULT_REMOVE_HEADERS_ON_REDIRECT, *wire.headers} - _HARMLESS)
    return urllib3.Retry(total=None, connect=0, read=0, status=0, other=0, redirect=5, remove_headers_on_redirect=own)


def _judge(
    url: str, raw: Reply, policy: Policy, check: Callable[[str], str | None], clock: Clock
) -> Response | _Failure:
    headers = raw.headers
    text = _text_of(raw.body, headers.get("content-type", ""), policy)
    if text is None:
        return _Failure(f"the body is not {policy.encoding or 'UTF-8'}", again=True, status=raw.status)
    response = Response(url, raw.status, headers, text)
    wait = _wait_of(headers, policy.retry, clock)
    limited = raw.status == 429
    failure = _Failure(f"status {raw.status}", False, raw.status, wait, text, limited=limited)
    for action in policy.actions:
        if action.status_code in (None, raw.status) and (action.content is None or action.content in text):
            return _acted(action.action, response, failure)
    if retried(raw.status, policy.retry.retry_on):
        return replace(failure, again=True)
    if 300 <= raw.status < 400 and "location" in headers:
        return replace(
            failure, reason=f"status {raw.status}: a request with a body is not sent on to where it redirects"
        )
    if not 200 <= raw.status < 300:
        return failure
    if raw.status == 204:
        return replace(response, body="[]", ignored=True)
    unfit = check(text)
    return replace(failure, again=True, reason=unfit) if unfit else response


def _text_of(body: bytes, content_type: str, policy: Policy) -> str | None:
    """A body as text; None where it is in no encoding that it may be in."""
    for encoding in _encodings(body, content_type, policy):
        with suppress(UnicodeDecodeError, LookupError):
            return body.decode(encoding)
    return None


def _encodings(body: bytes, content_type: str, policy: Policy) -> Iterator[str]:
    """What is declared alone; else UTF-8, which servers send whatever they say of it, then what they say, then what is found."""
    if policy.encoding:
        yield policy.encoding
        return
    if not (policy.guesses and b"\0" in body):  # UTF-16 without a mark is UTF-8 with zeros, too
        yield "utf-8-sig"
    if said := re.search(r"(?i)charset\s*=\s*[\"']?([\w.:-]+)", content_type):
        yield said[1]
    if policy.guesses and (found := detected(BytesIO(body))):
        yield found


def _acted(action: str, response: Response, failure: _Failure) -> Response | _Failure:
    """What a response action makes of a response."""
    if action == "ignore":
        return replace(response, body="[]", ignored=True)
    again = action in ("retry", "rate_limited", "refresh_token")
    limited = action == "rate_limited"
    return replace(
        failure,
        again=again,
        limited=limited,
        renew=action == "refresh_token",
        reset=action == "reset_pagination",
        kept={"quarantine": True, "fail": False}.get(action),
        acted=True,
    )


def _wait_of(headers: Mapping[str, str], retry: Retry, clock: Clock) -> float | None:
    """How long the server says to wait, by the headers that are asked for and by Retry-After."""
    names = [name for name in (retry.wait_time_header, retry.wait_until_header) if name]
    waits = (seconds_until(headers.get(name.lower()), clock) for name in (*names, "retry-after"))
    return next((wait for wait in waits if wait is not None), None)


def retried(status: int, retry_on: tuple[int | str, ...]) -> bool:
    """Whether `retry_on` names the status, as a number or as a class such as `5xx`."""
    return any(str(one).lower() in (str(status), f"{status // 100}xx") for one in retry_on)


def _each(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [] if value is None else [value]


def _text(value: Any) -> str:
    return ("false", "true")[value] if isinstance(value, bool) else str(value)
