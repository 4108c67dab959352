"""Connections to an API: a request goes out, and what comes back is read in pieces, so that no server can keep or drown us."""

from __future__ import annotations

import gzip
import io
import re
import ssl
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from headrace.counting import count
from headrace.errors import ConfigInvalid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import urllib3

    from headrace.extract.signing import Wire
    from headrace.project.apis import Client
    from headrace.retry import Clock

LARGEST = 1 << 29
"""Bytes of a body, as it arrives and unpacked: half a gigabyte."""
_SLOWEST = 1000
"""Bytes a second, once a body has taken ten times as long as a silence may."""
_PATIENCE = 10
_PIECE = 1 << 16
_LATER = (408, 409, 423, 425, 429)


class NoAnswer(Exception):
    """Nothing that can be used came back; `reason` says why in words, and `again` whether asking again may help."""

    def __init__(self, reason: str, status: int | None = None, *, again: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.again = again


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: header names are in lower case, the body is unpacked."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def connections(client: Client, threads: int) -> urllib3.PoolManager:
    """So many at most, with the client's timeout, through the proxy that the environment names. Raises ConfigInvalid."""
    import urllib3

    from headrace.extract.heads import hurried

    proxy, timeout = proxy_of(client.base_url), urllib3.Timeout(client.timeout)
    if proxy is None:
        pool = urllib3.PoolManager(maxsize=threads, block=True, timeout=timeout)
    else:
        try:
            parts = urllib3.util.parse_url(proxy)
            own = urllib3.make_headers(proxy_basic_auth=unquote(parts.auth)) if parts.auth else None
            pool = urllib3.ProxyManager(proxy, proxy_headers=own, maxsize=threads, block=True, timeout=timeout)
        except (urllib3.exceptions.HTTPError, ValueError):
            raise ConfigInvalid(
                "the proxy that the environment names is no http:// or https:// address",
                hint="see HTTP_PROXY and HTTPS_PROXY; NO_PROXY lists hosts that are asked directly",
            ) from None
    pool.pool_classes_by_scheme = hurried(_PATIENCE)
    return pool


def proxy_of(url: str) -> str | None:
    """The proxy by which the environment (HTTP_PROXY, HTTPS_PROXY, NO_PROXY, or the system's settings) has a URL asked."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host == "localhost" or host.startswith("127.") or host == "::1" or proxy_bypass(host):
        return None
    found = getproxies().get(parts.scheme)
    return found if not found or "://" in found else f"http://{found}"


def exchange(
    pool: urllib3.PoolManager, wire: Wire, client: Client, clock: Clock, redirects: urllib3.Retry | None = None
) -> Reply:
    """Send a request and read all of its answer; links elsewhere are followed as `redirects` says. Raises NoAnswer."""
    with answering(pool, wire, redirects) as raw:
        packed = _read(raw, client.timeout * _PATIENCE, clock)
    headers = {name.lower(): value for name, value in raw.headers.items()}
    return Reply(raw.status, headers, _unpacked(packed, headers.get("content-encoding", ""), raw.status))


@contextmanager
def answering(
    pool: urllib3.PoolManager, wire: Wire, redirects: urllib3.Retry | None
) -> Iterator[urllib3.BaseHTTPResponse]:
    """Send a request, whose answer is to be read while the context lasts. Raises NoAnswer, also for what fails in the reading."""
    import urllib3

    unfit = _unsendable(wire.headers)
    if unfit:
        raise NoAnswer(unfit, again=False)
    try:
        raw = pool.request(
            wire.method,
            wire.url,
            headers=wire.headers,
            body=wire.body,
            retries=redirects or False,
            redirect=redirects is not None,
            preload_content=False,
            decode_content=False,
        )
        try:
            yield raw
        except BaseException:
            raw.close()
            raise
    except urllib3.exceptions.HTTPError as error:
        raise NoAnswer(why(error), again=not _lasting(error)) from error
    except (ValueError, OverflowError, AttributeError) as error:
        # Lengths that are none, links that are none: the library passes them on to where they do not fit.
        raise NoAnswer("the response is not HTTP") from error


def _unsendable(headers: Mapping[str, str]) -> str | None:
    """Why a header cannot be sent, without its value: what a secret was read from often ends in a line break."""
    for name, value in headers.items():
        found = re.search(r"[^\t\x20-\x7e\x80-\xff]", value)
        if found:
            sign = "a line break" if found[0] in "\r\n" else repr(found[0])
            return f"the header '{name}' cannot be sent: there is {sign} in it"
    return None


def _read(raw: urllib3.BaseHTTPResponse, patience: float, clock: Clock) -> bytes:
    began, pieces, size = clock.monotonic(), list[bytes](), 0
    while piece := raw.read1(_PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > LARGEST:
            raise NoAnswer(_too_large(), raw.status)
        taken = clock.monotonic() - began
        if taken > patience and size < taken * _SLOWEST:
            raise NoAnswer(f"the body comes too slowly: {count(size, 'byte')} in {taken:.0f} s", raw.status)
    return b"".join(pieces)


def _unpacked(data: bytes, encoding: str, status: int) -> bytes:
    """A body without the packing that a header tells of, and without that of a download that is itself a gzip file."""
    try:
        for name in reversed([one.strip().lower() for one in encoding.split(",")]):
            if name in ("gzip", "x-gzip"):
                data = _gunzipped(data) if data else data
            elif name == "deflate":
                data = _inflated(data)
            elif name not in ("", "identity"):
                raise NoAnswer(f"the body is packed as {name!r}, which was not asked for", status)
        return _gunzipped(data) if data[:2] == b"\x1f\x8b" else data
    except (OSError, EOFError, zlib.error) as error:
        raise NoAnswer("the compressed body is damaged", status) from error
    except OverflowError:
        raise NoAnswer(_too_large(), status) from None


def _gunzipped(data: bytes) -> bytes:
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
        return _within(file.read(LARGEST + 1))


def _inflated(data: bytes) -> bytes:
    """With the frame that the standard asks for, or without it, as some servers send it."""
    opened = zlib.decompressobj(zlib.MAX_WBITS if data[:1] == b"\x78" else -zlib.MAX_WBITS)
    made = _within(opened.decompress(data, LARGEST + 1))
    if not opened.eof:
        raise EOFError
    return made


def _within(data: bytes) -> bytes:
    if len(data) > LARGEST:
        raise OverflowError
    return data


def _too_large() -> str:
    return f"the body is larger than {LARGEST >> 20} MB: ask for smaller pages"


def why(error: Exception) -> str:
    """A kind of connection failure in words; the library's own text may hold the URL with its secrets."""
    cause = getattr(error, "reason", None) or error
    if type(cause).__name__ == "SSLError":
        return _of_tls(cause)
    return {
        "ReadTimeoutError": "no answer within the timeout",
        "ConnectTimeoutError": "no connection within the timeout",
        "NewConnectionError": "the connection was refused",
        "NameResolutionError": "the host name cannot be resolved",
        "ProtocolError": "the connection was dropped",
        "IncompleteRead": "the body was cut off",
        "InvalidChunkLength": "the body was cut off",
        "DecodeError": "the compressed body is damaged",
        "ProxyError": "the proxy cannot be reached, or refused to connect",
        "ResponseError": "it redirects again and again",
        "URLSchemeUnknown": "it redirects to what is no web address",
        "LocationValueError": "it redirects to what is no web address",
        "LocationParseError": "it redirects to what is no web address",
    }.get(type(cause).__name__, type(cause).__name__)


def _of_tls(error: Exception) -> str:
    """What is wrong with a certificate, or with who speaks no TLS."""
    inner = error.args[0] if error.args else error
    said = getattr(inner, "verify_message", None) or str(getattr(inner, "reason", None) or "").replace("_", " ").lower()
    hint = "; SSL_CERT_FILE names a file of authorities to trust" if getattr(inner, "verify_message", None) else ""
    return f"the TLS connection failed: {said}{hint}" if said else "the TLS connection failed"


def _lasting(error: Exception) -> bool:
    """Whether asking again will be answered the same: a certificate does not become good by it."""
    cause = getattr(error, "reason", None) or error
    return isinstance(cause.args[0] if cause.args else None, ssl.SSLCertVerificationError)


def may_pass(status: int | None) -> bool:
    """Whether the same request may have another answer later: not where the server says that the request is wrong."""
    return status is None or not 400 <= status < 500 or status in _LATER
