"""`headrace ls` and `headrace parse`: what the project consists of, without touching a warehouse."""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.options import TYPES, Asked, Verb, by_kind, everywhere, output, run_options, selection, words
from headrace.cli.terminal import document, result, say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headrace.project.nodes import Node

KEYS = (
    "alias", "name", "package_name", "depends_on", "tags", "config", "resource_type", "source_name", "original_file_path", "unique_id",
)  # fmt: skip
"""What dbt's `ls --output json` says of a node by itself."""


def _written_out(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.obj.output = "table" if value == "text" else value
        ctx.obj.lines = value == "json"


@click.command(cls=Verb)
@selection
@by_kind
@run_options
@click.option(
    "--output-keys", multiple=True, metavar="KEYS", help="With --output json: which keys, also of `config` by a dot."
)
@click.option(
    "--output",
    "written_out",
    type=click.Choice(("json", "name", "path", "selector", "text")),
    metavar="[json|name|path|selector]",
    expose_value=False,
    callback=_written_out,
    help="As in dbt: with json, one document on each line.",
)
@everywhere
@output("table", "json", "name", "path", "selector", short=True)
@click.pass_obj
def ls(asked: Asked, output_keys: tuple[str, ...]) -> int:
    """List the nodes of the project, in an order in which each comes after what it needs; analyses if they are asked for.

    A terminal gets a table, a pipe one selector on each line, as from dbt.

    Examples:
    headrace ls                              everything
    headrace ls -s +revenue -o name          what revenue is made of
    headrace ls --resource-type model -o json
    headrace ls --output json --output-keys unique_id config.materialized
    """
    from headrace.cli.choosing import selected
    from headrace.cli.opening import read_manifest, warnings_said
    from headrace.project.shown import node_dict

    with warnings_said(asked):
        manifest = read_manifest(asked)
        nodes = [manifest.nodes[one] for one in selected(manifest, asked)]
    if not {"analysis", "all"} & set(asked.resource_types):
        nodes = [node for node in nodes if kind(node) != "analysis"]
    form = asked.output
    if form == "table" and not sys.stdout.isatty():
        form = "selector"
    if not nodes:
        say(asked, "nothing is selected")
    if asked.json and (asked.lines or output_keys):
        for node in nodes:
            click.echo(json.dumps(_picked(node_dict(node, manifest.settings), output_keys), default=str))
    elif asked.json:
        document("ls", {"nodes": [_record(node) for node in nodes]})
    elif form != "table":
        for node in nodes:
            result(asked, _line(node, form))
    elif nodes:
        from headrace.observe.wording import table

        rows = [(kind(node), _name(node), _how(node), _table(node), node.place.path) for node in nodes]
        result(asked, table(["kind", "name", "as", "table", "file"], rows))
    return 0


def _picked(shown: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    wanted = words(keys) or KEYS
    picked = {}
    for key in wanted:
        value: Any = shown
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if key in shown or value is not None:
            picked[key] = value
    return picked


@click.command(cls=Verb)
@everywhere
@output("table", "json")
@click.pass_obj
def parse(asked: Asked) -> int:
    """Read the whole project and say whether it is sound: files, keys, templates, refs, circles.

    Examples:
    headrace check                           exit code 2 and the place of the first mistake, if there is one
    headrace check -t prod                   with the settings of another target
    headrace check -o json
    """
    from headrace.cli.artifacts import invocation_of, write_manifest
    from headrace.cli.opening import read_manifest, warnings_said

    with warnings_said(asked):
        manifest = read_manifest(asked)
    write_manifest(asked, manifest, invocation_of(asked, "parse"))
    counts = Counter(kind(node) for node in manifest.nodes.values())
    settings = manifest.settings
    if asked.json:
        body = {
            "project": settings.name,
            "target": settings.target.name,
            "counts": dict(counts),
            "disabled": sorted(manifest.disabled),
        }
        document("parse", body)
    else:
        from headrace.counting import count

        found = ", ".join(count(counts[one], *_words(one)) for one in TYPES if counts[one]) or "nothing in it yet"
        result(asked, f"{settings.name} is sound for target {settings.target.name}: {found}")
    return 0


def _words(one: str) -> tuple[str, str]:
    """A kind of node in words, one and several."""
    word = one.replace("_", " ")
    return word, {"saved query": "saved queries", "analysis": "analyses"}.get(word, f"{word}s")


def kind(node: Node) -> str:
    """The first word of its id, which is dbt's resource type."""
    return node.unique_id.partition(".")[0]


def _name(node: Node) -> str:
    return f"{getattr(node, 'source', '')}.{node.name}" if kind(node) == "source" else node.name


def _how(node: Node) -> str:
    from headrace.project.nodes import DataTest, Model, SourceTable

    match node:
        case Model():
            return node.materialized
        case SourceTable():
            return "stream" if node.stream else "list" if node.depends_on else "external"
        case DataTest():
            return node.severity
        case _:
            return ""


def _table(node: Node) -> str:
    return str(getattr(node, "table", ""))


def _line(node: Node, form: str) -> str:
    if form == "path":
        return node.place.path
    if form == "name":
        version = getattr(node, "version", None)
        return _name(node) if version is None else f"{_name(node)}.v{version}"
    prefix = (
        f"{kind(node)}:"
        if kind(node) in ("source", "exposure", "metric", "saved_query", "semantic_model", "unit_test")
        else ""
    )
    if kind(node) == "source":
        return f"source:{node.package}.{_name(node)}"
    return f"{prefix}{node.package}.{node.name}" if prefix else ".".join(node.fqn)


def _record(node: Node) -> dict[str, Any]:
    return {
        "unique_id": node.unique_id,
        "resource_type": kind(node),
        "name": node.name,
        "package_name": node.package,
        "original_file_path": node.place.path,
        "line": node.place.line,
        "fqn": list(node.fqn),
        "tags": list(node.tags),
        "description": node.description,
        "materialized": getattr(node, "materialized", None),
        "relation": _table(node) or None,
        "depends_on": list(node.depends_on),
        "config": dict(node.config),
    }
