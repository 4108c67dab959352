"""Files as sources."""

from __future__ import annotations

import re
from datetime import date  # noqa: TC003 - pydantic reads the annotations
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from headrace.errors import did_you_mean
from headrace.project.config import Config
from headrace.project.delimited import Delimited
from headrace.project.file_places import SCHEMES, Access, scheme_of
from headrace.project.shorthand import Text  # noqa: TC001 - pydantic reads the annotations
from headrace.project.stream_keys import StreamBase, TypeName


class Days(Config):
    """Each day from the first to the last, both counted in, as strftime writes them."""

    first: date = Field(alias="from")
    to: date | None = Field(default=None, description="today, in UTC")
    format: str = "%Y-%m-%d"


class FixedField(Config):
    """A field of lines of fixed width: where it starts, counted from 1, and how many characters it has."""

    name: str
    width: int = Field(ge=1)
    start: int | None = Field(default=None, ge=1, description="behind the field before it, if nothing is said")
    type: TypeName | None = None


def _widths(value: Any) -> Any:
    """`{name: width}` is a field too."""
    if not isinstance(value, list):
        return value
    return [
        {"name": next(iter(one)), "width": next(iter(one.values()))} if isinstance(one, dict) and len(one) == 1 else one
        for one in value
    ]


class FilesStream(StreamBase, Delimited):
    """A stream of files: one table from all the files its path matches.

    `skip: true` would drop lines, so there is no such key: a line that cannot be read goes to quarantine.
    """

    kind: ClassVar[str] = "files"
    path: str = Field(description="with `*`, `?`, `[ab]` and `**`; of this machine, or a URL: " + ", ".join(SCHEMES))
    format: Literal["csv", "tsv", "jsonl", "json", "parquet", "arrow", "avro", "excel", "xml", "fixed"] | None = Field(
        default=None, description="what the name of the file says, if nothing is said"
    )
    header: bool | None = None
    skip_rows: int = Field(
        default=0, ge=0, description="lines of CSV and TSV before the header, or before the first row"
    )
    skip_footer: int = Field(
        default=0, ge=0, description="lines at the end of CSV and TSV that are no rows, such as a total"
    )
    comment: str | None = Field(
        default=None, min_length=1, description="what lines of CSV and TSV begin with that are no rows, such as #"
    )
    decimal: Literal[".", ","] | None = Field(default=None, description="the sign before the fraction of a number")
    thousands: Literal["", ".", ",", " ", "'", "_"] | None = Field(
        default=None, description="the sign between the thousands of a number"
    )
    null_tokens: tuple[str, ...] = ("",)
    data_selector: str | None = Field(
        default=None,
        description="where the records are in JSON, or the path of their element in XML, such as /shop/order",
    )
    fields: Annotated[tuple[FixedField, ...], BeforeValidator(_widths)] = Field(
        default=(), description="of lines of fixed width: `{name: width}`, or `{name, start, width, type}`"
    )
    sheet: str | int | None = Field(default=None, description="of a workbook: its name, or its number from 1")
    range: str | None = Field(default=None, description="of a sheet: such as B3:F200, or B3: for all from there on")
    error_cells: Literal["quarantine", "null"] = Field(
        default="quarantine", description="what becomes of a row of a sheet with an error such as #N/A in a cell"
    )
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

    @model_validator(mode="after")
    def _consistent(self) -> FilesStream:
        if self.fields and self.format not in (None, "fixed"):
            raise ValueError(f"`fields:` are of lines of fixed width, and the format is {self.format}")
        if self.format == "fixed" and not self.fields:
            raise ValueError("lines of fixed width need `fields:`")
        left_out = next((key for key in ("skip_rows", "skip_footer", "comment") if getattr(self, key)), None)
        if left_out and self.known_format not in (None, "csv", "tsv"):
            raise ValueError(f"`{left_out}:` is of CSV and TSV, and the format is {self.known_format}")
        if self.comment and self.comment[0] in ("\n", "\r", self.delimiter, self.quote):
            raise ValueError(
                "`comment:` begins with the end of a line, the sign between values or a quote, as a row may"
            )
        if self.decimal and self.decimal == self.thousands:
            raise ValueError("`decimal:` and `thousands:` are the same sign")
        return self

    @property
    def known_format(self) -> str | None:
        """The format, where the stream says it."""
        return "fixed" if self.fields else self.format


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
