"""The columns that a table has after its stream's own: where a row came from, and what its way of loading keeps of the past."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.errors import ChangeLossy, ConfigInvalid
from headrace.landing import ORIGIN
from headrace.load import exact
from headrace.naming import CONVENTIONS, LONGEST, written
from headrace.project.dispositions import LOAD_TIME
from headrace.schema import BIGINT, BOOLEAN, TIMESTAMPTZ, VARCHAR, Added, Column, Kind, Schema, Widened
from headrace.sql.dialect import name, text, timestamp
from headrace.table import shortened

if TYPE_CHECKING:
    from datetime import datetime

    from headrace.project.dispositions import Deletes, SurrogateKey
    from headrace.project.sources import Stream
    from headrace.schema import Change, Type

LOAD_ID = "_headrace_load_id"
LOADED_AT = "_headrace_loaded_at"
HASH = "_headrace_row_hash"
DELETED = "_headrace_deleted"
ROW = "_headrace_row"
"""What a row is called by the rows that its lists are made of; no two rows have one, and a row that is written anew gets another."""
PARENT = "_headrace_parent"
ROOT = "_headrace_root"
INDEX = "_headrace_index"

_NONE = Schema(())
_KEYS = (
    *(Kind.SMALLINT, Kind.INTEGER, Kind.BIGINT, Kind.HUGEINT, Kind.DECIMAL),
    *(Kind.VARCHAR, Kind.UUID, Kind.DATE, Kind.BOOLEAN, Kind.TIMESTAMP),
)
"""What every engine writes as the same text, so that a key made here is the one that a model makes there."""


@dataclass(frozen=True, slots=True)
class Extra:
    """A column that headrace adds. `value` is the DuckDB expression for a row that is let in; None where only the merge knows it.

    What is not `kept` stands in the staged rows only; what is the `same` in each row is SQL of every engine.
    """

    column: Column
    value: str | None
    kept: bool = True
    same: bool = False


def extras(stream: Stream, schema: Schema, load_id: str, now: datetime, lists: Schema = _NONE) -> tuple[Extra, ...]:
    """The added columns of a load whose own columns are `schema`. Raises ConfigInvalid where one of those has such a name.

    `lists` are columns that become tables: a row is another one if its lists are.
    """
    spec = stream.spec
    found = [
        Extra(Column(LOAD_ID, VARCHAR), text(load_id), same=True),
        Extra(Column(LOADED_AT, TIMESTAMPTZ), timestamp(now), same=True),
        Extra(Column(ORIGIN, VARCHAR), name(ORIGIN)),
        Extra(Column(HASH, BIGINT), row_hash(Schema((*schema, *lists)))),
    ]
    if spec.nested == "tables":
        found.append(Extra(Column(ROW, VARCHAR), name(ROW)))
    if spec.deletes and (spec.deletes.column or spec.deletes.way == "soft"):
        found.append(Extra(Column(DELETED, BOOLEAN), deleted(spec.deletes, schema), kept=spec.deletes.way == "soft"))
    if spec.surrogate_key and schema.columns:
        found.append(Extra(Column(spec.surrogate_key.name, VARCHAR), surrogate(stream, spec.surrogate_key, schema)))
    if stream.disposition == "scd2":
        found += _validity(stream, schema, now)
    if stream.disposition == "scd3" and spec.history:
        found += _previous(stream, spec.history.previous, schema)
    taken = next((extra.column.name for extra in found if schema.get(extra.column.name)), None)
    if taken:
        raise ConfigInvalid(
            f"{stream.label}: a column '{taken}' arrived, and headrace is to add one of that name", where=stream.place
        )
    return tuple(found)


def of_elements(keys: Schema, load_id: str, now: datetime) -> tuple[Extra, ...]:
    """The added columns of a table of list elements; `keys` are those that it has of the stream's own rows."""
    handed = [Column(ROW, VARCHAR), Column(PARENT, VARCHAR), Column(ROOT, VARCHAR), *keys, Column(INDEX, BIGINT)]
    return (
        *(Extra(column, name(column.name)) for column in handed),
        Extra(Column(LOAD_ID, VARCHAR), text(load_id), same=True),
        Extra(Column(LOADED_AT, TIMESTAMPTZ), timestamp(now), same=True),
        Extra(Column(ORIGIN, VARCHAR), name(ORIGIN)),
    )


