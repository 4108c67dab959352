"""Which nodes a `--select` means: dbt's grammar over all nodes, streams included."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from headrace.errors import NotSupported, SelectionEmpty, UsageError, did_you_mean
from headrace.events import Warned, emit
from headrace.project.earlier import changed, ended, fresher, freshness_in
from headrace.project.lists import list_of, with_lists
from headrace.project.nodes import (
    RESOURCE_TYPES,
    DataTest,
    Exposure,
    Metric,
    Model,
    SavedQuery,
    SemanticModel,
    SourceTable,
    UnitTest,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from headrace.project.earlier import Earlier
    from headrace.project.manifest import Manifest
    from headrace.project.nodes import Node

Indirect: TypeAlias = Literal["eager", "cautious", "buildable", "empty"]

_SPEC = re.compile(
    r"(?P<around>@)?(?:(?P<up>\d*)(?P<parents>\+))?"
    r"(?:(?P<method>[A-Za-z_][\w.]*):)?(?P<value>.*?)"
    r"(?:(?P<children>\+)(?P<down>\d*))?"
)
_LATER = ("selector", "function")
_FILE_ENDINGS = (".sql", ".py", ".csv")


@dataclass(frozen=True, slots=True)
class Criterion:
    """One word of a selection, such as `2+tag:nightly`. A depth of None has no end; `parents` False means none at all."""

    text: str
    method: str
    value: str
    named: bool
    around: bool = False
    parents: bool = False
    up: int | None = None
    children: bool = False
    down: int | None = None


def parse_criterion(text: str) -> Criterion:
    """Read one word of a selection. Raises UsageError."""
    match = _SPEC.fullmatch(text)
    if match is None or not match["value"]:
        raise UsageError(
            f"{text!r} selects nothing that could be", hint="such as: model, +model, tag:nightly, path:models/staging"
        )
    if match["around"] and match["children"]:
        raise UsageError(f"{text!r} has both @ and +", hint="@ already takes all descendants")
    method, value = match["method"], match["value"]
    return Criterion(
        text=text,
        method=method or _default_method(value),
        value=value,
        named=method in (None, "source") and "*" not in value and "?" not in value and "[" not in value,
        around=bool(match["around"]),
        parents=bool(match["parents"]),
        up=int(match["up"]) if match["up"] else None,
        children=bool(match["children"]),
        down=int(match["down"]) if match["down"] else None,
    )


def _default_method(value: str) -> str:
    if "/" in value:
        return "path"
    return "file" if value.endswith(_FILE_ENDINGS) else "fqn"


@dataclass(frozen=True, slots=True)
class _Found:
    """Nodes, and the tests that may come along with them once it is known what else is selected."""

    nodes: set[str]
    tests: set[str]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What selecting looks at: the project, which tests come along, and an earlier state."""

    manifest: Manifest
    indirect: Indirect
    earlier: Earlier | None


def select(
    manifest: Manifest,
    select: Iterable[str] = (),
    exclude: Iterable[str] = (),
    *,
    indirect: Indirect = "eager",
    earlier: Earlier | None = None,
) -> tuple[str, ...]:
    """The ids of the selected nodes, each after what it needs. Nothing selected means everything.

    A word is a union with the next, `,` is an intersection. `indirect` says which tests come along: those of any selected parent
    (`eager`), those whose parents are all selected (`cautious`) or selected or before it (`buildable`), or none (`empty`). `earlier` is
    what `state:`, `result:` and `source_status:` compare with. Raises SelectionEmpty where a name means nothing, UsageError where a
    method is unknown or lacks the earlier state, NotSupported.
    """
    asked = _Asked(manifest, indirect, earlier)
    words = [word for text in select for word in text.split()]
    found = _union(asked, words) if words else _Found(set(manifest.nodes), set())
    left_out = _union(asked, [word for text in exclude for word in text.split()])
    chosen = found.nodes - with_lists(manifest.nodes, left_out.nodes)
    chosen |= _complete(asked, found.tests - left_out.nodes, chosen)
    return tuple(node for node in manifest.graph.order if node in chosen)


def _union(asked: _Asked, words: Iterable[str]) -> _Found:
    chosen = _Found(set(), set())
    for word in words:
        parts = [_expanded(asked, parse_criterion(part)) for part in word.split(",")]
        both = set.intersection(*(part.nodes for part in parts))
        if len(parts) > 1 and not both and all(part.nodes for part in parts):
            emit(Warned(f"nothing is in all parts of {word!r}"))
        chosen.nodes.update(both)
        chosen.tests.update(set.intersection(*(part.tests | part.nodes for part in parts)) - both)
    return chosen


