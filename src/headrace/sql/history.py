"""Statements that keep every version of a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.sql.dialect import column, name, names, relation
from headrace.sql.write import same_key

if TYPE_CHECKING:
    from headrace.sql.operations import Scd2


def scd2(operation: Scd2) -> list[str]:
    """Close what changed or went, then open a version for each staged key that has none open.

    A staged row that is not later than its key's open version changes nothing, and neither does one of equal hash, so staging
    the same rows again changes nothing. A key that comes back after a hard deletion opens where its last version was closed, at
    the earliest. `hash` and `changed_at` are columns of `staged`; the hash is stored in `target`.
    """
    target, staged = relation(operation.target), relation(operation.staged)
    start, end = name(operation.valid_from), name(operation.valid_to)
    changed_at = column(operation.changed_at, "s")
    written = _written(operation)
    match = same_key(operation.key, "t", "s")
    gone = (
        f"UPDATE {target} AS t\nSET {end} = {operation.closed_at}\n"
        f"WHERE t.{end} IS NULL AND NOT EXISTS (\n    SELECT 1 FROM {staged} AS s WHERE {match}\n)"
    )
    return [
        (
            f"UPDATE {target} AS t\nSET {end} = {changed_at}\nFROM {staged} AS s\n"
            f"WHERE {match}\n    AND t.{end} IS NULL\n"
            f"    AND {column(operation.hash, 's')} IS DISTINCT FROM {column(operation.hash, 't')}\n"
            f"    AND {changed_at} > t.{start}"
        ),
        *([gone] if operation.hard_deletes else []),
        (
            f"INSERT INTO {target} ({names(written)}, {start}, {end})\n"
            f"SELECT {names(written, 's')}, {_opening(operation)}, NULL\nFROM {staged} AS s\n{_earlier(operation)}"
            f"WHERE NOT EXISTS (\n    SELECT 1 FROM {target} AS t WHERE {match} AND t.{end} IS NULL\n)"
        ),
    ]


def _opening(operation: Scd2) -> str:
    changed_at = column(operation.changed_at, "s")
    return f"GREATEST({changed_at}, e.{name(operation.valid_to)})" if operation.hard_deletes else changed_at


def _earlier(operation: Scd2) -> str:
    """When the versions of a key that are closed ended; only a hard deletion can leave a key without an open one."""
    if not operation.hard_deletes:
        return ""
    end = name(operation.valid_to)
    return (
        f"LEFT JOIN (\n    SELECT {names(operation.key)}, max({end}) AS {end}\n    FROM {relation(operation.target)}\n"
        f"    GROUP BY {names(operation.key)}\n) AS e ON {same_key(operation.key, 'e', 's')}\n"
    )


def _written(operation: Scd2) -> tuple[str, ...]:
    return operation.columns if operation.hash in operation.columns else (*operation.columns, operation.hash)