def root_name(key: str) -> str:
    """What a column of the stream's key is called in the tables of its lists."""
    return shortened(f"{ROOT}_{key}", LONGEST)


def same(found: tuple[Extra, ...]) -> dict[str, str]:
    """The added columns that are the same in each row of a load, and what they are."""
    return {extra.column.name: extra.value for extra in found if extra.same and extra.value is not None}


def names_added(stream: Stream) -> frozenset[str]:
    """What of a table's columns is added, besides those that begin with `_headrace_`."""
    spec = stream.spec
    found = {ORIGIN} | ({spec.surrogate_key.name} if spec.surrogate_key else set())
    if spec.history and stream.disposition == "scd2":
        found |= {spec.history.valid_from, spec.history.valid_to}
    if spec.history and stream.disposition == "scd3":
        found |= {each for column in spec.history.previous for each in previous_names(column)}
    return frozenset(found)


def required(stream: Stream) -> tuple[str, ...]:
    """The columns that are declared to take no NULL."""
    return tuple(column for column, spec in stream.spec.columns.items() if not spec.nullable)


def previous_names(column: str) -> tuple[str, str]:
    """Where a column's value before its last change stands, and when that change came."""
    tail = "_changed_at"
    return shortened(f"previous_{column}", LONGEST), shortened(column, LONGEST - len(tail)) + tail


def validity(stream: Stream) -> tuple[str, str]:
    """The columns that say from when to when a version is valid."""
    history = stream.spec.history
    return (history.valid_from, history.valid_to) if history else ("_headrace_valid_from", "_headrace_valid_to")


def since(stream: Stream, schema: Schema) -> Column | None:
    """The column that says when a row changed; None where the time of the load does. Raises ConfigInvalid where it did not arrive."""
    history, incremental = stream.spec.history, stream.spec.incremental
    path = history.changed_at if history else None
    if path == LOAD_TIME or (path is None and incremental is None):
        return None
    path = path or (incremental.cursor_path if incremental else "")
    found = schema.get(cursor_column(path, schema) or "")
    if found is None:
        raise ConfigInvalid(
            f"{stream.label}: the column '{path}' says when a row changed, and it did not arrive",
            where=stream.place,
            hint="name another one as `history: {changed_at: …}`, or say `changed_at: load_time`",
        )
    return found


def moment(expression: str, of: Type) -> tuple[str, Type]:
    """A value as the time at which a version begins: text as the time it is written as, NULL where it is none."""
    if of.kind is Kind.VARCHAR:
        return f"TRY_CAST({expression} AS TIMESTAMPTZ)", TIMESTAMPTZ
    return expression, of


def cursor_column(path: str, schema: Schema) -> str | None:
    """The column that holds a cursor path: itself, or flattened."""
    spelled = ["__".join(written(key, convention) for key in path.split(".")) for convention in CONVENTIONS]
    spelled = [path, path.replace(".", "__"), *spelled, path.lower(), path.lower().replace(".", "__")]
    return next((each for each in spelled if schema.get(each)), None)


def growth(stream: Stream, held: Schema, added: tuple[Extra, ...]) -> tuple[Change, ...]:
    """What has to happen to a table so that it has the added columns. Raises ChangeLossy where one cannot become what it is to be."""
    found: list[Change] = []
    for extra in added:
        stored = held.get(extra.column.name)
        if not extra.kept or (stored and stored.type == extra.column.type):
            continue
        if stored is None:
            found.append(Added(extra.column))
            continue
        to = exact.widens(stored.type, extra.column.type)
        if to is None:
            raise ChangeLossy(
                f"{stream.label}: column '{stored.name}' is {stored.type} and has to be {extra.column.type}",
                where=stream.place,
                hint="load the stream anew with --full-refresh",
            )
        if to != stored.type:
            found.append(Widened(stored, to))
    return tuple(found)