def _expanded(asked: _Asked, criterion: Criterion) -> _Found:
    manifest = asked.manifest
    graph = manifest.graph
    found = {node for node in _matching(asked, criterion) if node in manifest.nodes}
    if not found:
        _say_empty(manifest, criterion)
    chosen = set(found)
    for node in found:
        if criterion.parents:
            chosen |= graph.ancestors(node, criterion.up)
        if criterion.children or criterion.around:
            chosen |= graph.descendants(node, criterion.down)
    if criterion.around:
        for node in tuple(chosen):
            chosen |= graph.ancestors(node)
    tests = _tests_of(manifest, chosen)
    match asked.indirect:
        case "eager":
            return _Found(chosen | tests, set())
        case "empty":
            return _Found(chosen, set())
    return _Found(chosen | _complete(asked, tests, chosen), tests)


def _complete(asked: _Asked, tests: Iterable[str], chosen: set[str]) -> set[str]:
    """Those of the tests that read nothing beyond what is chosen."""
    manifest = asked.manifest
    reach = set(chosen)
    if asked.indirect == "buildable":
        for node in chosen:
            reach |= manifest.graph.ancestors(node)
    return {test for test in tests if set(manifest.nodes[test].depends_on) <= reach}


def _tests_of(manifest: Manifest, chosen: Iterable[str]) -> set[str]:
    return {
        child
        for node in chosen
        for child in manifest.graph.children[node]
        if isinstance(manifest.nodes[child], DataTest | UnitTest)
    }


def _say_empty(manifest: Manifest, criterion: Criterion) -> None:
    if not criterion.named:
        emit(Warned(f"{criterion.text!r} selects nothing"))
        return
    if criterion.method == "source":
        known = {*_labels(manifest), *(source for source, _ in manifest.sources)}
        hint = _unmade(manifest, criterion) or did_you_mean(criterion.value, known)
        raise SelectionEmpty(f"{criterion.text!r} selects nothing", hint=hint or "see what there is with: headrace ls")
    names = {node.name for node in manifest.nodes.values() if not isinstance(node, SourceTable)}
    hint = did_you_mean(criterion.value, names)
    if hint is None and any(criterion.value in (label.split(".")[0], label) for label in _labels(manifest)):
        hint = f"sources are selected by source:{criterion.value}"
    raise SelectionEmpty(f"{criterion.text!r} selects nothing", hint=hint or "see what there is with: headrace ls")


def _unmade(manifest: Manifest, criterion: Criterion) -> str | None:
    """What selects the table of a list that no load has made yet, so that nobody knows of it."""
    names = criterion.value.split(".")[-2:]
    found = list_of(manifest.settings.streams, *names) if len(names) == 2 else None
    if found is None:
        return None
    label = found[0].label
    return f"lists are known when {label} was loaded for the first time, so say source:{label}"


def _labels(manifest: Manifest) -> set[str]:
    return {f"{source}.{name}" for source, name in manifest.sources}


def _matching(asked: _Asked, criterion: Criterion) -> Iterable[str]:
    manifest = asked.manifest
    method, _, key = criterion.method.partition(".")
    if method == "path":
        return _by_path(manifest, criterion.value)
    if method == "config":
        path = key.split(".")
        return [name for name, node in manifest.nodes.items() if _configured(node, path, criterion.value)]
    test = METHODS.get(method)
    if test is not None:
        value = manifest.settings.name if method == "package" and criterion.value == "this" else criterion.value
        return [name for name, node in manifest.nodes.items() if test(node, value)]
    if method in ("state", "result", "source_status"):
        return _compared(asked, method, criterion.value)
    if method in _LATER:
        raise NotSupported(f"the method {method!r} of {criterion.text!r} is not there yet")
    known = [*METHODS, "path", "config", "state", "result", "source_status"]
    hint = did_you_mean(method, known) or f"methods: {', '.join(sorted(known))}"
    raise UsageError(f"{criterion.text!r}: there is no method {method!r}", hint=hint)


def _compared(asked: _Asked, method: str, value: str) -> set[str]:
    if asked.earlier is None:
        raise UsageError(
            f"{method}:{value} needs --state", hint="name the folder that holds the earlier run's artifacts"
        )
    if method == "state":
        return changed(asked.manifest, asked.earlier, value)
    if method == "result":
        return ended(asked.manifest, asked.earlier, value)
    if value != "fresher":
        raise UsageError(f"there is no source status {value!r}", hint="source_status:fresher")
    folder = asked.manifest.settings.artifacts
    return fresher(asked.manifest, asked.earlier, freshness_in(folder) if folder else {})


