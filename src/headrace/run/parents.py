"""What a stream of an API knows of the warehouse before it asks: the rows of its parent, and whether it is fresh enough."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from headrace.counting import count
from headrace.errors import RecordsNotFound
from headrace.events import Warned, emit
from headrace.load.extras import validity
from headrace.naming import CONVENTIONS, written
from headrace.sql.dialect import name, relation

if TYPE_CHECKING:
    from headrace.project.nodes import SourceTable
    from headrace.project.sources import Stream
    from headrace.run.session import Session
    from headrace.state.ledger import Entry


def still_fresh(stream: Stream, last: Entry, now: datetime) -> float:
    """For how many seconds more a stream with a `cache:` need not be asked for; 0 where it has to be."""
    cache: float | None = getattr(stream.spec, "cache", None)  # which streams of an API have
    age = (now - last.committed_at).total_seconds()
    # A load of the future is one by a clock that was wrong: how old it is nobody knows.
    return max(0.0, cache - age) if cache and age >= 0 else 0.0


def parent_rows(session: Session, stream: Stream) -> list[dict[str, Any]]:
    """The rows of the stream's parent, by the fields that its requests name: all that are in the parent's table.

    Raises RecordsNotFound where the parent has no table, or its table lacks a field.
    """
    if stream.spec.parent is None:
        return []
    parent = session.manifest.source(stream.source, stream.spec.parent)
    spec = stream.spec
    found = rows_of_table(session, parent, stream.label, [field for _, field in spec.parent_fields])
    asked = [field for _, field in spec.asked_fields]
    made = [row for row in found if all(row[field] not in (None, "") for field in asked)]
    if len(made) < len(found):
        # Their requests would be other ones: a path with a step less, or without the parameter that chooses.
        lost, fields = len(found) - len(made), " or ".join(map(repr, asked))
        said = f"{count(lost, 'row')} of {parent.source}.{parent.name} {'has' if lost == 1 else 'have'} no value in {fields}"
        emit(Warned(f"{stream.label}: {said}, so it is not asked for them", str(stream.place or "")))
    return made


def rows_of_table(session: Session, parent: SourceTable, label: str, fields: list[str]) -> list[dict[str, Any]]:
    """The values of these fields in the parent's table. Raises RecordsNotFound."""
    connection = session.connection()
    held = connection.inspect(parent.table.schema).get(parent.table)
    if held is None:
        raise RecordsNotFound(
            f"{label} asks for each row of {parent.source}.{parent.name}, which has no table yet",
            hint=f"load both: -s +source:{label}",
        )
    columns = {column.name for column in held.schema}
    places = {field: _place(field, columns) for field in fields}
    missing = [field for field, place in places.items() if place is None]
    if missing:
        raise RecordsNotFound(
            f"{label} asks for the field {missing[0]!r} of {parent.source}.{parent.name}, whose table has no such column",
            hint=f"it has {', '.join(sorted(columns)[:10])}",
        )
    found = {field: place for field, place in places.items() if place is not None}
    listed = ", ".join(f'"{column}"' for column, _ in found.values())
    now = ""
    if parent.stream and parent.stream.disposition == "scd2":
        # Of a history, only what is true now.
        now = f" WHERE {name(validity(parent.stream)[1])} IS NULL"
    rows = connection.rows(f"SELECT {listed} FROM {relation(parent.table)}{now}")
    return [
        {field: _at(value, inner) for (field, (_, inner)), value in zip(found.items(), row, strict=True)}
        for row in rows
    ]


def _place(field: str, columns: set[str]) -> tuple[str, list[str]] | None:
    """The column that has a field, and the keys inside its JSON."""
    steps = field.removeprefix("$.").split(".")
    spelled = [[written(step, convention) for step in steps] for convention in CONVENTIONS]
    for flat in map("__".join, spelled):
        if flat in columns:
            return flat, []
    outer = next((one[0] for one in spelled if one[0] in columns), None)
    return (outer, steps[1:]) if outer else None


def _at(value: Any, keys: list[str]) -> Any:
    if keys and isinstance(value, str):
        value = json.loads(value)
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else str(value)
    return value.isoformat() if isinstance(value, (date, datetime)) else value
