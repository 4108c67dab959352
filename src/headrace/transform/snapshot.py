"""Snapshots: a table that keeps every version that a query's rows had."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

from headrace.errors import ConfigInvalid, SchemaFrozen, did_you_mean
from headrace.events import ModelBuilt, SchemaChanged, emit
from headrace.project.properties import as_texts
from headrace.sql.dialect import name, relation, temporary
from headrace.sql.operations import CreateTableAs, Drop
from headrace.sql.snapshot import CHANGE, History, Marks, add, changes, close, first
from headrace.transform.adapter import describe
from headrace.transform.built import Built, hooked, widen_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headrace.project.nodes import Snapshot
    from headrace.table import Table
    from headrace.transform.compile import Compiled
    from headrace.warehouse.base import Connection, Relation

NOW: Mapping[str, str] = {"duckdb": "now()::timestamp", "postgres": "now()::timestamp without time zone"}
"""The time of a run, without a zone, as dbt writes it."""

_DELETES = ("ignore", "invalidate", "new_record")
_MARKS = ("dbt_valid_from", "dbt_valid_to", "dbt_scd_id", "dbt_updated_at", "dbt_is_deleted")


def build_snapshot(
    connection: Connection, node: Snapshot, compiled: Compiled, *, relations: Mapping[Table, Relation]
) -> Built:
    """Bring the versions of the query's rows up to date, in place. To be called inside a transaction, when its schema is there.

    Raises ConfigInvalid, SchemaFrozen where the table is not one that such a snapshot made, and StatementFailed.
    """
    with compiled.blame():
        hooked(connection, compiled.before)
        held = relations.get(node.table)
        if held is not None and held.kind != "table":
            raise SchemaFrozen(f"{node.table} is a view, and a snapshot is kept in a table", where=node.place)
        columns = _columns(connection, node.table) if held is not None else {}
        history = history_of(connection, node, compiled, columns)
        if held is None:
            rows = connection.run(CreateTableAs(node.table, first(history)))
        else:
            rows = _update(connection, node, history, columns)
    emit(ModelBuilt(node.unique_id, str(node.table), None if rows < 0 else rows))
    return Built(node.table, None if rows < 0 else rows, published=True, fresh=held is None)


def _update(connection: Connection, node: Snapshot, history: History, held: Mapping[str, str]) -> int:
    marks = history.marks
    needed = [marks.valid_from, marks.valid_to, marks.scd_id, marks.updated_at]
    needed += [marks.is_deleted] if history.deletes == "new_record" else []
    folded = {column.lower() for column in held}
    absent = [column for column in needed if column.lower() not in folded]
    if absent:
        raise SchemaFrozen(
            f"{node.table} lacks {', '.join(absent)}",
            where=node.place,
            hint="rename or add the columns, or let the snapshot begin anew under another name",
        )
    given = [column for column, _ in describe(connection, history.query)]
    staged = node.table.beside("staged", max_name=connection.capabilities.max_name)
    connection.run(CreateTableAs(staged, changes(history, given, list(held)), temporary=True))
    place = temporary(staged.name, connection.capabilities)
    arrived = {column: kind for column, kind in _columns(connection, place).items() if column != CHANGE}
    widen_text(connection, node.table, arrived, held)
    for column, kind in arrived.items():
        if column.lower() not in folded:
            connection.execute(f"ALTER TABLE {relation(node.table)} ADD COLUMN {name(column)} {kind}")
            emit(SchemaChanged(str(node.table), f"added column {column} {kind}"))
    connection.execute(close(history, place))
    rows = connection.execute(add(history, place, list(arrived)))
    connection.run(Drop(place))
    return rows


def _columns(connection: Connection, table: Table) -> dict[str, str]:
    return dict(describe(connection, f"select * from {relation(table)}"))


def history_of(connection: Connection, node: Snapshot, compiled: Compiled, held: Mapping[str, str]) -> History:
    """How the snapshot tells versions apart, by its config; `held` are the columns of its table, if it is there. Raises ConfigInvalid."""
    config, dialect = node.config, connection.capabilities.dialect
    key, now = as_texts(config.get("unique_key")), NOW[dialect]
    if not key:
        raise ConfigInvalid(f"snapshot {node.name} needs a unique_key", where=node.place)
    marks, deletes = _marks(node), _deletes(node)
    updated_at, changed = _strategy(connection, node, compiled.sql, held, marks)
    current = config.get("dbt_valid_to_current")
    return History(
        target=node.table,
        query=compiled.sql,
        key=key,
        updated_at=updated_at,
        changed=changed,
        scd_id=scd_hash([*key, updated_at]),
        now=now,
        deleted_id=scd_hash([f"snapshotted_data.{marks.scd_id}", now]),
        deletes=deletes,
        open=None if not current else str(current),
        marks=marks,
    )


def scd_hash(parts: Sequence[str]) -> str:
    """Dbt's id of a version: the MD5 of its key and time as text."""
    return "md5(" + " || '|' || ".join(f"coalesce(cast({part} as varchar), '')" for part in parts) + ")"


