"""`headrace compile`: the SQL that models become."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from headrace.cli.options import (
    Asked,
    Verb,
    build_options,
    everywhere,
    full_refresh,
    output,
    run_options,
    selection,
)
from headrace.cli.terminal import document, result, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.project.manifest import Manifest
    from headrace.project.nodes import Node


@click.command("compile", cls=Verb)
@selection
@run_options
@full_refresh("Accepted as in dbt; the whole query is compiled in any case.")
@build_options
@click.option("--inline", metavar="SQL", help="A query instead, with ref() and source() as in a model.")
@everywhere
@output("table", "json")
@click.pass_obj
def compile_(asked: Asked, inline: str | None) -> int:
    """Write the SQL that models and tests become, without running it; one that is selected is printed.

    It goes to target/compiled where there is a target-path, as in dbt projects, and to .headrace/compiled otherwise.

    Macros may ask the warehouse while they are rendered, so the target has to be there.

    Examples:
    headrace compile                         all models and tests
    headrace compile -s revenue              print the SQL of one
    headrace compile -s revenue -o json
    """
    from headrace.cli.choosing import selected
    from headrace.cli.opening import kind, read_manifest, warnings_said
    from headrace.cli.show import inline_node

    with warnings_said(asked):
        manifest = read_manifest(asked)
        chosen = () if inline else selected(manifest, asked)
        nodes: list[Node] = [manifest.nodes[one] for one in chosen]
        done = compiled_nodes(asked, manifest, [inline_node(manifest, inline)] if inline else nodes, keep=not inline)
    if not inline:
        _record(asked, manifest, tuple(one["unique_id"] for one in done))
    if asked.json:
        document("compile", {"nodes": done})
    elif (asked.select or inline) and len(
        shown := [one for one in done if kind(one["unique_id"]) == "model"] or done
    ) == 1:
        result(asked, shown[0]["sql"])
    else:
        say(asked, f"{len(done)} compiled, in {(manifest.settings.artifacts or manifest.settings.folder) / 'compiled'}")
    return 0


def compiled_nodes(asked: Asked, manifest: Manifest, nodes: Sequence[Node], *, keep: bool) -> list[dict[str, str]]:
    """The SQL that nodes become, with where it is written if it is to be kept; nodes without SQL are left out."""
    from headrace.cli.choosing import runtime_of
    from headrace.cli.opening import connected, schemas_of
    from headrace.project.nodes import Analysis, DataTest, Model, Snapshot
    from headrace.project.secrets import redact
    from headrace.project.target_files import compiled_path
    from headrace.transform.compile import compile_node

    done: list[dict[str, str]] = []
    with connected(manifest.settings) as connection:
        known = connection.inspect(*schemas_of(manifest))
        runtime = runtime_of(asked, manifest, "compile", tuple(node.unique_id for node in nodes))
        for node in nodes:
            if (
                not isinstance(node, Model | DataTest | Snapshot | Analysis)
                or getattr(node, "language", "") == "python"
            ):
                continue
            sql = redact(compile_node(node, runtime, connection, known).sql)
            path = compiled_path(node, manifest.settings)
            if keep:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(sql + "\n", encoding="utf-8")
            done.append({"unique_id": node.unique_id, "path": str(path), "sql": sql})
    return done


def _record(asked: Asked, manifest: Manifest, ids: tuple[str, ...]) -> None:
    """Write the artifacts, which say of each node that it was compiled."""
    from headrace.cli.artifacts import invocation_of, recording
    from headrace.events import StepFinished

    with recording(asked, manifest, invocation_of(asked, "compile"), ids) as recorder:
        if recorder is not None:
            for one in ids:
                recorder(StepFinished(one, "success", 0.0))
