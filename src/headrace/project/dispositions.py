"""How arriving rows join those that a table has, as a stream says it, and what of the past it keeps."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from headrace.project.config import Config
from headrace.project.shorthand import Names  # noqa: TC001 - pydantic reads the annotations

Way: TypeAlias = Literal["append", "replace", "merge", "insert_only", "delete_insert", "scd2", "scd3"]

KEYED = frozenset({"merge", "insert_only", "delete_insert", "scd2", "scd3"})
"""The ways that tell rows apart by a key."""

LOAD_TIME = "load_time"

_STRATEGIES = {
    None: "merge",
    "upsert": "merge",
    "delete-insert": "delete_insert",
    "insert-only": "insert_only",
    "scd2": "scd2",
}


def _plain(value: Any) -> Any:
    """Dlt's mapping, and other words for a merge, as one of the words of ours."""
    if not isinstance(value, dict):
        return "merge" if value == "scd1" else value
    unknown = sorted(str(key) for key in value if key not in ("disposition", "strategy"))
    if unknown:
        said = (
            f"unknown key '{unknown[0]}'; a mapping has `disposition` and `strategy`, all else stands under `history:`"
        )
        raise PydanticCustomError("disposition", "{said}", {"said": said})
    way, strategy = value.get("disposition"), value.get("strategy")
    if way != "merge":
        if strategy is not None:
            said = f"only a merge has a strategy, not {way!r}"
            raise PydanticCustomError("disposition", "{said}", {"said": said})
        return way
    if strategy not in _STRATEGIES:
        known = ", ".join(word for word in _STRATEGIES if word)
        said = f"strategy {strategy!r} is none of {known}"
        raise PydanticCustomError("disposition", "{said}", {"said": said})
    return _STRATEGIES[strategy]


Disposition: TypeAlias = Annotated[Way, BeforeValidator(_plain)]


class Deletes(Config):
    """Which rows are gone at the source: arriving ones where `column` is true, or a time, or `value`; or those that stopped arriving.

    Hard removes a row, soft marks it in `_headrace_deleted`.
    """

    column: str | None = None
    value: str | None = None
    mode: Literal["hard", "soft"] = "hard"
    missing: Literal["hard", "soft"] | None = Field(
        default=None, description="each load brings the whole table, and what is not in it goes, or is marked"
    )

    @property
    def way(self) -> Literal["hard", "soft"]:
        """Whether rows that are gone go, or are marked."""
        return self.missing or self.mode

    @model_validator(mode="after")
    def _says_something(self) -> Deletes:
        if self.column is None and self.missing is None:
            raise PydanticCustomError("deletes", "say which `column` marks a deleted row, or what `missing` rows mean")
        if self.column is not None and self.missing not in (None, self.mode):
            raise PydanticCustomError("deletes", "`mode` and `missing` have to be the same, hard or soft")
        return self


class History(Config):
    """How a table keeps what rows were before: every version of them (scd2), or the value before the last change (scd3)."""

    valid_from: str = Field(default="_headrace_valid_from", description="the column that says when a version began")
    valid_to: str = Field(default="_headrace_valid_to", description="when it ended; NULL while it lasts")
    changed_at: str | None = Field(
        default=None,
        description="the column that says when a row changed, or `load_time`; without it the cursor's column, or else load_time",
    )
    missing: Literal["ignore", "close"] = Field(
        default="ignore",
        description="close: each load brings the whole table, and the version of a key that is not in it ends",
    )
    previous: Names = Field(
        default=(), description="columns whose value before the last change is kept, in `previous_<column>` (scd3)"
    )


class SurrogateKey(Config):
    """A text made of a key's columns as `dbt_utils.generate_surrogate_key` makes it, so that models can join by it."""

    name: str
    columns: Names = Field(min_length=1)