def _strategy(
    connection: Connection, node: Snapshot, query: str, held: Mapping[str, str], marks: Marks
) -> tuple[str, str]:
    """When a row was changed, and the condition that it was."""
    config, strategy = node.config, node.config.get("strategy")
    if strategy == "timestamp":
        updated_at = config.get("updated_at")
        if not updated_at:
            raise ConfigInvalid(
                f"snapshot {node.name} has the strategy timestamp, which needs updated_at", where=node.place
            )
        return str(updated_at), f"snapshotted_data.{marks.valid_from} < source_data.{updated_at}"
    if strategy != "check":
        hint = did_you_mean(str(strategy), ("timestamp", "check")) or "strategies are timestamp and check"
        raise ConfigInvalid(f"snapshot {node.name}: strategy {strategy!r} is not known", where=node.place, hint=hint)
    checked = config.get("check_cols")
    if not checked or (isinstance(checked, str) and checked != "all"):
        raise ConfigInvalid(
            f"snapshot {node.name} has the strategy check, which needs check_cols: a list, or all", where=node.place
        )
    updated_at = str(config.get("updated_at") or NOW[connection.capabilities.dialect])
    if not held:
        return updated_at, "FALSE"
    if checked != "all":
        query = f"select {', '.join(str(column) for column in checked)} from (\n{query}\n) subq"
    asked = [column for column, _ in describe(connection, query)]
    if any(column not in held for column in asked):
        return updated_at, "TRUE"
    pairs = [(f"snapshotted_data.{name(column)}", f"source_data.{name(column)}") for column in asked]
    return updated_at, "(" + " OR ".join(f"{was} IS DISTINCT FROM {now_}" for was, now_ in pairs) + ")"


def _marks(node: Snapshot) -> Marks:
    named: Mapping[str, Any] = node.config.get("snapshot_meta_column_names") or {}
    for key in named:
        if key not in _MARKS:
            hint = did_you_mean(str(key), _MARKS)
            raise ConfigInvalid(f"snapshot_meta_column_names has no key {key!r}", where=node.place, hint=hint)
    return Marks(**{key.removeprefix("dbt_"): str(value) for key, value in named.items() if value})


def _deletes(node: Snapshot) -> Literal["ignore", "invalidate", "new_record"]:
    given, old = node.config.get("hard_deletes"), node.config.get("invalidate_hard_deletes")
    if given is not None and old is not None:
        raise ConfigInvalid(
            f"snapshot {node.name} has both hard_deletes and invalidate_hard_deletes",
            where=node.place,
            hint="keep hard_deletes",
        )
    word = str(given or ("invalidate" if old else "ignore"))
    if word not in _DELETES:
        hint = did_you_mean(word, _DELETES) or f"one of {', '.join(_DELETES)}"
        raise ConfigInvalid(f"hard_deletes: {word!r} is not known", where=node.place, hint=hint)
    return cast("Literal['ignore', 'invalidate', 'new_record']", word)
