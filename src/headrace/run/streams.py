"""A stream's way: from the last committed load, through what a dead run left behind, to rows in their table."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from headrace.batch import Batch, Dead, Scan
from headrace.cursor import Cursor
from headrace.events import Warned, emit
from headrace.extract.source import open_stream, prepared
from headrace.load import inflight
from headrace.load.loader import load
from headrace.load.parts import FilesUnfit, gone
from headrace.run.models import check_all, settled
from headrace.run.parents import parent_rows, still_fresh
from headrace.run.session import Done
from headrace.state import files, ledger

if TYPE_CHECKING:
    from headrace.landing import Package
    from headrace.project.nodes import SourceTable
    from headrace.project.sources import Stream
    from headrace.run.session import Session
    from headrace.run.steps import LoadStream
    from headrace.warehouse.embedded import Embedded


REPLAY = "replay"
"""The signature of packages whose rows come from quarantine."""


def load_stream(session: Session, step: LoadStream) -> Done:
    """Load what a dead run left behind, then what is new; then ask the tests of the table."""
    node, connection = step.node, session.connection()
    stream = node.stream
    if stream is None:
        return Done("success")
    session.relations.open(connection, [node.table.schema])
    stream = prepared(stream, local=connection.local, clock=session.clock)
    read = 0
    for package in session.landing.pending(stream.label):
        if package.complete and not session.full_refresh and (lost := gone(package)):
            emit(Warned(f"{stream.label}: {len(lost)} files changed since an unfinished load: they are read anew"))
            package.reopen(lost)
        elif package.complete and not session.full_refresh:
            read += _loaded(session, node, stream, package) or 0
        elif session.full_refresh:
            package.discard()
    last = None if session.full_refresh else ledger.last_load(connection, stream.label)
    if last is not None and (rest := still_fresh(stream, last, session.clock.now())):
        return Done("success", read, f"what is there counts as fresh for {rest:.0f} s more (`cache:`)")
    arrived = None
    while arrived is None:
        package = session.landing.begin(stream.label, _cursor(stream, last), signature(stream))
        local = connection.local.cursor()
        try:
            extract(session, stream, package, last, local)
        finally:
            local.close()
        arrived = _loaded(session, node, stream, package)
    read += arrived
    results = check_all(session, connection, step.checks, {})
    return settled(session, read, results, "the rows are loaded all the same")


def signature(stream: Stream) -> str:
    """What an extraction depends on: a package begun under another configuration is not gone on with."""
    return hashlib.sha256(stream.model_dump_json(exclude={"place"}).encode()).hexdigest()[:16]


def _cursors(stream: Stream, last: ledger.Entry | None) -> dict[str, Any]:
    """What the source of the stream is told of the last load: the cursors of its parents, and a tap's own state."""
    if last is None or stream.disposition == "replace":
        return {}
    return ledger.kept(last)


def _cursor(stream: Stream, last: ledger.Entry | None) -> Cursor | None:
    incremental = stream.spec.incremental
    if incremental is None or stream.disposition == "replace":
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
    if package.signature == REPLAY and stream.disposition == "replace":
        # What comes back from quarantine joins the rows that are there.
        added = stream.spec.model_copy(update={"write_disposition": "append"})
        stream = stream.model_copy(update={"spec": added})
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
    return entry


def extract(session: Session, stream: Stream, package: Package, last: ledger.Entry | None, local: Embedded) -> None:
    """Write all that the source has for the package into it; each segment is safe before the next one is asked for."""
    # A replaced table is made from all files, others from those that no load has read and this package has not.
    known = files.stamps(session.connection(), stream.label) if last and stream.disposition != "replace" else {}
    resume = {**_cursors(stream, last), **package.resume, "files": {**known, **package.resume.get("files", {})}}
    arriving = open_stream(
        stream,
        cursor=package.cursor,
        resume=resume,
        local=local,
        clock=session.clock,
        scratch=package.scratch,
        unfit=package.unfit,
        parents=parent_rows(session, stream),
    )
    for arrived in arriving:
        match arrived:
            case Batch():
                ready, filtered = inflight.transform(local, stream, arrived)
                package.write(ready, filtered=filtered)
            case Scan():
                package.refer(arrived)
            case Dead():
                package.bury(arrived)
    package.finish()
