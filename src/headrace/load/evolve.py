"""Making room: which columns and types a table gets, and what becomes of values that do not fit.

By default numbers grow in place and new columns are added; a value that does not cast exactly to its column's type sends its row to
quarantine. The stream's `schema_contract` says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from headrace.errors import ChangeLossy, KeyMissing, SchemaFrozen
from headrace.load import exact
from headrace.project.dispositions import KEYED
from headrace.schema import DOUBLE, VARCHAR, Added, Change, Column, Kind, Risky, Schema, Type, Widened, changes
from headrace.sql.dialect import name

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace.load.parts import Part
    from headrace.project.sources import Stream
    from headrace.project.stream_keys import Mode

_FLOATS = (Kind.FLOAT, Kind.DOUBLE)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Values that do not go in: a DuckDB condition over a part's rows, and why."""

    condition: str
    reason: str
    column: str
    detail: str
    mode: Mode


@dataclass(frozen=True, slots=True)
class Fit:
    """A part, made to fit: an expression for each column of the table that the part has, and what is refused of it."""

    part: Part
    columns: dict[str, str] = field(default_factory=dict)
    refusals: tuple[Refusal, ...] = ()

    def refused(self, *modes: Mode) -> str | None:
        """The condition for rows refused in these ways, if there can be any."""
        found = [refusal.condition for refusal in self.refusals if refusal.mode in modes]
        return " OR ".join(f"({condition})" for condition in found) if found else None


@dataclass(frozen=True, slots=True)
class Room:
    """The schema that holds everything that is let in, the changes from the stored one to it, and the parts made to fit."""

    schema: Schema
    changes: tuple[Change, ...]
    fits: tuple[Fit, ...]


@dataclass(frozen=True, slots=True)
class Asking:
    """Questions to the data: has the stored column no value yet; does every value of a column survive the cast?

    Those are the stored values or, of a column that is not stored yet, all that arrived. And as what does the engine keep a type?
    """

    empty: Callable[[str], bool]
    survives: Callable[[Column, Type], bool]
    kept_as: Callable[[Type], Type]


def make_room(stream: Stream, stored: Schema | None, parts: list[Part], ask: Asking) -> Room:
    """Decide for all parts of a load. `stored` is None where there is no table yet."""
    declared = stream.spec.column_types
    start = stored or Schema(())
    held = _as_declared(stream, start, declared, ask) if stored else start
    final = held
    refused: dict[str, Mode] = {}
    for part in parts:
        for column in part.schema:
            final = _admit(stream, final, replace(column, nullable=True), declared, refused, stored=stored, ask=ask)
    _check_key(stream, final, parts)
    fits = tuple(_fit(stream, part, final, refused) for part in parts)
    return Room(final, _difference(start, final) if stored else (), fits)


def _as_declared(stream: Stream, stored: Schema, declared: dict[str, Type], ask: Asking) -> Schema:
    """The stored schema after what `columns:` now says, if no value that is stored would change by it."""
    for column in stored:
        to = ask.kept_as(declared.get(column.name, column.type))
        if to == column.type or to.kind is column.type.kind is not Kind.DECIMAL:
            continue
        if exact.widens(column.type, to) != to and not ask.empty(column.name):
            raise ChangeLossy(
                f"{stream.label}: column '{column.name}' is {column.type} and cannot become {to} without changing values",
                where=stream.place,
                hint=f"load the stream anew with --full-refresh, or declare `type: {column.type}`",
            )
        stored = _with_type(stored, column.name, to)
    return stored


def _admit(
    stream: Stream,
    schema: Schema,
    column: Column,
    declared: dict[str, Type],
    refused: dict[str, Mode],
    *,
    stored: Schema | None,
    ask: Asking,
) -> Schema:
    held = schema.get(column.name)
    if held is None:
        contract = stream.spec.contract(column.name)
        if stored is not None and contract != "evolve" and column.name not in declared:
            if contract == "freeze":
                raise SchemaFrozen(
                    f"{stream.label}: column '{column.name}' {column.type} arrived and the contract is `columns: freeze`",
                    where=stream.place,
                    hint="declare the column under `columns:`, or let the contract evolve",
                )
            refused[column.name] = contract
            return schema
        kind = declared.get(column.name, column.type)
        return Schema((*schema.columns, Column(column.name, kind)))
    if held.type == column.type or column.name in declared:
        return schema
    if held.type == VARCHAR and ask.empty(column.name):
        return _with_type(schema, column.name, column.type)
    fresh = stored is None or stored.get(column.name) is None
    to = exact.widens(held.type, column.type) or _risked(held, column, ask, fresh=fresh)
    if to == held.type or exact.widens(column.type, held.type) == held.type:
        return schema
    contract = stream.spec.type_contract(column.name, held.type.kind)
    if contract == "freeze":
        raise SchemaFrozen(
            f"{stream.label}: column '{column.name}' is {held.type} and arrived as {column.type}, "
            f"and the contract is `{_said(stream, held)}`",
            where=stream.place,
        )
    numbers = {held.type.kind, column.type.kind} <= exact.NUMBERS
    if to is None and (contract == "evolve" or (fresh and numbers)):
        to = _as_text(stream, held, column.type)
    return _with_type(schema, column.name, to) if to else schema