def _by_path(manifest: Manifest, value: str) -> list[str]:
    root = manifest.settings.root
    pattern = PurePosixPath(value).as_posix().rstrip("/")
    paths = {path.relative_to(root).as_posix() for path in root.glob(pattern)} if pattern not in ("", ".") else {"."}
    return [
        name
        for name, node in manifest.nodes.items()
        if node.place.path in paths
        or node.yaml in paths
        or any(parent.as_posix() in paths for parent in PurePosixPath(node.place.path).parents)
    ]


def _named(node: Node, value: str) -> bool:
    if isinstance(node, SourceTable):
        return False
    if isinstance(node, Model) and node.version is not None:
        named = (node.name, f"{node.name}.v{node.version}", f"{node.name}_v{node.version}")
        if value in named:
            return True
    return _is_fqn(node.fqn, value) or _is_fqn(node.fqn[1:], value)


def _is_fqn(fqn: tuple[str, ...], value: str) -> bool:
    if not fqn:
        return False
    if fnmatchcase(fqn[-1], value):
        return True
    flat = ".".join(fqn).split(".")
    wanted = value.split(".")
    if len(flat) < len(wanted):
        return False
    for have, want in zip(flat, wanted, strict=False):
        if any(wild in want for wild in "*?["):
            return fnmatchcase(".".join(flat), value)
        if have != want:
            return False
    return True


def _in_file(node: Node, value: str) -> bool:
    path = PurePosixPath(node.place.path)
    return fnmatchcase(path.name, value) or fnmatchcase(path.stem, value)


def _from_source(node: Node, value: str) -> bool:
    if not isinstance(node, SourceTable):
        return False
    match value.split("."):
        case [source]:
            return fnmatchcase(node.source, source)
        case [source, table]:
            return fnmatchcase(node.source, source) and fnmatchcase(node.name, table)
        case [package, source, table]:
            return (
                fnmatchcase(node.package, package)
                and fnmatchcase(node.source, source)
                and fnmatchcase(node.name, table)
            )
    return False


def _test_type(node: Node, value: str) -> bool:
    if isinstance(node, UnitTest):
        return value == "unit"
    if not isinstance(node, DataTest):
        return False
    match value:
        case "data":
            return True
        case "generic" | "schema":
            return node.kind is not None
        case "singular":
            return node.kind is None
        case "unit":
            return False
    raise UsageError(f"there is no test type {value!r}", hint="test_type: generic, singular, data or unit")


def _of(kind: type[Node]) -> Callable[[Node, str], bool]:
    """`exposure:NAME` and the like: `name`, or `package.name`, with wildcards."""

    def named(node: Node, value: str) -> bool:
        return isinstance(node, kind) and (
            fnmatchcase(node.name, value) or fnmatchcase(f"{node.package}.{node.name}", value)
        )

    return named


def _version(node: Node, value: str) -> bool:
    if not isinstance(node, Model):
        return False
    match value:
        case "latest":
            return node.is_latest
        case "none":
            return node.version is None
        case "old" | "prerelease":
            if node.version is None or node.latest_version is None or node.is_latest:
                return False
            return (_number(node.version) < _number(node.latest_version)) == (value == "old")
    raise UsageError(f"there is no version {value!r}", hint="version: latest, prerelease, old or none")


def _number(version: str) -> tuple[float, str]:
    try:
        return float(version), ""
    except ValueError:
        return float("inf"), version


def _configured(node: Node, path: list[str], wanted: str) -> bool:
    value: Any = node.config
    for key in path:
        if not isinstance(value, dict) or key not in value:
            return False
        value = value[key]
    if isinstance(value, list | tuple | set):
        return wanted.lower() in {str(one).lower() for one in value}
    if isinstance(value, dict):
        return wanted in value
    return str(value).lower() == wanted.lower()


METHODS: Mapping[str, Callable[[Node, str], bool]] = {
    "fqn": _named,
    "tag": lambda node, value: any(fnmatchcase(tag, value) for tag in node.tags),
    "file": _in_file,
    "package": lambda node, value: fnmatchcase(node.package, value),
    "source": _from_source,
    "resource_type": lambda node, value: RESOURCE_TYPES[type(node)] == value,
    "test_type": _test_type,
    "test_name": lambda node, value: (
        isinstance(node, DataTest) and node.kind is not None and fnmatchcase(node.kind.rpartition(".")[2], value)
    ),
    "group": lambda node, value: fnmatchcase(str(node.config.get("group") or ""), value),
    "access": lambda node, value: isinstance(node, Model) and node.access == value,
    "version": _version,
    "exposure": _of(Exposure),
    "metric": _of(Metric),
    "semantic_model": _of(SemanticModel),
    "saved_query": _of(SavedQuery),
    "unit_test": _of(UnitTest),
}
"""Methods that look at one node at a time; `path:` and `config.…:` are asked differently."""
