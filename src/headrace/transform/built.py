"""What building comes to, and what surrounds it: hooks, and columns of text that grow."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from headrace.sql.dialect import name, relation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from headrace.table import Table
    from headrace.transform.locations import Written
    from headrace.warehouse.base import Connection

_LIMITED = re.compile(r"character varying\((\d+)\)")


@dataclass(frozen=True, slots=True)
class Built:
    """A result that stands in the warehouse: where, of how many rows (None where the engine does not count them).

    `published` says that it has its name already, because it was changed in place or nothing had to be asked of it. `query` is the
    SQL of a view. `table` is None for an ephemeral model, which stands nowhere.
    """

    table: Table | None
    rows: int | None
    published: bool
    kind: Literal["table", "view"] = "table"
    query: str | None = None
    fresh: bool = True
    """Whether the relation is a new one, whose indexes and rights have to be made."""
    written: Written | None = None
    """The file that an external model becomes, which takes its place when the model is published."""


@dataclass(frozen=True, slots=True)
class Hook:
    """A statement before or after a node. `render` gives its SQL when its turn comes, as it may ask what was built."""

    render: Callable[[], str]
    inside: bool = True
    """Whether it runs in the node's transaction, or before it begins and after it is over."""


def hooked(connection: Connection, hooks: Iterable[Hook], *, inside: bool = True) -> None:
    """Run the hooks of one side of the transaction's border; one that comes out empty, as by an `if`, is none."""
    for hook in hooks:
        if hook.inside is inside:
            sql = hook.render().strip()
            if sql:
                connection.execute(sql)


def widen_text(connection: Connection, table: Table, arrived: Mapping[str, str], held: Mapping[str, str]) -> None:
    """Text columns of the table grow to the limits of what arrived, as dbt has it before it writes; only PostgreSQL has limits."""
    for column, kind in arrived.items():
        new, old = _LIMITED.fullmatch(kind), _LIMITED.fullmatch(held.get(column, ""))
        if new and old and int(new[1]) > int(old[1]):
            connection.execute(f"ALTER TABLE {relation(table)} ALTER COLUMN {name(column)} TYPE {kind}")
