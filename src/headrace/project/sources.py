"""Sources and their streams, as `sources:` in headrace.yml and the files in sources/ declare them.

REST keys are those of dlt's `rest_api`, in YAML; see docs/reference/sources.md for what was added.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, model_validator

from headrace.errors import Place, SecretMissing  # noqa: TC001 - pydantic reads the annotations
from headrace.project.apis import Client, Endpoint
from headrace.project.config import Config
from headrace.project.shorthand import Names, Seconds, Text, short

Disposition: TypeAlias = Literal["append", "replace", "merge"]
Mode: TypeAlias = Literal["evolve", "freeze", "discard_row", "discard_value", "quarantine"]


class SchemaContract(Config):
    """What happens to new columns, and to values that break their column's type."""

    columns: Mode = "evolve"
    data_type: Mode = "quarantine"


def _same_mode(value: Any) -> Any:
    return {"columns": value, "data_type": value} if isinstance(value, str) else value


class Incremental(Config):
    """How only what is new is read: a cursor field, where it starts, and the request's parameters that carry it."""

    cursor_path: str
    initial_value: Text | None = None
    end_value: Text | None = None
    start_param: str | None = None
    end_param: str | None = None
    lag: Seconds | None = Field(default=None, description="seconds (or units of a number) re-read before the cursor")
    step: Seconds | None = Field(
        default=None,
        gt=0,
        description="read in windows of so many seconds (or units of a number), up to `end_value` or now",
    )
    format: str | None = Field(
        default=None,
        description="of values in requests: `epoch`, `epoch_ms`, or as strftime writes times, such as `%Y-%m-%d`",
    )
    scope: Literal["resource", "parent"] = Field(
        default="resource", description="`parent`: each parent, and each value of `for_each`, has a cursor of its own"
    )
    row_order: Literal["asc", "desc"] | None = None
    range_start: Literal["closed", "open"] = Field(
        default="closed", description="whether rows at the cursor are read again (they are not loaded twice); databases"
    )
    range_end: Literal["closed", "open"] = Field(
        default="open", description="whether rows at `end_value` belong to what is read; databases"
    )
    on_cursor_value_missing: Literal["raise", "include", "exclude"] = "include"


class ColumnSpec(Config):
    """A column that is declared rather than inferred."""

    type: str | None = None
    nullable: bool = True
    description: str = ""


class Transform(Config):
    """SQL over the arriving rows, which it calls `input`: in flight (before anything lands) or in the warehouse after the load."""

    sql: str
    when: Literal["in_flight", "after_load"] = "in_flight"


class Deletes(Config):
    """Which arriving rows delete: those where `column` is true (or equals `value`). Hard removes the row, soft marks it."""

    column: str
    value: str | None = None
    mode: Literal["hard", "soft"] = "hard"


class StreamBase(Config):
    """What every stream may say, whatever its source."""

    write_disposition: Disposition | None = None
    primary_key: Names = ()
    incremental: Annotated[Incremental | None, short("cursor_path")] = None
    columns: dict[str, Annotated[ColumnSpec, short("type")]] = {}
    schema_contract: Annotated[SchemaContract, BeforeValidator(_same_mode)] = SchemaContract()
    transform: Annotated[Transform | None, short("sql")] = None
    deletes: Deletes | None = None
    nested: Literal["json", "flatten"] = Field(
        default="json", description="objects stay JSON, or become columns named `outer__inner`; lists stay JSON"
    )
    table_name: str | None = None
    description: str = ""
    tags: Names = ()
    meta: dict[str, Any] = {}
    expect: str | None = Field(default=None, description="freshness, such as `every 24h`")
    enabled: bool = True


class RestStream(StreamBase, Endpoint):
    """A stream of an API: the endpoint's keys stand beside the stream's.

    `{resources.PARENT.FIELD}`, or a parameter `{type: resolve, resource: PARENT, field: FIELD}`, asks once for each row of another
    stream of the source; `{incremental.start_value}`, `{incremental.end_value}`, `{incremental.last_value}` and
    `{incremental.initial_value}` stand for the part that is read. What dlt does with functions (`convert`, `filter`, `map`) is
    SQL in `transform:`.
    """

    include_from_parent: Names = Field(default=(), description="fields of the parent, as columns named `_PARENT_FIELD`")
    cache: Seconds | None = Field(
        default=None, description="a stream that was loaded less than so long ago is not asked for again"
    )

    @model_validator(mode="before")
    @classmethod
    def _dlt_incremental(cls, data: Any) -> Any:
        """`params: {since: {type: incremental, …}}` is `incremental: {start_param: since, …}`."""
        params = data.get("params") if isinstance(data, dict) else None
        if not isinstance(params, dict):
            return data
        for name, value in params.items():
            if isinstance(value, dict) and value.get("type") == "incremental":
                said = {key: inner for key, inner in value.items() if key != "type"}
                others = {key: inner for key, inner in params.items() if key != name}
                return {**data, "params": others, "incremental": {"start_param": name, **said}}
        return data

    @property
    def parent(self) -> str | None:
        """The stream whose rows this one asks for, by its name in the same source."""
        return next(iter(sorted({name for name, _ in self.parent_fields})), None)

    @property
    def parent_fields(self) -> tuple[tuple[str, str], ...]:
        """Which fields of which stream the requests name, and those of `include_from_parent`."""
        job = (self.job.create, self.job.poll, self.job.download) if self.job else ()
        asked = [self.path, self.params, self.json_body, self.data, self.headers]
        asked += [part.model_dump() for part in job]
        found = dict.fromkeys(pair for one in asked for pair in _resources(one))
        owner = next(iter(found), None)
        kept = [(owner[0], name) for name in self.include_from_parent] if owner else []
        return tuple(dict.fromkeys([*found, *kept]))


