"""From a node's template to the SQL that runs."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headrace.errors import NotSupported
from headrace.project.nodes import DataTest, Model
from headrace.transform.context import Scene, names_for
from headrace.transform.linemap import Piece, placed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from headrace.errors import Place
    from headrace.project.nodes import Node
    from headrace.table import Table
    from headrace.transform.context import Runtime
    from headrace.warehouse.base import Connection
    from headrace.warehouse.base import Relation as Known

_BLANK = re.compile(r"(?:\s+|--[^\n]*(?:\n|\Z))+")
_WITH = re.compile(r"with(?=[\s\"/-])", re.IGNORECASE)
_RECURSIVE = re.compile(r"recursive(?=[\s\"/-])", re.IGNORECASE)
_LAST = re.compile(r"[;\s]*;[;\s]*\Z")


@dataclass(frozen=True, slots=True)
class Compiled:
    """A node's SQL with every name resolved. `pieces` joined are `sql`; `ephemeral` are the ids of the models inlined into it.

    `before` and `after` are the hooks: `after` runs when the node's table has its name.
    """

    sql: str
    place: Place
    pieces: tuple[Piece, ...]
    ephemeral: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    def blame(self) -> AbstractContextManager[None]:
        """A block in which the engine's complaints about this SQL get their place in the author's file."""
        return placed(self.sql, self.pieces, self.place)


def compile_node(
    node: Node,
    runtime: Runtime,
    connection: Connection,
    known: Mapping[Table, Known],
    audited: Mapping[str, Table] | None = None,
) -> Compiled:
    """Resolve the node's template over the session.

    `known` are the relations there are (`Connection.inspect`); `audited` says, by node id, where a result stands that is not yet
    published, so that a test reads it there. Raises what templates raise, and StatementFailed from queries of its macros.
    """
    if not isinstance(node, Model | DataTest):
        raise NotSupported(f"{node.unique_id} has no SQL to compile", where=node.place)
    found: dict[str, tuple[str, Piece]] = {}
    open_: list[str] = []

    def scene_of(one: Node) -> Scene:
        return Scene(
            node=one, runtime=runtime, connection=connection, known=known, ephemeral=inline, audited=audited or {}
        )

    def inline(model: Model) -> str:
        name = f"__dbt__cte__{model.name}"
        if model.unique_id not in found:
            if model.unique_id in open_:
                raise NotSupported(f"ephemeral model '{model.name}' refers to itself", where=model.place)
            open_.append(model.unique_id)
            found[model.unique_id] = (name, _rendered(model, scene_of(model)))
            open_.pop()
        return name

    body = _rendered(node, scene_of(node))
    before, after = _hooks(node, scene_of(node))
    pieces = inject(body, list(found.values()))
    return Compiled("".join(piece.text for piece in pieces), node.place, pieces, tuple(found), before, after)


def _rendered(node: Model | DataTest, scene: Scene) -> Piece:
    text = scene.runtime.manifest.templates.render(node.raw, names_for(scene), node.place, package=node.package)
    return Piece(_LAST.sub("", text), node.place, node.raw)


def _hooks(node: Node, scene: Scene) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The rendered hooks; one that comes out empty, as by an `if`, is none."""

    def rendered(key: str) -> tuple[str, ...]:
        given = node.config.get(f"{key}_hook") or node.config.get(f"{key}-hook") or ()
        hooks = [given] if isinstance(given, str | dict) else list(given)
        texts = [hook["sql"] if isinstance(hook, dict) else hook for hook in hooks]
        names = names_for(scene) if texts else {}
        done = (
            scene.runtime.manifest.templates.render(text, names, node.place, package=node.package) for text in texts
        )
        return tuple(sql for sql in done if sql.strip())

    return rendered("pre"), rendered("post")


def inject(body: Piece, ctes: list[tuple[str, Piece]]) -> tuple[Piece, ...]:
    """The body with the named queries as its first CTEs: into its own WITH if it begins with one, else in front of it."""
    if not ctes:
        return (body,)
    at = _after_with(body.text)
    glue = replace(body, raw=None)
    head, tail = body.text[:at], body.text[at:]
    pieces = [replace(body, text=head), replace(glue, text=" ")] if at else [replace(glue, text="with ")]
    for number, (name, query) in enumerate(ctes):
        pieces += [
            replace(glue, text=f"{', ' if number else ''}{name} as (\n"),
            query,
            replace(glue, text="\n)"),
        ]
    pieces += [replace(glue, text="," if at else "\n"), replace(body, text=tail)]
    return tuple(pieces)


def _after_with(sql: str) -> int:
    """How far the statement's own `with` (and `recursive`) reaches, 0 where it does not begin with one."""
    at = _skip_blank(sql, 0)
    found = _WITH.match(sql, at)
    if found is None:
        return 0
    beyond = _RECURSIVE.match(sql, _skip_blank(sql, found.end()))
    return (beyond or found).end()


def _skip_blank(sql: str, at: int) -> int:
    """Past white space and comments; `/* */` may nest, as in Postgres."""
    while True:
        found = _BLANK.match(sql, at)
        if found:
            at = found.end()
        elif sql.startswith("/*", at):
            at = _comment_end(sql, at)
        else:
            return at


def _comment_end(sql: str, at: int) -> int:
    depth = 0
    while at < len(sql):
        if sql.startswith("/*", at):
            depth, at = depth + 1, at + 2
        elif sql.startswith("*/", at):
            depth, at = depth - 1, at + 2
            if not depth:
                break
        else:
            at += 1
    return at
