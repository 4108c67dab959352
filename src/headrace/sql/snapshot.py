"""Statements that keep every version of a query's rows, as dbt's snapshots do: same columns, same ids, same order of events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from headrace.sql.dialect import name, names, relation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.table import Table

CHANGE = "dbt_change_type"
KEY = "dbt_unique_key_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """The names of the columns that a snapshot adds."""

    valid_from: str = "dbt_valid_from"
    valid_to: str = "dbt_valid_to"
    scd_id: str = "dbt_scd_id"
    updated_at: str = "dbt_updated_at"
    is_deleted: str = "dbt_is_deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """How versions are told apart. Everything but `marks` and `deletes` is SQL of the author: keys, times and conditions.

    `changed` compares `snapshotted_data` (the open versions) with `source_data` (the rows of now). `now` is the time of this run, `open`
    what stands in `valid_to` of an open version, NULL where nothing is said.
    """

    target: Table
    query: str
    key: tuple[str, ...]
    updated_at: str
    changed: str
    scd_id: str
    now: str
    deleted_id: str = "NULL"
    deletes: Literal["ignore", "invalidate", "new_record"] = "ignore"
    open: str | None = None
    marks: Marks = Marks()


def first(history: History) -> str:
    """The query for the table of the first run: every row is an open version."""
    marks = history.marks
    flag = f",\n    'False' AS {marks.is_deleted}" if history.deletes == "new_record" else ""
    return (
        f"SELECT *,\n    {history.scd_id} AS {marks.scd_id},\n    {history.updated_at} AS {marks.updated_at},\n"
        f"    {history.updated_at} AS {marks.valid_from},\n    {_opened(history)} AS {marks.valid_to}{flag}\n"
        f"FROM (\n{history.query}\n) AS sbq"
    )


def changes(history: History, columns: Sequence[str], held: Sequence[str]) -> str:
    """The query for what happened since: rows to insert, and ids of the versions to close. `columns` are those of the query, `held` the table's."""
    marks, deletes = history.marks, history.deletes != "ignore"
    record = history.deletes == "new_record"
    differs = f"({history.changed}" + (f" OR snapshotted_data.{marks.is_deleted} = 'True')" if record else ")")
    new_flag = ", 'False'" if record else ""
    old_flag = f", snapshotted_data.{marks.is_deleted}" if record else ""
    match, lost, gone = _match(history), "snapshotted_data." + KEY + "1 IS NULL", f"source_data.{KEY}1 IS NULL"
    listed = names(columns, "source_data")
    head = ", ".join(
        [name(CHANGE), names(columns), marks.updated_at, marks.valid_from, marks.valid_to, marks.scd_id]
    ) + (f", {marks.is_deleted}" if record else "")
    at = f"source_data.{marks.updated_at}"
    inserted = (
        f"SELECT 'insert', {listed}, {at}, {at}, source_data.{marks.valid_to}, source_data.{marks.scd_id}{new_flag}\n"
        f"FROM source_data LEFT JOIN snapshotted_data ON {match}\nWHERE {lost} OR {differs}"
    )
    updated = (
        f"SELECT 'update', {listed}, {at}, {at}, {at}, snapshotted_data.{marks.scd_id}{old_flag}\n"
        f"FROM source_data JOIN snapshotted_data ON {match}\nWHERE {differs}"
    )
    parts = [inserted, updated]
    if deletes:
        again = f"\n    AND snapshotted_data.{marks.is_deleted} <> 'True'" if record else ""
        missing = f"FROM snapshotted_data LEFT JOIN source_data ON {match}\nWHERE {gone}{again}"
        parts.append(
            f"SELECT 'delete', {listed}, {history.now}, {history.now}, {history.now}, snapshotted_data.{marks.scd_id}{old_flag}\n{missing}"
        )
    if record:
        kept = ", ".join(name_of(column, held) for column in columns)
        parts.append(
            f"SELECT 'insert', {kept}, {history.now}, {history.now}, snapshotted_data.{marks.valid_to}, {history.deleted_id}, 'True'\n{missing}"
        )
    body = "\nUNION ALL\n".join(parts)
    return f"WITH {_open_versions(history)},\nsource_data AS (\n{_rows_now(history)}\n),\nchanged ({head}) AS (\n{body}\n)\nSELECT * FROM changed"


def name_of(column: str, held: Sequence[str]) -> str:
    """A column of a row that is gone: as it was last seen, or nothing where the table does not know it yet."""
    return f"{'snapshotted_data' if column in held else 'source_data'}.{name(column)}"


def close(history: History, staged: Table) -> str:
    """The open versions that changed or went are closed."""
    marks = history.marks
    return (
        f"UPDATE {relation(history.target)} AS held\nSET {marks.valid_to} = arrived.{marks.valid_to}\n"
        f"FROM {relation(staged)} AS arrived\nWHERE arrived.{marks.scd_id} = held.{marks.scd_id}\n"
        f"    AND arrived.{CHANGE} IN ('update', 'delete')\n    AND {_is_open(history, 'held.')}"
    )


def add(history: History, staged: Table, columns: Sequence[str]) -> str:
    """The new versions are added."""
    listed = names(columns)
    return (
        f"INSERT INTO {relation(history.target)} ({listed})\nSELECT {listed}\nFROM {relation(staged)}\n"
        f"WHERE {CHANGE} = 'insert'"
    )


def _open_versions(history: History) -> str:
    keys = ", ".join(f"{key} AS {KEY}{number}" for number, key in enumerate(history.key, 1))
    return f"snapshotted_data AS (\nSELECT *, {keys}\nFROM {relation(history.target)}\nWHERE {_is_open(history)}\n)"


def _rows_now(history: History) -> str:
    marks = history.marks
    keys = ", ".join(f"{key} AS {KEY}{number}" for number, key in enumerate(history.key, 1))
    return (
        f"SELECT *, {keys},\n    {history.updated_at} AS {marks.updated_at},\n    {_opened(history)} AS {marks.valid_to},\n"
        f"    {history.scd_id} AS {marks.scd_id}\nFROM (\n{history.query}\n) AS snapshot_query"
    )


def _match(history: History) -> str:
    return " AND ".join(f"snapshotted_data.{KEY}{n} = source_data.{KEY}{n}" for n in range(1, len(history.key) + 1))


def _is_open(history: History, of: str = "") -> str:
    end = f"{of}{history.marks.valid_to}"
    return f"{end} IS NULL" if history.open is None else f"({end} = {history.open} OR {end} IS NULL)"


def _opened(history: History) -> str:
    """What an open version has for its end, with the type of a time."""
    return f"coalesce(nullif({history.updated_at}, {history.updated_at}), {history.open or 'NULL'})"