def _resources(value: Any) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        if value.get("type") == "resolve":
            return [(str(value.get("resource")), str(value.get("field")))]
        return [pair for inner in value.values() for pair in _resources(inner)]
    if isinstance(value, (list, tuple)):
        return [pair for inner in value for pair in _resources(inner)]
    return re.findall(r"\{resources\.(\w+)\.([^{}]+)\}", value) if isinstance(value, str) else []


class FilesStream(StreamBase):
    """A stream of files: one table from all the files its path matches.

    `skip: true` would drop lines, so there is no such key: a line that cannot be read goes to quarantine.
    """

    path: str
    format: Literal["csv", "tsv", "jsonl", "json", "parquet"] | None = None
    delimiter: str | None = None
    header: bool | None = None
    encoding: str | None = None
    null_tokens: tuple[str, ...] = ("",)
    data_selector: str | None = None


class RestSource(Config):
    """An API. `defaults:` are keys that all its streams share."""

    type: Literal["rest"]
    client: Client
    streams: dict[str, RestStream]
    parallel_requests: int = Field(default=4, ge=1)
    description: str = ""
    meta: dict[str, Any] = {}


class FilesSource(Config):
    """Files of this machine. With `path:` alone, each file is a stream named after it."""

    type: Literal["files"]
    path: str | None = None
    streams: dict[str, FilesStream] = {}
    description: str = ""
    meta: dict[str, Any] = {}


class DatabaseStream(StreamBase):
    """A table of a database, or the result of a query in its dialect.

    `primary_key` and the columns' types are asked of the database. Without `table` and `query`, the stream's name is the table's.
    """

    table: str | None = Field(default=None, description="`name`, or `schema.name`")
    query: str | None = Field(default=None, description="a SELECT in the database's own dialect")
    included_columns: Names = ()
    excluded_columns: Names = ()
    rows_per_batch: int | None = Field(default=None, ge=1, description="instead of the source's")


class Database(Config):
    """What all streams of a database share."""

    url: str = Field(repr=False)
    schema_name: str | None = Field(default=None, alias="schema")
    parallel: int = Field(default=2, ge=1, description="ranges of one table that are read at once, under one snapshot")
    rows_per_batch: int = Field(default=100_000, ge=1, description="at most; wide rows come in smaller batches")


class DatabaseSource(Database):
    """A database: `postgresql://`, `mysql://`, `mariadb://`, `sqlite:///file` or `duckdb:///file`.

    `tables:` is a short form: each is a stream of that name. `defaults:` are keys that all its streams share.
    """

    type: Literal["database"]
    tables: Names = ()
    streams: dict[str, DatabaseStream] = {}
    description: str = ""
    meta: dict[str, Any] = {}


SourceSpec: TypeAlias = Annotated[RestSource | FilesSource | DatabaseSource, Field(discriminator="type")]


class Stream(Config):
    """One stream with all that is known of it: what the later stages are handed.

    `source` and `name` make its id `source.PROJECT.SOURCE.NAME` and its dbt name `source('SOURCE', 'NAME')`.
    """

    source: str
    name: str
    spec: RestStream | FilesStream | DatabaseStream
    client: Client | None = None
    database: Database | None = None
    folder: str = "."
    parallel_requests: int = 4
    place: Place | None = None
    missing: SecretMissing | None = Field(default=None, repr=False, exclude=True)

    def ready(self) -> None:
        """Nothing, unless a secret that the stream needs has no value: then SecretMissing, as only a load needs it."""
        if self.missing is not None:
            raise self.missing

    @property
    def label(self) -> str:
        """`source.name`, as messages and selections write it."""
        return f"{self.source}.{self.name}"

    @property
    def disposition(self) -> Disposition:
        """As declared; else merge where there is a key, append where there is only a cursor, replace otherwise."""
        if self.spec.write_disposition:
            return self.spec.write_disposition
        if self.spec.primary_key:
            return "merge"
        return "append" if self.spec.incremental else "replace"
