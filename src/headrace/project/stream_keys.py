"""What every stream may say, whatever its source."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from headrace.naming import Convention  # noqa: TC001 - pydantic reads the annotations
from headrace.project.config import Config
from headrace.project.dispositions import LOAD_TIME, Deletes, Disposition, History, SurrogateKey, Way
from headrace.project.shorthand import Names, Seconds, Text, short
from headrace.schema import Kind, Type, parse_type

Mode: TypeAlias = Literal["evolve", "freeze", "discard_row", "discard_value", "quarantine"]


EVERY = "*"


def _by_type(value: Any) -> Any:
    """One word is for all types."""
    return {EVERY: value} if isinstance(value, str) else value


def _known_type(text: str) -> str:
    parse_type(text)
    return text


TypeName: TypeAlias = Annotated[str, AfterValidator(_known_type)]
"""The name of a type, such as `decimal(12,2)`."""


def _same_mode(value: Any) -> Any:
    return {"columns": value, "data_type": value} if isinstance(value, str) else value


class SchemaContract(Config):
    """What happens to a table that is not there yet, to new columns, and to values that break their column's type."""

    tables: Mode = "evolve"
    columns: Mode = "evolve"
    data_type: Annotated[dict[str, Mode], BeforeValidator(_by_type)] = Field(
        default={EVERY: "quarantine"},
        description="one word for all types, or by the column's type: `{timestamp: freeze, '*': quarantine}`",
    )

    def of_type(self, kind: Kind) -> Mode | None:
        """What is said of columns of this type by its name."""
        return self.data_type.get(kind.value)

    @field_validator("data_type")
    @classmethod
    def _known_types(cls, modes: dict[str, Mode]) -> dict[str, Mode]:
        found = {EVERY: modes.get(EVERY, "quarantine")}
        for word, mode in modes.items():
            if word != EVERY:
                kind = parse_type(word).kind.value
                if "(" in word:
                    raise ValueError(f"'{word}': a contract is for all of {kind}, whatever is in brackets")
                found[kind] = mode
        return found


class Incremental(Config):
    """How only what is new is read: a cursor field, where it starts, and the request's parameters that carry it."""

    cursor_path: str
    initial_value: Text | None = None
    end_value: Text | None = None
    start_param: str | None = None
    end_param: str | None = None
    lag: Seconds | None = Field(
        default=None, ge=0, description="seconds (or units of a number) re-read before the cursor"
    )
    step: Seconds | None = Field(
        default=None,
        gt=0,
        description="read in windows of so many seconds (or units of a number), up to `end_value` or now",
    )
    format: str | None = Field(
        default=None,
        description="of values in requests: `epoch`, `epoch_ms`, or as strftime writes times, such as `%Y-%m-%d`",
    )
    scope: Literal["resource", "parent"] = Field(
        default="resource", description="`parent`: each parent, and each value of `for_each`, has a cursor of its own"
    )
    row_order: Literal["asc", "desc"] | None = None
    range_start: Literal["closed", "open"] = Field(
        default="closed", description="whether rows at the cursor are read again (they are not loaded twice); databases"
    )
    range_end: Literal["closed", "open"] = Field(
        default="open", description="whether rows at `end_value` belong to what is read; databases"
    )
    on_cursor_value_missing: Literal["raise", "include", "exclude"] = "include"


class ColumnSpec(Config):
    """A column that is declared rather than inferred."""

    type: TypeName | None = None
    nullable: bool = Field(default=True, description="false: rows without a value go to quarantine")
    contract: Mode | None = Field(
        default=None, description="for this column, in place of what `schema_contract` says of columns and data_type"
    )
    description: str = ""


class Transform(Config):
    """SQL over the arriving rows, which it calls `input`: in flight (before anything lands) or in the warehouse after the load."""

    sql: str
    when: Literal["in_flight", "after_load"] = "in_flight"


class NestedHints(Config):
    """What is known of the rows of a list that becomes a table."""

    columns: dict[str, Annotated[ColumnSpec, short("type")]] = {}


class PartitionBy(Config):
    """The column by which a table is split, in spans of time, in steps of a whole number, or by each of its values."""

    column: str
    granularity: Literal["day", "month", "year"] | None = Field(
        default=None, description="of a date or a time, which is taken as UTC"
    )
    step: int | None = Field(
        default=None, gt=0, description="how many of a column's whole numbers are in one partition"
    )
    immutable: bool = Field(
        default=False,
        description="the value of a key never changes, so that a merge looks for it only in the partitions that arriving rows are of",
    )

    @model_validator(mode="after")
    def _one_way(self) -> PartitionBy:
        if self.granularity and self.step:
            raise PydanticCustomError("partition_by", "`granularity` goes with times and `step` with whole numbers")
        return self


