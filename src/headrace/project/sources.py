"""Sources and their streams, as `sources:` in headrace.yml and the files in sources/ declare them.

REST keys are those of dlt's `rest_api`, in YAML; see docs/reference/sources.md for what was added.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field

from headrace.errors import Place, SecretMissing  # noqa: TC001 - pydantic reads the annotations
from headrace.project.config import Config

Disposition: TypeAlias = Literal["append", "replace", "merge"]
Mode: TypeAlias = Literal["evolve", "freeze", "discard_row", "discard_value", "quarantine"]


def _short(key: str) -> BeforeValidator:
    """A plain word stands for a mapping with that word under `key`."""
    return BeforeValidator(lambda value: {key: value} if isinstance(value, str) else value)


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Names: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(_several)]
"""One name, or a list of them."""


class SchemaContract(Config):
    """What happens to new columns, and to values that break their column's type."""

    columns: Mode = "evolve"
    data_type: Mode = "quarantine"


def _same_mode(value: Any) -> Any:
    return {"columns": value, "data_type": value} if isinstance(value, str) else value


class Incremental(Config):
    """How only what is new is read: a cursor field, where it starts, and the request's parameters that carry it."""

    cursor_path: str
    initial_value: str | None = None
    end_value: str | None = None
    start_param: str | None = None
    end_param: str | None = None
    lag: float | None = Field(default=None, description="seconds (or units of a number) re-read before the cursor")
    row_order: Literal["asc", "desc"] | None = None
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
    incremental: Annotated[Incremental | None, _short("cursor_path")] = None
    columns: dict[str, Annotated[ColumnSpec, _short("type")]] = {}
    schema_contract: Annotated[SchemaContract, BeforeValidator(_same_mode)] = SchemaContract()
    transform: Annotated[Transform | None, _short("sql")] = None
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


class BearerAuth(Config):
    """`Authorization: Bearer TOKEN`."""

    type: Literal["bearer"]
    token: str = Field(repr=False)


class ApiKeyAuth(Config):
    """A key in a header, the query or a cookie."""

    type: Literal["api_key"]
    api_key: str = Field(repr=False)
    name: str = "Authorization"
    location: Literal["header", "query", "cookie"] = "header"


class HttpBasicAuth(Config):
    """User name and password."""

    type: Literal["http_basic"]
    username: str
    password: str = Field(repr=False)


Auth: TypeAlias = Annotated[BearerAuth | ApiKeyAuth | HttpBasicAuth, Field(discriminator="type")]


class JsonLink(Config):
    """The body holds the next page's URL."""

    type: Literal["json_link"]
    next_url_path: str = "next"


class HeaderLink(Config):
    """A Link header holds the next page's URL (RFC 8288)."""

    type: Literal["header_link"]
    links_next_key: str = "next"


class CursorPaging(Config):
    """The body holds a token that the next request sends back."""

    type: Literal["cursor"]
    cursor_path: str = "cursors.next"
    cursor_param: str | None = None
    cursor_body_path: str | None = None
    has_more_path: str | None = None
    stop_after_empty_page: bool = False


class OffsetPaging(Config):
    """Requests say how many records to skip."""

    type: Literal["offset"]
    limit: int
    offset: int = 0
    offset_param: str = "offset"
    limit_param: str = "limit"
    total_path: str | None = "total"
    maximum_offset: int | None = None
    has_more_path: str | None = None
    stop_after_empty_page: bool = True
    parallel: int = Field(default=1, ge=1, description="pages in flight at once, where the total is known")


class PageNumberPaging(Config):
    """Requests say which page they want."""

    type: Literal["page_number"]
    base_page: int = 0
    page: int | None = None
    page_param: str = "page"
    total_path: str | None = Field(default="total", description="how many pages there are")
    maximum_page: int | None = None
    has_more_path: str | None = None
    stop_after_empty_page: bool = True
    parallel: int = Field(default=1, ge=1, description="pages in flight at once, where the total is known")


class SinglePage(Config):
    """There is one page."""

    type: Literal["single_page"]


class AutoPaging(Config):
    """The first response shows which paginator fits."""

    type: Literal["auto"]


Paginator: TypeAlias = Annotated[
    JsonLink | HeaderLink | CursorPaging | OffsetPaging | PageNumberPaging | SinglePage | AutoPaging,
    Field(discriminator="type"),
    _short("type"),
]


class RateLimit(Config):
    """At most `calls` requests in each `period` seconds, `concurrency` at once."""

    calls: int = Field(ge=1)
    period: float = Field(default=1.0, gt=0)
    concurrency: int | None = Field(default=None, ge=1)


class Retry(Config):
    """Which responses are tried again, how often, and after which pauses. `Retry-After` is always obeyed."""

    max_attempts: int = Field(default=5, ge=1)
    backoff: Literal["exponential", "constant"] = "exponential"
    factor: float = 1.0
    max_delay: float = 300.0
    jitter: float = Field(default=0.25, ge=0, le=1)
    retry_on: tuple[int | str, ...] = (408, 425, 429, "5xx")


class ResponseAction(Config):
    """What to do with a response of this status (and, if given, with this text in its body)."""

    status_code: int | None = None
    content: str | None = None
    action: Literal["ignore", "fail", "retry", "quarantine"]


class Endpoint(Config):
    """One request, repeated page by page."""

    path: str = ""
    method: Literal["GET", "POST"] = "GET"
    params: dict[str, Any] = {}
    json_body: dict[str, Any] | None = Field(default=None, alias="json")
    headers: dict[str, str] = {}
    paginator: Paginator | None = None
    data_selector: str | None = None
    response_actions: tuple[ResponseAction, ...] = ()
    retry: Retry | None = None
    on_page_error: Literal["fail", "quarantine"] = Field(
        default="quarantine", description="a page that fails for good, where the next one can be known without it"
    )


class Client(Config):
    """What all requests to an API share."""

    base_url: str
    headers: dict[str, str] = {}
    auth: Auth | None = None
    paginator: Paginator | None = None
    rate_limit: RateLimit | None = None
    retry: Retry = Retry()
    timeout: float = 60.0


class RestStream(StreamBase, Endpoint):
    """A stream of an API: the endpoint's keys stand beside the stream's."""


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


SourceSpec: TypeAlias = Annotated[RestSource | FilesSource, Field(discriminator="type")]


class Stream(Config):
    """One stream with all that is known of it: what the later stages are handed.

    `source` and `name` make its id `source.PROJECT.SOURCE.NAME` and its dbt name `source('SOURCE', 'NAME')`.
    """

    source: str
    name: str
    spec: RestStream | FilesStream
    client: Client | None = None
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
