"""What templates know of tables and columns: dbt's `Relation` and `Column`, as values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

from headrace.sql.dialect import name as quoted
from headrace.table import Table

_PARTS = ("database", "schema", "identifier")
_STRINGS = {"text", "character varying", "character", "varchar", "string"}
_FLOATS = {"real", "float", "float4", "float8", "double", "double precision"}
_NUMERICS = {"numeric", "decimal"}
_INTEGERS = {
    "smallint", "integer", "int", "bigint", "smallserial", "serial", "bigserial", "hugeint", "tinyint",
    "int2", "int4", "int8", "serial2", "serial4", "serial8",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Policy:
    """A yes or no for each part of a relation's name."""

    database: bool = True
    schema: bool = True
    identifier: bool = True

    def get(self, part: str) -> bool:
        """The answer for one part."""
        return bool(getattr(self, part))

    def but(self, **parts: bool | None) -> Policy:
        """The same with some answers changed; None changes nothing."""
        return replace(self, **{part: answer for part, answer in parts.items() if answer is not None})


@dataclass(frozen=True, slots=True)
class Relation(Mapping[str, Any]):
    """A table, view or CTE as a template handles it: it prints as its quoted dotted name.

    It is a mapping of what it knows, too, because that is how macros find out that something is a relation.
    `database` is always known, so that macros can ask for it; it is printed only where `include_policy` says so.
    """

    database: str | None = None
    schema: str | None = None
    identifier: str | None = None
    type: str | None = None
    quote_policy: Policy = field(default=Policy(), repr=False)
    include_policy: Policy = field(default=Policy(), repr=False)
    alias_: str | None = field(default=None, repr=False)
    external: str | None = field(default=None, repr=False)
    """What stands in place of its name where it is no table but files, as a query reads them."""
    only: str | None = field(default=None, repr=False)
    """Which of its rows a template reads, as the condition after WHERE: those of a batch, or none at all."""

    @classmethod
    def create(
        cls,
        database: str | None = None,
        schema: str | None = None,
        identifier: str | None = None,
        type: str | None = None,
        quote_policy: Mapping[str, bool] | None = None,
        include_policy: Mapping[str, bool] | None = None,
        **_: Any,
    ) -> Self:
        """`api.Relation.create(...)`: keywords that only some of dbt's adapters know are let through."""
        return cls(
            database=database,
            schema=schema,
            identifier=identifier,
            type=type,
            quote_policy=Policy().but(**dict(quote_policy or {})),
            include_policy=Policy().but(
                **{part: value is not None for part, value in zip(_PARTS, (database, schema, identifier), strict=True)}
                | dict(include_policy or {})
            ),
        )

    @classmethod
    def of(cls, table: Table, database: str | None = None, type: str | None = None, *, whole: bool = False) -> Self:
        """The relation a table is; `database` is the session's, which names repeat only where they are to be `whole`."""
        return cls(
            database=table.database or database,
            schema=table.schema,
            identifier=table.name,
            type=type,
            include_policy=Policy(database=whole or table.database is not None),
        )

    @classmethod
    def cte(cls, name: str) -> Self:
        """The common table expression that stands for an ephemeral model."""
        return cls(
            identifier=name,
            type="cte",
            quote_policy=Policy(identifier=False),
            include_policy=Policy(database=False, schema=False),
        )

    @property
    def metadata(self) -> Mapping[str, str]:
        """What kind of object this is, as macros ask it."""
        return {"type": "Relation"}

    def __getitem__(self, key: str) -> Any:
        try:
            return getattr(self, key)
        except AttributeError:
            raise KeyError(key) from None

    def __iter__(self) -> Iterator[str]:
        return (one.name for one in fields(self))

    def __len__(self) -> int:
        return len(fields(self))

    @property
    def table_name(self) -> Table:
        """The relation's name as the rest of headrace knows it."""
        database = self.database if self.include_policy.database else None
        return Table(self.schema or "", self.identifier or "", database)

    @property
    def name(self) -> str | None:
        """The identifier, under dbt's other word for it."""
        return self.identifier

    @property
    def table(self) -> str | None:
        """The identifier, under dbt's oldest word for it."""
        return self.identifier

    @property
    def is_table(self) -> bool:
        """Whether it is known to be a table."""
        return self.type == "table"

    @property
    def is_view(self) -> bool:
        """Whether it is known to be a view."""
        return self.type == "view"

    @property
    def is_cte(self) -> bool:
        """Whether it stands for an ephemeral model."""
        return self.type == "cte"

    @property
    def is_materialized_view(self) -> bool:
        """Whether it is known to be a materialised view."""
        return self.type == "materialized_view"

    @property
    def path(self) -> Relation:
        """The relation itself, whose `database`, `schema` and `identifier` are what dbt keeps in its path."""
        return self

    def include(
        self, database: bool | None = None, schema: bool | None = None, identifier: bool | None = None
    ) -> Relation:
        """The same relation, printing only the parts asked for."""
        policy = self.include_policy.but(database=database, schema=schema, identifier=identifier)
        return replace(self, include_policy=policy)

    def quote(
        self, database: bool | None = None, schema: bool | None = None, identifier: bool | None = None
    ) -> Relation:
        """The same relation, quoting only the parts asked for."""
        policy = self.quote_policy.but(database=database, schema=schema, identifier=identifier)
        return replace(self, quote_policy=policy)

    def incorporate(self, path: Mapping[str, str] | None = None, type: str | None = None, **_: Any) -> Relation:
        """The same relation with other parts of its name, or another type."""
        parts: dict[str, Any] = {key: value for key, value in dict(path or {}).items() if key in _PARTS}
        if type is not None:
            parts["type"] = type
        return replace(self, **parts)

    def without_identifier(self) -> Relation:
        """The schema it is in."""
        return self.include(identifier=False)

    def information_schema(self, view_name: str | None = None) -> Relation:
        """The `information_schema` view of that name that describes it."""
        return Relation(
            schema="information_schema",
            identifier=view_name,
            quote_policy=Policy(database=False, schema=False, identifier=False),
            include_policy=Policy(database=False),
        )

    def matches(self, database: str | None = None, schema: str | None = None, identifier: str | None = None) -> bool:
        """Whether the parts given are those of this relation, however they are written."""
        wanted = dict(zip(_PARTS, (database, schema, identifier), strict=True))
        return all(
            value is None or str(value).lower() == str(getattr(self, part)).lower() for part, value in wanted.items()
        )

    def render(self) -> str:
        """The name as a statement writes it, whichever of its rows are asked for."""
        return self.external or ".".join(self._parts())

    def __str__(self) -> str:
        name = self.render()
        return name if self.only is None else f"(select * from {name} where {self.only})"

    def _parts(self) -> Iterator[str]:
        for part in _PARTS:
            value = getattr(self, part)
            if value is not None and self.include_policy.get(part):
                yield quoted(value) if self.quote_policy.get(part) else value


