"""What all readers of one API have in common: one login, one limit, however many streams are read at once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from headrace.errors import RequestFailed
from headrace.extract.auth import Identity, World
from headrace.extract.connections import NoAnswer, connections, exchange
from headrace.extract.gate import Gate

if TYPE_CHECKING:
    from headrace.extract.signing import Wire
    from headrace.project.apis import Client, RateLimit
    from headrace.project.credentials import Auth
    from headrace.retry import Clock


class Shared:
    """What all readers of one API have in common: who they are, and how often they may ask."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self.client = client
        self.clock = clock
        self._identities: dict[str, Identity] = {}
        self.gate = Gate(client.rate_limit, clock)
        self._endpoints: dict[str, Gate] = {}
        self._lock = threading.Lock()

    def identity(self, own: Auth | None = None) -> Identity:
        """The client's login, or an endpoint's own one, which all endpoints that say the same share."""
        auth = own or self.client.auth
        key = auth.model_dump_json() if auth else ""
        with self._lock:
            made = Identity(auth, World(self._send, self.client.base_url, self.clock))
            return self._identities.setdefault(key, made)

    def gates(self, endpoint: str, limit: RateLimit | None) -> tuple[Gate, ...]:
        """The gates that requests of a stream pass: the client's or its own, and the one of its own limit."""
        wanted = {"limit": limit} if limit else {}
        if self.client.rate_limit and self.client.rate_limit.per == "endpoint":
            wanted["client"] = self.client.rate_limit
        with self._lock:
            own = tuple(
                self._endpoints.setdefault(f"{endpoint} {name}", Gate(one, self.clock)) for name, one in wanted.items()
            )
        return own if "client" in wanted else (self.gate, *own)

    def _send(self, wire: Wire) -> tuple[int, str]:
        """A login's request; a server in trouble is asked three times."""
        pool = connections(self.client, 1)
        try:
            for attempt in (1, 2, 3):
                try:
                    reply = exchange(pool, wire, self.client, self.clock)
                except NoAnswer as error:
                    status, text, said = 0, "", error.reason
                else:
                    status, text, said = reply.status, reply.body.decode("utf-8", "replace"), ""
                if status not in (0, 429) and status < 500:
                    return status, text
                if attempt < 3:
                    self.clock.sleep(float(attempt))
        finally:
            pool.clear()
        if said:
            raise RequestFailed(f"the login {wire.method} {wire.url} failed after 3 attempts: {said}")
        return status, text


_shared: dict[tuple[Clock, str], Shared] = {}
_shared_lock = threading.Lock()


def shared(client: Client, clock: Clock) -> Shared:
    """The one of this client in this process."""
    key = (clock, client.model_dump_json())
    with _shared_lock:
        return _shared.setdefault(key, Shared(client, clock))
