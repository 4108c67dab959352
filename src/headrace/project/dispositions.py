"""How arriving rows join those that a table has, as a stream says it, and which of these words go together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from headrace.project.config import Config
from headrace.project.shorthand import Names

if TYPE_CHECKING:
    from headrace.project.stream_keys import StreamBase

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
    """dlt's mapping, and other words for a merge, as one of the words of ours."""
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
    """Which rows are gone at the source: arriving ones where `column` is true (or equals `value`), or those that stopped arriving.

    Hard removes a row, soft marks it in `_headrace_deleted`.
    """

    column: str | None = None
    value: str | None = None
    mode: Literal["hard", "soft"] = "hard"
    missing: Literal["hard", "soft"] | None = Field(
        default=None, description="each load brings the whole table, and what is not in it goes, or is marked"
    )

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


def check(spec: StreamBase) -> None:
    """Raise where what a stream says of its loading does not go together."""
    said = next((said for wrong, said in _rules(spec, spec.disposition) if wrong), None)
    if said is not None:
        raise PydanticCustomError("loading", "{said}", {"said": said})


def _rules(spec: StreamBase, way: Way) -> list[tuple[bool, str]]:
    history, deletes = spec.history, spec.deletes
    given = history.model_fields_set if history else set()
    missing = bool(deletes and deletes.missing)
    closes = bool(history and history.missing == "close")
    whole = "each load has to bring the whole table, and `incremental:` brings a part"
    return [
        (bool(spec.merge_key) and way != "delete_insert", f"`merge_key` goes with delete_insert, not with {way}"),
        (history is not None and way not in ("scd2", "scd3"), f"`history` goes with scd2 and scd3, not with {way}"),
        (way == "scd2" and "previous" in given, "`history.previous` goes with scd3; scd2 keeps every version"),
        (way == "scd3" and not (history and history.previous), "scd3 needs `history: {previous: [columns]}`"),
        (way == "scd3" and bool(given - {"previous"}), "with scd3, `history` has only `previous`"),
        (closes and spec.incremental is not None, f"`history.missing: close`: {whole}"),
        (
            closes and history is not None and history.changed_at not in (None, LOAD_TIME),
            "`history.missing: close` needs `changed_at: load_time`: nothing else says when a row went",
        ),
        (missing and spec.incremental is not None, f"`deletes.missing`: {whole}"),
        (missing and way == "scd2", "with scd2, `history: {missing: close}` ends the versions of rows that went"),
        (
            missing and way not in ("merge", "scd3"),
            f"`deletes.missing` compares keys, so it goes with merge, not with {way}",
        ),
        (deletes is not None and way == "insert_only", "insert_only leaves rows alone, so `deletes` can do nothing"),
        (
            bool(deletes and deletes.mode == "soft" and way == "scd2"),
            "with scd2, a row that was deleted ends its version, which is `mode: hard`",
        ),
    ]
