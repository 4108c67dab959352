"""The ledger of files: a row for each version of a file whose rows a load brought, written in the load's transaction.

Rows are only added, until the table of the stream is replaced; the newest row of a name says which version was read last.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from headrace.sql.dialect import names, relation, text, timestamp
from headrace.sql.operations import Drop
from headrace.state.ledger import FILES, HOME
from headrace.table import Table

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
    from headrace.arrow import pa

    stream, load_id, at = load
    listed = pa.table(
        {
            "name": pa.array(stamps, pa.string()),
            "stamp": pa.array(stamps.values(), pa.string()),
            "size": pa.array([sizes.get(each) for each in stamps], pa.int64()),
            "rows": pa.array([rows[each][0] for each in stamps], pa.int64()),
            "quarantined": pa.array([rows[each][1] for each in stamps], pa.int64()),
        }
    )
    held, staged = f"headrace_files_{load_id.replace('-', '')}", Table(HOME, f"files__{load_id.replace('-', '')}")
    connection.local.register(held, listed)
    try:
        connection.load_local(staged, f"SELECT * FROM {held}")
    finally:
        connection.local.unregister(held)
    connection.execute(
        f"INSERT INTO {relation(FILES)} ({names(_COLUMNS)}) SELECT {text(stream)}, {names(_COLUMNS[1:6])}, "
        f"{text(load_id)}, {timestamp(at)} FROM {relation(staged)}"
    )
    connection.run(Drop(staged))
