"""`headrace source tables`, and what else asks a database which tables it has: `tables: all`, and `source add` of a database."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import click

from headrace.cli.opening import find_project, warnings_said
from headrace.cli.options import Asked, Verb, everywhere, output
from headrace.cli.terminal import document, result
from headrace.errors import RecordsNotFound, SourceUnavailable, UsageError, did_you_mean
from headrace.events import Warned, emit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from headrace.project.sources import Stream
    from headrace.table import Table
    from headrace.warehouse.embedded import Embedded


def refresh_tables(asked: Asked, only: str | None = None) -> dict[str, list[Table]]:
    """Ask each database whose tables are patterns what it has now, and tell what came and what is gone; the tables it means by source.

    Where a database cannot be reached, what it was last seen to have holds. Raises SourceUnavailable where that is nothing.
    """
    from headrace.project.reflected import keep_tables, known_tables, matching
    from headrace.project.streams import reflecting

    root = find_project(asked)
    found: dict[str, list[Table]] = {}
    for stream, wanted, without in reflecting(root, _project_file(root), _environ(root)):
        if only not in (None, stream.source):
            continue
        before = known_tables(root, stream.source)
        try:
            now = _tables(stream)
        except SourceUnavailable as error:
            if before is None:
                raise
            emit(Warned(f"{error.what}; the tables of '{stream.source}' are taken to be what they last were"))
            now = list(before)
        keep_tables(root, stream.source, now)
        found[stream.source] = matching(now, wanted, without)
        if before is not None:
            _tell(stream.source, set(matching(before, wanted, without)), set(found[stream.source]))
    return found


def _tell(source: str, before: set[Table], now: set[Table]) -> None:
    for table in sorted(now - before):
        emit(Warned(f"{source}: the table {table} is new, and is read from now on"))
    for table in sorted(before - now):
        emit(Warned(f"{source}: the table {table} is gone; what was loaded of it stays"))


def _tables(stream: Stream) -> list[Table]:
    from headrace.extract.database import tables_of
    from headrace.retry import SYSTEM

    stream.ready()
    with _local() as local:
        found = tables_of(stream, local, SYSTEM)
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
        document("source tables", {"sources": {source: [str(one) for one in held] for source, held in shown.items()}})
        return 0
    for source, held in shown.items():
        for table in held:
            result(asked, f"{source}.{table.name}")
    return 0


def database_of(root: Path, name: str, url: str, wanted: tuple[str, ...]) -> dict[str, Any]:
    """What sources/NAME.yml says of a database: its tables, their keys and a cursor for each that has one.

    Raises RecordsNotFound where it has none of the wanted tables, and what opening it raises.
    """
    from headrace.extract.database import described
    from headrace.project.database_sources import Database, DatabaseStream
    from headrace.project.reflected import matching
    from headrace.project.sources import Stream
    from headrace.retry import SYSTEM

    shared = Database(url=url)
    whole = Stream(source=name, name="tables", spec=DatabaseStream(), database=shared, folder=root.as_posix())
    chosen = matching(_tables(whole), wanted or ("*",), ())
    if not chosen:
        said = f"no table that {', '.join(wanted)} means" if wanted else "no table that may be read"
        raise RecordsNotFound(f"the database has {said}", hint="a schema of another name is `schema:` of the source")
    streams: dict[str, Any] = {}
    with _local() as local:
        for table in chosen:
            key, changed = described(whole.model_copy(update={"name": table.name}), local, SYSTEM)
            spec: dict[str, Any] = {"primary_key": key[0] if len(key) == 1 else list(key)} if key else {}
            streams[table.name] = {**spec, "incremental": changed[0]} if key and changed else spec
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
