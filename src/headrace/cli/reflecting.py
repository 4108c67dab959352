"""`headrace source tables`, and what else asks a database which tables it has: `tables: all`, and `source add` of a database."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import click

from headrace.cli.opening import find_project, warnings_said
from headrace.cli.options import Asked, Verb, everywhere, output
from headrace.cli.terminal import document, result
from headrace.errors import RecordsNotFound, SourceUnavailable, UsageError, did_you_mean
from headrace.events import Warned, emit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from headrace.project.sources import Stream
    from headrace.table import Table
    from headrace.warehouse.embedded import Embedded


def refresh_tables(asked: Asked, only: str | None = None) -> dict[str, dict[str, str]]:
    """Ask each database whose tables are patterns what it has now, and tell what came and what is gone.

    By source, the tables that it means by the names of their streams.

    Where a database cannot be reached, what it was last seen to have holds. Raises SourceUnavailable where that is nothing.
    """
    from headrace.project.reflected import keep_tables, known_tables, matching, means_several, stream_names
    from headrace.project.streams import reflecting

    root = find_project(asked)
    found: dict[str, dict[str, str]] = {}
    for stream, wanted, without in reflecting(root, _project_file(root), _environ(root)):
        if only not in (None, stream.source):
            continue
        before = known_tables(root, stream.source)
        try:
            now = _tables(stream, wanted)
        except SourceUnavailable as error:
            if before is None:
                raise
            emit(Warned(f"{error.what}; the tables of '{stream.source}' are taken to be what they last were"))
            now = list(before)
        keep_tables(root, stream.source, now)
        meant = matching(now, wanted, without)
        several = means_several(stream.database.schemas if stream.database else (), wanted)
        found[stream.source] = stream_names((), meant, several=several)
        if before is not None:
            _tell(stream.source, set(matching(before, wanted, without)), set(meant))
    return found


def _tell(source: str, before: set[Table], now: set[Table]) -> None:
    for table in sorted(now - before):
        emit(Warned(f"{source}: the table {table} is new, and is read from now on"))
    for table in sorted(before - now):
        emit(Warned(f"{source}: the table {table} is gone; what was loaded of it stays"))


def _tables(stream: Stream, wanted: Sequence[str] = ()) -> list[Table]:
    from headrace.extract.database import tables_of
    from headrace.retry import SYSTEM

    stream.ready()
    with _local() as local:
        found = tables_of(stream, local, SYSTEM, wanted)
    dotted = [table.name for table in found if "." in table.name]
    if dotted:
        emit(Warned(f"{stream.source}: a table with a dot in its name is not read by a pattern: {', '.join(dotted)}"))
    return [table for table in found if "." not in table.name]


@contextmanager
def _local() -> Iterator[Embedded]:
    from headrace.warehouse.embedded import Embedded

    local = Embedded.in_memory()
    try:
        yield local
    finally:
        local.close()


def _environ(root: Path) -> Mapping[str, str]:
    from headrace.project.secrets import read_env

    return {**read_env(root / ".env"), **os.environ}


def _project_file(root: Path) -> Any:
    from headrace.project.files import read_yaml

    path = root / "headrace.yml"
    return read_yaml(path, root) if path.is_file() else None


@click.command(cls=Verb)
@click.argument("name", required=False)
@everywhere
@output("table", "json")
@click.pass_obj
def tables(asked: Asked, name: str | None) -> int:
    """Ask databases with `tables: all` or patterns which tables they have now, and print those that are meant.

    A load does the same before it begins; commands that only read the project go by what was found last.

    Examples:
    headrace source tables
    headrace source tables shop
    headrace source tables -o json
    """
    with warnings_said(asked):
        found = refresh_tables(asked)
    if name is not None and name not in found:
        hint = did_you_mean(name, found) or "those are databases under `sources:` with `tables: all`, or with patterns"
        raise UsageError(f"there is no source '{name}' whose tables are asked of a database", hint=hint)
    shown = {source: held for source, held in found.items() if name in (None, source)}
    if asked.json:
        document("source tables", {"sources": {source: list(held.values()) for source, held in shown.items()}})
        return 0
    for source, held in shown.items():
        for stream in held:
            result(asked, f"{source}.{stream}")
    return 0


def database_of(root: Path, name: str, url: str, wanted: tuple[str, ...]) -> dict[str, Any]:
    """What sources/NAME.yml says of a database: its tables, their keys and a cursor for each that has one.

    Raises RecordsNotFound where it has none of the wanted tables, and what opening it raises.
    """
    from headrace.extract.database import described
    from headrace.project.database_sources import Database, DatabaseStream
    from headrace.project.reflected import matching, means_several, stream_names
    from headrace.project.sources import Stream
    from headrace.retry import SYSTEM

    shared = Database(url=url)
    whole = Stream(source=name, name="tables", spec=DatabaseStream(), database=shared, folder=root.as_posix())
    wanted = wanted or ("*",)
    chosen = matching(_tables(whole, wanted), wanted, ())
    if not chosen:
        said = f"no table that {', '.join(wanted)} means" if wanted != ("*",) else "no table that may be read"
        raise RecordsNotFound(f"the database has {said}", hint="a schema of another name is `schema:` of the source")
    streams: dict[str, Any] = {}
    with _local() as local:
        for stream, table in stream_names((), chosen, several=means_several((), wanted)).items():
            key, changed = described(replace(whole, spec=DatabaseStream(table=table)), local, SYSTEM)
            spec: dict[str, Any] = {} if stream == table else {"table": table}
            spec |= {"primary_key": key[0] if len(key) == 1 else list(key)} if key else {}
            streams[stream] = {**spec, "incremental": changed[0]} if key and changed else spec
    return {"type": "database", "url": _without_password(name, url), "streams": streams}


def _without_password(name: str, url: str) -> str:
    password = urlsplit(url).password
    if not password:
        return url
    variable = "".join(letter if letter.isalnum() else "_" for letter in name).upper() + "_PASSWORD"
    emit(
        Warned(
            f"the password is not written down: set {variable} to it, as it stands in the URL, or write that to .env"
        )
    )
    for held in (password, quote(password, safe="")):
        url = url.replace(f":{held}@", f":${{{variable}}}@", 1)
    return url
