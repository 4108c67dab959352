"""APIs as sources. Keys are those of dlt's `rest_api`, in YAML; see docs/reference/sources.md for what was added."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from headrace.project.apis import Client, Endpoint
from headrace.project.config import Config
from headrace.project.shorthand import Names, Seconds  # noqa: TC001 - pydantic reads the annotations
from headrace.project.stream_keys import StreamBase


class RestStream(StreamBase, Endpoint):
    """A stream of an API: the endpoint's keys stand beside the stream's.

    `{resources.PARENT.FIELD}`, or a parameter `{type: resolve, resource: PARENT, field: FIELD}`, asks once for each row of another
    stream of the source; `{incremental.start_value}`, `{incremental.end_value}`, `{incremental.last_value}` and
    `{incremental.initial_value}` stand for the part that is read. What dlt does with functions (`convert`, `filter`, `map`) is
    SQL in `transform:`.
    """

    kind: ClassVar[str] = "rest"
    include_from_parent: Names = Field(default=(), description="fields of the parent, as columns named `_PARENT_FIELD`")
    cache: Seconds | None = Field(
        default=None, ge=0, description="a stream that was loaded less than so long ago is not asked for again"
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

    @model_validator(mode="after")
    def _nothing_left_in_braces(self) -> RestStream:
        for name in re.findall(r"\{([^{}]*)\}", self.path):
            if name not in self.params and not re.match(r"(incremental|resources|for_each|job)\.", name):
                raise ValueError(
                    f"the path has {{{name}}}, which is neither one of `params:` nor an expression such as {{for_each.value}}"
                )
        return self

    @property
    def asked_fields(self) -> tuple[tuple[str, str], ...]:
        """Which fields of which stream the requests name."""
        job = (self.job.create, self.job.poll, self.job.download) if self.job else ()
        asked = [self.path, self.params, self.json_body, self.data, self.headers]
        asked += [part.model_dump() for part in job]
        return tuple(dict.fromkeys(pair for one in asked for pair in _resources(one)))

    @property
    def parent_fields(self) -> tuple[tuple[str, str], ...]:
        """Which fields of which stream the requests name, and those of `include_from_parent`."""
        found = self.asked_fields
        kept = [(found[0][0], name) for name in self.include_from_parent] if found else []
        return tuple(dict.fromkeys([*found, *kept]))


def _resources(value: Any) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        if value.get("type") == "resolve":
            return [(str(value.get("resource")), str(value.get("field")))]
        return [pair for inner in value.values() for pair in _resources(inner)]
    if isinstance(value, (list, tuple)):
        return [pair for inner in value for pair in _resources(inner)]
    return re.findall(r"\{resources\.(\w+)\.([^{}]+)\}", value) if isinstance(value, str) else []


class RestSource(Config):
    """An API. `defaults:` are keys that all its streams share."""

    type: Literal["rest"]
    client: Client
    streams: dict[str, RestStream]
    parallel_requests: int = Field(default=4, ge=1)
    description: str = ""
    meta: dict[str, Any] = {}
