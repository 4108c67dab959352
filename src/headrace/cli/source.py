"""`headrace source freshness`: whether sources have rows that are new enough; the group has the commands of `looking` as well."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from headrace.cli.files import files
from headrace.cli.looking import add, check, peek
from headrace.cli.options import Asked, Verb, everywhere, run_options, selection
from headrace.cli.reflecting import tables
from headrace.cli.terminal import document, result, say

if TYPE_CHECKING:
    from headrace.check.freshness import Freshness
    from headrace.project.manifest import Manifest


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@everywhere
def source() -> None:
    """Sources: write one down, ask what it may read, look at its rows, and whether they are new enough."""


def _output(ctx: click.Context, _: click.Parameter, value: str | None) -> str | None:
    if value in ("table", "json"):
        ctx.obj.output = value
        return None
    return value


@source.command(cls=Verb)
@selection
@run_options
@click.option(
    "-o",
    "--output",
    "path",
    callback=_output,
    metavar="[table|json|FILE]",
    help="How to print the result; or, as in dbt, where sources.json goes.",
)
@everywhere
@click.pass_obj
def freshness(asked: Asked, path: str | None) -> int:
    """Ask sources with `freshness:` for their newest row, and write sources.json where artifacts are written.

    The exit code is 1 if a source is older than its error_after, or could not be asked.

    Examples:
    headrace source freshness
    headrace source freshness -s source:api
    headrace source freshness -o target/yesterday.json
    """
    from headrace.cli.choosing import selected
    from headrace.cli.opening import connected, read_manifest, warnings_said
    from headrace.run.freshness import source_freshness

    with warnings_said(asked):
        manifest = read_manifest(asked)
    began = time.perf_counter()
    with connected(manifest.settings) as connection:
        found = source_freshness(manifest, connection, selected(manifest, asked), datetime.now(UTC))
    _write(asked, manifest, found, time.perf_counter() - began, path)
    if asked.json:
        document("source freshness", {"sources": [_record(one) for one in found]})
    else:
        _print(asked, found)
    return 1 if any(one.status in ("error", "runtime error") for one in found) else 0


source.add_command(freshness, "snapshot-freshness")
for _command in (add, check, files, peek, tables):
    source.add_command(_command)


def _write(asked: Asked, manifest: Manifest, found: list[Freshness], seconds: float, path: str | None) -> None:
    folder = manifest.settings.artifacts
    if path is None and (folder is None or not asked.write_json):
        return
    from headrace.cli.artifacts import invocation_of, write_manifest
    from headrace.docs.envelope import write
    from headrace.docs.freshness import failure_entry, freshness_document, freshness_entry

    entries = [
        failure_entry(one.node.unique_id, one.error or "")
        if one.max_loaded_at is None
        else freshness_entry(
            *(one.node.unique_id, one.status, one.max_loaded_at, one.snapshotted_at),
            one.node.freshness or {},
            one.seconds,
        )
        for one in found
    ]
    invocation = invocation_of(asked, "freshness")
    write_manifest(asked, manifest, invocation)
    target = manifest.settings.root / path if path else Path(str(folder)) / "sources.json"
    write(target.parent, target.name, freshness_document(entries, invocation, seconds))


def _record(one: Freshness) -> dict[str, object]:
    return {
        "unique_id": one.node.unique_id,
        "status": one.status,
        "loaded_at": one.max_loaded_at.isoformat() if one.max_loaded_at else None,
        "age": one.age,
        "message": one.error,
    }


def _print(asked: Asked, found: list[Freshness]) -> None:
    from headrace.observe.wording import duration, status

    for one in found:
        never = one.max_loaded_at is not None and one.max_loaded_at.year == 1
        what = one.error or ("no rows" if never else f"newest row {duration(one.age)} ago")
        result(asked, f"{status(one.status, width=7)}  {one.node.source}.{one.node.name}  {what}")
    if not found:
        say(asked, "no source that is selected has `freshness:`")
