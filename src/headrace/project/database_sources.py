"""Databases as sources."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from headrace.project.config import Config
from headrace.project.reflected import is_pattern
from headrace.project.shorthand import Names  # noqa: TC001 - pydantic reads the annotations
from headrace.project.stream_keys import StreamBase


class DatabaseStream(StreamBase):
    """A table of a database, or the result of a query in its dialect.

    `primary_key` and the columns' types are asked of the database. Without `table` and `query`, the stream's name is the table's.
    """

    kind: ClassVar[str] = "database"
    table: str | None = Field(default=None, description="`name`, or `schema.name`")
    query: str | None = Field(default=None, description="a SELECT in the database's own dialect")
    where: str | None = Field(
        default=None,
        description="a condition in the database's own dialect: rows of the table that do not meet it are not read",
    )
    included_columns: Names = ()
    excluded_columns: Names = ()
    rows_per_batch: int | None = Field(default=None, ge=1, description="instead of the source's")


class Database(Config):
    """What all streams of a database share."""

    url: str = Field(repr=False)
    schemas: Names = Field(
        default=(), alias="schema", description="one, or several, also as patterns such as `sales_*`"
    )
    parallel: int = Field(default=2, ge=1, description="ranges of one table that are read at once, under one snapshot")
    rows_per_batch: int = Field(default=100_000, ge=1, description="at most; wide rows come in smaller batches")

    @property
    def schema_name(self) -> str | None:
        """The schema of a table that says none; None where that is the session's own, or where there are several."""
        return self.schemas[0] if len(self.schemas) == 1 and not is_pattern(self.schemas[0]) else None


class DatabaseSource(Database):
    """A database: `postgresql://`, `mysql://`, `mariadb://`, `sqlserver://`, `oracle://`, `sqlite:///file` or `duckdb:///file`.

    `tables:` is a short form: each is a stream of that name. `all`, and names with `*` or `?`, stand for the tables that the database
    was last seen to have (by a load, or by `headrace source tables`). Where patterns mean several schemas, a stream is called
    `schema__table`. `defaults:` are keys that all its streams share.
    """

    type: Literal["database"]
    tables: Names = Field(default=(), description="names, patterns such as `sales_*` or `sales.*`, or `all`")
    excluded_tables: Names = Field(default=(), description="names and patterns that `tables:` does not mean")
    streams: dict[str, DatabaseStream] = {}
    description: str = ""
    meta: dict[str, Any] = {}
