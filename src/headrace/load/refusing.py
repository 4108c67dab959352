"""Rows that are not let in: into quarantine, or left out and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.events import Warned
from headrace.load import staging
from headrace.load.evolve import Refusal
from headrace.load.extras import moment, since, validity
from headrace.sql.dialect import name, relation

if TYPE_CHECKING:
    from headrace.load.evolve import Fit, Room
    from headrace.load.job import Job
    from headrace.load.loading import Loading


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
        if refusal.mode == "discard_value":
            lost = local.rows(f"SELECT count(*) FROM (\n{fit.part.query}\n) AS part WHERE {refusal.condition}")[0][0]
            if lost:
                what = f"{loading.stream.label}: {lost} values of column '{refusal.column}' were left out"
                loading.events.append(Warned(f"{what}: {refusal.detail}", details={"rows": lost}))
    return int(kept) + int(left)


def refuse_lacking(loading: Loading, job: Job, room: Room) -> int:
    """Staged rows that lack a value which they need go to quarantine; how many."""
    needed = _needed(job)
    if not needed:
        return 0
    lacking = " OR ".join(f"{name(column)} IS NULL" for column in needed)
    where = f"FROM {relation(job.build)} WHERE {lacking}"
    found = int(job.connection.rows(f"SELECT count(*) {where}")[0][0])
    if not found:
        return 0
    for fit in room.fits:
        loading.keep(staging.lacking_query(fit, [_refusal(job, fit, column) for column in needed]))
    job.connection.execute(f"DELETE {where}")
    return found


def _needed(job: Job) -> tuple[str, ...]:
    """The staged columns in which no NULL may stand: the key's, and the time at which a version begins."""
    spec = job.stream.spec
    keys = dict.fromkeys((*spec.primary_key, *spec.key)) if job.keyed else ()
    starts = [validity(job.stream)[0]] if job.stream.disposition == "scd2" and since(job.stream, job.own) else []
    return (*keys, *starts)


def _refusal(job: Job, fit: Fit, column: str) -> Refusal:
    spec = job.stream.spec
    if column in (*spec.primary_key, *spec.key):
        condition = f"{fit.columns.get(column, 'NULL')} IS NULL"
        return Refusal(condition, "key", column, "the key is NULL", "quarantine")
    changed = since(job.stream, job.own)
    held = changed.name if changed else column
    value = moment(fit.columns.get(held, "NULL"), job.own.columns[job.own.names.index(held)].type)[0]
    return Refusal(f"{value} IS NULL", "time", held, "nothing says when the row changed", "quarantine")
