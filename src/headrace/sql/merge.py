"""The merge of a stream: each staged row gets a verdict, and the verdicts are carried out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.sql.dialect import column, name, names, relation, temporary
from headrace.sql.partitioned import inside
from headrace.sql.write import same_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.sql.capabilities import Capabilities
    from headrace.sql.operations import Before, Distinct, Merge, Scd2, Sweep
    from headrace.table import Table

VERDICT = "_headrace_verdict"
RANK = "_headrace_rank"
NEWER = "_headrace_newer"
PLACE, HELD = "_headrace_place", "_headrace_held"
"""Where a judged row stands among the staged ones, and where the row of its key stands in the target."""


def merge(operation: Merge, capabilities: Capabilities) -> list[str]:
    """Judge the staged rows, carry the verdicts out, and remember what was deleted.

    `staged` is a table with the columns, the hash, the deleted and the order columns; its keys hold no NULL. Of rows with one key
    and equal order columns a deletion wins, then the one that was staged last. `target` holds each key once, and the hash and the
    order columns that are among `columns`; an order column that is not decides within `staged` (and tombstones) only.
    Against the stored row, a staged one of the same order is the newer.

    A verdict is narrow: where its row is staged, and where the stored one is, so that the target is searched once. Between the
    two nobody else may change it, or rows would not be where they were.
    """
    verdicts = relation(temporary(operation.verdicts.name, capabilities))
    decided = (
        f"{relation(operation.staged)} AS s, {verdicts} AS v\nWHERE {column(PLACE, 'v')} = s.{place(capabilities)} AND "
    )
    carried = _by_update if capabilities.merge == "update" else _by_delete_insert
    # DuckDB lets one of two sessions fail that change the same rows; PostgreSQL would pass over rows that have moved.
    locked = f"LOCK TABLE {relation(operation.target)} IN SHARE ROW EXCLUSIVE MODE"
    return [
        *([locked] if capabilities.dialect == "postgres" else []),
        f"DROP TABLE IF EXISTS {verdicts}",
        f"CREATE TEMPORARY TABLE {verdicts} AS\n{_judged(operation, capabilities)}",
        *(_buried(operation, operation.tombstones, decided) if operation.tombstones else []),
        *carried(operation, decided, _found(operation, capabilities)),
    ]


def count_verdicts(operation: Merge | Scd2, capabilities: Capabilities) -> str:
    """A query for (verdict, count) of the merge that this session did last under that name of verdicts."""
    verdicts = relation(temporary(operation.verdicts.name, capabilities))
    return f"SELECT {name(VERDICT)}, count(*) FROM {verdicts} GROUP BY 1 ORDER BY 1"


def _judged(operation: Merge, capabilities: Capabilities) -> str:
    """Every staged row with its verdict, and whether it moves the stored order columns forward."""
    stored = tuple(part for part in operation.order if part in operation.columns)

    def later(order: Sequence[str], one: str, other: str) -> str:
        return newer(*(ordered(order, alias, operation.texts, capabilities) for alias in (one, other)))

    known = column(operation.key[0], "t")
    deleted = f"COALESCE({column(operation.deleted, 's')}, FALSE)" if operation.deleted else None
    cases = [f"WHEN {column(RANK, 's')} > 1 THEN 'duplicate'"]
    if _remembers(operation):
        buried = f"{column(operation.key[0], 'd')} IS NOT NULL AND ({later(operation.order, 's', 'd')}) IS NOT TRUE"
        cases.append(f"WHEN {buried} THEN 'duplicate'")
    if deleted:
        cases.append(f"WHEN {known} IS NULL AND {deleted} THEN 'unchanged'")
    cases.append(f"WHEN {known} IS NULL THEN 'insert'")
    if operation.only_new:
        cases.append("WHEN TRUE THEN 'unchanged'")
    if stored:
        cases.append(f"WHEN {later(stored, 't', 's')} THEN 'duplicate'")
    if deleted:
        cases.append(f"WHEN {deleted} THEN 'delete'")
    if operation.hash:
        equal = f"{column(operation.hash, 't')} = {column(operation.hash, 's')}"
        if operation.mark:
            marks = [f"COALESCE({column(operation.mark, alias)}, FALSE)" for alias in ("t", "s")]
            equal += f" AND {marks[0]} = {marks[1]}"
        cases.append(f"WHEN {equal} THEN 'unchanged'")
    verdict = "\n        ".join([*cases, "ELSE 'update'"])
    ahead = f"COALESCE({later(stored, 's', 't')}, FALSE)" if stored else "FALSE"
    held = "".join(_held(before, operation.key[0]) for before in operation.before)
    within = inside(operation.within, "t", capabilities)
    return (
        f"SELECT {column(PLACE, 's')}, t.{place(capabilities)} AS {name(HELD)},{held}\n"
        f"    CASE\n        {verdict}\n    END AS {name(VERDICT)},\n    {ahead} AS {name(NEWER)}\n"
        f"FROM (\n{_ranked(operation, capabilities)}\n) AS s\n"
        f"LEFT JOIN {relation(operation.target)} AS t ON {same_key(operation.key, 't', 's')}{within}"
        f"{_remembered(operation)}"
    )


def _ranked(operation: Merge, capabilities: Capabilities) -> str:
    window = f"PARTITION BY {names(operation.key)} ORDER BY {place(capabilities)}"
    if not operation.only_new:
        window = _newest(operation, capabilities, operation.deleted)
    at = f"{place(capabilities)} AS {name(PLACE)}"
    return f"    SELECT *, {at}, row_number() OVER ({window}) AS {name(RANK)}\n    FROM {relation(operation.staged)}"


def _newest(operation: Merge | Distinct, capabilities: Capabilities, deleted: str | None = None) -> str:
    """A window in which the newest row of a key is the first."""
    order = [f"{each} DESC NULLS LAST" for each in ordered(operation.order, None, operation.texts, capabilities)]
    if deleted:
        order.append(f"COALESCE({column(deleted)}, FALSE) DESC")
    latest = ", ".join([*order, f"{place(capabilities)} DESC"])
    return f"PARTITION BY {names(operation.key)} ORDER BY {latest}"


def place(capabilities: Capabilities) -> str:
    """Where a row is in its table: a fresh one keeps rows in the order in which they came, and both engines can say it."""
    return "rowid" if capabilities.dialect == "duckdb" else "ctid"


def in_layers(operation: Merge, capabilities: Capabilities) -> str:
    """A query for the staged rows with a column `layer`: 1 for the oldest of each key, 2 for the next and so on."""
    order = [f"{each} ASC NULLS FIRST" for each in ordered(operation.order, None, operation.texts, capabilities)]
    if operation.deleted:
        order.append(f"COALESCE({column(operation.deleted)}, FALSE)")
    earliest = ", ".join([*order, place(capabilities)])
    window = f"PARTITION BY {names(operation.key)} ORDER BY {earliest}"
    return f"SELECT *, row_number() OVER ({window}) AS layer FROM {relation(operation.staged)}"


def distinct(operation: Distinct, capabilities: Capabilities) -> list[str]:
    """All but the newest row of each key go."""
    at, table = place(capabilities), relation(operation.table)
    ranked = f"SELECT {at} AS place, row_number() OVER ({_newest(operation, capabilities)}) AS nth FROM {table}"
    return [f"DELETE FROM {table} WHERE {at} IN (\n    SELECT r.place FROM ({ranked}) AS r WHERE r.nth > 1\n)"]


def sweep(operation: Sweep) -> list[str]:
    """One statement over the keys that are not staged."""
    target, where = relation(operation.target), missing(operation)
    if operation.how == "remove":
        return [f"DELETE FROM {target} AS t\nWHERE {where}"]
    becomes = "TRUE" if operation.how == "mark" else operation.at
    return [f"UPDATE {target} AS t\nSET {column(operation.column or '')} = {becomes}\nWHERE {where}"]


def missing(operation: Sweep) -> str:
    """The condition of rows of the target, called t, that are not staged and not yet as they are to be."""
    held = column(operation.column or "")
    lacking = f"NOT EXISTS (\n    SELECT 1 FROM {relation(operation.staged)} AS s WHERE {same_key(operation.key, 's', 't')}\n)"
    not_yet = {"remove": "", "mark": f"t.{held} IS NOT TRUE AND ", "close": f"t.{held} IS NULL AND "}[operation.how]
    return f"{not_yet}{lacking}"


def _held(before: Before, key: str) -> str:
    """What the row will say of its column's past: the value that goes now, or else what the stored row says."""
    changes = (
        f"{column(key, 't')} IS NOT NULL AND {column(before.column, 't')} IS DISTINCT FROM {column(before.column, 's')}"
    )
    kept = ((before.previous, column(before.column, "t")), (before.at, column(before.since, "s")))
    return "".join(
        f"\n    CASE WHEN {changes} THEN {now} ELSE {column(part, 't')} END AS {name(part)}," for part, now in kept
    )


