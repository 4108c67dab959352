"""What `client:` of an API and the endpoint of each of its streams may say: paginators, limits, retries, requests."""

from __future__ import annotations

import codecs
import re
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import Field, field_validator, model_validator

from headrace.project.config import Config
from headrace.project.credentials import Auth  # noqa: TC001 - pydantic reads the annotations
from headrace.project.delimited import Delimited
from headrace.project.shorthand import Names, Seconds, short


class JsonLink(Config):
    """The body holds the next page's URL."""

    type: Literal["json_link"]
    next_url_path: str = "next"


class HeaderLink(Config):
    """A Link header holds the next page's URL (RFC 8288)."""

    type: Literal["header_link"]
    links_next_key: str = "next"


class HeaderCursor(Config):
    """A header holds a token that the next request sends back."""

    type: Literal["header_cursor"]
    cursor_key: str = "next"
    cursor_param: str = "cursor"


class CursorPaging(Config):
    """The body holds a token that the next request sends back."""

    type: Literal["cursor"]
    cursor_path: str = Field(default="cursors.next", description="`data[-1].id` is the last record's id")
    cursor_param: str | None = None
    cursor_body_path: str | None = None
    has_more_path: str | None = None
    stop_after_empty_page: bool = False


class OffsetPaging(Config):
    """Requests say how many records to skip."""

    type: Literal["offset"]
    limit: int = Field(ge=1)
    offset: int = Field(default=0, ge=0)
    offset_param: str | None = Field(default=None, description="`offset`, unless `offset_body_path` is given")
    limit_param: str | None = Field(default=None, description="`limit`, unless a body path is given")
    offset_body_path: str | None = None
    limit_body_path: str | None = None
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
    page_param: str | None = Field(default=None, description="`page`, unless `page_body_path` is given")
    page_body_path: str | None = None
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
    JsonLink | HeaderLink | HeaderCursor | CursorPaging | OffsetPaging | PageNumberPaging | SinglePage | AutoPaging,
    Field(discriminator="type"),
    short("type"),
]


class RateLimit(Config):
    """At most `calls` requests in each `period` seconds, `concurrency` at once; what the server's headers say is obeyed as well.

    All streams of a client share its limit, or with `per: endpoint` all requests of a stream.
    """

    calls: int | None = Field(default=None, ge=1)
    period: Seconds = Field(default=1.0, gt=0)
    concurrency: int | None = Field(default=None, ge=1)
    per: Literal["client", "endpoint"] = "client"
    remaining_header: str = Field(default="ratelimit-remaining", description="also found as x-ratelimit-remaining")
    reset_header: str = Field(
        default="ratelimit-reset", description="seconds to wait, or a time; also with x- before it"
    )


class Retry(Config):
    """Which responses are tried again, how often, and after which pauses. `Retry-After` is always obeyed."""

    max_attempts: int = Field(default=5, ge=1)
    backoff: Literal["exponential", "constant"] = "exponential"
    factor: float = 1.0
    max_delay: Seconds = 300.0
    jitter: float = Field(default=0.25, ge=0, le=1)
    retry_on: tuple[int | str, ...] = (408, 425, 429, "5xx")
    wait_time_header: str | None = Field(default=None, description="a header with the seconds to wait")
    wait_until_header: str | None = Field(default=None, description="a header with the time to wait for")

    @field_validator("retry_on")
    @classmethod
    def _are_statuses(cls, said: tuple[int | str, ...]) -> tuple[int | str, ...]:
        wrong = [one for one in said if not re.fullmatch(r"(?i)[1-5](xx|\d\d)", str(one))]
        if wrong:
            raise ValueError(f"{wrong[0]!r} is no status; write them as 429 or as 5xx")
        return said


