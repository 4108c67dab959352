"""PostgreSQL's own counter of changes: the transaction that wrote a row, as a number that does not wrap around."""

from __future__ import annotations

COUNTER = "xmin"
"""The system column. No column of a table can have its name."""
LANDED = "row_xmin"
"""What it is called where it arrives, since a table of PostgreSQL could not have it otherwise."""

SNAPSHOT = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text, pg_snapshot_xmax(pg_current_snapshot())::text"
"""Of the session's transaction: below the first, every transaction has ended; the second, and those after it, have not begun or not ended."""

COUNTED = "SELECT 1 FROM pg_class WHERE oid = to_regclass(%s) AND relkind IN ('r', 'p', 'm')"
"""Whether a relation's rows have the column in earnest: views have none, and foreign tables have one that says nothing."""


def counted(next_one: int) -> str:
    """The 64-bit number of the transaction that wrote a row, for a snapshot in which `next_one` and those after it have not ended.

    A row keeps the lower 32 bits only. The number is the highest that has these and can have been given: exact for all rows that
    are not frozen, and for frozen ones that are older than four milliards of transactions too high, so that they are read once more
    than they need to be and never once less.
    """
    last = next_one - 1
    return f"({last} - ((({last} - xmin::text::bigint) % 4294967296) + 4294967296) % 4294967296)"
