"""Connections to an API, and in words why one failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import urllib3

    from headrace.project.apis import Client


def connections(client: Client, threads: int) -> urllib3.PoolManager:
    """So many at most, with the client's timeout."""
    import urllib3

    return urllib3.PoolManager(maxsize=threads, block=True, timeout=urllib3.Timeout(client.timeout))


def why(error: Exception) -> str:
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