class ResponseAction(Config):
    """What to do with a response of this status (and, if given, with this text in its body).

    `rate_limited` holds up all requests and tries again; `refresh_token` logs in anew and tries again; `reset_pagination` begins
    with the first page again, from the highest cursor that was read.
    """

    status_code: int | None = None
    content: str | None = None
    action: Literal["ignore", "fail", "retry", "quarantine", "rate_limited", "refresh_token", "reset_pagination"]

    @model_validator(mode="after")
    def _of_something(self) -> ResponseAction:
        if self.status_code is None and not self.content:
            raise ValueError("it needs a `status_code:` or a `content:`, or else it would mean every response")
        return self


class ForEach(Config):
    """The request once for each value, which `{for_each.value}` stands for."""

    values: tuple[Any, ...] = Field(min_length=1)
    param: str | None = Field(default=None, description="a parameter that carries it")
    column: str | None = Field(default=None, description="a column that keeps it")


class JobCreate(Config):
    """The request that begins a job, and where its answer has the job's id."""

    path: str
    method: Literal["GET", "POST", "PUT"] = "POST"
    params: dict[str, Any] = {}
    json_body: dict[str, Any] | None = Field(default=None, alias="json")
    data: dict[str, Any] | None = None
    headers: dict[str, str] = {}
    id_path: str = "id"


class JobPoll(Config):
    """The request that asks how far a job is; `{job.id}` stands for its id."""

    path: str
    params: dict[str, Any] = {}
    status_path: str = "status"
    completed: Names = ("completed", "complete", "done", "finished", "succeeded", "success")
    failed: Names = ("failed", "error", "cancelled", "canceled", "expired")
    interval: Seconds = Field(default=5.0, gt=0)
    timeout: Seconds = 3600.0


class JobDownload(Config):
    """Where the records are when a job is done: at a path, or at the URL that the last poll's answer holds."""

    path: str | None = None
    url_path: str | None = None
    params: dict[str, Any] = {}


class Job(Config):
    """Records that an API has to prepare first. The stream's own paginator, selector and decoder apply to the download."""

    create: JobCreate
    poll: JobPoll
    download: JobDownload


class Endpoint(Delimited):
    """One request, repeated page by page."""

    path: str = ""
    method: Literal["GET", "POST"] = "GET"
    params: dict[str, Any] = {}
    json_body: dict[str, Any] | None = Field(default=None, alias="json")
    data: dict[str, Any] | None = Field(default=None, description="a body as a form")
    headers: dict[str, str] = {}
    auth: Auth | None = Field(default=None, description="of this endpoint, in place of the client's")
    paginator: Paginator | None = None
    data_selector: str | None = None
    decoder: Literal["json", "jsonl", "csv", "xml"] = Field(
        default="json", description="what the body is; gzip is seen by itself"
    )
    for_each: ForEach | None = None
    job: Job | None = None
    response_actions: tuple[ResponseAction, ...] = ()
    retry: Retry | None = None
    rate_limit: RateLimit | None = Field(default=None, description="of this endpoint alone, beside the client's")
    on_page_error: Literal["fail", "quarantine"] = Field(
        default="quarantine", description="a page that fails for good, where the next one can be known without it"
    )

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, encoding: str | None) -> str | None:
        try:
            codecs.lookup(encoding or "utf-8")
        except LookupError:
            raise ValueError(f"there is no encoding '{encoding}', such as cp1252 or utf-16") from None
        return encoding

    @model_validator(mode="after")
    def _signs_of_csv(self) -> Self:
        said = next((key for key in ("delimiter", "quote", "escape") if getattr(self, key)), None)
        if said and self.decoder != "csv":
            raise ValueError(f"`{said}:` is of CSV, and the body is {self.decoder}: `decoder: csv`")
        return self


class Client(Config):
    """What all requests to an API share."""

    base_url: str
    headers: dict[str, str] = {}
    auth: Auth | None = None
    paginator: Paginator | None = None
    rate_limit: RateLimit | None = None
    retry: Retry = Retry()
    timeout: float = 60.0