@dataclass(frozen=True, slots=True)
class Column:
    """A column as a template handles it. `dtype` is the engine's word for the type, without length or precision."""

    column: str
    dtype: str
    char_size: int | None = None
    numeric_precision: int | None = None
    numeric_scale: int | None = None

    @classmethod
    def create(cls, name: str, label_or_dtype: str) -> Self:
        """A column of a type that may be named in dbt's portable words."""
        return cls(name, cls.translate_type(label_or_dtype))

    @classmethod
    def translate_type(cls, dtype: str) -> str:
        """The engine's type for dbt's portable word, or the word itself."""
        words = {"STRING": "TEXT", "TIMESTAMP": "TIMESTAMP", "FLOAT": "FLOAT", "INTEGER": "INT", "BOOLEAN": "BOOLEAN"}
        return words.get(dtype.upper(), dtype)

    @staticmethod
    def string_type(size: int) -> str:
        """Text of at most so many characters."""
        return f"character varying({size})"

    @staticmethod
    def numeric_type(dtype: str, precision: Any, scale: Any) -> str:
        """An exact number type of that precision and scale."""
        return dtype if precision is None or scale is None else f"{dtype}({precision},{scale})"

    @property
    def name(self) -> str:
        """The column's name."""
        return self.column

    @property
    def quoted(self) -> str:
        """The name in quotes."""
        return quoted(self.column)

    @property
    def data_type(self) -> str:
        """The whole type, as a cast writes it."""
        if self.is_string():
            return self.dtype if self.char_size is None else self.string_type(self.char_size)
        if self.is_numeric():
            return self.numeric_type(self.dtype, self.numeric_precision, self.numeric_scale)
        return self.dtype

    def is_string(self) -> bool:
        """Whether it holds text."""
        return self.dtype.lower() in _STRINGS

    def is_number(self) -> bool:
        """Whether it holds numbers of any sort."""
        return self.is_integer() or self.is_numeric() or self.is_float()

    def is_float(self) -> bool:
        """Whether it holds approximate numbers."""
        return self.dtype.lower() in _FLOATS

    def is_integer(self) -> bool:
        """Whether it holds whole numbers."""
        return self.dtype.lower() in _INTEGERS

    def is_numeric(self) -> bool:
        """Whether it holds exact numbers."""
        return self.dtype.lower() in _NUMERICS

    def string_size(self) -> int:
        """The most characters it takes; 256 where there is no limit, as in dbt."""
        return 256 if self.char_size is None else self.char_size

    def can_expand_to(self, other_column: Column) -> bool:
        """Whether it is text of a limit that the other column's limit exceeds."""
        if self.char_size is None or not (self.is_string() and other_column.is_string()):
            return False
        return other_column.string_size() > self.string_size()

    def literal(self, value: Any) -> str:
        """A value as this column's type, in SQL."""
        return f"{value}::{self.data_type}"