def surrogate(stream: Stream, key: SurrogateKey, schema: Schema) -> str:
    """The key's expression, which is one of PostgreSQL too. Raises ConfigInvalid."""
    parts: list[str] = []
    for column in key.columns:
        held = schema.get(column)
        if held is None or held.type.kind not in _KEYS:
            what = "did not arrive" if held is None else f"is {held.type}, which engines write as text differently"
            raise ConfigInvalid(
                f"{stream.label}: the column '{column}' of the surrogate key {what}",
                where=stream.place,
                hint=f"whole numbers, decimals, text, dates, booleans and timestamps make a key; arrived: {', '.join(schema.names)}",
            )
        parts.append(f"coalesce(CAST({name(column)} AS VARCHAR), '_dbt_utils_surrogate_key_null_')")
    joined = " || '-' || ".join(parts)
    return f"md5({joined})"


def row_hash(schema: Schema) -> str:
    """Of the values and their columns' names, whatever the columns' order; a column that is NULL does not count.

    So a row keeps its hash when a column is added to its table. One bit is given up, because engines' integers have a sign.
    """
    terms = [
        f"CASE WHEN {name(column.name)} IS NULL THEN 0::UBIGINT ELSE hash({text(column.name)}, {name(column.name)}) END"
        for column in sorted(schema, key=lambda column: column.name)
    ]
    return f"CAST({_xor(terms)} >> 1 AS BIGINT)"


def _xor(terms: list[str]) -> str:
    # As a balanced tree: a chain of some hundred columns would be too deep for the parser.
    if len(terms) <= 1:
        return terms[0] if terms else "0::UBIGINT"
    half = len(terms) // 2
    return f"xor({_xor(terms[:half])}, {_xor(terms[half:])})"


def deleted(deletes: Deletes, schema: Schema) -> str:
    """The DuckDB condition for a row of the schema that says that it is deleted: by the value that is given, by true, or by a time."""
    column = schema.get(deletes.column) if deletes.column else None
    if column is None:
        return "FALSE"
    held = name(column.name)
    if deletes.value is not None:
        return f"COALESCE(CAST({held} AS VARCHAR) = {text(deletes.value)}, FALSE)"
    if column.type.kind in (Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ):
        return f"{held} IS NOT NULL"
    timed = f"TRY_CAST({held} AS TIMESTAMPTZ) IS NOT NULL" if column.type.kind is Kind.VARCHAR else "FALSE"
    return f"COALESCE(TRY_CAST({held} AS BOOLEAN), {timed})"


def _validity(stream: Stream, schema: Schema, now: datetime) -> list[Extra]:
    start, end = validity(stream)
    if not schema.columns:
        return []
    column = since(stream, schema)
    value, kind = moment(name(column.name), column.type) if column else (timestamp(now), TIMESTAMPTZ)
    return [Extra(Column(start, kind), value), Extra(Column(end, kind), None)]


def _previous(stream: Stream, columns: tuple[str, ...], schema: Schema) -> list[Extra]:
    changed = since(stream, schema) if schema.columns else None
    found: list[Extra] = []
    for column in columns:
        held = schema.get(column)
        if held is None:
            raise ConfigInvalid(
                f"{stream.label}: `history.previous` names the column '{column}', which did not arrive",
                where=stream.place,
                hint=f"these columns arrived: {', '.join(schema.names)}",
            )
        previous, at = previous_names(column)
        found.append(Extra(Column(previous, held.type), None))
        found.append(Extra(Column(at, changed.type if changed else TIMESTAMPTZ), None))
    return found