def _said(stream: Stream, held: Column) -> str:
    """Where it is said that a column is frozen."""
    own = stream.spec.columns.get(held.name)
    if own and own.contract:
        return f"columns: {{{held.name}: {{contract: freeze}}}}"
    by_type = stream.spec.schema_contract.of_type(held.type.kind)
    return f"data_type: {{{held.type.kind}: freeze}}" if by_type else "data_type: freeze"


def _risked(held: Column, arrived: Column, ask: Asking, *, fresh: bool) -> Type | None:
    """Double, where whole or decimal numbers meet doubles and all that is stored survives; of a fresh column, all that arrived."""
    risky = any(isinstance(change, Risky) for change in changes(Schema((held,)), Schema((arrived,))))
    if not risky:
        return None
    if held.type.kind in _FLOATS and not fresh:
        return held.type
    return DOUBLE if ask.survives(held, DOUBLE) else None


def _as_text(stream: Stream, held: Column, arrived: Type) -> Type:
    if Kind.BLOB in (held.type.kind, arrived.kind):
        raise ChangeLossy(
            f"{stream.label}: column '{held.name}' is {held.type} and arrived as {arrived}; text holds no bytes",
            where=stream.place,
        )
    return VARCHAR


def check_keyed(stream: Stream) -> None:
    """Raises KeyMissing where rows are to be joined by a key, and the stream has none."""
    if stream.disposition in KEYED and not stream.spec.key:
        what = "a `primary_key` or a `merge_key`" if stream.disposition == "delete_insert" else "a `primary_key`"
        raise KeyMissing(f"{stream.label}: {stream.disposition} needs {what}", where=stream.place)


def _check_key(stream: Stream, final: Schema, parts: list[Part]) -> None:
    spec = stream.spec
    check_keyed(stream)
    if stream.disposition not in KEYED:
        return
    for column in dict.fromkeys((*spec.key, *spec.primary_key)):
        if parts and (final.get(column) is None or not any(part.schema.get(column) for part in parts)):
            raise KeyMissing(
                f"{stream.label}: the key column '{column}' is not in what arrived",
                where=stream.place,
                hint=f"these columns arrived: {', '.join(parts[0].schema.names)}",
            )


def _fit(stream: Stream, part: Part, final: Schema, refused: dict[str, Mode]) -> Fit:
    columns: dict[str, str] = {}
    refusals: list[Refusal] = []
    for column in part.schema:
        target = final.get(column.name)
        if target is None:
            mode = refused[column.name]
            detail = f"the table has no such column, {column.type} arrived"
            refusals.append(Refusal(f"{name(column.name)} IS NOT NULL", "column", column.name, detail, mode))
        elif column.type == target.type or exact.widens(target.type, column.type) == target.type:
            columns[column.name] = exact.cast(column.name, column.type, target.type)
        else:
            columns[column.name] = exact.try_cast(column.name, column.type, target.type)
            mode = stream.spec.type_contract(column.name, target.type.kind)
            if mode == "evolve" or (mode == "freeze" and not stream.spec.own_contract(column.name, target.type.kind)):
                # What breaks is a declared type: its rows wait in quarantine too, unless column or type say otherwise by name.
                mode = "quarantine"
            condition = f"NOT {exact.fits(column.name, column.type, target.type)}"
            detail = f"the column is {target.type}, {column.type} arrived"
            refusals.append(Refusal(condition, "type", column.name, detail, mode))
    return Fit(part, columns, tuple(refusals))


def _with_type(schema: Schema, column: str, to: Type) -> Schema:
    return Schema(tuple(replace(each, type=to) if each.name == column else each for each in schema))


def _difference(before: Schema, after: Schema) -> tuple[Change, ...]:
    found: list[Change] = []
    for column in after:
        held = before.get(column.name)
        if held is None:
            found.append(Added(column))
        elif held.type != column.type:
            found.append(Widened(held, column.type))
    return tuple(found)
