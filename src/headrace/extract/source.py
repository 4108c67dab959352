"""A stream is opened by the kind of its source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from headrace.batch import Arrived
    from headrace.cursor import Cursor
    from headrace.project.sources import Stream
    from headrace.retry import Clock
    from headrace.warehouse.embedded import Embedded


def open_stream(  # noqa: PLR0913 - what the stages hand to each other
    stream: Stream,
    *,
    cursor: Cursor | None,
    resume: Mapping[str, Any],
    local: Embedded,
    clock: Clock,
    scratch: Path,
    unfit: Collection[str] = (),
    parents: Sequence[Mapping[str, Any]] = (),
) -> Iterator[Arrived]:
    """What arrives from a stream past the cursor, or after `resume`. `scratch` is a folder for what is not landed yet.

    `parents` are the rows of the stream's parent, by the fields that its requests name.

    Raises SecretMissing.
    """
    stream.ready()
    if stream.spec.kind == "rest":
        from headrace.extract import rest

        return rest.read(
            stream, cursor=cursor, resume=resume, local=local, clock=clock, scratch=scratch, parents=parents
        )
    if stream.spec.kind == "database":
        from headrace.extract import database

        return database.read(stream, cursor=cursor, resume=resume, local=local, clock=clock)
    if stream.spec.kind == "python":
        from headrace.extract import python

        return python.read(stream, cursor=cursor, local=local)
    if stream.spec.kind == "singer":
        from headrace.extract import singer

        return singer.read(stream, resume=resume, local=local, scratch=scratch)
    from headrace.extract import files

    return files.read(stream, resume=resume, local=local, clock=clock, scratch=scratch, unfit=unfit)


def prepared(stream: Stream, *, local: Embedded, clock: Clock) -> Stream:
    """The stream with what only its source knows of it: the primary key of a table that is to be merged, or of a tap."""
    if stream.spec.kind == "singer":
        from headrace.extract import singer

        return singer.reflected(stream)
    if stream.spec.kind != "database":
        return stream
    from headrace.extract import database

    return database.reflected(stream, local, clock)
