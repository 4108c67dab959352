"""What would have to happen, in order: a value that `plan` prints and `execute` does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.graph import Graph
from headrace.project.lists import stream_of
from headrace.project.nodes import DataTest, Model, Node, Relational, Seed, Snapshot, SourceTable, UnitTest
from headrace.run.steps import BuildModel, LoadSeed, LoadStream, RunCheck, RunUnit, Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from headrace.project.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Verbs:
    """Which kinds of step a command does."""

    load: bool = True
    seed: bool = True
    model: bool = True
    test: bool = True
    snapshot: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps by the id of their node, in an order that works; `needs` must have succeeded, `after` only have ended."""

    steps: Mapping[str, Step]
    needs: Mapping[str, frozenset[str]]
    after: Mapping[str, frozenset[str]]


def make_plan(manifest: Manifest, selected: Iterable[str], verbs: Verbs | None = None) -> Plan:
    """The steps for the selected nodes; for the table of a list, that of the stream which makes it.

    A test is asked before its model is published wherever that is possible, if tables are published after their tests; if they are
    published always, each test is a step of its own, and what is built from all that a test reads waits for it.
    """
    verbs = verbs or Verbs()
    chosen = [manifest.nodes[one] for one in selected]
    making = [manifest.nodes.get(stream_of(node) or "", node) for node in chosen]
    built = {node.unique_id: node for node in making if isinstance(node, Relational) and _is_built(node, verbs)}
    tests = [node for node in chosen if isinstance(node, DataTest)] if verbs.test else []
    needs: dict[str, set[str]] = {one: _nearest(manifest, one, built) for one in built}
    after: dict[str, set[str]] = {one: set() for one in built}
    checks: dict[str, list[DataTest]] = {one: [] for one in built}
    apart: list[DataTest] = []
    alone = manifest.settings.publish == "always"
    for test in tests:
        gate = None if alone or _reads_ephemeral(manifest, test) else _gate(test, built, needs, after)
        if gate is None:
            apart.append(test)
        else:
            checks[gate].append(test)
    steps: dict[str, Step] = {one: _step(node, tuple(checks[one])) for one, node in built.items()}
    for test in apart:
        steps[test.unique_id] = RunCheck(test)
        needs[test.unique_id] = _nearest(manifest, test.unique_id, built)
        after[test.unique_id] = set()
    for test in apart:
        if alone:
            _stop_all_readers(manifest, test, built, needs)
        else:
            _stop_readers(manifest, test, built, needs, after)
    last: dict[str, str] = {}
    for unit in (node for node in chosen if isinstance(node, UnitTest) and verbs.test):
        steps[unit.unique_id] = RunUnit(unit)
        needs[unit.unique_id], after[unit.unique_id] = _nearest(manifest, unit.model, built), set()
        if unit.model in built:
            needs[unit.model].add(unit.unique_id)
            if not manifest.settings.native and unit.model in last:
                # In a dbt project, as by dbt: after the first unit test of a model that does not pass the others are skipped.
                needs[unit.unique_id].add(last[unit.model])
            last[unit.model] = unit.unique_id
    order = Graph({one: needs[one] | after[one] for one in steps}).order
    return Plan(
        steps={one: steps[one] for one in order},
        needs={one: frozenset(needs[one]) for one in order},
        after={one: frozenset(after[one]) for one in order},
    )


def _is_built(node: Node, verbs: Verbs) -> bool:
    match node:
        case SourceTable():
            return verbs.load and node.stream is not None
        case Seed():
            return verbs.seed
        case Model():
            return verbs.model and node.materialized != "ephemeral"
        case Snapshot():
            return verbs.snapshot
        case _:
            return False


def _step(node: Relational, checks: tuple[DataTest, ...]) -> Step:
    match node:
        case SourceTable():
            return LoadStream(node, checks)
        case Seed():
            return LoadSeed(node, checks)
        case Model() | Snapshot():
            return BuildModel(node, checks)


def _nearest(manifest: Manifest, one: str, built: Mapping[str, Node]) -> set[str]:
    """The built nodes that `one` reads, through whatever is not built in between (an ephemeral or unselected model)."""
    found: set[str] = set()
    seen: set[str] = set()
    front = [*manifest.graph.parents.get(one, ())]
    while front:
        parent = front.pop()
        if parent in seen:
            continue
        seen.add(parent)
        if parent in built:
            found.add(parent)
        else:
            front.extend(manifest.graph.parents.get(parent, ()))
    return found


def _reads_ephemeral(manifest: Manifest, test: DataTest) -> bool:
    """Whether the test asks about a query that stands nowhere, so that there is no publication it could hold up."""
    read = (manifest.nodes.get(one) for one in test.depends_on)
    return any(isinstance(node, Model) and node.materialized == "ephemeral" for node in read)


def _gate(
    test: DataTest, built: Mapping[str, Node], needs: Mapping[str, set[str]], after: Mapping[str, set[str]]
) -> str | None:
    """The node whose publication the test holds up; the other tables it reads are finished before it, by `after`.

    The node it is declared on, or where others that it reads come later, one of those: there is always a last one. None where it
    reads nothing that is built.
    """
    reads = [one for one in test.depends_on if one in built]
    for gate in sorted(reads, key=lambda one: one != test.attached):
        others = [one for one in reads if one != gate]
        if not any(_comes_before(gate, other, needs, after) for other in others):
            after[gate].update(one for one in others if one not in needs[gate])
            return gate
    return None


def _comes_before(one: str, other: str, needs: Mapping[str, set[str]], after: Mapping[str, set[str]]) -> bool:
    seen: set[str] = set()
    front = [other]
    while front:
        node = front.pop()
        if node == one:
            return True
        if node not in seen:
            seen.add(node)
            front.extend(needs[node] | after[node])
    return False


def _stop_readers(
    manifest: Manifest,
    test: DataTest,
    built: Mapping[str, Node],
    needs: dict[str, set[str]],
    after: Mapping[str, set[str]],
) -> None:
    """What is built from the query that the test asks about waits for the test, unless the test reads it too."""
    asked = test.attached or (test.depends_on[-1] if test.depends_on else None)
    if asked is None or asked in built or asked not in manifest.graph.parents:
        return
    for child in manifest.graph.descendants(asked):
        if child in built and not _comes_before(child, test.unique_id, needs, after):
            needs[child].add(test.unique_id)


def _stop_all_readers(
    manifest: Manifest, test: DataTest, built: Mapping[str, Node], needs: dict[str, set[str]]
) -> None:
    """What is built from all that the test reads waits for the test, as in dbt; told to the first of them, which tell the rest."""
    graph = manifest.graph
    read = [one for one in test.depends_on if one in graph.parents]
    if not read:
        return
    waiting = set.intersection(
        *(_closest(graph, one, built) if len(read) == 1 else graph.descendants(one) for one in read)
    )
    for child in waiting:
        if child in built:
            needs[child].add(test.unique_id)


def _closest(graph: Graph, one: str, built: Mapping[str, Node]) -> set[str]:
    """The first built nodes on each way down from a node."""
    found: set[str] = set()
    seen: set[str] = set()
    front = [*graph.children[one]]
    while front:
        child = front.pop()
        if child in seen:
            continue
        seen.add(child)
        if child in built:
            found.add(child)
        else:
            front.extend(graph.children[child])
    return found
