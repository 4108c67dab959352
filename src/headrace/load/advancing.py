"""How far the statement is that loads a stream's rows, told while it runs."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from contextvars import copy_context
from typing import TYPE_CHECKING

from headrace.events import LoadAdvanced, emit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from headrace.warehouse.embedded import Embedded

_EVERY = 0.2


@contextmanager
def told(stream: str, local: Embedded) -> Iterator[None]:
    """Emit how much is done of what the session runs inside the block, each percent once at most."""
    ended = threading.Event()
    with local.measured() as percent:
        thread = threading.Thread(target=copy_context().run, args=(_tell, stream, percent, ended), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def _tell(stream: str, percent: Callable[[], float | None], ended: threading.Event) -> None:
    said = 0
    while not ended.wait(_EVERY):
        now = percent()
        if now is not None and int(now) > said:
            said = int(now)
            emit(LoadAdvanced(stream, said))
