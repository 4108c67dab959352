"""One request to an API: sent, waited for, tried again, and never too often."""

from __future__ import annotations

import re
import threading
from collections import deque
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit, urlunsplit

from headrace.errors import Interrupted, RequestFailed
from headrace.events import RequestRetried, emit
from headrace.retry import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    import urllib3

    from headrace.extract.auth import Credentials
    from headrace.project.sources import Client, RateLimit, ResponseAction, Retry
    from headrace.retry import Clock

_TELLING = re.compile(r"(?i)^(.*[_-])?(api[_-]?key|key|token|secret|password|signature|sig|auth)$")
_MESSAGE_LENGTH = 200
_PIECE = 0.5


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked: without credentials, which the client adds. `url` may be relative to the client's `base_url`."""

    url: str
    method: str = "GET"
    params: Mapping[str, Any] = field(default_factory=dict)
    json: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


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
    """What counts as a failure, and how often it is tried again."""

    retry: Retry
    actions: tuple[ResponseAction, ...] = ()


class PageFailed(RequestFailed):
    """RequestFailed with the status the server gave, for those who can go on without this page."""

    def __init__(self, what: str, *, status: int | None, reason: str, kept: bool = False) -> None:
        super().__init__(what)
        self.status = status
        self.reason = reason
        self.kept = kept
        """A response action says that the request goes to quarantine."""


class Gate:
    """Lets at most `calls` requests start in each `period`, and none before the server said to come back. Thread-safe."""

    def __init__(self, limit: RateLimit | None, clock: Clock) -> None:
        self.clock = clock
        self.limit = limit
        self.lock = threading.Lock()
        self.started: deque[float] = deque(maxlen=limit.calls if limit else 1)
        self.closed_until = float("-inf")
        self.stopped = threading.Event()
        self.room: AbstractContextManager[Any] = (
            threading.BoundedSemaphore(limit.concurrency) if limit and limit.concurrency else nullcontext()
        )

    def close_for(self, seconds: float) -> None:
        """Let nothing start for so long, whichever thread asks."""
        with self.lock:
            self.closed_until = max(self.closed_until, self.clock.monotonic() + seconds)

    @contextmanager
    def enter(self) -> Iterator[None]:
        """Wait for the turn of a request, which is made inside the block."""
        with self.room:
            while (wait := self._wait()) > 0:
                self.pause(wait)
            yield

    def pause(self, seconds: float) -> None:
        """Sleep in short pieces, so that a reader that is closed does not wait for a pause to end."""
        until = self.clock.monotonic() + seconds
        while (left := until - self.clock.monotonic()) > 0:
            if self.stopped.is_set():
                raise Interrupted("the reading was stopped")
            self.clock.sleep(min(left, _PIECE))

    def _wait(self) -> float:
        with self.lock:
            now = self.clock.monotonic()
            earliest = self.closed_until
            if self.limit and len(self.started) == self.limit.calls:
                earliest = max(earliest, self.started[0] + self.limit.period)
            if earliest > now:
                return earliest - now
            self.started.append(now)
            return 0.0


