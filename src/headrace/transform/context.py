"""The names that a template sees when it is resolved: all of dbt's, for one node over one session."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from headrace.errors import NotSupported, TemplateInvalid
from headrace.events import Said, emit
from headrace.project.generic import ARGUMENTS, render_arguments
from headrace.project.nodes import DataTest, Model, Relational
from headrace.project.shown import node_dict, section
from headrace.transform.adapter import Adapter
from headrace.transform.batches import sample_window
from headrace.transform.relation import Column, Relation
from headrace.transform.statements import Statements

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from headrace.project.manifest import Manifest
    from headrace.project.nodes import Node, Referable
    from headrace.table import Table
    from headrace.transform.batches import Batch
    from headrace.transform.runtime import Runtime
    from headrace.warehouse.base import Connection
    from headrace.warehouse.base import Relation as Known

FLAGS: Mapping[str, Any] = {
    "FULL_REFRESH": False,
    "STORE_FAILURES": False,
    "WHICH": "build",
    "EMPTY": False,
    "DEBUG": False,
    "FAIL_FAST": False,
    "WARN_ERROR": False,
    "USE_COLORS": False,
    "VERSION_CHECK": True,
    "INDIRECT_SELECTION": "eager",
    "CACHE_SELECTED_ONLY": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One node about to be resolved: `known` are the relations there are, `audited` the unpublished results by node id.

    `ephemeral` is told each ephemeral model that the template refers to, and answers the name of its CTE.
    """

    node: Node
    runtime: Runtime
    connection: Connection
    known: Mapping[Table, Known]
    ephemeral: Callable[[Model], str]
    audited: Mapping[str, Table] = field(default_factory=dict)
    batch: Batch | None = None
    adds: bool | None = None
    """Whether a batch adds to the table; None where the table itself says."""


def names_for(scene: Scene) -> dict[str, Any]:
    """The mapping a template of the node is rendered with."""
    runtime, node = scene.runtime, scene.node
    names: dict[str, Any] = runtime.manifest.names(node.package)
    adapter = Adapter(
        scene.connection,
        runtime.manifest.templates.dispatch,
        whole=runtime.manifest.settings.relation_names == "database",
        external_root=runtime.manifest.settings.target.setup.external_root,
    )
    statements = Statements(adapter)
    database = names["target"].get("database") or adapter.database
    ref, source, config = _ref(scene, adapter), _source(scene, adapter), Config(node)
    names.update(
        ref=ref,
        source=source,
        config=config,
        this=Relation.of(node.table, adapter.database, _kind(scene), whole=adapter.whole)
        if isinstance(node, Relational)
        else None,
        target={**names["target"], "database": database, "dbname": database},
        is_incremental=lambda: adds_to(scene),
        should_full_refresh=lambda: should_full_refresh(node, full_refresh=runtime.full_refresh),
        should_store_failures=lambda: should_store_failures(node, bool(runtime.flags.get("STORE_FAILURES"))),
        execute=True,
        adapter=adapter,
        database=database,
        api=SimpleNamespace(Relation=Relation, Column=Column),
        run_query=statements.run_query,
        statement=statements.statement,
        load_result=statements.load_result,
        store_result=statements.store_result,
        store_raw_result=statements.store_raw_result,
        load_relation=lambda it: adapter.get_relation(it.database, it.schema, it.identifier),
        flags=SimpleNamespace(**{**FLAGS, **runtime.flags}),
        invocation_id=runtime.invocation,
        run_started_at=runtime.started,
        model=_in_batch(scene, node_dict(node, runtime.manifest.settings)),
        graph=Nodes(runtime),
        selected_resources=list(runtime.selected),
        invocation_args_dict={key.lower(): value for key, value in runtime.flags.items()},
        thread_id="Thread-1",
        log=say,
        print=shout,
        render=lambda text: runtime.manifest.templates.render(text, names, node.place, package=node.package),
        write=adapter.write,
        context=names,
    )
    names["builtins"] = dict(names)
    if isinstance(node, DataTest) and node.kind is not None:
        templates = runtime.manifest.templates
        names[ARGUMENTS] = render_arguments(
            node.arguments,
            lambda text, more: templates.evaluate(text, {**names, **more}, node.place, package=node.package),
        )
    return names


def adds_to(scene: Scene) -> bool:
    """Whether the scene's node adds to its table."""
    if scene.adds is not None:
        return scene.adds
    return is_incremental(scene.node, scene.known, full_refresh=scene.runtime.full_refresh)


def _read(scene: Scene, node: Node) -> str | None:
    """Which rows of a relation the scene's template reads: none of a run that is to be empty, or those of a window of time."""
    flags = scene.runtime.flags
    if flags.get("EMPTY"):
        return "false limit 0"
    column = node.config.get("event_time")
    if not column or isinstance(scene.node, DataTest):
        return None
    window = scene.batch.window if scene.batch else sample_window(flags.get("SAMPLE"), scene.runtime.started)
    return (window.condition(str(column)) or None) if window else None


def _in_batch(scene: Scene, model: Any) -> Any:
    """The node as `model` shows it, with the batch that is being built."""
    if scene.batch is None:
        return model
    window = scene.batch.window
    batch = {"id": scene.batch.id, "event_time_start": window.start, "event_time_end": window.end}
    return {**model, "batch": batch}


def is_incremental(node: Node, known: Mapping[Table, Known], *, full_refresh: bool) -> bool:
    """Whether the node adds to a table that is there: false on the first run and on a full refresh."""
    if not isinstance(node, Model) or node.materialized != "incremental":
        return False
    held = known.get(node.table)
    return held is not None and held.kind == "table" and not should_full_refresh(node, full_refresh=full_refresh)


