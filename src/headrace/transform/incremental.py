"""Adding to a table what is new: dbt's strategies and its answers to columns that changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace.errors import ConfigInvalid, KeyMissing, SchemaFrozen, did_you_mean
from headrace.events import SchemaChanged, emit
from headrace.sql.dialect import name, relation
from headrace.sql.operations import Append, DeleteInsert, Upsert
from headrace.transform.adapter import describe

if TYPE_CHECKING:
    from headrace.project.nodes import Model
    from headrace.table import Table
    from headrace.warehouse.base import Connection

STRATEGIES = ("append", "delete+insert", "merge")
_SPELLINGS = {"delete_insert": "delete+insert", "default": "delete+insert"}
ON_SCHEMA_CHANGE = ("ignore", "append_new_columns", "sync_all_columns", "fail")


@dataclass(frozen=True, slots=True, kw_only=True)
class Increment:
    """How a model adds to its table. The names are those of dbt's configs."""

    node: Model
    strategy: str
    unique_key: tuple[str, ...] = ()
    merge_update_columns: tuple[str, ...] = ()
    merge_exclude_columns: tuple[str, ...] = ()
    predicates: tuple[str, ...] = ()
    on_schema_change: str = "ignore"

    @classmethod
    def of(cls, node: Model) -> Increment:
        """The model's config, with dbt's defaults on both engines: delete+insert where there is a key, append otherwise.

        Raises ConfigInvalid for a strategy or an answer that is not known.
        """
        config = node.config
        key = tuple(part.strip() for text in _several(config.get("unique_key")) for part in text.split(","))
        strategy = str(config.get("incremental_strategy") or ("delete+insert" if key else "append"))
        strategy = _SPELLINGS.get(strategy, strategy)
        answer = config.get("on_schema_change") or "ignore"
        _among("incremental_strategy", strategy, STRATEGIES, node)
        _among("on_schema_change", answer, ON_SCHEMA_CHANGE, node)
        update, exclude = _several(config.get("merge_update_columns")), _several(config.get("merge_exclude_columns"))
        if update and exclude:
            raise ConfigInvalid(
                f"{node.name} has both merge_update_columns and merge_exclude_columns",
                where=node.place,
                hint="keep one",
            )
        return cls(
            node=node,
            strategy=strategy,
            unique_key=key,
            merge_update_columns=update,
            merge_exclude_columns=exclude,
            predicates=_several(config.get("incremental_predicates") or config.get("predicates")),
            on_schema_change=answer,
        )


def apply_increment(connection: Connection, increment: Increment, staged: Table) -> None:
    """Bring the staged rows into the model's table. Raises SchemaFrozen, KeyMissing, and StatementFailed where the engine refuses."""
    columns = _fitted(connection, increment, staged)
    target, key = increment.node.table, _real(increment, columns)
    if increment.strategy == "append" or not key:
        # Without a key there is nothing to match: dbt's delete+insert deletes nothing, and its merge matches on false.
        connection.run(Append(target, staged, columns))
    elif increment.strategy == "delete+insert":
        connection.run(DeleteInsert(target, staged, columns, key, increment.predicates))
    else:
        connection.run(Upsert(target, staged, columns, key, _updated(increment, columns), increment.predicates))


def _fitted(connection: Connection, increment: Increment, staged: Table) -> tuple[str, ...]:
    """The columns to write, after the table made room for those that are new, as far as the model allows."""
    target = increment.node.table
    arrived, held = _columns(connection, staged), _columns(connection, target)
    if increment.on_schema_change == "ignore":
        return tuple(held)
    added = {column: kind for column, kind in arrived.items() if column not in held}
    gone = [column for column in held if column not in arrived]
    changed = {column: kind for column, kind in arrived.items() if column in held and held[column] != kind}
    if increment.on_schema_change == "fail" and (added or gone or changed):
        raise SchemaFrozen(
            f"the columns of {increment.node.name} changed: {_sentence(added, gone, changed)}",
            where=increment.node.place,
            hint="run it with --full-refresh, or set on_schema_change",
        )
    if increment.on_schema_change == "sync_all_columns":
        _alter(connection, target, added, gone, changed)
        return tuple(arrived)
    _alter(connection, target, added, [], {})
    return tuple(column for column in (*held, *added) if column in arrived)


def _columns(connection: Connection, table: Table) -> dict[str, str]:
    return dict(describe(connection, f"select * from {relation(table)}"))


def _alter(
    connection: Connection, table: Table, added: dict[str, str], gone: list[str], changed: dict[str, str]
) -> None:
    # The engine's own words for types are kept, so that a numeric without limits stays one.
    for column, kind in added.items():
        connection.execute(f"ALTER TABLE {relation(table)} ADD COLUMN {name(column)} {kind}")
        emit(SchemaChanged(str(table), f"added column {column} {kind}"))
    for column in gone:
        connection.execute(f"ALTER TABLE {relation(table)} DROP COLUMN {name(column)}")
        emit(SchemaChanged(str(table), f"dropped column {column}"))
    for column, kind in changed.items():
        cast = f"CAST({name(column)} AS {kind})"
        connection.execute(f"ALTER TABLE {relation(table)} ALTER COLUMN {name(column)} TYPE {kind} USING {cast}")
        emit(SchemaChanged(str(table), f"column {column} became {kind}"))


def _sentence(added: dict[str, str], gone: list[str], changed: dict[str, str]) -> str:
    parts = [f"{column} is new" for column in added]
    parts += [f"{column} is gone" for column in gone]
    parts += [f"{column} became {kind}" for column, kind in changed.items()]
    return ", ".join(parts)


def _real(increment: Increment, columns: tuple[str, ...]) -> tuple[str, ...]:
    """The key in the case its columns have. Raises KeyMissing."""
    folded = {column.lower(): column for column in columns}
    missing = [part for part in increment.unique_key if part.lower() not in folded]
    if missing:
        raise KeyMissing(
            f"unique_key '{missing[0]}' is not a column of {increment.node.name}",
            where=increment.node.place,
            hint=did_you_mean(missing[0], columns),
        )
    return tuple(folded[part.lower()] for part in increment.unique_key)


def _updated(increment: Increment, columns: tuple[str, ...]) -> tuple[str, ...]:
    """The columns that a matched row takes over: all, those named, or all but those named."""
    named = {part.lower() for part in increment.merge_update_columns}
    excluded = {part.lower() for part in increment.merge_exclude_columns}
    if named:
        return tuple(column for column in columns if column.lower() in named)
    return tuple(column for column in columns if column.lower() not in excluded)


def _several(value: Any) -> tuple[str, ...]:
    """A config that may be one text or a list."""
    if value is None:
        return ()
    return (str(value),) if isinstance(value, str) else tuple(str(part) for part in value)


def _among(key: str, word: str, known: tuple[str, ...], node: Model) -> None:
    if word not in known:
        hint = did_you_mean(word, known) or f"known: {', '.join(known)}"
        raise ConfigInvalid(f"{key}: '{word}' is not known", where=node.place, hint=hint)
