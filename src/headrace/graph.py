"""What must come before what."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from headrace.errors import CycleFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


class Graph:
    """A directed graph without cycles, from each node's id to the ids it needs.

    Parents that are no node themselves are left out. Raises CycleFound, naming the circle.
    """

    def __init__(self, parents: Mapping[str, Iterable[str]]) -> None:
        self.parents: dict[str, frozenset[str]] = {
            node: frozenset(need for need in needs if need in parents) for node, needs in parents.items()
        }
        children: dict[str, set[str]] = {node: set() for node in parents}
        for node, needs in self.parents.items():
            for need in needs:
                children[need].add(node)
        self.children: dict[str, frozenset[str]] = {node: frozenset(kids) for node, kids in children.items()}
        self.order: tuple[str, ...] = self._sorted()

    def _sorted(self) -> tuple[str, ...]:
        missing = {node: len(needs) for node, needs in self.parents.items()}
        ready = deque(sorted(node for node, count in missing.items() if not count))
        order: list[str] = []
        while ready:
            node = ready.popleft()
            order.append(node)
            for child in sorted(self.children[node]):
                missing[child] -= 1
                if not missing[child]:
                    ready.append(child)
        if len(order) < len(self.parents):
            raise CycleFound("these need each other: " + " → ".join(self._circle(set(order))))
        return tuple(order)

    def _circle(self, done: set[str]) -> list[str]:
        node = min(node for node in self.parents if node not in done)
        path: list[str] = []
        while node not in path:
            path.append(node)
            node = min(need for need in self.parents[node] if need not in done)
        return [*path[path.index(node) :], node]

    def ancestors(self, node: str, depth: int | None = None) -> set[str]:
        """All that `node` needs, directly or not, at most `depth` steps away."""
        return self._reach(node, self.parents, depth)

    def descendants(self, node: str, depth: int | None = None) -> set[str]:
        """All that need `node`, directly or not, at most `depth` steps away."""
        return self._reach(node, self.children, depth)

    def _reach(self, node: str, arrows: Mapping[str, frozenset[str]], depth: int | None) -> set[str]:
        seen: set[str] = set()
        front = {node}
        while front and (depth is None or depth > 0):
            front = {other for one in front for other in arrows[one]} - seen
            seen |= front
            depth = None if depth is None else depth - 1
        return seen

    def critical_path(self, cost: Callable[[str], float]) -> dict[str, float]:
        """For each node, the cost of the dearest chain from it to the end: what to start first."""
        longest: dict[str, float] = {}
        for node in reversed(self.order):
            longest[node] = cost(node) + max((longest[child] for child in self.children[node]), default=0.0)
        return longest