def should_full_refresh(node: Node, *, full_refresh: bool) -> bool:
    """The node's own `full_refresh` config, or else the command line's."""
    own = node.config.get("full_refresh")
    return full_refresh if own is None else bool(own)


def should_store_failures(node: Node, wished: bool) -> bool:
    """The node's own `store_failures` config, or else the command line's."""
    own = node.config.get("store_failures")
    return wished if own is None else bool(own)


def say(msg: Any, info: bool = False) -> str:
    """Nothing in place of the call; the message goes to the log, and to the terminal with `info=True`."""
    emit(Said(str(msg), shown=info))
    return ""


def shout(msg: Any) -> str:
    """Nothing in place of the call; the message goes to the terminal."""
    return say(msg, info=True)


class Config:
    """`config`: setting is done while the project is read, so a call says nothing here; reading gives the merged result."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def __call__(self, *_: Any, **__: Any) -> str:
        """Nothing, in place of the call."""
        return ""

    def set(self, name: str, value: Any) -> str:
        """Nothing, in place of the call."""
        return ""

    def get(self, name: str, default: Any = None, validator: Any = None) -> Any:
        """A config's value; where it is not set, what `meta` says, or the default."""
        found = self._node.config.get(name)
        if found is None:
            found = self._node.meta.get(name)
        return default if found is None else found

    def require(self, name: str, validator: Any = None) -> Any:
        """A config's value, which has to be set. Raises TemplateInvalid."""
        found = self.get(name, None, validator)
        if found is None:
            raise TemplateInvalid(f"{self._node.name} needs the config '{name}'", where=self._node.place)
        return found

    def meta_get(self, name: str, default: Any = None) -> Any:
        """A value of `meta`, or the default."""
        return self._node.meta.get(name, default)

    def persist_relation_docs(self) -> bool:
        """Whether the description becomes the table's comment."""
        return bool((self.get("persist_docs") or {}).get("relation"))

    def persist_column_docs(self) -> bool:
        """Whether the columns' descriptions become their comments."""
        return bool((self.get("persist_docs") or {}).get("columns"))


_GRAPH = ("nodes", "sources", "exposures", "metrics", "groups", "semantic_models", "saved_queries")


class Nodes(MutableMapping[str, Any]):
    """`graph`: the project's nodes as dbt's manifest shows them, each part made when a template of the run first asks for it.

    Packages keep things of their own in it, which all templates of the run then see.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def __getitem__(self, part: str) -> Any:
        """The nodes of a part by id. Raises KeyError."""
        held = self._runtime.shown
        if part not in held and part in _GRAPH:
            held[part] = _part(self._runtime.manifest, part)
        return held[part]

    def __setitem__(self, part: str, value: Any) -> None:
        self._runtime.shown[part] = value

    def __delitem__(self, part: str) -> None:
        del self._runtime.shown[part]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*_GRAPH, *self._runtime.shown)))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __getattr__(self, part: str) -> Any:
        try:
            return self[part]
        except KeyError:
            raise AttributeError(part) from None


def _part(manifest: Manifest, part: str) -> dict[str, Any]:
    if part == "groups":
        return {group.unique_id: {"name": group.name, "owner": dict(group.owner)} for group in manifest.groups.values()}
    found = {one: node_dict(node, manifest.settings) for one, node in manifest.nodes.items() if section(node) == part}
    if part == "nodes":
        found |= {hook.unique_id: node_dict(hook, manifest.settings) for hook in manifest.hooks}
    return found


def _ref(scene: Scene, adapter: Adapter) -> Callable[..., Relation]:
    def ref(*names: str, version: Any = None, v: Any = None) -> Relation:
        if len(names) not in (1, 2):
            raise TemplateInvalid(
                f"ref takes a name, or a package and a name; it got {len(names)}", where=scene.node.place
            )
        package = names[0] if len(names) == 2 else None
        node = _found(scene, names[-1], package, v if version is None else version)
        if isinstance(node, Model) and node.materialized == "ephemeral":
            return Relation.cte(scene.ephemeral(node))
        return _relation(scene, node, adapter)

    return ref


def _found(scene: Scene, name: str, package: str | None, version: Any) -> Referable:
    manifest, node = scene.runtime.manifest, scene.node
    return manifest.ref(name, node.place, package=package, version=version, asker=node.package)


def _source(scene: Scene, adapter: Adapter) -> Callable[[str, str], Relation]:
    def source(source_name: str, table_name: str) -> Relation:
        found = scene.runtime.manifest.source(source_name, table_name, scene.node.place, asker=scene.node.package)
        if found.plugin is not None:
            raise NotSupported(
                f"the source {source_name}.{table_name} is read by the plugin {found.plugin!r} of dbt-duckdb",
                where=found.place,
                hint="give it an `external_location:`, or a stream of that name in headrace.yml",
            )
        return replace(_relation(scene, found, adapter), external=found.location)

    return source


def _relation(scene: Scene, node: Any, adapter: Adapter) -> Relation:
    table = scene.audited.get(node.unique_id) or scene.runtime.deferred.get(node.unique_id, node.table)
    held = scene.known.get(table)
    return replace(
        Relation.of(table, adapter.database, held.kind if held else None, whole=adapter.whole), only=_read(scene, node)
    )


def _kind(scene: Scene) -> str | None:
    held = scene.known.get(scene.node.table) if isinstance(scene.node, Relational) else None
    materialized = scene.node.materialized if isinstance(scene.node, Model) else "table"
    return held.kind if held else {"view": "view"}.get(materialized, "table")
