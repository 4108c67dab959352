"""A stream's way: from the last committed load, through what a dead run left behind, to rows in their table."""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from dataclasses import fields, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from headrace.batch import Batch, Dead, FileChanged, Scan
from headrace.cursor import Cursor
from headrace.errors import FileVanished, PagingStuck, WarehouseUnavailable
from headrace.events import Warned, emit
from headrace.extract.source import open_stream, prepared
from headrace.load import inflight
from headrace.load.evolve import check_keyed
from headrace.load.loader import load
from headrace.load.parts import FilesUnfit
from headrace.naming import Names, naming
from headrace.project.config import Config
from headrace.project.lists import keep_lists
from headrace.run.backfill import narrowed
from headrace.run.parents import parent_rows, still_fresh
from headrace.run.session import Done
from headrace.run.settling import once, settled
from headrace.state import files, ledger
from headrace.state.fence import fenced
from headrace.state.ledger import NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.check.tests import CheckResult
    from headrace.landing import Package
    from headrace.project.nodes import SourceTable
    from headrace.project.sources import Stream
    from headrace.run.session import Session
    from headrace.run.steps import LoadStream
    from headrace.warehouse.base import Connection
    from headrace.warehouse.embedded import Embedded


_PATIENCE = 5
_EMPTY: Mapping[str, Any] = MappingProxyType({})
REPLAY = "replay"
"""The signature of packages whose rows come from quarantine."""


def load_stream(session: Session, step: LoadStream) -> Done:
    """Load what a dead run left behind, then what is new; then ask the tests of the table."""
    node, connection = step.node, session.connection()
    stream = node.stream
    if stream is None:
        return Done("success")
    session.relations.open(connection, [node.table.space])
    try:
        with fenced(connection, node.table):
            read = _read(session, node, stream)
    except WarehouseUnavailable as lost:
        lost.transient = True  # also where a commit was cut off: the ledger knows whether it was heard
        raise
    if isinstance(read, Done):
        return read
    with once():
        return settled(session, read, _checked(session, connection, step), "the rows are loaded all the same")


def _checked(session: Session, connection: Connection, step: LoadStream) -> list[CheckResult]:
    if not step.checks:
        return []
    from headrace.run.models import check_all

    return check_all(session, connection, step.checks, {})


def _read(session: Session, node: SourceTable, stream: Stream) -> int | Done:
    """How many rows were loaded; Done where there was nothing to ask for."""
    connection = session.connection()
    stream = prepared(stream, local=connection.local, clock=session.clock)
    check_keyed(stream)
    if session.span is not None:
        reached = ledger.last_load(connection, stream.label)
        stream = narrowed(stream, session.span, reached.cursor_value if reached else None)
    read = 0
    for package in session.landing.pending(stream.label):
        own = package.id == session.fetched.get(stream.label)
        if package.complete and (own or not session.full_refresh):
            left = _left_behind(session, node, stream, package)
            read += left or 0
            if left is not None and (own or _is_all(session, stream, package)):
                return read
        elif session.full_refresh:
            package.discard()
    last = None if session.full_refresh else ledger.last_load(connection, stream.label)
    if session.span is None and last is not None and (rest := still_fresh(stream, last, session.clock.now())):
        return Done("success", read, f"what is there counts as fresh for {rest:.0f} s more (`cache:`)")
    arrived, changes = None, 0
    while arrived is None:
        package = session.landing.begin(stream.label, _cursor(stream, last), signature(stream))
        try:
            with closing(connection.local.cursor()) as local:
                extract(session, stream, package, last, local, anew=session.span is not None)
            session.fetched[stream.label] = package.id
            arrived = _loaded(session, node, stream, package)
        except PagingStuck:
            package.discard()  # pages that came twice may be in it: the next run reads them anew
            raise
        except FileChanged as changed:
            changes += 1
            if changes == _PATIENCE:
                raise FileVanished(
                    f"{stream.label}: {changed} was changed each of the {changes} times it was read; nothing of it was kept",
                    hint="run it again when nobody writes to it",
                ) from changed
            emit(Warned(f"{stream.label} is read anew because {changed} was changed while it was read"))
            package.discard()
    return read + arrived


def _is_all(session: Session, stream: Stream, package: Package) -> bool:
    """Whether a dead run's package is all that this run brings: appended rows that nothing marks as read would come twice."""
    marked = stream.spec.incremental or stream.spec.kind == "files" or package.resume.get("state")
    alone = stream.disposition == "append" and not marked and session.span is None
    if not alone or package.signature != signature(stream):
        return False
    emit(Warned(f"{stream.label}: this run finishes what one that died had read; the next one reads it again"))
    return True


def _left_behind(session: Session, node: SourceTable, stream: Stream, package: Package) -> int | None:
    """How many rows of an unfinished load's package were loaded; None where its files changed, and it is to be gone on with."""
    try:
        return _loaded(session, node, stream, package)
    except FileChanged as changed:
        emit(Warned(f"{stream.label}: {changed} changed since an unfinished load: it is read anew"))
        return None