def _remembers(operation: Merge) -> bool:
    # Without an order nothing says whether a row is older than a deletion, and then none is kept out.
    return operation.tombstones is not None and bool(operation.order)


def _remembered(operation: Merge) -> str:
    if operation.tombstones is None or not operation.order:
        return ""
    return f"\nLEFT JOIN {relation(operation.tombstones)} AS d ON {same_key(operation.key, 'd', 's')}"


def ordered(order: Sequence[str], alias: str | None, texts: Sequence[str], capabilities: Capabilities) -> list[str]:
    """The expressions by which rows compare, most telling first: NULL is the oldest, later ones break ties.

    A time that drops its zero microseconds sorts wrongly as text: `…:00Z` stands behind `…:00.5Z`.
    """
    found: list[str] = []
    for part in order:
        held = column(part, alias)
        if part in texts:
            found += [
                _tried(held, "TIMESTAMP WITH TIME ZONE", capabilities),
                _tried(held, "DECIMAL(38,9)", capabilities),
            ]
        found.append(held)
    return found


def _tried(held: str, word: str, capabilities: Capabilities) -> str:
    """Text as another type, NULL where it is none."""
    if capabilities.dialect == "duckdb":
        return f"TRY_CAST({held} AS {word})"
    return f"CASE WHEN pg_input_is_valid({held}, '{word}') THEN CAST({held} AS {word}) END"


