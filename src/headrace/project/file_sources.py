"""Files as sources."""

from __future__ import annotations

from typing import Any, Literal

from headrace.project.config import Config
from headrace.project.stream_keys import StreamBase


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


class FilesSource(Config):
    """Files of this machine. With `path:` alone, each file is a stream named after it."""

    type: Literal["files"]
    path: str | None = None
    streams: dict[str, FilesStream] = {}
    description: str = ""
    meta: dict[str, Any] = {}
