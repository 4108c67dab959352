"""Statements that keep every version of a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.sql.dialect import column, name, names, relation, temporary
from headrace.sql.merge import RANK, VERDICT, place
from headrace.sql.partitioned import inside
from headrace.sql.write import same_key

if TYPE_CHECKING:
    from headrace.sql.capabilities import Capabilities
    from headrace.sql.operations import Scd2
    from headrace.table import Table

AT, GONE, STORED, NTH, STATE = (
    "_headrace_at",
    "_headrace_gone",
    "_headrace_stored",
    "_headrace_nth",
    "_headrace_state",
)
CHANGED = "('insert', 'update', 'delete')"


def scd2(operation: Scd2, capabilities: Capabilities) -> list[str]:
    """Judge the staged rows, tell the histories of their keys anew, and write where that differs from what is stored.

    A history is a function of what is known of its key: the times at which versions begin, and those of deletions. So it does not
    depend on the order in which rows arrive. Staged keys and times hold no NULL. Of two rows of one key and time a deletion wins,
    then the one that came last. `hash` and `changed_at` are columns of `staged`; the hash is stored in `target`.
    """
    verdicts = relation(temporary(operation.verdicts.name, capabilities))
    versions = relation(temporary(operation.versions.name, capabilities))
    return [
        f"DROP TABLE IF EXISTS {verdicts}",
        f"CREATE TEMPORARY TABLE {verdicts} AS\n{_judged(operation, capabilities)}",
        *(_buried(operation, operation.tombstones, verdicts) if operation.tombstones else []),
        f"DROP TABLE IF EXISTS {versions}",
        f"CREATE TEMPORARY TABLE {versions} AS\n{_told(operation, verdicts, capabilities)}",
        *_written_where_different(operation, verdicts, versions, capabilities),
    ]


def _judged(operation: Scd2, capabilities: Capabilities) -> str:
    at, start, end = (
        column(operation.changed_at, "s"),
        name(operation.valid_from),
        name(operation.valid_to),
    )
    target, key = relation(operation.target), operation.key

    def there(of: str) -> str:
        return inside(operation.within, of, capabilities)

    deleted = [f"COALESCE({column(operation.deleted, 's')}, FALSE)"] if operation.deleted else []
    nothing = f"{column(key[0], 'c')} IS NULL"
    cases = [f"WHEN {column(RANK, 's')} > 1 THEN 'duplicate'"]
    for gone in deleted:
        cases += [f"WHEN {gone} AND {nothing} THEN 'unchanged'", f"WHEN {gone} THEN 'delete'"]
    if operation.tombstones:
        cases.append(f"WHEN {column(key[0], 'd')} IS NOT NULL THEN 'duplicate'")
    cases += [
        f"WHEN {column(operation.hash, 'c')} = {column(operation.hash, 's')} THEN 'unchanged'",
        f"WHEN EXISTS (SELECT 1 FROM {target} AS t WHERE {same_key(key, 't', 's')}{there('t')}) THEN 'update'",
        "ELSE 'insert'",
    ]
    verdict = "\n        ".join(cases)
    latest = ", ".join(
        [
            *(f"COALESCE({column(each)}, FALSE) DESC" for each in [operation.deleted] if each),
            f"{place(capabilities)} DESC",
        ]
    )
    window = f"PARTITION BY {names((*key, operation.changed_at))} ORDER BY {latest}"
    buried = ""
    if operation.tombstones:
        match = f"{same_key(key, 'd', 's')} AND d.{start} = {at}"
        buried = f"\nLEFT JOIN {relation(operation.tombstones)} AS d ON {match}"
    return (
        f"SELECT s.*,\n    CASE\n        {verdict}\n    END AS {name(VERDICT)}\n"
        f"FROM (\n    SELECT *, row_number() OVER ({window}) AS {name(RANK)}\n    FROM {relation(operation.staged)}\n) AS s\n"
        f"LEFT JOIN {target} AS c ON {same_key(key, 'c', 's')}{there('c')}\n"
        f"    AND c.{start} <= {at} AND (c.{end} IS NULL OR c.{end} > {at}){buried}"
    )


def _buried(operation: Scd2, tombstones: Table, verdicts: str) -> list[str]:
    """Deletions leave their tombstone, also those that end nothing yet."""
    if operation.deleted is None:
        return []
    start, at = name(operation.valid_from), column(operation.changed_at, "v")
    held = f"SELECT 1 FROM {relation(tombstones)} AS d WHERE {same_key(operation.key, 'd', 'v')} AND d.{start} = {at}"
    return [
        (
            f"INSERT INTO {relation(tombstones)} ({names(operation.key)}, {start})\n"
            f"SELECT {names(operation.key, 'v')}, {at}\nFROM {verdicts} AS v\n"
            f"WHERE COALESCE({column(operation.deleted, 'v')}, FALSE) AND {column(VERDICT, 'v')} <> 'duplicate'\n"
            f"    AND NOT EXISTS ({held})"
        )
    ]


def _told(operation: Scd2, verdicts: str, capabilities: Capabilities) -> str:
    """The versions of each key that changes, from all that is known of it."""
    start, end, key = name(operation.valid_from), name(operation.valid_to), operation.key
    written, hashed = _written(operation), name(operation.hash)
    target = relation(operation.target)

    def event(of: str, at: str, source: str, *, gone: bool, stored: bool) -> str:
        values = [column(each, of) if not gone or each in key else "NULL" for each in written]
        return (
            f"    SELECT {', '.join(values)}, {at} AS {name(AT)}, {str(gone).upper()} AS {name(GONE)}, "
            f"{int(stored)} AS {name(STORED)}\n    FROM {source}"
        )

    touched = f"JOIN touched AS k ON {same_key(key, 't', 'k')}"
    held = f"{target} AS t {touched}{inside(operation.within, 't', capabilities)}"
    next_to = f"{same_key(key, 'n', 't')} AND n.{start} = t.{end}{inside(operation.within, 'n', capabilities)}"
    following = f"SELECT 1 FROM {target} AS n WHERE {next_to}"
    at, judged = column(operation.changed_at, "v"), f"{verdicts} AS v WHERE {column(VERDICT, 'v')}"
    ended = f"{held}\n    WHERE t.{end} IS NOT NULL AND NOT EXISTS ({following})"
    events = [
        event("t", f"t.{start}", held, gone=False, stored=True),
        event("v", at, f"{judged} IN ('insert', 'update')", gone=False, stored=False),
        event("t", f"t.{end}", ended, gone=True, stored=True),
        event("v", at, f"{judged} = 'delete'", gone=True, stored=False),
    ]
    if operation.tombstones:
        buried = f"{relation(operation.tombstones)} AS t {touched}"
        events.append(event("t", f"t.{start}", buried, gone=True, stored=True))
    union = "\n    UNION ALL\n".join(events)
    ordered = f"PARTITION BY {names(key)} ORDER BY {name(AT)}"
    return (
        f"WITH touched AS (\n    SELECT DISTINCT {names(key)} FROM {verdicts} WHERE {name(VERDICT)} IN {CHANGED}\n),\n"
        f"events AS (\n{union}\n),\n"
        f"known AS (\n    SELECT *, row_number() OVER (PARTITION BY {names((*key, AT))} "
        f"ORDER BY {name(GONE)} DESC, {name(STORED)}) AS {name(NTH)}\n    FROM events\n),\n"
        f"states AS (\n    SELECT *, lag({hashed}) OVER ({ordered}) AS {name(STATE)}\n"
        f"    FROM known WHERE {name(NTH)} = 1\n),\n"
        f"spans AS (\n    SELECT *, lead({name(AT)}) OVER ({ordered}) AS {end}\n"
        f"    FROM states WHERE {hashed} IS DISTINCT FROM {name(STATE)}\n)\n"
        f"SELECT {names(written)}, {name(AT)} AS {start}, {end}\nFROM spans WHERE NOT {name(GONE)}"
    )


def _written_where_different(operation: Scd2, verdicts: str, versions: str, capabilities: Capabilities) -> list[str]:
    target, start, end = relation(operation.target), name(operation.valid_from), name(operation.valid_to)
    written = (*_written(operation), operation.valid_from, operation.valid_to)
    there = inside(operation.within, "t", capabilities)
    same = (
        f"{same_key(operation.key, 't', 'n')} AND t.{start} = n.{start} "
        f"AND {column(operation.hash, 't')} = {column(operation.hash, 'n')}"
    )
    touched = f"SELECT 1 FROM {verdicts} AS v WHERE {same_key(operation.key, 'v', 't')} AND {column(VERDICT, 'v')} IN {CHANGED}"
    return [
        f"UPDATE {target} AS t\nSET {end} = n.{end}\nFROM {versions} AS n\nWHERE {same} AND t.{end} IS DISTINCT FROM n.{end}{there}",
        f"DELETE FROM {target} AS t\nWHERE EXISTS ({touched}){there}\n    AND NOT EXISTS (SELECT 1 FROM {versions} AS n WHERE {same})",
        (
            f"INSERT INTO {target} ({names(written)})\nSELECT {names(written, 'n')}\nFROM {versions} AS n\n"
            f"WHERE NOT EXISTS (SELECT 1 FROM {target} AS t WHERE {same}{there})"
        ),
    ]


def _written(operation: Scd2) -> tuple[str, ...]:
    marks = (operation.valid_from, operation.valid_to)
    kept = tuple(each for each in operation.columns if each not in marks)
    return kept if operation.hash in kept else (*kept, operation.hash)
