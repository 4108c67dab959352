"""What is made of what, as a picture: SVG, drawn in layers from left to right."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 190, 30, 70, 14, 12
_ROUNDS = 4
"""How often layers are put in the order of their neighbours; more changes nothing one could see."""


def layers(parents: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """The nodes by how far they are from the beginning, each layer in an order with few crossings. There are no circles."""
    depth: dict[str, int] = {}
    for one in _ordered(parents):
        depth[one] = 1 + max((depth[parent] for parent in parents[one] if parent in depth), default=-1)
    found: list[list[str]] = [[] for _ in range(1 + max(depth.values(), default=-1))]
    for one, level in depth.items():
        found[level].append(one)
    children: dict[str, list[str]] = {one: [] for one in parents}
    for one in parents:
        for parent in parents[one]:
            if parent in children:
                children[parent].append(one)
    for number in range(_ROUNDS):
        _sort(found, parents if number % 2 == 0 else children, backwards=number % 2 == 1)
    return found


def _ordered(parents: Mapping[str, Iterable[str]]) -> list[str]:
    done: dict[str, None] = {}
    for root in parents:
        stack = [root]
        while stack:
            one = stack[-1]
            waiting = [parent for parent in parents[one] if parent in parents and parent not in done]
            if waiting:
                stack.extend(waiting)
            else:
                done.setdefault(stack.pop())
    return list(done)


def _sort(found: list[list[str]], neighbours: Mapping[str, Iterable[str]], *, backwards: bool) -> None:
    rows = {one: row for layer in found for row, one in enumerate(layer)}
    for layer in reversed(found) if backwards else found:
        means = {}
        for row, one in enumerate(layer):
            near = [rows[other] for other in neighbours[one] if other in rows]
            means[one] = sum(near) / len(near) if near else row
        layer.sort(key=lambda one: means[one])
        rows |= {one: row for row, one in enumerate(layer)}


def drawing(parents: Mapping[str, Iterable[str]], names: Mapping[str, str], kinds: Mapping[str, str]) -> str:
    """The SVG of a graph given by each node's parents; a node links to the part of the page with its id."""
    columns = layers(parents)
    tallest = max((len(layer) for layer in columns), default=0)
    places: dict[str, tuple[int, int]] = {}
    for x, layer in enumerate(columns):
        top = (tallest - len(layer)) * (HEIGHT + GAP_Y) // 2
        for y, one in enumerate(layer):
            places[one] = (MARGIN + x * (WIDTH + GAP_X), MARGIN + top + y * (HEIGHT + GAP_Y))
    width = 2 * MARGIN + max(1, len(columns)) * (WIDTH + GAP_X) - GAP_X
    height = 2 * MARGIN + max(1, tallest) * (HEIGHT + GAP_Y) - GAP_Y
    edges = [_edge(places[parent], places[one]) for one in places for parent in parents[one] if parent in places]
    boxes = [_box(one, place, names[one], kinds[one]) for one, place in places.items()]
    head = f'<svg class="lineage" role="img" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
    return "\n".join([head, "<title>What is made of what</title>", *edges, *boxes, "</svg>"])


def _edge(start: tuple[int, int], end: tuple[int, int]) -> str:
    x1, y1 = start[0] + WIDTH, start[1] + HEIGHT // 2
    x2, y2 = end[0], end[1] + HEIGHT // 2
    bend = max(GAP_X // 2, (x2 - x1) // 2)
    return f'<path class="edge" d="M{x1},{y1} C{x1 + bend},{y1} {x2 - bend},{y2} {x2},{y2}"/>'


def _box(one: str, place: tuple[int, int], name: str, kind: str) -> str:
    x, y = place
    shown = name if len(name) <= 24 else name[:23] + "…"
    return (
        f'<a href="#{escape(one)}"><g class="box {escape(kind)}"><title>{escape(kind)} {escape(name)}</title>'
        f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="5"/>'
        f'<text x="{x + 10}" y="{y + HEIGHT // 2 + 4}">{escape(shown)}</text></g></a>'
    )
