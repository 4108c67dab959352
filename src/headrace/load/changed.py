"""What a load changed of its table's columns: told, kept beside the data, and what it may have meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.counting import count
from headrace.errors import did_you_mean
from headrace.events import SchemaChanged, Warned
from headrace.naming import written
from headrace.schema import Added, Kind, Widened
from headrace.sql.dialect import name, relation
from headrace.state import ledger
from headrace.state.ledger import Altered

if TYPE_CHECKING:
    from headrace.load.evolve import Room
    from headrace.load.job import Job
    from headrace.load.loading import Loading
    from headrace.load.parts import Part
    from headrace.schema import Column, Type
    from headrace.table import Table

_VALUES = 1000
"""How many values of a new column are looked for in one that stopped arriving."""


def record_changes(loading: Loading, label: str, target: Table, room: Room, *, created: bool) -> None:
    """Write the changes down in the load's transaction, and say those that happened to a table that was there.

    `label` is the stream's, or that of one of its lists.
    """
    found: list[Altered] = []

    def note(column: str, change: str, was: Type | None, now: Type) -> None:
        found.append(
            Altered(
                load_id=loading.package.id,
                run_id=loading.run,
                stream=label,
                target=str(target),
                column=column,
                change=change,
                was=str(was) if was else None,
                type=str(now),
                changed_at=loading.at,
            )
        )

    if created:
        for column in room.schema:
            note(column.name, "created", None, column.type)
    for change in room.changes:
        if isinstance(change, Added):
            note(change.column.name, "added", None, change.column.type)
            said = f"added column {change.column.name} {change.column.type}"
        elif isinstance(change, Widened):
            note(change.column.name, "widened", change.column.type, change.to)
            said = f"column {change.column.name} grew from {change.column.type} to {change.to}"
        else:
            continue
        loading.events.append(SchemaChanged(str(target), said))
    ledger.record_changes(loading.connection, found)


def suggest_renames(loading: Loading, job: Job, parts: list[Part]) -> None:
    """Warn where a column stopped arriving and a new one of its type has values of it: it may have got another name."""
    new = [change.column for change in job.changes if isinstance(change, Added) and job.own.get(change.column.name)]
    arrived = {column for part in parts for column in part.schema.names}
    held = {change.column.name for change in job.changes if isinstance(change, Added)}
    gone = [column for column in job.own if column.name not in arrived and column.name not in held]
    for column in new:
        for old in gone:
            if old.type == column.type and column.type.kind not in (Kind.JSON, Kind.BOOLEAN):
                _suggest(loading, job, old, column)


def suggest_columns(loading: Loading, job: Job) -> None:
    """Warn where a declared column never came and one of a similar name that is not declared did: it may be misspelt."""
    spec, at_source = loading.stream.spec, loading.package.resume.get(ledger.NAMES, {})
    declared = {at_source.get(word) or written(word, spec.convention): word for word in spec.columns}
    others = [column.name for column in job.own if column.name not in declared]
    absent = [column for column in declared if column not in at_source.values()]
    close = {column: hint for column in absent if (hint := did_you_mean(column, others))}
    asked = [column for column in close if job.own.get(column)]
    if asked:
        counted = ", ".join(f"count({name(column)})" for column in asked)
        (values,) = job.connection.rows(f"SELECT {counted} FROM {relation(job.build)}")
        close = {
            column: hint for column, hint in close.items() if not dict(zip(asked, values, strict=True)).get(column)
        }
    for column, hint in close.items():
        said = f"{loading.stream.label}: no row has a value in '{declared[column]}', which `columns:` declares; {hint}"
        loading.events.append(Warned(said, where=str(loading.stream.place or "")))


def _suggest(loading: Loading, job: Job, old: Column, new: Column) -> None:
    some = (
        f"SELECT DISTINCT {name(new.name)} AS given FROM {relation(job.build)} "
        f"WHERE {name(new.name)} IS NOT NULL LIMIT {_VALUES}"
    )
    known = f"EXISTS (SELECT 1 FROM {relation(job.table)} AS t WHERE t.{name(old.name)} = s.given)"
    ((values, shared),) = job.connection.rows(
        f"SELECT count(*), count(CASE WHEN {known} THEN 1 END) FROM ({some}) AS s"
    )
    if shared * 2 < values or not shared:
        return
    said = (
        f"{loading.stream.label}: column '{old.name}' stopped arriving and '{new.name}' is new, and {shared} of {count(values, 'value')} "
        f"of '{new.name}' are in '{old.name}'; if it has another name now, keep the old one by "
        f"`transform: SELECT * RENAME ({name(new.name)} AS {name(old.name)}) FROM input`"
    )
    loading.events.append(Warned(said, where=str(loading.stream.place or "")))