def signature(stream: Stream) -> str:
    """What an extraction depends on: a package begun under another configuration is not gone on with."""
    said = {one.name: getattr(stream, one.name) for one in fields(stream) if one.name not in ("place", "missing")}
    dumped = {key: of.model_dump(mode="json") if isinstance(of, Config) else of for key, of in said.items()}
    return hashlib.sha256(json.dumps(dumped, default=str).encode()).hexdigest()[:16]


def _cursor(stream: Stream, last: ledger.Entry | None) -> Cursor | None:
    incremental = stream.spec.incremental
    if incremental is None or stream.whole:
        return None
    return (last.cursor if last else None) or Cursor(incremental.cursor_path)


def _loaded(session: Session, node: SourceTable, stream: Stream, package: Package) -> int | None:
    """How many rows were loaded; None where files did not fit what was said of them, and the package is to be gone on with."""
    try:
        return load_package(session, node, stream, package).read
    except FilesUnfit as unfit:
        package.reopen(unfit.origins)
        return None


def load_package(session: Session, node: SourceTable, stream: Stream, package: Package) -> ledger.Entry:
    """One transaction; a package that is in the ledger already changes nothing."""
    if package.signature == REPLAY:
        stream = _joining(stream)
    entry = load(
        session.connection(),
        stream,
        node.table,
        package,
        run=session.run,
        now=session.clock.now(),
        full_refresh=session.full_refresh,
    )
    session.relations.note(node.table, "table")
    lists = {"__".join(path): table for path, table, _ in entry.state.get("nested", ())}
    for table in lists.values():
        session.relations.note(replace(node.table, name=table), "table")
    if stream.spec.nested == "tables":
        keep_lists(session.manifest.settings.root, stream, lists)
    return entry


def _joining(stream: Stream) -> Stream:
    """The stream whose rows come back from quarantine: they join those that are there, and nothing counts as missing."""
    spec = stream.spec
    changed: dict[str, Any] = {"write_disposition": "append"} if stream.disposition == "replace" else {}
    if spec.deletes and spec.deletes.missing:
        changed["deletes"] = spec.deletes.model_copy(update={"mode": spec.deletes.missing, "missing": None})
    if spec.history:
        changed["history"] = spec.history.model_copy(update={"missing": "ignore"})
    return replace(stream, spec=spec.model_copy(update=changed))


def extract(
    session: Session,
    stream: Stream,
    package: Package,
    last: ledger.Entry | None,
    local: Embedded,
    *,
    anew: bool = False,
) -> None:
    """Write all that the source has for the package into it; each segment is safe before the next one is asked for.

    With `anew` the stream is read from where its own range begins, and the cursor of the package stays where it is.
    """
    # A table that is loaded whole is made from all files, others from those that no load has read and this package has not.
    earlier = last if last and not stream.whole else None
    of_files = earlier is not None and stream.spec.kind == "files"
    known = files.stamps(session.connection(), stream.label) if of_files else {}
    carried = earlier.carried if earlier else {}
    resume = {**carried, **package.resume, "files": {**known, **package.resume.get("files", {})}}
    names = names_of(stream, last, package.resume)
    arriving = open_stream(
        stream,
        cursor=None if anew else package.cursor,
        resume=resume,
        local=local,
        clock=session.clock,
        scratch=package.scratch,
        unfit=package.unfit,
        parents=parent_rows(session, stream),
    )
    with naming(names):
        for arrived in arriving:
            match arrived:
                case Batch():
                    ready, filtered = inflight.transform(local, stream, arrived)
                    ready = replace(ready, resume={**ready.resume, NAMES: _news(names, package)})
                    package.write(replace(ready, cursor=None) if anew else ready, filtered=filtered)
                case Scan():
                    package.refer(replace(arrived, words={**arrived.words, NAMES: _news(names, package)}))
                case Dead():
                    package.bury(replace(arrived, resume={**arrived.resume, NAMES: _news(names, package)}))
    package.finish()


def _news(names: Names, package: Package) -> dict[str, str]:
    """The names that the package was not told yet: it keeps those of all its lines."""
    told = package.resume.get(NAMES, {})
    return {key: column for key, column in names.known.items() if key not in told}


def names_of(stream: Stream, last: ledger.Entry | None, resume: Mapping[str, Any] = _EMPTY) -> Names:
    """The names that the stream's columns have, by the last load and by what was read since."""
    renamed = {**(last.names or {} if last else {}), **resume.get(NAMES, {})}
    # Of a table that was loaded before names were kept, and after SQL in flight, its columns say nothing of those at the source.
    taken = last.schema if last and last.names is not None and stream.spec.transform is None else ()
    return Names(stream.spec.convention, renamed, taken)
