"""How far a database's stream was read, as text that sorts as its values do."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from headrace.cursor import Cursor
from headrace.extract.windows import window
from headrace.schema import Kind, Type

if TYPE_CHECKING:
    from headrace.arrow import pa
    from headrace.project.stream_keys import Incremental

_INFINITE = {Kind.DATE: 2**31 - 1, Kind.TIMESTAMP: 2**63 - 1, Kind.TIMESTAMPTZ: 2**63 - 1}


def start(incremental: Incremental, cursor: Cursor | None) -> str | None:
    """Where reading begins: the cursor less the lag, or the initial value."""
    return window(incremental, cursor).start_value


def highest(column: pa.ChunkedArray, kind: Type) -> str | None:
    """The highest value of a column that is finite; None where there is none."""
    import pyarrow.compute as pc

    from headrace.arrow import pa

    infinite = _INFINITE.get(kind.kind)
    if infinite is None:
        value = pc.max(column).as_py()
        return None if value is None else written(value)
    whole = column.cast(pa.int32() if kind.kind is Kind.DATE else pa.int64())
    top = pc.max(whole.filter(pc.less(whole, infinite))).as_py()
    if top is None:
        return None
    try:
        if kind.kind is Kind.DATE:
            return written(date(1970, 1, 1) + timedelta(days=top))
        zone = UTC if kind.kind is Kind.TIMESTAMPTZ else None
        return written(datetime(1970, 1, 1, tzinfo=zone) + timedelta(microseconds=top))
    except OverflowError:
        return None


def written(value: object) -> str:
    """A cursor's value as text; times to the microsecond, and in UTC where they have a zone."""
    if isinstance(value, datetime):
        moment = value.astimezone(UTC) if value.tzinfo else value
        return moment.isoformat(sep=" ", timespec="microseconds")
    return value.isoformat() if isinstance(value, date) else str(value)


def lower(one: str | None, other: str | None) -> str | None:
    """The lower of two marks; None, below which nothing is known, is the lowest."""
    if one is None or other is None:
        return None
    return other if Cursor("", other).past(one).value == one else one
