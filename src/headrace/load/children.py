"""The tables of lists follow their stream's table: what a row's lists hold stands there as long as the row does, as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.load.changed import record_changes
from headrace.load.extras import ROOT, ROW, growth, of_elements, root_name, same
from headrace.load.nested import earlier
from headrace.load.partitioning import arrived, within
from headrace.load.staging import stage_query
from headrace.schema import Schema
from headrace.sql.dialect import column, name, relation, temporary
from headrace.sql.merge import PLACE, VERDICT, place
from headrace.sql.operations import AlterColumns, Append, Drop, Merge, Orphans, Overwrite, Publish

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.load.branch import Branch
    from headrace.load.job import Job
    from headrace.load.loading import Loading
    from headrace.load.nested import Nest
    from headrace.sql.operations import Scd2
    from headrace.table import Table
    from headrace.warehouse.base import Relation


def stage(loading: Loading, job: Job, nest: Nest, *, lacking: bool) -> None:
    """Put the elements that arrived beside their tables, without those of rows that were taken out again."""
    added = of_elements(nest.keys, loading.package.id, loading.at)
    columns = Schema(tuple(extra.column for extra in added))
    connection = job.connection
    for branch in job.branches:
        if branch.room is None:
            continue
        staged = beside(job, branch)
        branch.columns = Schema((*branch.room.schema, *columns))
        rows = connection.load_local(staged, stage_query(branch.room.fits, branch.room.schema, added), same(added))
        if lacking:
            rows -= connection.run(Orphans(staged, job.build, ROOT, ROW))
        branch.counts.read = rows
        record_changes(loading, branch.stream.label, branch.table, branch.room, created=branch.held is None)
        if branch.held:
            changes = (*branch.room.changes, *growth(branch.stream, branch.held.schema, added))
            if changes:
                connection.run(AlterColumns(branch.table, changes, connection.dependents(branch.table)))


def judged(job: Job, operation: Merge | Scd2) -> None:
    """Count the elements of rows that changed nothing, and of those that only say that they are deleted."""
    capabilities = job.connection.capabilities
    verdicts, row = f"{relation(temporary(operation.verdicts.name, capabilities))} AS v", column(ROW, "v")
    if isinstance(operation, Merge):
        # A merge says of a row only where it is staged.
        at = f"r.{place(capabilities)} = {column(PLACE, 'v')}"
        verdicts, row = f"{verdicts} JOIN {relation(operation.staged)} AS r ON {at}", column(ROW, "r")
    for branch in job.branches:
        if branch.room is None:
            continue
        counted = dict(
            job.connection.rows(
                f"SELECT {column(VERDICT, 'v')}, count(*) FROM {verdicts} "
                f"JOIN {relation(beside(job, branch))} AS s ON {row} = {column(ROOT, 's')} GROUP BY 1"
            )
        )
        branch.counts.unchanged += counted.get("unchanged", 0)
        branch.counts.filtered += counted.get("delete", 0)


def let_in(job: Job, rows: Table, *, gone: bool, swept: bool = False) -> None:
    """The elements of those `rows` that were let in, into their tables; with `gone`, elements of rows that are there no longer go.

    Unless the load has `swept`, those are rows of staged keys.
    """
    connection, replaced = job.connection, job.stream.disposition == "replace"
    spec = job.stream.spec
    narrow = not swept and spec.key == spec.primary_key
    key = tuple((root_name(each), each) for each in spec.primary_key) if narrow else ()
    of_keys, of_rows = (within(job) if key and gone else None), (arrived(job) if gone else None)
    for branch in job.branches:
        counts, staged = branch.counts, beside(job, branch)
        if branch.held and gone:
            among = job.staged if key else None
            there = None if of_keys is None or _lacks_keys(job, branch, key) else of_keys
            counts.deleted += connection.run(Orphans(branch.table, rows, ROOT, ROW, among, key, there))
        if branch.room is None:
            if branch.held and replaced:
                connection.execute(f"DELETE FROM {relation(branch.table)}")
            continue
        left = connection.run(Orphans(staged, rows, ROOT, ROW, within=of_rows))
        counts.inserted += counts.read - left
        counts.duplicate += left - counts.unchanged - counts.filtered
        if branch.held:
            way = Overwrite if replaced else Append
            connection.run(way(branch.table, staged, branch.columns.names))
            connection.run(Drop(staged))
        else:
            kind = branch.was.kind if branch.was else None
            kept = connection.dependents(branch.table) if kind else ()
            carried = connection.carried(branch.table, "table") if kind else ()
            connection.run(Publish(branch.table, staged, kind, kept, carried))


def _lacks_keys(job: Job, branch: Branch, key: tuple[tuple[str, str], ...]) -> bool:
    """Whether elements are there from a time when the key was another one: where their rows are is not known."""
    lacking = " OR ".join(f"{name(own)} IS NULL" for own, _ in key)
    return bool(job.connection.rows(f"SELECT 1 FROM {relation(branch.table)} WHERE {lacking} LIMIT 1"))


def forget(loading: Loading, there: Mapping[Table, Relation]) -> None:
    """Tables of lists of which nothing is kept go; those that are loaded anew were made again."""
    made = {branch.table for branch in loading.branches if branch.room}
    for table in earlier(loading).values():
        if table in there and table not in made:
            loading.connection.run(Drop(table))


def empty(loading: Loading, there: Mapping[Table, Relation]) -> None:
    """No row of the stream is there any longer."""
    for table in earlier(loading).values():
        if table in there:
            loading.connection.execute(f"DELETE FROM {relation(table)}")


def beside(job: Job, branch: Branch) -> Table:
    """Where the elements are staged."""
    return branch.table.beside("staged", max_name=job.connection.capabilities.max_name)
