"""How messages say how many there are of something."""

from __future__ import annotations


def count(number: int, thing: str, things: str | None = None) -> str:
    """`1 row`, `12,034 rows`; a verb may follow: `1 row is`, `2 rows are`."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"
