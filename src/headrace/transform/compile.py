"""From a node's template to the SQL that runs."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from headrace.errors import NotSupported
from headrace.project.names import from_json
from headrace.project.nodes import Analysis, DataTest, Model, Seed, Snapshot
from headrace.project.setup import Setup
from headrace.transform.built import Hook
from headrace.transform.context import Scene, adds_to, names_for
from headrace.transform.linemap import Piece, placed
from headrace.transform.lookup import materialization_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from headrace.errors import Place
    from headrace.project.macros import Macro
    from headrace.project.nodes import Node
    from headrace.project.template import Templates
    from headrace.table import Table
    from headrace.transform.batches import Batch
    from headrace.transform.runtime import Runtime
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
    before: tuple[Hook, ...] = ()
    after: tuple[Hook, ...] = ()
    names: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The names the template was resolved with, for what is rendered later."""
    incremental: bool = False
    """Whether the node's table is there and is added to."""
    batch: Batch | None = None
    templates: Templates | None = None
    macro: Macro | None = None
    """The project's own materialization of the model, if it has one."""
    evaluate: Callable[[str], Any] = str
    """What a template of one expression means among the node's names."""
    setup: Setup = field(default_factory=Setup)
    """What the target's sessions were given, such as the folder of files that models become."""

    def blame(self) -> AbstractContextManager[None]:
        """A block in which the engine's complaints about this SQL get their place in the author's file."""
        return placed(self.sql, self.pieces, self.place)


def compile_node(
    node: Node,
    runtime: Runtime,
    connection: Connection,
    known: Mapping[Table, Known],
    audited: Mapping[str, Table] | None = None,
    *,
    batch: Batch | None = None,
    adds: bool | None = None,
) -> Compiled:
    """Resolve the node's template over the session.

    `known` are the relations there are (`Connection.inspect`); `audited` says, by node id, where a result stands that is not yet
    published, so that a test reads it there. `batch` is the window of a microbatch model, `adds` whether it adds to the table.
    Raises what templates raise, and StatementFailed from queries of its macros.
    """
    if not isinstance(node, Model | DataTest | Snapshot | Seed | Analysis):
        raise NotSupported(f"{node.unique_id} has no SQL to compile", where=node.place)
    inlined = _Inlined(
        lambda one, inline: Scene(
            node=one,
            runtime=runtime,
            connection=connection,
            known=known,
            ephemeral=inline,
            audited=audited or {},
            batch=batch if one is node else None,
            adds=adds if one is node else None,
        )
    )
    scene = inlined.scene(node, inlined.name)
    names, templates = names_for(scene), runtime.manifest.templates
    body = _rendered(node, scene, names)
    pieces = inject(body, list(inlined.found.values()))
    sql = "".join(piece.text for piece in pieces)
    names["sql"] = names["compiled_code"] = sql
    macro = materialization_of(node, templates) if isinstance(node, Model) else None
    # A materialization of the project's own runs the hooks itself.
    before, after = ((), ()) if macro else (hooks(node, runtime, names, side) for side in ("pre", "post"))
    return Compiled(
        sql,
        node.place,
        pieces,
        tuple(inlined.found),
        before,
        after,
        names,
        adds_to(scene),
        batch,
        templates,
        macro,
        lambda text: templates.evaluate(text, names, node.place, package=node.package),
        runtime.manifest.settings.target.setup,
    )


class _Inlined:
    """The ephemeral models that a node comes to read, each once; `scene` makes the scene of one."""

    def __init__(self, scene: Callable[[Node, Callable[[Model], str]], Scene]) -> None:
        self.scene = scene
        self.found: dict[str, tuple[str, Piece]] = {}
        self._open: list[str] = []

    def name(self, model: Model) -> str:
        """What the CTE of an ephemeral model is called, after rendering the model if that was not done yet."""
        name = f"__dbt__cte__{model.name}"
        if model.unique_id not in self.found:
            if model.unique_id in self._open:
                raise NotSupported(f"ephemeral model '{model.name}' refers to itself", where=model.place)
            self._open.append(model.unique_id)
            inner = self.scene(model, self.name)
            self.found[model.unique_id] = (name, _rendered(model, inner, names_for(inner)))
            self._open.pop()
        return name


def stand_in(
    model: Model,
    runtime: Runtime,
    connection: Connection,
    known: Mapping[Table, Known],
    names_of: Callable[[Scene], Mapping[str, Any]],
    inputs: Sequence[tuple[str, Piece]],
) -> Compiled:
    """A model's query over inputs that are CTEs, with the names that `names_of` gives it instead of its own."""

    def lone(_: Model) -> str:
        return ""

    scene = Scene(node=model, runtime=runtime, connection=connection, known=known, ephemeral=lone)
    names = names_of(scene)
    pieces = inject(_rendered(model, scene, names), list(inputs))
    return Compiled("".join(piece.text for piece in pieces), model.place, pieces)


def _rendered(node: Model | DataTest | Snapshot | Seed | Analysis, scene: Scene, names: Mapping[str, Any]) -> Piece:
    if isinstance(node, Seed):
        return Piece("", node.place, "")  # a file of data has hooks, and nothing to say in SQL
    if isinstance(node, Model) and node.language == "python":
        return Piece(node.raw, node.place, node.raw)
    text = scene.runtime.manifest.templates.render(node.raw, names, node.place, package=node.package)
    return Piece(_LAST.sub("", text), node.place, node.raw)


def hooks(node: Node, runtime: Runtime, names: Mapping[str, Any], side: Literal["pre", "post"]) -> tuple[Hook, ...]:
    """The node's hooks of one side, to be rendered when they run; one may be text, or a mapping with `sql` and `transaction`."""
    given = node.config.get(f"{side}_hook") or node.config.get(f"{side}-hook") or ()
    found = [given] if isinstance(given, str | dict) else list(given)
    return tuple(_hook(one, node, runtime, names) for one in found)


def _hook(given: Any, node: Node, runtime: Runtime, names: Mapping[str, Any]) -> Hook:
    parts = given
    if isinstance(given, str) and given.lstrip().startswith("{") and '"sql"' in given:
        # What dbt's before_begin(), after_commit() and in_transaction() write.
        parts = from_json(given, given)
    text, inside = (
        (str(parts.get("sql") or ""), parts.get("transaction", True)) if isinstance(parts, dict) else (str(given), True)
    )

    def render() -> str:
        return runtime.manifest.templates.render(text, names, node.place, package=node.package)

    return Hook(render, bool(inside))


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
