"""Files as sources."""

from __future__ import annotations

import re
from datetime import date  # noqa: TC003 - pydantic reads the annotations
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from headrace.errors import did_you_mean
from headrace.project.config import Config
from headrace.project.file_places import SCHEMES, Access, scheme_of
from headrace.project.shorthand import Text  # noqa: TC001 - pydantic reads the annotations
from headrace.project.stream_keys import StreamBase


class Days(Config):
    """Each day from the first to the last, both counted in, as strftime writes them."""

    first: date = Field(alias="from")
    to: date | None = Field(default=None, description="today, in UTC")
    format: str = "%Y-%m-%d"


class FilesStream(StreamBase):
    """A stream of files: one table from all the files its path matches.

    `skip: true` would drop lines, so there is no such key: a line that cannot be read goes to quarantine.
    """

    path: str = Field(description="with `*`, `?`, `[ab]` and `**`; of this machine, or a URL: " + ", ".join(SCHEMES))
    format: Literal["csv", "tsv", "jsonl", "json", "parquet"] | None = None
    delimiter: str | None = None
    header: bool | None = None
    encoding: str | None = None
    null_tokens: tuple[str, ...] = ("",)
    data_selector: str | None = None
    hive_partitioning: bool = Field(default=False, description="folders called `name=value` are columns, typed")
    for_each: dict[str, tuple[Text, ...] | Days] = Field(
        default={}, description="what `{name}` in the path stands for: each of these values, or each day"
    )
    changed_by: Literal["mtime", "etag", "name", "content"] = Field(
        default="mtime",
        description="what says that a file is another: size and time, its tag, nothing, a hash of its bytes",
    )
    on_changed: Literal["load", "ignore", "error"] = Field(
        default="load", description="a file that changed after it was loaded; a table that is replaced reads all files"
    )
    ascending: bool = Field(
        default=False, description="names only grow: what sorts before the last file that was loaded is not looked at"
    )
    parallel: int = Field(default=4, ge=1, le=32, description="files that are fetched at once")

    @field_validator("path")
    @classmethod
    def _known_place(cls, path: str) -> str:
        scheme = scheme_of(path)
        if scheme is not None and scheme not in SCHEMES:
            hint = did_you_mean(scheme, SCHEMES)
            raise ValueError(f"there is no place '{scheme}://'{f', {hint}' if hint else f': {chr(44).join(SCHEMES)}'}")
        return path

    @model_validator(mode="after")
    def _named_in_the_path(self) -> FilesStream:
        lacking = [name for name in self.for_each if f"{{{name}}}" not in self.path]
        if lacking:
            raise ValueError(f"for_each has '{lacking[0]}', and the path has no {{{lacking[0]}}}")
        unknown = [name for name in re.findall(r"\{(\w+)\}", self.path) if name not in self.for_each]
        if self.for_each and unknown:
            raise ValueError(f"the path has {{{unknown[0]}}}, and for_each does not say what it stands for")
        if self.ascending and self.changed_by != "name":
            raise ValueError(
                "`ascending` goes with `changed_by: name`: a file that changed keeps its place among the names"
            )
        return self


class FilesSource(Config):
    """Files of this machine or of another place. With `path:` alone, each file of this machine is a stream named after it.

    `defaults:` are keys that all its streams share.
    """

    type: Literal["files"]
    path: str | None = None
    credentials: Access = Access()
    streams: dict[str, FilesStream] = {}
    description: str = ""
    meta: dict[str, Any] = {}
