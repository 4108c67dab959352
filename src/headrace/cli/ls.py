"""`headrace ls` and `headrace parse`: what the project consists of, without touching a warehouse."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.options import Asked, Verb, everywhere, output, selection, words
from headrace.cli.terminal import document, result, say

if TYPE_CHECKING:
    from headrace.project.nodes import Node

TYPES = ("source", "seed", "model", "test")


@click.command(cls=Verb)
@selection
@click.option(
    "--resource-type",
    "types",
    type=click.Choice(TYPES),
    multiple=True,
    help="Only nodes of this kind; may be repeated.",
)
@everywhere
@output("table", "json", "name", "path", "selector")
@click.pass_obj
def ls(asked: Asked, select: tuple[str, ...], exclude: tuple[str, ...], types: tuple[str, ...]) -> int:
    """List the nodes of the project, in an order in which each comes after what it needs.

    Examples:
    headrace ls                              everything
    headrace ls -s +revenue -o name          what revenue is made of
    headrace ls --resource-type model -o json
    """
    from headrace.cli.opening import read_manifest, selected, warnings_said

    with warnings_said(asked):
        manifest = read_manifest(asked)
        chosen = set(selected(manifest, words(select), words(exclude)))
    nodes = [node for one, node in manifest.nodes.items() if one in chosen and (not types or kind(node) in types)]
    if asked.json:
        document("ls", {"nodes": [_record(node) for node in nodes]})
    elif asked.output != "table":
        for line in dict.fromkeys(_line(node, asked.output) for node in nodes):
            result(asked, line)
    elif nodes:
        from headrace.observe.wording import table

        rows = [(kind(node), _name(node), _how(node), _table(node), node.place.path) for node in nodes]
        result(asked, table(["kind", "name", "as", "table", "file"], rows))
    else:
        say(asked, "nothing is selected")
    return 0


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
    from headrace.cli.opening import read_manifest, warnings_said

    with warnings_said(asked):
        manifest = read_manifest(asked)
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
        from headrace.observe.wording import count

        found = ", ".join(count(counts[one], one) for one in TYPES if counts[one]) or "nothing in it yet"
        result(asked, f"{settings.name} is sound for target {settings.target.name}: {found}")
    return 0


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
            return "stream" if node.stream else "external"
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
        return _name(node)
    return f"source:{'.'.join(node.fqn)}" if kind(node) == "source" else ".".join(node.fqn)


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