class Http:
    """The connections to one API, shared by all threads that read from it."""

    def __init__(self, client: Client, credentials: Credentials, clock: Clock, threads: int = 4) -> None:
        import urllib3

        self.client = client
        self.credentials = credentials
        self.clock = clock
        self.gate = Gate(client.rate_limit, clock)
        own = frozenset({*urllib3.Retry.DEFAULT_REMOVE_HEADERS_ON_REDIRECT, *credentials.headers})
        self.redirects = urllib3.Retry(
            total=None, connect=0, read=0, status=0, other=0, redirect=5, remove_headers_on_redirect=own
        )
        self.pool = urllib3.PoolManager(maxsize=threads, block=True, timeout=urllib3.Timeout(client.timeout))

    def close(self) -> None:
        """End all connections and all pauses."""
        self.gate.stopped.set()
        self.pool.clear()

    def fetch(self, request: Request, policy: Policy, stream: str, check: Callable[[str], str | None]) -> Response:
        """The response, after as many attempts as it takes. `check` gives the reason why a body is not fit, or None.

        Raises RequestFailed.
        """
        retry = policy.retry
        pauses = Backoff(retry.max_attempts, retry.backoff, retry.factor, retry.max_delay, retry.jitter)
        for attempt in range(1, retry.max_attempts + 1):
            got = self._attempt(request, policy, check)
            if isinstance(got, Response):
                return got
            if not got.again or attempt == retry.max_attempts:
                raise self._failed(request, got, attempt)
            delay = pauses.delay(attempt, self.clock.random)
            if got.retry_after is not None:
                delay = max(delay, got.retry_after)
                self.gate.close_for(got.retry_after)
            emit(RequestRetried(stream, attempt, round(delay, 3), got.reason))
            self.gate.pause(delay)
        raise AssertionError

    def _attempt(self, request: Request, policy: Policy, check: Callable[[str], str | None]) -> Response | _Failure:
        import urllib3

        url, headers, body = self.wire(request)
        try:
            with self.gate.enter():
                raw = self.pool.request(
                    request.method, url, headers=headers, body=body, retries=self.redirects, redirect=True
                )
        except urllib3.exceptions.HTTPError as error:
            return _Failure(_why(error), again=True)
        return _judge(url, raw, policy, check, self.clock)

    def wire(self, request: Request) -> tuple[str, dict[str, str], bytes | None]:
        """URL, headers and body as they go out. Credentials go to the host of `base_url` alone, wherever a link leads."""
        import json

        base = self.client.base_url.rstrip("/") + "/"
        parts = urlsplit(urljoin(base, request.url.lstrip("/") if "://" not in request.url else request.url))
        home = urlsplit(base)
        ours = self.credentials if (parts.scheme, parts.netloc) == (home.scheme, home.netloc) else None
        added = {**request.params, **(ours.params if ours else {})}
        query = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in added]
        query += [(name, _text(one)) for name, value in added.items() for one in _each(value)]
        body = None if request.json is None else json.dumps(request.json).encode()
        headers = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "headrace"}
        headers |= {"Content-Type": "application/json"} if body is not None else {}
        headers |= {**self.client.headers, **request.headers, **ours.headers} if ours else {}
        path = quote(parts.path, safe="/%:@!$&'()*+,;=~-._")
        return urlunsplit((parts.scheme, parts.netloc, path, urlencode(query), "")), headers, body

    def bare(self, url: str) -> str:
        """A link without the credentials that the server repeated in it, fit to be stored."""
        parts = urlsplit(url)
        query = [
            pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in self.credentials.params
        ]
        return urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(query), ""))

    def shown(self, text: str) -> str:
        """A text without the credentials, fit for a message."""
        for secret in self.credentials.secrets:
            for form in {secret, quote(secret, safe=""), urlencode({"": secret})[1:]} - {""}:
                text = text.replace(form, "***")
        return text

    def shown_url(self, request: Request) -> str:
        """The URL without anything that looks like a secret."""
        parts = urlsplit(self.wire(request)[0])
        hidden = [
            (name, "***" if name in self.credentials.params or _TELLING.match(name) else value)
            for name, value in parse_qsl(parts.query, keep_blank_values=True)
        ]
        netloc = parts.netloc.rpartition("@")[2]
        return self.shown(urlunsplit((parts.scheme, netloc, parts.path, urlencode(hidden, safe="*:/,"), "")))

    def _failed(self, request: Request, failure: _Failure, attempts: int) -> PageFailed:
        reason = self.shown(failure.reason)
        said = self.shown(" ".join(failure.body.split()))[:_MESSAGE_LENGTH]
        tries = "1 attempt" if attempts == 1 else f"{attempts} attempts"
        what = f"{request.method} {self.shown_url(request)} failed after {tries}: {reason}"
        what += f": {said}" if said else ""
        return PageFailed(what, status=failure.status, reason=reason, kept=failure.kept)


@dataclass(frozen=True, slots=True)
class _Failure:
    """An attempt that gave nothing; `again` says whether another one may."""

    reason: str
    again: bool
    status: int | None = None
    retry_after: float | None = None
    body: str = ""
    kept: bool = False


def _judge(
    url: str, raw: urllib3.BaseHTTPResponse, policy: Policy, check: Callable[[str], str | None], clock: Clock
) -> Response | _Failure:
    headers = {name.lower(): value for name, value in raw.headers.items()}
    try:
        text = raw.data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return _Failure("the body is not UTF-8", again=True, status=raw.status)
    response = Response(url, raw.status, headers, text)
    wait = _retry_after(headers.get("retry-after"), clock)
    failure = _Failure(f"status {raw.status}", again=False, status=raw.status, retry_after=wait, body=text)
    for action in policy.actions:
        if action.status_code in (None, raw.status) and (action.content is None or action.content in text):
            if action.action == "ignore":
                return replace(response, body="[]", ignored=True)
            return replace(failure, again=action.action == "retry", kept=action.action == "quarantine")
    if retried(raw.status, policy.retry.retry_on):
        return replace(failure, again=True)
    if not 200 <= raw.status < 300:
        return failure
    if raw.status == 204:
        return replace(response, body="[]", ignored=True)
    unfit = check(text)
    return replace(failure, again=True, reason=unfit) if unfit else response


def retried(status: int, retry_on: tuple[int | str, ...]) -> bool:
    """Whether `retry_on` names the status, as a number or as a class such as `5xx`."""
    return any(str(one).lower() in (str(status), f"{status // 100}xx") for one in retry_on)


def _retry_after(value: str | None, clock: Clock) -> float | None:
    """The header's seconds, or the seconds until its HTTP date."""
    if not value:
        return None
    if re.fullmatch(r"\d+(\.\d+)?", value.strip()):
        return float(value)
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - clock.now()).total_seconds())


def _why(error: Exception) -> str:
    """A kind of connection failure in words; the library's own text may hold the URL with its secrets."""
    cause = getattr(error, "reason", None) or error
    return {
        "ReadTimeoutError": "no answer within the timeout",
        "ConnectTimeoutError": "no connection within the timeout",
        "NewConnectionError": "the connection was refused",
        "NameResolutionError": "the host name cannot be resolved",
        "ProtocolError": "the connection was dropped",
        "IncompleteRead": "the body was cut off",
        "DecodeError": "the compressed body is damaged",
        "SSLError": "the TLS connection failed",
    }.get(type(cause).__name__, type(cause).__name__)


def _each(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [] if value is None else [value]


def _text(value: Any) -> str:
    return ("false", "true")[value] if isinstance(value, bool) else str(value)
