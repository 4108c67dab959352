"""The files of a stream as its place lists them now, held against those that were loaded. Nothing is fetched."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.errors import FilesNotFound
from headrace.extract.choosing import Choice, Standing
from headrace.extract.listing import Places, find
from headrace.project.file_sources import FilesStream

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.project.sources import Stream
    from headrace.retry import Clock


@dataclass(frozen=True, slots=True)
class Seen:
    """A file at its place: its size in bytes, where the place says it, and whether a load would read it."""

    name: str
    size: int | None
    standing: Standing
    wanted: bool


def seen_now(stream: Stream, known: Mapping[str, str], clock: Clock) -> list[Seen]:
    """The files that the stream's path matches, by name; `known` are the stamps of those that were loaded.

    Where files only grow (`ascending:`), those before the last one that was loaded are not looked for. Raises what listing raises,
    FilesNotFound only where nothing was loaded before either.
    """
    spec = stream.spec
    if not isinstance(spec, FilesStream):
        raise TypeError(f"{stream.label} is not a stream of files")
    stream.ready()
    choice = Choice(stream, spec, dict(known))
    with closing(Places(stream.access, clock)) as places:
        try:
            listed = find(stream.folder, spec, places, clock.now().date(), choice.after)
        except FilesNotFound:
            if not known:
                raise
            listed = []
        listed = [one for one in listed if choice.after is None or one.listed.name >= choice.after]
        standings = choice.standings(listed)
    sizes = {one.listed.name: one.listed.size for one in listed}
    return [
        Seen(name, sizes.get(name), standing, _wanted(stream, spec, standing))
        for name, standing in sorted(standings.items())
    ]


def _wanted(stream: Stream, spec: FilesStream, standing: Standing) -> bool:
    if stream.whole:
        return standing != "gone"
    return standing in ("new", "unsure") or (standing == "changed" and spec.on_changed == "load")
