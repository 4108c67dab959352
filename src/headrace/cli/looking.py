"""`headrace source add`, `source test` and `source peek`: a system is looked at before anything is loaded from it."""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.options import Asked, Verb, everywhere, is_terminal, output
from headrace.cli.terminal import document, result, say
from headrace.counting import count
from headrace.errors import HeadraceError, UsageError
from headrace.project.lists import list_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from headrace.extract.probing import Seen
    from headrace.project.manifest import Manifest
    from headrace.project.sources import Stream

_AUTHS = {
    "bearer": lambda secret: {"type": "bearer", "token": secret},
    "api_key": lambda secret: {"type": "api_key", "api_key": secret},
    "http_basic": lambda secret: {"type": "http_basic", "username": "${API_USER}", "password": secret},
}


@click.command(cls=Verb)
@click.argument("name")
@click.argument("url", required=False)
@click.option(
    "--stream",
    "streams",
    multiple=True,
    metavar="NAME[=PATH]",
    help="An endpoint, or tables of a database; may be given several times.",
)
@click.option("--auth", type=click.Choice(sorted(_AUTHS)), help="How to log in; more kinds can be written by hand.")
@click.option("--secret", metavar="NAME", help="The environment variable with the token, key or password.")
@click.option("--key-in", metavar="PLACE:NAME", help="Where an api_key goes, such as header:X-Key or query:token.")
@everywhere
@output("table", "json")
@click.pass_obj
def add(
    asked: Asked,
    name: str,
    url: str | None,
    streams: tuple[str, ...],
    auth: str | None,
    secret: str | None,
    key_in: str | None,
) -> int:
    """Write sources/NAME.yml for an API or for files, by a look at what comes first.

    Of an API the paginator, records, key and cursor are found; of files of text how they are written; of a database its tables with
    their keys, and the columns that could be their cursors. A password is not written down. What is not given is asked for, if
    there is a terminal.

    Examples:
    headrace source add shop https://api.shop.example/v1 --stream orders
    headrace source add shop https://api.shop.example/v1 --stream orders=sales/orders --auth bearer --secret SHOP_TOKEN
    headrace source add shop https://api.shop.example/v1 --stream a --auth api_key --key-in query:key --secret SHOP_KEY
    headrace source add crm 'data/crm/*.csv' --stream customers
    headrace source add shop postgresql://reader@db.shop.example/shop
    headrace source add shop postgresql://reader@db.shop.example/shop --stream 'sales_*'
    """
    from headrace.cli.opening import find_project, new_source

    root = find_project(asked)
    path = new_source(root, name, "take another name, or edit it")
    url = url or _answer("URL that all paths begin with, URL of a database, or path of files", "the URL")
    if not url.startswith(("http://", "https://")):
        if auth:
            raise UsageError("--auth is for an API; a database's URL has its user, and files need none")
        return _write(asked, path, _beside_apis(asked, root, name, url, streams))
    streams = streams or tuple(_answer("streams (paths, with commas)", "--stream").replace(" ", "").split(","))
    client: dict[str, Any] = {"base_url": url}
    if auth:
        said = _AUTHS[auth](f"secret:{secret or name.lower() + '_token'}")
        place, _, called = (key_in or "").partition(":")
        client["auth"] = {**said, "location": place, "name": called} if auth == "api_key" and called else said
    made: dict[str, Any] = {}
    for one in streams:
        stream, _, where = one.partition("=")
        made[re.sub(r"\W+", "_", stream).strip("_") or "records"] = {"path": where or stream}
    return _write(asked, path, _looked_at(root, name, {"type": "rest", "client": client, "streams": made}))


def _beside_apis(asked: Asked, root: Path, name: str, url: str, streams: tuple[str, ...]) -> dict[str, Any]:
    """A database, or files of this machine, as a source."""
    if "://" not in url:
        return _looked_at(root, name, _files(root, name, url, streams))
    from headrace.cli.opening import warnings_said
    from headrace.cli.reflecting import database_of

    with warnings_said(asked):
        return database_of(root, name, url, streams)


def _files(root: Path, name: str, path: str, streams: tuple[str, ...]) -> dict[str, Any]:
    """Files of this machine as a source; a path is relative to where the user is, and in the file to the project."""
    from headrace.naming import normalised

    made: dict[str, Any] = {}
    for one in streams or (normalised(Path(path).name.split(".")[0].replace("*", "")).strip("_") or name,):
        stream, _, where = one.partition("=")
        found = Path.cwd() / (where or path)
        made[stream] = {"path": (found.relative_to(root) if found.is_relative_to(root) else found).as_posix()}
    return {"type": "files", "streams": made}


