"""The nodes of a project: everything that files declare and that can be selected, as values.

Ids are dbt's: `model.shop.orders`, `model.shop.orders.v2`, `seed.shop.stores`, `snapshot.shop.prices`, `source.shop.api.orders`,
`test.shop.unique_orders_order_id.0a1b2c3d4e`, `unit_test.shop.orders.totals_add_up`, `exposure.shop.dashboard`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.errors import Place
    from headrace.project.sources import Stream
    from headrace.table import Table

Materialized: TypeAlias = str
"""`table`, `view`, `incremental`, `ephemeral`, `materialized_view`, or the name of a materialization that a macro defines."""


class Ref(NamedTuple):
    """The words of one `ref()`."""

    package: str | None
    name: str
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeBase:
    """What every node has. `fqn` is package, folders and name; `place` is the file that declares it, from the project's root."""

    unique_id: str
    name: str
    package: str
    place: Place
    fqn: tuple[str, ...]
    path: str = ""
    """The file that declares it, from the root of its package: dbt's `original_file_path`."""
    tags: tuple[str, ...] = ()
    description: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    """The resolved config, all levels merged, with dbt's keys."""
    unrendered: Mapping[str, Any] = field(default_factory=dict)
    """What was written of the config in YAML and project files, before Jinja was evaluated."""
    yaml: str | None = None
    """The YAML file that describes it, from the root of its package, if one does."""
    depends_on: tuple[str, ...] = ()
    """Ids of the nodes it reads, in the order it names them."""
    macros: tuple[str, ...] = ()
    """Ids of the macros that its template calls, in order of the call."""
    reached: tuple[str, ...] = ()
    """Ids of all macros that its template came through while it was recorded, in order of name."""
    refs: tuple[Ref, ...] = ()
    sources: tuple[tuple[str, str], ...] = ()
    """The words of each `ref()` and `source()` in it."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Descriptions of columns by name."""
    column_specs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """All that YAML says of each column (`data_type`, `quote`, `meta`, `tags`, `constraints`…), tests left out."""
    checksum: str = ""
    """SHA-256 of the file's content, for the comparison of states; empty where a node has no file of its own."""

    @property
    def group(self) -> str | None:
        """The group that it belongs to."""
        group = self.config.get("group")
        return None if group is None else str(group)

    @property
    def types(self) -> dict[str, str]:
        """The declared `data_type`s of columns by name."""
        return {name: str(spec["data_type"]) for name, spec in self.column_specs.items() if spec.get("data_type")}

    @property
    def column_constraints(self) -> dict[str, tuple[Mapping[str, Any], ...]]:
        """The declared constraints of columns by name, of those that have some."""
        return {name: tuple(spec["constraints"]) for name, spec in self.column_specs.items() if spec.get("constraints")}


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTable(NodeBase):
    """A table that `source()` can name: loaded by headrace where there is a stream, else by somebody else."""

    source: str
    table: Table
    stream: Stream | None = None
    freshness: Mapping[str, Any] | None = None
    """dbt's `warn_after`, `error_after` and `filter`, source and table merged; None where nothing is asked of it."""
    loaded_at_field: str | None = None
    loaded_at_query: str | None = None
    identifier: str = ""
    location: str | None = None
    """What a query reads in its place where it is no table but files: `'data/x.csv'` or a call such as `read_csv(…)`."""
    plugin: str | None = None
    """The plugin of dbt-duckdb that would have to load it."""
    loader: str = ""
    source_description: str = ""
    source_meta: Mapping[str, Any] = field(default_factory=dict)
    external: Mapping[str, Any] | None = None
    quoting: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model(NodeBase):
    """A model: SQL, or Python with `def model(dbt, session)`. `raw` is its text as written.

    A versioned model keeps its bare `name`; its id ends in `.v2`, its `fqn` in `v2`, and its table is called `name_v2`.
    """

    raw: str
    table: Table
    materialized: Materialized
    language: Literal["sql", "python"] = "sql"
    version: str | None = None
    latest_version: str | None = None
    constraints: tuple[Mapping[str, Any], ...] = ()
    """Constraints of the table as a whole; those of columns are in `column_specs`."""
    deprecation_date: str | None = None
    time_spine: Mapping[str, Any] | None = None
    primary_key: tuple[str, ...] = ()

    @property
    def access(self) -> str:
        """Who may refer to it: `private` (its group), `protected` (its project) or `public`."""
        return str(self.config.get("access") or "protected")

    @property
    def contracted(self) -> bool:
        """Whether its contract is enforced."""
        return bool((self.config.get("contract") or {}).get("enforced"))

    @property
    def is_latest(self) -> bool:
        """Whether `ref()` without a version means this version."""
        return self.version is not None and self.version == self.latest_version


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed(NodeBase):
    """A CSV file of the project that becomes a table. `file` is its whole path."""

    file: str
    table: Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot(NodeBase):
    """A query whose changing rows are kept with the times between which they held.

    `config` has `strategy` (`timestamp` or `check`), `unique_key`, `updated_at`, `check_cols`, `hard_deletes` (`ignore`, `invalidate`
    or `new_record`), `dbt_valid_to_current`, `snapshot_meta_column_names`. One that YAML declares with `relation:` has a `raw` that
    selects everything from it.
    """

    raw: str
    table: Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis(NodeBase):
    """A query that is compiled and never run."""

    raw: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DataTest(NodeBase):
    """A query for the rows that break a promise: a generic test with arguments, or a singular one from a file.

    `raw` is the template that gives the query. `attached` is the node it is declared on, `column` the column, `kind` the generic
    test's name (`unique`, `dbt_utils.accepted_range`), `arguments` what the YAML hands it.
    """

    raw: str
    attached: str | None = None
    column: str | None = None
    kind: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What a generic test's declaration configures, in dbt's order, with the alias that a long name gets."""
    severity: Literal["error", "warn"] = "error"
    warn_if: str = "!= 0"
    error_if: str = "!= 0"
    fail_calc: str = "count(*)"
    where: str | None = None
    limit: int | None = None
    failures: Table | None = None
    """Where its failing rows are kept, if they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Rows that stand in for an input of a unit test, or that it expects.

    `input` is the call as written (`ref('orders')`, `source('api', 'orders')`, `this`), empty for what is expected; `node` is the id
    of what it names. `rows` are mappings for the formats dict and csv (a CSV's values are text, an empty one None), a query for sql;
    the file of a `fixture` is read already.
    """

    rows: tuple[Mapping[str, Any], ...] | str
    input: str = ""
    format: Literal["dict", "csv", "sql"] = "dict"
    node: str | None = None
    fixture: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitTest(NodeBase):
    """A model's query over given rows, and the rows it has to give. `model` is the tested node's id, the first of `depends_on`.

    The other parents are those of the inputs. `overrides` has dbt's keys macros, vars and env_vars.
    """

    model: str
    given: tuple[Given, ...] = ()
    expect: Given
    overrides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure(NodeBase):
    """Something outside that uses the project's tables."""

    type: str
    owner: Mapping[str, Any]
    label: str | None = None
    maturity: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric(NodeBase):
    """A metric as declared, kept for the artifacts. `spec` is its YAML."""

    spec: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SemanticModel(NodeBase):
    """A semantic model as declared, kept for the artifacts. `spec` is its YAML."""

    spec: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedQuery(NodeBase):
    """A saved query as declared, kept for the artifacts. `spec` is its YAML."""

    spec: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """An owner of models; those that are private can be referred to inside the group only."""

    unique_id: str
    name: str
    package: str
    place: Place
    path: str
    owner: Mapping[str, Any]
    description: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocBlock:
    """A `{% docs name %}` block; its text is what `doc('name')` gives."""

    unique_id: str
    name: str
    package: str
    path: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MacroNode:
    """A macro as the artifacts show it. `arguments` and `description` are those of YAML."""

    unique_id: str
    name: str
    package: str
    path: str
    text: str
    description: str = ""
    arguments: tuple[Mapping[str, Any], ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)
    docs: Mapping[str, Any] = field(default_factory=dict)
    yaml: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook(NodeBase):
    """A statement of `on-run-start` or `on-run-end`; those of packages come before the project's own. It is no node of the graph."""

    when: Literal["on-run-start", "on-run-end"]
    index: int
    raw: str


Node: TypeAlias = (
    SourceTable
    | Model
    | Seed
    | Snapshot
    | Analysis
    | DataTest
    | UnitTest
    | Exposure
    | Metric
    | SemanticModel
    | SavedQuery
    | Hook
)

Relational: TypeAlias = SourceTable | Model | Seed | Snapshot
"""The nodes that stand for a table."""

Referable: TypeAlias = Model | Seed | Snapshot
"""The nodes that `ref()` can name."""

RESOURCE_TYPES: Mapping[type[Node], str] = {
    SourceTable: "source",
    Model: "model",
    Seed: "seed",
    Snapshot: "snapshot",
    Analysis: "analysis",
    DataTest: "test",
    UnitTest: "unit_test",
    Exposure: "exposure",
    Metric: "metric",
    SemanticModel: "semantic_model",
    SavedQuery: "saved_query",
    Hook: "operation",
}
"""dbt's word for each kind of node, as in `--resource-type` and in ids."""
