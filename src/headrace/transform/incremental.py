"""Adding to a table what is new: dbt's strategies and its answers to columns that changed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace.errors import ConfigInvalid, KeyMissing, NotSupported, SchemaFrozen, did_you_mean
from headrace.events import SchemaChanged, emit
from headrace.project.properties import as_texts
from headrace.sql.dialect import name, relation
from headrace.sql.operations import Append, DeleteInsert, Overwrite, ReplaceWindow, Upsert
from headrace.transform.adapter import describe
from headrace.transform.built import widen_text

if TYPE_CHECKING:
    from headrace.project.nodes import Model
    from headrace.sql.operations import Operation
    from headrace.table import Table
    from headrace.transform.batches import Batch
    from headrace.warehouse.base import Connection

STRATEGIES = ("append", "delete+insert", "merge", "insert_overwrite", "microbatch")
_SPELLINGS = {"delete_insert": "delete+insert", "default": "delete+insert", "insert+overwrite": "insert_overwrite"}
_NOT_OBEYED = (
    "merge_clauses",
    "merge_update_condition",
    "merge_insert_condition",
    "merge_update_set_expressions",
    "merge_on_using_columns",
    "merge_returning_columns",
)
"""Configs of dbt's DuckDB adapter that would change a result if they were passed over."""
_COLUMN = re.compile(r'\w+|"[^"]+"')
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
    expression: str | None = None
    """A unique_key that is no list of columns but SQL."""
    partition: tuple[str, ...] = ()
    batch: Batch | None = None
    on_schema_change: str = "ignore"

    @classmethod
    def of(cls, node: Model, batch: Batch | None = None) -> Increment:
        """The model's config, with dbt's defaults on both engines: delete+insert where there is a key, append otherwise.

        Raises ConfigInvalid for a strategy or an answer that is not known.
        """
        config = node.config
        key, expression = _key(config.get("unique_key"))
        strategy = str(config.get("incremental_strategy") or ("delete+insert" if key or expression else "append"))
        strategy = _SPELLINGS.get(strategy, strategy)
        answer = config.get("on_schema_change") or "ignore"
        _among("on_schema_change", answer, ON_SCHEMA_CHANGE, node)
        other = next((one for one in _NOT_OBEYED if config.get(one)), None)
        if other is not None:
            raise NotSupported(
                f"{node.name}: {other} is not obeyed",
                where=node.place,
                hint="write a macro get_incremental_NAME_sql(arg_dict), and name it as incremental_strategy",
            )
        update, exclude = as_texts(config.get("merge_update_columns")), as_texts(config.get("merge_exclude_columns"))
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
            predicates=_predicates(config.get("incremental_predicates") or config.get("predicates")),
            expression=expression,
            partition=_partition(config.get("partition_by")),
            batch=batch,
            on_schema_change=answer,
        )


def apply_increment(connection: Connection, increment: Increment, staged: Table) -> None:
    """Bring the staged rows into the model's table. Raises SchemaFrozen, KeyMissing, and StatementFailed where the engine refuses."""
    _among("incremental_strategy", increment.strategy, STRATEGIES, increment.node)
    columns = _fitted(connection, increment, staged)
    target = increment.node.table
    whole = increment.strategy in ("insert_overwrite", "microbatch")
    if whole or (increment.expression and increment.strategy != "append"):
        connection.run(_replacing(increment, staged, columns))
        return
    key = _real(increment, columns, increment.unique_key)
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
    widen_text(connection, target, arrived, held)
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


def _replacing(increment: Increment, staged: Table, columns: tuple[str, ...]) -> Operation:
    """What replaces whole parts of the table: a window of time, partitions, or the rows of an expression's values."""
    node, target = increment.node, increment.node.table
    if increment.strategy == "microbatch":
        if increment.batch is None:
            raise ConfigInvalid(f"microbatch model {node.name} is built batch by batch", where=node.place)
        condition = increment.batch.window.condition(str(node.config["event_time"]))
        return ReplaceWindow(target, staged, columns, condition, increment.predicates)
    if increment.strategy == "insert_overwrite":
        if not increment.partition:
            return Overwrite(target, staged, columns)
        return DeleteInsert(
            target, staged, columns, _real(increment, columns, increment.partition), increment.predicates
        )
    if increment.strategy != "delete+insert":
        raise ConfigInvalid(
            f"{node.name}: unique_key '{increment.expression}' is no column, which {increment.strategy} needs",
            where=node.place,
            hint="use incremental_strategy='delete+insert', or give the model a column of that value",
        )
    return DeleteInsert(target, staged, columns, (), increment.predicates, increment.expression)


def _key(value: Any) -> tuple[tuple[str, ...], str | None]:
    """The columns of a key, or the expression that it is."""
    texts = as_texts(value)
    if len(texts) == 1 and not all(_COLUMN.fullmatch(part.strip()) for part in texts[0].split(",")):
        return (), texts[0]
    return tuple(part.strip().strip('"') for text in texts for part in text.split(",")), None


def _partition(value: Any) -> tuple[str, ...]:
    """The columns of `partition_by`, which some of dbt's adapters write as a mapping with a field."""
    return as_texts(value.get("field") if isinstance(value, dict) else value)


def _predicates(value: Any) -> tuple[str, ...]:
    """Conditions on the table, under the name that dbt's documentation gives it."""
    return tuple(text.replace("DBT_INCREMENTAL_TARGET", "DBT_INTERNAL_DEST") for text in as_texts(value))


def _real(increment: Increment, columns: tuple[str, ...], key: tuple[str, ...]) -> tuple[str, ...]:
    """The key in the case its columns have. Raises KeyMissing."""
    folded = {column.lower(): column for column in columns}
    missing = [part for part in key if part.lower() not in folded]
    if missing:
        raise KeyMissing(
            f"unique_key '{missing[0]}' is not a column of {increment.node.name}",
            where=increment.node.place,
            hint=did_you_mean(missing[0], columns),
        )
    return tuple(folded[part.lower()] for part in key)


def _updated(increment: Increment, columns: tuple[str, ...]) -> tuple[str, ...]:
    """The columns that a matched row takes over: all, those named, or all but those named."""
    named = {part.lower() for part in increment.merge_update_columns}
    excluded = {part.lower() for part in increment.merge_exclude_columns}
    if named:
        return tuple(column for column in columns if column.lower() in named)
    return tuple(column for column in columns if column.lower() not in excluded)


def _among(key: str, word: str, known: tuple[str, ...], node: Model) -> None:
    if word not in known:
        hint = did_you_mean(word, known) or f"known: {', '.join(known)}"
        raise ConfigInvalid(f"{key}: '{word}' is not known", where=node.place, hint=hint)
