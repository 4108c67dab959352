"""Rows that are not let in: into quarantine, or left out and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.counting import count
from headrace.errors import SchemaFrozen
from headrace.events import Warned
from headrace.load import staging
from headrace.load.evolve import Fit, Refusal
from headrace.load.extras import DELETED, deleted, moment, required, since, validity
from headrace.sql.dialect import name, relation
from headrace.sql.operations import Require

if TYPE_CHECKING:
    from headrace.load.evolve import Room
    from headrace.load.job import Job
    from headrace.load.loading import Loading
    from headrace.load.parts import Part
    from headrace.table import Table


def refuse(loading: Loading, fit: Fit) -> int:
    """Rows that the contract keeps out, quarantined or left out; how many."""
    if not fit.refusals:
        return 0
    local = loading.connection.local
    _, kept, left = local.rows(staging.count_query(fit))[0]
    if kept:
        loading.keep(staging.refused_query(fit))
    loading.counts.filtered += left
    for refusal in fit.refusals:
        if refusal.mode == "freeze" and local.rows(staging.breaking_query(fit, refusal)):
            what = f"{loading.stream.label}: column '{refusal.column}' is frozen: {refusal.detail}"
            raise SchemaFrozen(what, where=loading.stream.place)
        if refusal.mode == "discard_value":
            lost = local.rows(f"SELECT count(*) FROM (\n{fit.part.query}\n) AS part WHERE {refusal.condition}")[0][0]
            if lost:
                what = f"{loading.stream.label}: {count(lost, 'value')} left out of column '{refusal.column}'"
                loading.events.append(Warned(f"{what}: {refusal.detail}", details={"rows": lost}))
    return int(kept) + int(left)


def refuse_table(loading: Loading, target: Table, parts: list[Part]) -> None:
    """What arrived for a table that is not there, and that the contract does not let come to be. Raises SchemaFrozen."""
    stream, mode = loading.stream, loading.stream.spec.schema_contract.tables
    if mode == "freeze":
        raise SchemaFrozen(
            f"{stream.label}: there is no table {target} and the contract is `tables: freeze`",
            where=stream.place,
            hint="let the contract evolve for the first load",
        )
    mode = "quarantine" if mode == "quarantine" else "discard_row"
    refusal = Refusal("TRUE", "table", "", f"there is no table {target}", mode)
    refused = sum(refuse(loading, Fit(part, {}, (refusal,))) for part in parts)
    filtered = sum(part.filtered for part in parts)
    loading.counts.read += filtered + refused - sum(segment.rows for segment in loading.package.segments)
    loading.counts.filtered += filtered


def refuse_lacking(loading: Loading, job: Job, room: Room) -> int:
    """Staged rows that lack a value which they need go to quarantine; how many."""
    needed = _needed(job)
    if not needed:
        return 0
    lacking = " OR ".join(_lacks(job, column) for column in needed)
    where = f"FROM {relation(job.build)} WHERE {lacking}"
    found = int(job.connection.rows(f"SELECT count(*) {where}")[0][0])
    if not found:
        return 0
    for fit in room.fits:
        loading.keep(staging.lacking_query(fit, [_refusal(job, fit, column) for column in needed]))
    job.connection.execute(f"DELETE {where}")
    return found


def _needed(job: Job) -> tuple[str, ...]:
    """The columns in which no NULL may stand: the key's, the time at which a version begins, and those that say so."""
    spec = job.stream.spec
    keys = (*spec.primary_key, *spec.key) if job.keyed else ()
    starts = [validity(job.stream)[0]] if job.stream.disposition == "scd2" and since(job.stream, job.own) else []
    return tuple(dict.fromkeys((*keys, *starts, *required(job.stream))))


def _lacks(job: Job, column: str) -> str:
    """A condition over the staged rows. Of a row that only says that it is deleted, no more is asked than where it belongs."""
    missing = f"{name(column)} IS NULL" if column in job.staged_names else "TRUE"
    if job.hard and column in required(job.stream) and column not in job.stream.spec.primary_key:
        return f"({missing} AND NOT {name(DELETED)})"
    return missing


def _refusal(job: Job, fit: Fit, column: str) -> Refusal:
    spec = job.stream.spec
    if job.keyed and column in (*spec.primary_key, *spec.key):
        condition = f"{fit.columns.get(column, 'NULL')} IS NULL"
        return Refusal(condition, "key", column, "the key is NULL", "quarantine")
    if column in required(job.stream):
        condition = f"{fit.columns.get(column, 'NULL')} IS NULL"
        if job.hard and spec.deletes and fit.part.schema.get(spec.deletes.column or ""):
            condition += f" AND NOT {deleted(spec.deletes, fit.part.schema)}"
        return Refusal(condition, "null", column, "the column takes no NULL", "quarantine")
    changed = since(job.stream, job.own)
    held = changed.name if changed else column
    value = moment(fit.columns.get(held, "NULL"), job.own.columns[job.own.names.index(held)].type)[0]
    return Refusal(f"{value} IS NULL", "time", held, "nothing says when the row changed", "quarantine")


def require(loading: Loading, job: Job) -> None:
    """Columns that take no NULL say so in the warehouse; a table that holds one already is left as it is, with a warning."""
    for column in required(job.stream):
        held = job.held.schema.get(column) if job.held and not job.anew else None
        if job.own.get(column) is None or (held and not held.nullable):
            continue
        nulls = f"SELECT count(*) FROM {relation(job.table)} WHERE {name(column)} IS NULL"
        ((found,),) = job.connection.rows(nulls)
        if found:
            said = f"{loading.stream.label}: {count(found, 'row has', 'rows have')} no '{column}' in {job.table}, which is to take no NULL"
            loading.events.append(Warned(said, where=str(loading.stream.place or ""), details={"rows": found}))
        else:
            job.connection.run(Require(job.table, (column,)))