def _write(asked: Asked, path: Path, found: dict[str, Any]) -> int:
    """The file of a source, and what is in it, for the user."""
    root = path.parent.parent
    path.parent.mkdir(exist_ok=True)
    path.write_text(_yaml(found), encoding="utf-8")
    if asked.json:
        document("source add", {"file": path.relative_to(root).as_posix(), "source": found})
        return 0
    result(asked, f"wrote {path.relative_to(root)}:")
    for stream, spec in found["streams"].items():
        told = ", ".join(f"{key} {_short(value)}" for key, value in spec.items() if key != "path")
        result(asked, f"  {stream}  {told or 'nothing was found'}")
    result(asked, f"next: headrace source peek {path.stem}.{next(iter(found['streams']))}")
    return 0


def _answer(question: str, what: str) -> str:
    if not is_terminal():
        raise UsageError(f"{what} is missing")
    return str(click.prompt(question))


def _short(value: Any) -> str:
    return value["type"] if isinstance(value, dict) and "type" in value else str(value)


def _looked_at(root: Path, name: str, source: dict[str, Any]) -> dict[str, Any]:
    """The source with what the first response of each stream shows. Raises what reading raises."""
    from headrace.project.files import parse_yaml
    from headrace.project.secrets import read_env
    from headrace.project.streams import streams_of

    made = dict(source["streams"])
    environ = {**read_env(root / ".env"), **os.environ}
    for stream in streams_of(name, parse_yaml(_yaml(source), f"sources/{name}.yml"), root, environ):
        seen = _look(stream)
        spec = dict(made[stream.name])
        if source["type"] == "files":
            made[stream.name] = {**spec, **(_told(seen.dialect) if seen.dialect else {})}
            continue
        if seen.paginator:
            spec["paginator"] = seen.paginator["type"] if len(seen.paginator) == 1 else seen.paginator
        if seen.selector and seen.selector != "$":
            spec["data_selector"] = _plain(seen.selector)
        if seen.key:
            spec["primary_key"] = seen.key
        if seen.cursor and seen.key:
            spec["incremental"] = seen.cursor
        made[stream.name] = spec
    return {**source, "streams": made}


def _told(dialect: Mapping[str, Any]) -> dict[str, Any]:
    """How files are written, without what goes without saying."""
    usual = {"quote": '"', "escape": '"', "decimal": ".", "thousands": ""}
    return {key: value for key, value in dialect.items() if usual.get(key) != value}


def _plain(selector: str) -> str:
    from headrace.extract.paths import keys_of

    keys = keys_of(selector)
    return ".".join(keys) if all(key.isidentifier() for key in keys) else selector


def _yaml(source: dict[str, Any]) -> str:
    import yaml

    return yaml.safe_dump(source, sort_keys=False, allow_unicode=True)


def _look(stream: Stream) -> Seen:
    from headrace.cursor import Cursor
    from headrace.extract.probing import first_look
    from headrace.naming import Names, naming
    from headrace.retry import SYSTEM
    from headrace.warehouse.embedded import Embedded

    local = Embedded.in_memory()
    incremental = stream.spec.incremental
    try:
        with tempfile.TemporaryDirectory() as scratch:
            cursor = Cursor(incremental.cursor_path) if incremental else None
            names = Names(stream.spec.convention)
            with naming(names):
                seen = first_look(stream, cursor=cursor, local=local, clock=SYSTEM, scratch=Path(scratch))
            # A cursor is a path in the records as the API has them.
            at_source = {column: path for path, column in names.known.items() if not path.startswith("[")}
            return replace(seen, cursor=at_source.get(seen.cursor or "", seen.cursor))
    finally:
        local.close()


def _streams(asked: Asked) -> list[Stream]:
    from headrace.cli.opening import read_manifest, warnings_said

    with warnings_said(asked):
        return _loaded(read_manifest(asked))


def _loaded(manifest: Manifest) -> list[Stream]:
    from headrace.project.nodes import SourceTable

    nodes = manifest.nodes.values()
    return [node.stream for node in nodes if isinstance(node, SourceTable) and node.stream is not None]


def chosen_streams(manifest: Manifest, name: str | None) -> list[Stream]:
    """The streams of a source, the one that is named, or all. Raises UsageError."""
    return _chosen(_loaded(manifest), name)


def _chosen(streams: list[Stream], name: str | None) -> list[Stream]:
    """The streams of a source, the one that is named, or all. Raises UsageError."""
    from headrace.errors import did_you_mean

    found = [stream for stream in streams if name in (None, stream.source, stream.label)]
    if not found:
        known = {stream.source for stream in streams} | {stream.label for stream in streams}
        hint = did_you_mean(name or "", known) or "see `headrace ls --resource-type source`"
        raise UsageError(f"there is no stream '{name}'" if name else "the project has no streams", hint=hint)
    return found


