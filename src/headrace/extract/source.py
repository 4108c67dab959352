"""A stream is opened by the kind of its source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.project.database_sources import DatabaseStream
from headrace.project.python_sources import PythonStream
from headrace.project.rest_sources import RestStream
from headrace.project.singer_sources import SingerStream

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
    if isinstance(stream.spec, RestStream):
        from headrace.extract import rest

        return rest.read(
            stream, cursor=cursor, resume=resume, local=local, clock=clock, scratch=scratch, parents=parents
        )
    if isinstance(stream.spec, DatabaseStream):
        from headrace.extract import database

        return database.read(stream, cursor=cursor, resume=resume, local=local, clock=clock)
    if isinstance(stream.spec, PythonStream):
        from headrace.extract import python

        return python.read(stream, cursor=cursor, local=local)
    if isinstance(stream.spec, SingerStream):
        from headrace.extract import singer

        return singer.read(stream, resume=resume, local=local, scratch=scratch)
    from headrace.extract import files

    return files.read(stream, resume=resume, local=local, clock=clock, scratch=scratch, unfit=unfit)


def prepared(stream: Stream, *, local: Embedded, clock: Clock) -> Stream:
    """The stream with what only its source knows of it: the primary key of a table that is to be merged, or of a tap."""
    if isinstance(stream.spec, SingerStream):
        from headrace.extract import singer

        return singer.reflected(stream)
    if not isinstance(stream.spec, DatabaseStream):
        return stream
    from headrace.extract import database

    return database.reflected(stream, local, clock)
