"""`headrace compile`: the SQL that models become."""

from __future__ import annotations

import click

from headrace.cli.options import Asked, Verb, everywhere, output, selection
from headrace.cli.terminal import document, result, say


@click.command("compile", cls=Verb)
@selection
@everywhere
@output("table", "json")
@click.pass_obj
def compile_(asked: Asked, select: tuple[str, ...], exclude: tuple[str, ...]) -> int:
    """Write the SQL that models and tests become to .headrace/compiled, without running it; one that is selected is printed.

    Macros may ask the warehouse while they are rendered, so the target has to be there.

    Examples:
    headrace compile                         all models and tests
    headrace compile -s revenue              print the SQL of one
    headrace compile -s revenue -o json
    """
    from headrace.cli.opening import connected, read_manifest, runtime_of, schemas_of, selected, warnings_said
    from headrace.project.nodes import DataTest, Model
    from headrace.transform.compile import compile_node

    done: list[dict[str, str]] = []
    with warnings_said(asked):
        manifest = read_manifest(asked)
        chosen = selected(manifest, select, exclude)
        nodes = [node for one in chosen if isinstance(node := manifest.nodes[one], Model | DataTest)]
        with connected(manifest.settings) as connection:
            known = connection.inspect(*schemas_of(manifest))
            runtime = runtime_of(manifest, "compile", chosen)
            for node in nodes:
                sql = compile_node(node, runtime, connection, known).sql
                path = manifest.settings.folder / "compiled" / node.place.path
                path = path.with_name(f"{node.name}.sql")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(sql + "\n", encoding="utf-8")
                done.append({"unique_id": node.unique_id, "path": str(path), "sql": sql})
    if asked.json:
        document("compile", {"nodes": done})
    elif select and len(shown := [one for one in done if one["unique_id"].startswith("model.")] or done) == 1:
        result(asked, shown[0]["sql"])
    else:
        say(asked, f"{len(done)} compiled, in {manifest.settings.folder / 'compiled'}")
    return 0