class StreamBase(Config):
    """What every stream may say, whatever its source."""

    kind: ClassVar[str]
    """The `type:` of its source, so that nobody has to import all kinds to ask which one it is."""

    write_disposition: Disposition | None = None
    primary_key: Names = ()
    merge_key: Names = Field(
        default=(),
        description="delete_insert: rows of one of these keys go and come together; without it the primary key",
    )
    history: History | None = None
    surrogate_key: SurrogateKey | None = None
    partition_by: Annotated[PartitionBy | None, short("column")] = None
    incremental: Annotated[Incremental | None, short("cursor_path")] = None
    columns: dict[str, Annotated[ColumnSpec, short("type")]] = {}
    schema_contract: Annotated[SchemaContract, BeforeValidator(_same_mode)] = SchemaContract()
    transform: Annotated[Transform | None, short("sql")] = None
    deletes: Deletes | None = None
    nested: Literal["json", "flatten", "tables"] = Field(
        default="json",
        description="objects stay JSON, or (`flatten`) become columns named `outer__inner`; lists stay JSON, or (`tables`, which "
        "flattens objects too) become rows of a table `stream__list`, unless `columns:` gives them a type",
    )
    max_table_nesting: int | None = Field(
        default=None,
        ge=1,
        description="with `nested: tables`: how deep tables are made of lists in lists; those below stay JSON",
    )
    nested_hints: dict[str, NestedHints] = Field(
        default={},
        description="with `nested: tables`: for a list, by its name or as `list__list`, the columns of its rows",
    )
    naming: Convention | None = Field(
        default=None,
        description="how columns are named: `snake_case` (`orderId` is `order_id`), `sql_ci` (`orderid`) or `direct` (as they are); "
        "without it what the project says, or else snake_case",
    )
    table_name: str | None = None
    description: str = ""
    tags: Names = ()
    meta: dict[str, Any] = {}
    expect: str | None = Field(default=None, description="freshness, such as `every 24h`")
    enabled: bool = True

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        _check(self)
        return self

    @property
    def disposition(self) -> Way:
        """As declared; else merge where there is a key, append where there is only a cursor, replace otherwise."""
        if self.write_disposition:
            return self.write_disposition
        if self.primary_key:
            return "merge"
        return "append" if self.incremental else "replace"

    @property
    def column_types(self) -> dict[str, Type]:
        """The types that are declared, by column."""
        return {name: parse_type(column.type) for name, column in self.columns.items() if column.type}

    @property
    def convention(self) -> Convention:
        """How its columns are named."""
        return self.naming or "snake_case"

    @property
    def flattens(self) -> bool:
        """Whether the fields of inner objects are columns."""
        return self.nested != "json"

    @property
    def parent_fields(self) -> tuple[tuple[str, str], ...]:
        """Which fields of which other stream it asks for: none, but for streams of an API."""
        return ()

    @property
    def asked_fields(self) -> tuple[tuple[str, str], ...]:
        """Those of `parent_fields` without which there is nothing to ask for."""
        return ()

    @property
    def parent(self) -> str | None:
        """The stream whose rows this one asks for, by its name in the same source."""
        return min((name for name, _ in self.parent_fields), default=None)

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that tell whether the table has a row already."""
        return (self.merge_key or self.primary_key) if self.disposition == "delete_insert" else self.primary_key

    def contract(self, column: str) -> Mode:
        """What happens where a column is new."""
        own = self.columns.get(column)
        return (own.contract if own else None) or self.schema_contract.columns

    def type_contract(self, column: str, kind: Kind) -> Mode:
        """What happens where a value breaks the type of its column."""
        return self.own_contract(column, kind) or self.schema_contract.data_type[EVERY]

    def own_contract(self, column: str, kind: Kind) -> Mode | None:
        """What is said of that column, or of columns of that type, by its name."""
        own = self.columns.get(column)
        return (own.contract if own else None) or self.schema_contract.of_type(kind)

    @property
    def sweeps(self) -> bool:
        """Whether rows that a load does not bring go, are marked, or end."""
        closes = self.history is not None and self.history.missing == "close"
        return closes or (self.deletes is not None and self.deletes.missing is not None)


def _check(spec: StreamBase) -> None:
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
        (
            spec.max_table_nesting is not None and spec.nested != "tables",
            "`max_table_nesting` goes with `nested: tables`",
        ),
        (
            spec.nested == "tables" and bool(spec.transform and spec.transform.when == "after_load"),
            "`nested: tables` makes tables of the rows as they land, and SQL after the load would not see their lists",
        ),
        (bool(spec.merge_key) and way != "delete_insert", f"`merge_key` goes with delete_insert, not with {way}"),
        (history is not None and way not in ("scd2", "scd3"), f"`history` goes with scd2 and scd3, not with {way}"),
        (way == "scd2" and "previous" in given, "`history.previous` goes with scd3; scd2 keeps every version"),
        (way == "scd3" and not (history and history.previous), "scd3 needs `history: {previous: [columns]}`"),
        (
            way == "scd3" and bool(given - {"previous", "changed_at"}),
            "with scd3, `history` has only `previous` and `changed_at`",
        ),
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
        (
            deletes is not None and way == "delete_insert",
            "delete_insert takes what arrives for all that its keys have, so `deletes` can do nothing",
        ),
        (deletes is not None and way == "insert_only", "insert_only leaves rows alone, so `deletes` can do nothing"),
        (
            bool(deletes and deletes.mode == "soft" and way == "scd2"),
            "with scd2, a row that was deleted ends its version, which is `mode: hard`",
        ),
    ]
