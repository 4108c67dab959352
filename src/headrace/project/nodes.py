"""The nodes of a project: streams, external sources, seeds, models, snapshots and tests, as values.

Ids are dbt's: `model.shop.orders`, `seed.shop.stores`, `source.shop.api.orders`, `test.shop.unique_orders_order_id.0a1b2c3d4e`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.errors import Place
    from headrace.project.sources import Stream
    from headrace.table import Table

Materialized: TypeAlias = str
"""table, view, incremental or ephemeral, or the name of a materialization that a macro defines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeBase:
    """What every node has. `fqn` is package, folders and name; `place` is the file that declares it."""

    unique_id: str
    name: str
    package: str
    place: Place
    fqn: tuple[str, ...]
    tags: tuple[str, ...] = ()
    description: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    """The resolved config, all levels merged, with dbt's keys."""
    yaml: str | None = None
    """The YAML file that describes it, if one does."""
    depends_on: tuple[str, ...] = ()
    """Ids of the nodes it reads, in the order it names them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTable(NodeBase):
    """A table that `source()` can name: loaded by headrace where there is a stream, else by somebody else."""

    source: str
    table: Table
    stream: Stream | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    freshness: Mapping[str, Any] | None = None
    """dbt's `warn_after`, `error_after` and `filter`, source and table merged; None where nothing is asked of it."""
    loaded_at_field: str | None = None
    loaded_at_query: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Model(NodeBase):
    """A query in SQL, or a function in Python that gives a table.

    `raw` is its text as written; `columns` are names and descriptions from YAML, `types` their `data_type`s. `constraints` are those
    of the whole model, `column_constraints` those of its columns by name, as YAML has them.
    """

    raw: str
    table: Table
    materialized: Materialized
    columns: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    macros: tuple[str, ...] = ()
    language: Literal["sql", "python"] = "sql"
    constraints: tuple[Mapping[str, Any], ...] = ()
    column_constraints: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot(NodeBase):
    """A query whose rows are kept in every version they had. `raw` is the block's body, or a select from the YAML's `relation:`.

    Its `config` has dbt's keys: strategy, unique_key, updated_at, check_cols, hard_deletes, snapshot_meta_column_names and so on.
    """

    raw: str
    table: Table
    columns: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    macros: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed(NodeBase):
    """A CSV file of the project that becomes a table."""

    file: str
    table: Table
    columns: Mapping[str, str] = field(default_factory=dict)


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
    severity: Literal["error", "warn"] = "error"
    warn_if: str = "!= 0"
    error_if: str = "!= 0"
    fail_calc: str = "count(*)"
    where: str | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Rows that stand in for an input of a unit test, or that it expects.

    `input` is the call as written (`ref('orders')`, `source('api', 'orders')`, `this`), empty for what is expected. `rows` are mappings
    for the formats dict and csv (a CSV's values are text, an empty one None), a query for sql; a fixture's file is read already.
    """

    rows: tuple[Mapping[str, Any], ...] | str
    input: str = ""
    format: Literal["dict", "csv", "sql"] = "dict"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitTest(NodeBase):
    """A model's query over given rows, and the rows it has to give. `model` is the tested node's id, the first of `depends_on`.

    The other parents are those of the inputs. `overrides` has dbt's keys macros, vars and env_vars.
    """

    model: str
    given: tuple[Given, ...] = ()
    expect: Given
    overrides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


Node: TypeAlias = SourceTable | Model | Seed | DataTest

RESOURCE_TYPES: Mapping[type[Node], str] = {
    SourceTable: "source",
    Model: "model",
    Seed: "seed",
    DataTest: "test",
}
"""dbt's word for each kind of node, as in `--resource-type` and in ids."""
