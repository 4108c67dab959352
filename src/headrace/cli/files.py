"""`headrace source files`: which file came with which load, and which the next load would read."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.looking import chosen_streams
from headrace.cli.options import Asked, Verb, everywhere, output
from headrace.cli.terminal import document, result, say
from headrace.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from headrace.project.settings import Settings
    from headrace.project.sources import Stream
    from headrace.state.files import Loaded

_ORDER = ("new", "changed", "unsure", "loaded", "gone")


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file as it stands, or one version of it as a load brought it. `next` is whether the next load would read it."""

    name: str
    status: str
    next: bool
    size: int | None
    rows: int | None = None
    quarantined: int | None = None
    load_id: str | None = None
    loaded_at: datetime | None = None


@click.command(cls=Verb)
@click.argument("stream")
@click.argument("pattern", required=False)
@click.option("--new", "standing", flag_value="new", multiple=True, help="Only those that no load has read.")
@click.option("--changed", "standing", flag_value="changed", multiple=True, help="Only those that changed since.")
@click.option("--gone", "standing", flag_value="gone", multiple=True, help="Only those that are not there any more.")
@click.option("--next", "coming", is_flag=True, help="Only those that the next load would read.")
@click.option(
    "--load", "load", metavar="ID", help="What came with the load whose id begins so; the place is not asked."
)
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, metavar="N", help="How many to print.")
@everywhere
@output("table", "json")
@click.pass_obj
def files(
    asked: Asked,
    stream: str,
    pattern: str | None,
    standing: tuple[str, ...],
    coming: bool,
    load: str | None,
    limit: int,
) -> int:
    """Which files of a stream came with which load, and which are new or changed, so that the next load would read them.

    The place is listed, and nothing is fetched. `unsure` is a file of which only its bytes would tell whether it changed.

    Examples:
    headrace source files lake.orders
    headrace source files lake.orders --new --changed
    headrace source files lake.orders '*/2024-*.csv' -o json
    headrace source files lake.orders --load 01981c5f
    """
    from headrace.cli.opening import read_manifest, warnings_said
    from headrace.project.file_sources import FilesStream

    with warnings_said(asked):
        manifest = read_manifest(asked)
    (one, *others) = chosen_streams(manifest, stream)
    if others or not isinstance(one.spec, FilesStream):
        what = "a source of several streams" if others else "no stream of files"
        raise UsageError(f"'{stream}' is {what}", hint="headrace source files SOURCE.STREAM")
    if load and (standing or coming):
        raise UsageError("--load is about what came, and --new, --changed, --gone and --next about what is there now")
    ledger = _ledger(manifest.settings, one)
    every = _of_load(ledger, load) if load else _as_they_stand(one, ledger)
    found = [file for file in every if pattern is None or fnmatchcase(file.name, pattern)]
    found = [file for file in found if (not standing or file.status in standing) and (file.next or not coming)]
    counts = Counter(file.status for file in found)
    coming_next = sum(file.next for file in found)
    if asked.json:
        body = {"files": [asdict(file) for file in found[:limit]], "counts": dict(counts), "next": coming_next}
        document("source files", {"stream": one.label, **body, "left_out": max(0, len(found) - limit)})
        return 0
    _print(asked, found, limit)
    told = ", ".join(f"{counts[word]:,} {word}" for word in _ORDER if counts[word]) or "no file"
    result(asked, told + ("" if load else f": the next load reads {coming_next:,}"))
    return 0


def _ledger(settings: Settings, stream: Stream) -> list[Loaded]:
    """The files that loads have brought, newest first; none where nothing was loaded yet."""
    from headrace.cli.opening import connected
    from headrace.state import files as kept
    from headrace.state import ledger

    with connected(settings) as connection:
        if ledger.FILES not in connection.inspect(ledger.HOME):
            return []
        ledger.ensure(connection)
        return kept.loaded(connection, stream.label)


def _of_load(ledger: Sequence[Loaded], load: str) -> list[File]:
    found = [one for one in ledger if one.load_id.startswith(load)]
    if not found:
        raise UsageError(f"no load whose id begins with '{load}' has brought a file", hint="see `headrace trace`")
    return [_file(one.name, "loaded", one, size=None, coming=False) for one in found]


def _as_they_stand(stream: Stream, ledger: Sequence[Loaded]) -> list[File]:
    from headrace.extract.standing import seen_now
    from headrace.retry import SYSTEM

    newest: dict[str, Loaded] = {}
    for one in ledger:
        newest.setdefault(one.name, one)
    seen = seen_now(stream, {one.name: one.stamp for one in newest.values()}, SYSTEM)
    return [_file(one.name, one.standing, newest.get(one.name), size=one.size, coming=one.wanted) for one in seen]


def _file(name: str, status: str, loaded: Loaded | None, *, size: int | None, coming: bool) -> File:
    if loaded is None:
        return File(name=name, status=status, next=coming, size=size)
    return File(
        name=name,
        status=status,
        next=coming,
        size=loaded.size if size is None else size,
        rows=loaded.rows,
        quarantined=loaded.quarantined,
        load_id=loaded.load_id,
        loaded_at=loaded.loaded_at,
    )


def _print(asked: Asked, found: Sequence[File], limit: int) -> None:
    from headrace.observe.wording import table

    heads = ["status", "file", "bytes", "rows", "quarantined", "load", "loaded (UTC)"]
    rows: list[list[Any]] = [
        [
            file.status,
            file.name,
            file.size,
            file.rows,
            file.quarantined,
            (file.load_id or "")[:13],
            f"{file.loaded_at:%Y-%m-%d %H:%M:%S}" if file.loaded_at else "",
        ]
        for file in found[:limit]
    ]
    if rows:
        result(asked, table(heads, rows))
        result(asked, "")
    if len(found) > limit:
        say(asked, f"{len(found) - limit:,} more are not printed (--limit)")