def _elements(stream: Stream, seen: Seen, path: str | None) -> tuple[Seen, list[str]]:
    """What the list of that path would become, or, without one, the rows that hold lists; and the lists. Raises UsageError."""
    from headrace.extract.probing import Seen
    from headrace.load.peeking import elements_of
    from headrace.warehouse.embedded import Embedded

    local = Embedded.in_memory()
    try:
        rows, lists = elements_of(seen.rows, path or "", stream.spec.convention, local)
    finally:
        local.close()
    if path is None:
        return seen, lists
    if rows is None:
        hint = f"lists: {', '.join(lists)}" if lists else "no column of theirs is one"
        raise UsageError(f"there is no list '{path}' in the first rows of {stream.label}", hint=hint)
    return Seen(rows, None, None), []


def _parent(stream: Stream) -> str | None:
    parent = getattr(stream.spec, "parent", None)
    return str(parent) if parent else None


@click.command("test", cls=Verb)
@click.argument("name", required=False)
@everywhere
@output("table", "json")
@click.pass_obj
def check(asked: Asked, name: str | None) -> int:
    """Ask each stream for its first page, and say what may be read. Nothing is loaded; the exit code is 1 if one failed.

    Examples:
    headrace source test                     all streams
    headrace source test shop                those of one source
    headrace source test shop.orders
    """
    lines = list(_tested(_chosen(_streams(asked), name)))
    if asked.json:
        document("source test", {"streams": lines})
    for line in [] if asked.json else lines:
        mark = {"success": "✓ reads   ", "error": "✗ refused ", "skipped": "- skipped "}[line["status"]]
        result(asked, f"{mark} {line['stream']}  {line['message']}")
    return 1 if any(line["status"] == "error" for line in lines) else 0


def _tested(streams: list[Stream]) -> Iterator[dict[str, Any]]:
    for stream in streams:
        if (parent := _parent(stream)) is not None:
            told = f"asks for each row of {parent}: load that first"
            yield {"stream": stream.label, "status": "skipped", "message": told}
            continue
        try:
            seen = _look(stream)
        except HeadraceError as error:
            yield {"stream": stream.label, "status": "error", "message": error.what, "hint": error.hint}
            continue
        told = f"{count(seen.rows.num_rows, 'row')}, {count(seen.rows.num_columns, 'column')}"
        yield {"stream": stream.label, "status": "success", "message": told}


@click.command(cls=Verb)
@click.argument("stream")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many rows to print.")
@everywhere
@output("table", "json")
@click.pass_obj
def peek(asked: Asked, stream: str, limit: int) -> int:
    """Print the first rows of a stream as they arrive, their types, and which columns could be its key and cursor.

    Examples:
    headrace source peek shop.orders
    headrace source peek shop.orders --limit 5
    headrace source peek shop.orders -o json
    headrace source peek shop.orders__lines  the table that its `lines` become
    """
    streams = _streams(asked)
    known = list_of(streams, *stream.split(".", 1)) if "." in stream else None
    inner = known if known and stream not in {each.label for each in streams} else None
    (one, *_) = _chosen(streams, inner[0].label if inner else stream)
    if (parent := _parent(one)) is not None:
        raise UsageError(f"{one.label} asks for each row of {parent}", hint=f"headrace load -s +source:{one.label}")
    seen = _look(one)
    lists: list[str] = []
    if one.spec.nested == "tables":
        seen, lists = _elements(one, seen, inner[1] if inner else None)
    rows = seen.rows.slice(0, limit)
    columns = [{"name": field.name, "type": str(field.type)} for field in rows.schema]
    if asked.json:
        suggested = {"primary_key": seen.key, "incremental": seen.cursor}
        found = {"paginator": seen.paginator, "data_selector": seen.selector, "dialect": seen.dialect}
        document(
            "source peek",
            {
                "stream": stream,
                "columns": columns,
                "rows": rows.to_pylist(),
                "lists": lists,
                **suggested,
                **found,
            },
        )
        return 0
    from headrace.observe.wording import table

    result(asked, table(rows.column_names, [list(row.values()) for row in rows.to_pylist()]))
    result(asked, "\ntypes: " + ", ".join(f"{column['name']} {column['type']}" for column in columns))
    if seen.dialect:
        result(asked, "written: " + ", ".join(f"{key} {value!r}" for key, value in seen.dialect.items()))
    if lists:
        say(asked, f"lists that become tables: {', '.join(f'{one.label}__{each}' for each in lists)}")
    if inner:
        return 0
    hints = [f"primary_key: {seen.key}"] * bool(seen.key) + [f"incremental: {seen.cursor}"] * bool(seen.cursor)
    say(asked, "could be: " + " · ".join(hints) if hints else "no column looks like a key or a cursor")
    return 0
