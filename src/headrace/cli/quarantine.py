"""`headrace quarantine`: rows and requests that were kept out of tables."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from headrace.cli.options import Asked, Verb, everywhere, output
from headrace.cli.terminal import document, result, say
from headrace.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from headrace.project.manifest import Manifest
    from headrace.project.settings import Settings
    from headrace.quarantine import Kept

LIMIT = click.option(
    "--limit", type=click.IntRange(1), default=20, show_default=True, metavar="N", help="How many, newest first."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@everywhere
def quarantine() -> None:
    """Rows and requests that were kept out of tables: look at them, try them again, or drop them.

    A row comes here when it breaks a type or a contract, a request when it failed for good. What is not in order is
    never lost and never stops the rest of a load.
    """


@quarantine.command(cls=Verb)
@click.argument("stream", required=False)
@everywhere
@output("table", "json")
@click.pass_obj
def ls(asked: Asked, stream: str | None) -> int:
    """What is open, by stream and reason.

    Examples:
    headrace quarantine ls
    headrace quarantine ls api.orders
    headrace quarantine ls -o json
    """
    from headrace import quarantine as kept
    from headrace.cli.opening import connected
    from headrace.observe.wording import table

    manifest = _manifest(asked, stream)
    with connected(manifest.settings) as connection:
        kept.ensure(connection)
        groups = kept.ls(connection, stream)
    if asked.json:
        document("quarantine ls", {"groups": [asdict(one) for one in groups]})
    elif groups:
        rows = [
            (one.stream, one.kind, one.reason, one.column, one.rows, f"{one.newest:%Y-%m-%d %H:%M}") for one in groups
        ]
        result(asked, table(["stream", "kind", "reason", "column", "rows", "last (UTC)"], rows))
        say(asked, f"next: headrace quarantine show {groups[0].stream}")
    else:
        say(asked, "quarantine is empty")
    return 0


@quarantine.command(cls=Verb)
@click.argument("stream", required=False)
@LIMIT
@everywhere
@output("table", "json")
@click.pass_obj
def show(asked: Asked, stream: str | None, limit: int) -> int:
    """The rows themselves, as they arrived, with the reason.

    Examples:
    headrace quarantine show api.orders
    headrace quarantine show --limit 100
    headrace quarantine show -o json
    """
    from headrace import quarantine as kept
    from headrace.cli.opening import connected
    from headrace.observe.wording import cell

    manifest = _manifest(asked, stream)
    with connected(manifest.settings) as connection:
        kept.ensure(connection)
        rows = kept.show(connection, stream, limit)
    if asked.json:
        document("quarantine show", {"rows": [_record(row) for row in rows]})
        return 0
    for row in rows:
        column = f" {row.column}" if row.column else ""
        result(
            asked,
            f"{click.style(row.id[:12], bold=True)}  {row.stream}{column}: {cell(row.reason)} {cell(row.detail)}".rstrip(),
        )
        if row.origin:
            result(asked, f"    {cell(row.origin)}")
        result(asked, f"    {cell(row.raw or row.request)}")
    if rows:
        say(asked, "next: headrace quarantine replay STREAM (tries them again), or drop STREAM")
    else:
        say(asked, "quarantine is empty")
    return 0


@quarantine.command(cls=Verb)
@click.argument("stream")
@click.argument("ids", nargs=-1)
@everywhere
@output("table", "json")
@click.pass_obj
def replay(asked: Asked, stream: str, ids: tuple[str, ...]) -> int:
    """Try again: requests are asked for, rows are read and loaded as the stream is declared now.

    Examples:
    headrace quarantine replay api.orders                    all of a stream
    headrace quarantine replay api.orders 41af03             those whose ids begin so
    headrace quarantine show api.orders                      what there is
    """
    from headrace.cli.running import replay_kept

    return replay_kept(asked, stream, ids)


@quarantine.command(cls=Verb)
@click.argument("stream")
@click.argument("ids", nargs=-1)
@everywhere
@output("table", "json")
@click.pass_obj
def drop(asked: Asked, stream: str, ids: tuple[str, ...]) -> int:
    """Let go of a stream's rows for good; the ledger goes on saying that they were read.

    Examples:
    headrace quarantine drop api.orders                      all of a stream
    headrace quarantine drop api.orders 41af03 9cc1          those whose ids begin so
    headrace quarantine show api.orders                      what there is
    """
    from headrace import quarantine as kept
    from headrace.cli.opening import connected

    manifest = _manifest(asked, stream)
    with _alone(manifest.settings), connected(manifest.settings) as connection:
        kept.ensure(connection)
        chosen = [row.id for row in _chosen(kept.open_rows(connection, stream), ids)]
        with connection.transaction():
            kept.settle(connection, chosen, "dropped", datetime.now(UTC))
    if asked.json:
        document("quarantine drop", {"stream": stream, "dropped": len(chosen)})
    else:
        result(asked, f"{len(chosen)} dropped")
    return 0


def _alone(settings: Settings) -> AbstractContextManager[None]:
    from headrace.run.lock import locked

    return locked(settings.folder, settings.target.name)


def _manifest(asked: Asked, stream: str | None) -> Manifest:
    from headrace.cli.opening import read_manifest, warnings_said

    with warnings_said(asked):
        manifest = read_manifest(asked)
    labels = [one.label for one in manifest.settings.streams]
    if stream is not None and stream not in labels:
        known = {f"{source}.{name}" for source, name in manifest.sources} | set(labels)
        if stream not in known:
            raise UsageError(f"there is no stream '{stream}'", hint=did_you_mean(stream, known) or "see `headrace ls`")
    return manifest


def _chosen(rows: Sequence[Kept], ids: Sequence[str]) -> list[Kept]:
    if not ids:
        return list(rows)
    for prefix in ids:
        if not any(row.id.startswith(prefix) for row in rows):
            raise UsageError(
                f"no open row has an id that begins with '{prefix}'", hint="see `headrace quarantine show`"
            )
    return [row for row in rows if row.id.startswith(tuple(ids))]


def _record(row: Kept) -> dict[str, object]:
    record = asdict(row)
    try:
        record["raw"] = json.loads(row.raw) if row.raw else None
    except ValueError:
        record["raw"] = row.raw
    return record
