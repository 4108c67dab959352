"""Files of the user: where the project is, and YAML 1.2 with the place of every key and value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from headrace.errors import Place, ProjectNotFound, YamlInvalid
from headrace.events import Warned, emit

if TYPE_CHECKING:
    from pathlib import Path

PROJECT_FILES = ("headrace.yml", "dbt_project.yml")


def find_root(start: Path) -> Path:
    """The nearest folder, from `start` upwards, that holds a project file. Raises ProjectNotFound."""
    start = start.resolve()
    for folder in (start, *start.parents):
        if any((folder / name).is_file() for name in PROJECT_FILES):
            return folder
    raise ProjectNotFound(
        f"there is no headrace.yml or dbt_project.yml in {start} or above it",
        hint="make a project with `headrace init`, or name its folder with --project-dir",
    )


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML file as data; `place` finds where a part of it stands."""

    data: Any
    path: str
    lines: tuple[str, ...] = ()
    node: yaml.Node | None = None

    def place(self, *path: str | int) -> Place:
        """Where the value at this path stands, or the last part of the path that is there."""
        return self._at(self._find(path)[1])

    def key_place(self, *path: str | int) -> Place:
        """Where the key at this path stands; for an item of a list, the item."""
        key, value = self._find(path)
        return self._at(key or value)

    def _find(self, path: tuple[str | int, ...]) -> tuple[yaml.Node | None, yaml.Node | None]:
        key: yaml.Node | None = None
        node = self.node
        for part in path:
            found = _child(node, part)
            if found is not None:
                key, node = found
        return key, node

    def _at(self, node: yaml.Node | None) -> Place:
        if node is None:
            return Place(self.path)
        line, column = node.start_mark.line, node.start_mark.column
        text = self.lines[line] if line < len(self.lines) else None
        return Place(self.path, line + 1, column + 1, text)


def _child(node: yaml.Node | None, part: str | int) -> tuple[yaml.Node | None, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return key, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return None, node.value[part]
    return None


class CoreLoader(yaml.CSafeLoader):
    """Plain words mean what YAML 1.2's core schema says: `on` and `no` are words, `012` is twelve, `1_000` is a word."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+0123456789."),
    ),
    ("merge", r"<<", ["<"]),
):
    CoreLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _first)


class OldLoader(yaml.CSafeLoader):
    """Plain words mean what YAML 1.1 says, as in dbt's files: `on` and `no` are true and false, `012` is ten, dates are dates."""


_OLD = yaml.constructor.SafeConstructor()


def read_yaml(path: Path, root: Path, *, old: bool = False) -> Document:
    """Read a YAML file; `old` ones are read as YAML 1.1, where a key may be there twice. Raises YamlInvalid."""
    shown = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    try:
        return parse_yaml(path.read_text(encoding="utf-8"), shown, old=old)
    except UnicodeDecodeError as error:
        raise YamlInvalid(f"the file is not UTF-8: {error.reason}", where=Place(shown)) from error


def parse_yaml(text: str, path: str, *, old: bool = False) -> Document:
    """YAML text as data; `path` is what errors call it. Raises YamlInvalid."""
    lines = tuple(text.splitlines())
    loader = OldLoader(text) if old else CoreLoader(text)
    try:
        node = loader.get_single_node()
        data = None if node is None else _Values(lines, path, old).value(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(part for part in (error.context, error.problem) if part)
        raise YamlInvalid(f"the YAML cannot be read: {what}", where=_spot(mark, lines, path)) from error
    except yaml.YAMLError as error:
        raise YamlInvalid(f"the YAML cannot be read: {error}", where=Place(path)) from error
    finally:
        loader.dispose()
    return Document(data, path, lines, node)


def _spot(mark: yaml.Mark | None, lines: tuple[str, ...], path: str) -> Place:
    if mark is None:
        return Place(path)
    line = min(mark.line, max(len(lines) - 1, 0))
    column = mark.column + 1 if line == mark.line else None
    return Place(path, line + 1, column, lines[line] if lines else None)


@dataclass(frozen=True, slots=True)
class _Values:
    """From a file's nodes to its data."""

    lines: tuple[str, ...]
    path: str
    old: bool

    def value(self, node: yaml.Node) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return _old_scalar(node) if self.old else _scalar(node, self.lines, self.path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item) for item in node.value]
        return self._mapping(node)

    def _mapping(self, node: yaml.Node) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        merged: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                value = self.value(value_node)
                for more in reversed(value if isinstance(value, list) else [value]):
                    merged.update(more)
                continue
            key = self.value(key_node)
            if isinstance(key, list | dict):
                raise YamlInvalid("a key has to be a plain word", where=self._spot(key_node))
            if key in found:
                self._twice(key, key_node, node)
            found[key] = self.value(value_node)
        return {**merged, **found} if merged else found

    def _twice(self, key: Any, key_node: yaml.Node, node: yaml.Node) -> None:
        first = next(one.start_mark.line + 1 for one, _ in node.value if one.value == key_node.value)
        where = self._spot(key_node)
        if not self.old:
            raise YamlInvalid(f"the key {key!r} is there twice", where=where, hint=f"the first one is in line {first}")
        emit(Warned(f"the key {key!r} is there twice: the last one counts", where=str(where)))

    def _spot(self, node: yaml.Node) -> Place:
        return _spot(node.start_mark, self.lines, self.path)


def _old_scalar(node: yaml.ScalarNode) -> Any:
    kind = node.tag.rpartition(":")[2]
    read = getattr(_OLD, f"construct_yaml_{kind}", None)
    return node.value if read is None or kind == "str" else read(node)


def _scalar(node: yaml.ScalarNode, lines: tuple[str, ...], path: str) -> Any:
    text: str = node.value
    match node.tag.rpartition(":")[2]:
        case "str" | "merge":
            return text
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        case "float":
            return float(
                text.replace(".inf", "inf").replace(".Inf", "inf").replace(".INF", "inf").lower().replace(".nan", "nan")
            )
    where = _spot(node.start_mark, lines, path)
    raise YamlInvalid(f"the tag {node.tag} is not known", where=where, hint="quote the value if it is text")
