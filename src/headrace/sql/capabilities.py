"""What an engine can do, as data: the statements are chosen by these, not by engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.schema import Kind


@dataclass(frozen=True, slots=True)
class Capabilities:
    """An engine's traits.

    `transactions`: ddl (tables are made and dropped inside one), dml, or none. `merge`: how changed rows of a stream
    are written, in place (update), or by delete + insert (which on DuckDB needs two thirds of the memory). `view_replace`: any, or drop_create where a view's columns
    cannot change in place. `views_follow_names`: False where a view holds the table itself, so that dropping it takes the view.
    `retypes_gone`: True where a change of a column's type also casts what rows hold that were deleted and are not cleared away yet.
    `partitions`: whether a table is declared to be in partitions, which are made before their rows come.
    `types`: the engine's word for each kind; `{precision}` and `{scale}` stand in decimal's, `{item}` in list's.
    """

    dialect: Literal["duckdb", "postgres"]
    default_schema: str
    transactions: Literal["ddl", "dml", "none"]
    merge: Literal["update", "delete_insert"]
    view_replace: Literal["any", "drop_create"]
    views_follow_names: bool
    retypes_gone: bool
    max_name: int
    partitions: bool
    types: Mapping[Kind, str]