def newer(one: Sequence[str], other: Sequence[str]) -> str:
    """A condition, true where the expressions of `one` come later than those of `other`."""
    if not one:
        return "FALSE"
    left, right = one[0], other[0]
    later = f"{left} > {right} OR ({left} IS NOT NULL AND {right} IS NULL)"
    if len(one) == 1:
        return later
    return f"{later} OR ({left} IS NOT DISTINCT FROM {right} AND ({newer(one[1:], other[1:])}))"


def _buried(operation: Merge, tombstones: Table, decided: str) -> list[str]:
    """Deletions leave their tombstone, also those of keys that the table never had."""
    if operation.deleted is None:
        return []
    gone = f"COALESCE({column(operation.deleted, 's')}, FALSE) AND {column(VERDICT, 'v')} IN ('delete', 'unchanged')"
    kept = (*operation.key, *(part for part in operation.order if part not in operation.key))
    return [
        f"DELETE FROM {relation(tombstones)} AS d\nUSING {decided}{same_key(operation.key, 'd', 's')} AND {gone}",
        f"INSERT INTO {relation(tombstones)} ({names(kept)})\nSELECT {names(kept, 's')}\nFROM {decided}{gone}",
    ]


def _found(operation: Merge, capabilities: Capabilities) -> str:
    """A condition that a row of the target is the one that was found for a staged row."""
    if operation.partitioned:
        # Each partition counts its places from the beginning.
        return same_key(operation.key, "t", "s") + inside(operation.within, "t", capabilities)
    return f"t.{place(capabilities)} = {column(HELD, 'v')}"


def _by_delete_insert(operation: Merge, decided: str, found: str) -> list[str]:
    replaced = _touched(operation, "'update', 'delete'")
    return [
        f"DELETE FROM {relation(operation.target)} AS t\nUSING {decided}{found} AND {replaced}",
        _inserted(operation, decided, _touched(operation, "'insert', 'update'")),
    ]


def _by_update(operation: Merge, decided: str, found: str) -> list[str]:
    target, verdict = relation(operation.target), column(VERDICT, "v")
    setting = ", ".join(
        f"{name(part)} = {_value(operation, part)}" for part in _written(operation) if part not in operation.key
    )
    statements = []
    if operation.deleted:
        statements.append(f"DELETE FROM {target} AS t\nUSING {decided}{found} AND {verdict} = 'delete'")
    if setting and not operation.only_new:
        touched = _touched(operation, "'update'")
        statements.append(f"UPDATE {target} AS t\nSET {setting}\nFROM {decided}{found} AND {touched}")
    return [*statements, _inserted(operation, decided, f"{verdict} = 'insert'")]


def _inserted(operation: Merge, decided: str, chosen: str) -> str:
    written = _written(operation)
    values = ", ".join(_value(operation, part) for part in written)
    return f"INSERT INTO {relation(operation.target)} ({names(written)})\nSELECT {values}\nFROM {decided}{chosen}"


def _value(operation: Merge, part: str) -> str:
    """What is written into a column: the staged value, or what the verdict says of a column's past."""
    past = {each for before in operation.before for each in (before.previous, before.at)}
    return column(part, "v" if part in past else "s")


def _touched(operation: Merge, verdicts: str) -> str:
    """Which judged rows are written: those of the verdicts, and unchanged ones that move the order forward.

    Without the latter, a version from between the stored and the unchanged one could come late and win.
    """
    chosen = f"{column(VERDICT, 'v')} IN ({verdicts})"
    if not operation.order or not operation.hash:
        return chosen
    live = f" AND NOT COALESCE({column(operation.deleted, 's')}, FALSE)" if operation.deleted else ""
    return f"({chosen} OR ({column(VERDICT, 'v')} = 'unchanged' AND {column(NEWER, 'v')}{live}))"


def _written(operation: Merge) -> tuple[str, ...]:
    if operation.hash is None or operation.hash in operation.columns:
        return operation.columns
    return (*operation.columns, operation.hash)
