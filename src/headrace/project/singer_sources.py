"""Singer taps as sources: any program that writes Singer's messages."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from headrace.project.config import Config
from headrace.project.stream_keys import StreamBase


def _words(value: Any) -> Any:
    return tuple(value.split()) if isinstance(value, str) else value


class SingerStream(StreamBase):
    """A stream of a tap. Its key is the tap's `key_properties`, and its types are those of the tap's schema, unless YAML says otherwise.

    `incremental` selects the replication method INCREMENTAL with that key; without it, the tap decides. Where rows are replaced, the tap
    is given no state.
    """

    kind: ClassVar[str] = "singer"
    stream: str | None = Field(default=None, description="its `tap_stream_id`, if that is not the stream's name")


class Tap(Config):
    """What all streams of a tap share."""

    command: Annotated[tuple[str, ...], BeforeValidator(_words)] = Field(
        min_length=1, description="the program and its arguments"
    )
    config: dict[str, Any] = Field(default={}, repr=False, description="what the tap is given by `--config`")
    catalog: str | None = Field(default=None, description="a file, for a tap that has no `--discover`")
    rows_per_batch: int = Field(default=100_000, ge=1, description="about as many at most")


class SingerSource(Tap):
    """A Singer tap. `defaults:` are keys that all its streams share."""

    type: Literal["singer"]
    streams: dict[str, SingerStream] = Field(min_length=1)
    description: str = ""
    meta: dict[str, Any] = {}
