"""The documentation of a project as one HTML file, which needs no server, no network and no script."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from headrace.counting import count
from headrace.docs.lineage import drawing
from headrace.docs.style import STYLE
from headrace.project.nodes import DataTest, Exposure, Model, Relational, SourceTable, UnitTest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from headrace.project.manifest import Manifest
    from headrace.project.nodes import Node

_WHOLE = 300
"""Of how many nodes the picture of the whole project is drawn; beyond it each node's own surroundings say more."""
_TITLES = {
    "source": "Sources",
    "seed": "Seeds",
    "model": "Models",
    "snapshot": "Snapshots",
    "exposure": "Exposures",
}


def page(manifest: Manifest, catalog: Mapping[str, Any], compiled: Mapping[str, str], at: datetime) -> str:
    """The file's text. `catalog` is catalog.json's content, `compiled` the SQL by node id."""
    shown = {one: node for one, node in manifest.nodes.items() if isinstance(node, Relational | Exposure)}
    kinds = {one: _kind(one) for one in shown}
    stands = {**catalog.get("nodes", {}), **catalog.get("sources", {})}
    title = escape(manifest.settings.name)
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title><style>{STYLE}</style></head><body>",
        f'<nav><h1><a href="#top">{title}</a></h1>',
        *_tree(shown),
        "</nav><main id=top>",
        f"<p class=about>{_counts(manifest)} Target {escape(manifest.settings.target.name)}, written {at:%Y-%m-%d %H:%M} UTC.</p>",
    ]
    if len(shown) <= _WHOLE:
        parts.append(f'<div class="picture">{_picture(manifest, shown, kinds)}</div>')
    parts += [_section(manifest, node, stands.get(one), compiled.get(one)) for one, node in shown.items()]
    parts.append("</main></body></html>\n")
    return "\n".join(parts)


def _kind(one: str) -> str:
    return one.partition(".")[0]


def _label(node: Node) -> str:
    if isinstance(node, SourceTable):
        return f"{node.source}.{node.name}"
    return f"{node.name} v{node.version}" if isinstance(node, Model) and node.version else node.name


def _counts(manifest: Manifest) -> str:
    from collections import Counter

    counts = Counter(_kind(one) for one in manifest.nodes)
    words = [count(number, kind.replace("_", " ")) for kind, number in counts.items()]
    return escape(", ".join(words)) + "."


def _tree(shown: Mapping[str, Node]) -> Iterator[str]:
    """Nodes by kind, and models by their folders."""
    for kind, title in _TITLES.items():
        nodes = [node for one, node in shown.items() if _kind(one) == kind]
        if not nodes:
            continue
        yield f"<h2>{title} <small>{len(nodes)}</small></h2>"
        folders: dict[str, list[Node]] = {}
        for node in nodes:
            path = node.source if isinstance(node, SourceTable) else "/".join(node.fqn[1:-1])
            folders.setdefault(path, []).append(node)
        for folder in sorted(folders):
            items = "".join(
                f'<li><a href="#{escape(node.unique_id)}">{escape(node.name)}</a></li>' for node in folders[folder]
            )
            yield (
                f"<details open><summary>{escape(folder)}</summary><ul>{items}</ul></details>"
                if folder
                else f"<ul>{items}</ul>"
            )


def _picture(manifest: Manifest, shown: Mapping[str, Node], kinds: Mapping[str, str]) -> str:
    parents = {one: [parent for parent in manifest.graph.parents.get(one, ()) if parent in shown] for one in shown}
    return drawing(parents, {one: _label(node) for one, node in shown.items()}, kinds)


def _section(manifest: Manifest, node: Node, stands: Mapping[str, Any] | None, sql: str | None) -> str:
    one = node.unique_id
    facts = [_kind(one)]
    if isinstance(node, Model):
        facts.append(node.materialized)
    if isinstance(node, Relational) and not (isinstance(node, Model) and node.materialized == "ephemeral"):
        facts.append(f"<code>{escape(str(node.table))}</code>")
    facts += [f"<code>{escape(node.path or node.place.path)}</code>", *(f"tag {escape(tag)}" for tag in node.tags)]
    parts = [f'<section id="{escape(one)}"><h3>{escape(_label(node))}</h3><p class=facts>{" · ".join(facts)}</p>']
    if node.description:
        parts.append(f"<p class=description>{escape(node.description)}</p>")
    parts += _neighbours(manifest, node)
    parts += _columns(manifest, node, stands)
    parts += _tests(manifest, node, on_columns=False)
    for title, text in (("SQL as written", getattr(node, "raw", None)), ("SQL as it runs", sql)):
        if text:
            parts.append(f"<details><summary>{title}</summary><pre>{escape(text)}</pre></details>")
    return "\n".join([*parts, "</section>"])


def _neighbours(manifest: Manifest, node: Node) -> Iterator[str]:
    graph = manifest.graph
    for title, ids in (
        ("Made of", graph.parents.get(node.unique_id, ())),
        ("Read by", graph.children.get(node.unique_id, ())),
    ):
        found = [manifest.nodes[one] for one in sorted(ids) if one in manifest.nodes]
        links = [
            f'<a href="#{escape(other.unique_id)}">{escape(_label(other))}</a>'
            for other in found
            if isinstance(other, Relational | Exposure)
        ]
        if links:
            yield f"<p><b>{title}</b> {', '.join(links)}</p>"


def _columns(manifest: Manifest, node: Node, stands: Mapping[str, Any] | None) -> Iterator[str]:
    """Columns as they stand in the warehouse, then those that are only described."""
    there: Mapping[str, Any] = (stands or {}).get("columns", {})
    known = {name.lower(): name for name in node.columns}
    names = [*there, *(name for name in node.columns if name.lower() not in {one.lower() for one in there})]
    if not names:
        return
    yield "<table><thead><tr><th>column</th><th>type</th><th>description</th><th>tests</th></tr></thead><tbody>"
    types = {name.lower(): kind for name, kind in node.types.items()}
    for name in names:
        kind = there[name]["type"] if name in there else types.get(name.lower(), "")
        text = node.columns.get(known.get(name.lower(), ""), "")
        tests = ", ".join(_test(test) for test in _asked(manifest, node) if (test.column or "").lower() == name.lower())
        yield f"<tr><td><code>{escape(name)}</code></td><td>{escape(str(kind))}</td><td>{escape(text)}</td><td>{tests}</td></tr>"
    yield "</tbody></table>"


def _asked(manifest: Manifest, node: Node) -> Sequence[DataTest]:
    children = (manifest.nodes.get(one) for one in manifest.graph.children.get(node.unique_id, ()))
    return [
        test
        for test in children
        if isinstance(test, DataTest) and (test.attached is None or test.attached == node.unique_id)
    ]


def _test(test: DataTest) -> str:
    name = test.kind or test.name
    return f'<span class="test" title="{escape(test.name)}">{escape(name)}{"" if test.severity == "error" else " (warns)"}</span>'


def _tests(manifest: Manifest, node: Node, *, on_columns: bool) -> Iterator[str]:
    tests = [_test(test) for test in _asked(manifest, node) if bool(test.column) is on_columns]
    children = (manifest.nodes.get(one) for one in manifest.graph.children.get(node.unique_id, ()))
    tests += [
        f'<span class="test">{escape(unit.name)} (unit)</span>'
        for unit in children
        if isinstance(unit, UnitTest) and unit.model == node.unique_id
    ]
    if tests:
        yield f"<p><b>Tests</b> {', '.join(tests)}</p>"
