"""The ledger of files: a row for each version of a file whose rows a load brought, written in the load's transaction.

Rows are only added, until the table of the stream is replaced; the newest row of a name says which version was read last.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from headrace.sql.dialect import names, relation, text, timestamp
from headrace.state.ledger import FILES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.warehouse.base import Connection

_COLUMNS = ("stream", "name", "stamp", "size", "rows", "quarantined", "load_id", "loaded_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """One version of a file, and the load that brought its rows, with how many were let in and how many were kept out.

    `size` is None where the source does not know it, `quarantined` where nobody counted.
    """

    name: str
    stamp: str
    size: int | None
    rows: int
    quarantined: int | None
    load_id: str
    loaded_at: datetime


def stamps(connection: Connection, stream: str) -> dict[str, str]:
    """The stamp under which each file of a stream was read last, by its name."""
    found = connection.rows(
        f"SELECT name, stamp FROM {relation(FILES)} WHERE stream = ? ORDER BY loaded_at, load_id", [stream]
    )
    return {str(name): str(stamp) for name, stamp in found}


def loaded(connection: Connection, stream: str) -> list[Loaded]:
    """The files of a stream, newest load first, by name within a load."""
    found = connection.rows(
        f"SELECT name, stamp, size, {names(['rows'])}, quarantined, load_id, EXTRACT(EPOCH FROM loaded_at) "
        f"FROM {relation(FILES)} WHERE stream = ? ORDER BY loaded_at DESC, load_id DESC, name",
        [stream],
    )
    return [
        Loaded(
            name=name,
            stamp=stamp,
            size=size,
            rows=rows,
            quarantined=kept,
            load_id=load,
            loaded_at=datetime.fromtimestamp(round(float(at), 6), UTC),
        )
        for name, stamp, size, rows, kept, load, at in found
    ]


def forget(connection: Connection, stream: str) -> None:
    """The rows of earlier loads are gone from the stream's table, so which files they came from is nothing to know."""
    connection.rows(f"DELETE FROM {relation(FILES)} WHERE stream = ?", [stream])


def record(
    connection: Connection,
    load: tuple[str, str, datetime],
    stamps: Mapping[str, str],
    sizes: Mapping[str, int],
    rows: Mapping[str, tuple[int, int]],
) -> None:
    """Write the files that a load (its stream, its id and its time) has read, with how many rows of each were let in and kept out."""
    if not stamps:
        return
    stream, load_id, at = load
    kept = ", ".join(f"unnest(CAST(? AS {word}[]))" for word in ("VARCHAR", "VARCHAR", "BIGINT", "BIGINT", "BIGINT"))
    counts = [rows[each] for each in stamps]
    connection.rows(
        f"INSERT INTO {relation(FILES)} ({names(_COLUMNS)}) SELECT {text(stream)}, {kept}, {text(load_id)}, {timestamp(at)}",
        [
            list(stamps),
            list(stamps.values()),
            [sizes.get(each) for each in stamps],
            [let_in for let_in, _ in counts],
            [kept_out for _, kept_out in counts],
        ],
    )
