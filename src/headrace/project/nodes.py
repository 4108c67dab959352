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

Materialized: TypeAlias = Literal["table", "view", "incremental", "ephemeral"]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Model(NodeBase):
    """An SQL file. `raw` is its text as written; `columns` are names and descriptions from YAML, `types` their `data_type`s."""

    raw: str
    table: Table
    materialized: Materialized
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


Node: TypeAlias = SourceTable | Model | Seed | DataTest

RESOURCE_TYPES: Mapping[type[Node], str] = {SourceTable: "source", Model: "model", Seed: "seed", DataTest: "test"}
"""dbt's word for each kind of node, as in `--resource-type` and in ids."""
