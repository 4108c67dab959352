"""The name of a relation."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import NamedTuple


class Space(NamedTuple):
    """A schema, of the target's own database or of another one beside it."""

    schema: str
    database: str | None = None


@dataclass(frozen=True, slots=True, order=True)
class Table:
    """Where a relation is: an optional database, a schema and a name, unquoted and in the case the warehouse stores."""

    schema: str
    name: str
    database: str | None = None

    def __str__(self) -> str:
        """The dotted name for people; statements quote it with `sql.dialect`."""
        return ".".join(part for part in (self.database, self.schema, self.name) if part)

    @property
    def space(self) -> Space:
        """The schema that it is in."""
        return Space(self.schema, self.database)

    def beside(self, suffix: str, *, max_name: int = 63) -> Table:
        """A table of the same schema whose name ends in `__suffix`, cut so that the engine does not cut it silently."""
        tail = f"__{suffix}"
        return replace(self, name=shortened(self.name, max_name - len(tail)) + tail)


def shortened(name: str, longest: int) -> str:
    """The name itself, or, where it has more bytes than that, its beginning and a hash of all of it: no two names become one."""
    written = name.encode()
    if len(written) <= longest:
        return name
    digest = hashlib.sha256(written).hexdigest()[:10]
    return f"{written[: longest - len(digest) - 1].decode(errors='ignore')}_{digest}"
