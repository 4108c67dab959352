"""The head of an answer, which may not take for ever either: a silence is timed by the socket, drops that never end are by this."""

from __future__ import annotations

import functools
import http.client
import io
import time
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import socket


class _Hurried(io.RawIOBase):
    """What a socket sends, up to a moment; after it, reading fails as it does after a silence."""

    def __init__(self, raw: io.RawIOBase, until: float) -> None:
        super().__init__()
        self.raw = raw
        self.until = until

    def readable(self) -> bool:
        """It is."""
        return True

    def fileno(self) -> int:
        """The socket's."""
        return self.raw.fileno()

    def readinto(self, buffer: Any) -> int | None:
        """The next bytes. Raises TimeoutError."""
        if time.monotonic() > self.until:
            raise TimeoutError("the head of the answer comes too slowly")
        return cast("int | None", self.raw.readinto(buffer))

    def close(self) -> None:
        """With the socket's file."""
        if not self.closed:
            self.raw.close()
        super().close()


@functools.cache
def hurried(patience: int) -> dict[str, Any]:
    """Pools by scheme, for urllib3, whose answers begin within so many times the timeout, however many drops they come in."""
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

    class Response(http.client.HTTPResponse):
        def __init__(
            self, sock: socket.socket, debuglevel: int = 0, method: str | None = None, url: str | None = None
        ) -> None:
            super().__init__(sock, debuglevel, method, url)
            seconds = sock.gettimeout()
            until = time.monotonic() + seconds * patience if seconds else float("inf")
            self.slow = _Hurried(cast("Any", self.fp).detach(), until)
            self.fp = io.BufferedReader(self.slow)

        def begin(self) -> None:
            super().begin()
            self.slow.until = float("inf")

    class Plain(HTTPConnection):
        response_class = Response

    class Secure(HTTPSConnection):
        response_class = Response

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
