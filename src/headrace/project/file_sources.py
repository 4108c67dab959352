"""Files as sources."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from headrace.project.config import Config
from headrace.project.stream_keys import StreamBase


class FixedField(Config):
    """A field of lines of fixed width: where it starts, counted from 1, and how many characters it has."""

    name: str
    width: int = Field(ge=1)
    start: int | None = Field(default=None, ge=1, description="behind the field before it, if nothing is said")
    type: str | None = None


def _widths(value: Any) -> Any:
    """`{name: width}` is a field too."""
    if not isinstance(value, list):
        return value
    return [
        {"name": next(iter(one)), "width": next(iter(one.values()))} if isinstance(one, dict) and len(one) == 1 else one
        for one in value
    ]


class FilesStream(StreamBase):
    """A stream of files: one table from all the files its path matches.

    `skip: true` would drop lines, so there is no such key: a line that cannot be read goes to quarantine.
    """

    path: str
    format: Literal["csv", "tsv", "jsonl", "json", "parquet", "arrow", "avro", "excel", "xml", "fixed"] | None = Field(
        default=None, description="what the name of the file says, if nothing is said"
    )
    delimiter: str | None = Field(default=None, min_length=1, max_length=4)
    quote: str | None = Field(default=None, min_length=1, max_length=1)
    escape: str | None = Field(default=None, min_length=1, max_length=1, description="the quote itself, or a backslash")
    header: bool | None = None
    encoding: str | None = Field(default=None, description="found in the first file, if nothing is said")
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

    @model_validator(mode="after")
    def _consistent(self) -> FilesStream:
        if self.fields and self.format not in (None, "fixed"):
            raise ValueError(f"`fields:` are of lines of fixed width, and the format is {self.format}")
        if self.format == "fixed" and not self.fields:
            raise ValueError("lines of fixed width need `fields:`")
        if self.decimal and self.decimal == self.thousands:
            raise ValueError("`decimal:` and `thousands:` are the same sign")
        return self

    @property
    def known_format(self) -> str | None:
        """The format, where the stream says it."""
        return "fixed" if self.fields else self.format


class FilesSource(Config):
    """Files of this machine. With `path:` alone, each file is a stream named after it."""

    type: Literal["files"]
    path: str | None = None
    streams: dict[str, FilesStream] = {}
    description: str = ""
    meta: dict[str, Any] = {}
