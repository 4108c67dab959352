"""The statements of a session, for who wants to write them down."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Noting:
    """What sessions of all engines share: they keep what they are told to do while somebody wants to know it."""

    _noted: list[str] | None = None

    @contextmanager
    def noting(self) -> Iterator[list[str]]:
        """A list that grows inside the block by each statement, before the engine has it."""
        before, self._noted = self._noted, []
        try:
            yield self._noted
        finally:
            self._noted = before

    def note(self, sql: str) -> None:
        """Keep a statement, or what stands for one."""
        if self._noted is not None:
            self._noted.append(sql)
