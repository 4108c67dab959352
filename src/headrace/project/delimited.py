"""How delimited text is written, whether it is a file or what an API answers."""

from __future__ import annotations

from pydantic import Field

from headrace.project.config import Config


class Delimited(Config):
    """The signs of CSV and the encoding of a text; what is not said is found in the first one."""

    delimiter: str | None = Field(
        default=None,
        min_length=1,
        max_length=4,
        description="between the values of CSV; found in the first text of a stream",
    )
    quote: str | None = Field(default=None, min_length=1, max_length=1, description="around values of CSV")
    escape: str | None = Field(default=None, min_length=1, max_length=1, description="the quote itself, or a backslash")
    encoding: str | None = Field(
        default=None, description="such as cp1252; found in the first text, if nothing is said"
    )
