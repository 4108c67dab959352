"""The `adapter` of templates: what macros ask of the warehouse, and what they have it do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from headrace.sql.dialect import name as quoted
from headrace.sql.operations import CreateSchema, Drop
from headrace.transform.grid import Grid
from headrace.transform.locations import reading_pattern
from headrace.transform.relation import Column, Relation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from headrace.warehouse.base import Connection

_START = r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/|\()*"
_READS = re.compile(
    _START + r"(select|with|values|from|table|show|describe|explain|pragma|summarize)\b", re.IGNORECASE | re.DOTALL
)
_DESCRIBED = re.compile(_START + r"(select|with|values)\b", re.IGNORECASE | re.DOTALL)
_KINDS = {"BASE TABLE": "table", "LOCAL TEMPORARY": "table", "VIEW": "view", "FOREIGN": "external"}

_DATABASES: WeakKeyDictionary[Connection, str] = WeakKeyDictionary()
"""The name of each session's database, which is asked for once."""


class Adapter:
    """dbt's adapter methods over one session. `resolve` finds a macro by name for `dispatch`.

    `whole` says whether relations print with the name of the session's own database, `external_root` where models become files.
    """

    def __init__(
        self,
        connection: Connection,
        resolve: Callable[[str, str | None], Any],
        *,
        whole: bool = False,
        external_root: str = ".",
    ) -> None:
        self.whole = whole
        self._external_root = external_root
        self.Relation, self.Column = Relation, Column
        self._connection = connection
        self._resolve = resolve

    @property
    def database(self) -> str:
        """The name of the session's own database."""
        name = _DATABASES.get(self._connection)
        if name is None:
            ((found,),) = self._connection.rows("select current_database()")
            name = _DATABASES[self._connection] = str(found)
        return name

    def type(self) -> str:
        """The engine, by dbt's name for its adapter."""
        return self._connection.capabilities.dialect

    def dispatch(
        self, macro_name: str, macro_namespace: str | None = None, packages: Sequence[str] | None = None
    ) -> Any:
        """The macro that suits this engine: `duckdb__name`, else `default__name`, found in the order dbt looks."""
        return self._resolve(macro_name, macro_namespace)

    def quote(self, identifier: str) -> str:
        """The name in quotes."""
        return quoted(identifier)

    def quote_as_configured(self, identifier: str, quote_key: str) -> str:
        """The name in quotes: all parts are quoted here."""
        return quoted(identifier)

    def quote_seed_column(self, column: str, quote_config: bool | None = None) -> str:
        """The name in quotes: seeds' columns always are, so that one called `end` can be loaded."""
        return quoted(column)

    def execute(
        self, sql: str, auto_begin: bool = False, fetch: bool = False, limit: int | None = None
    ) -> tuple[str, Grid]:
        """Run a statement; what it was, and its result if it has one and `fetch` asks for it."""
        if fetch and _READS.match(sql):
            grid = self.read(sql)
            return f"SELECT {len(grid)}", grid if limit is None else grid.limit(limit)
        rows = self._connection.execute(sql)
        return ("OK" if rows < 0 else f"OK {rows}"), Grid((), ())

    def read(self, sql: str) -> Grid:
        """A small result, with its columns' names."""
        if _DESCRIBED.match(sql):
            plain = sql.rstrip().rstrip(";")
            columns = describe(self._connection, plain)
            return Grid([column for column, _ in columns], self._connection.rows(plain))
        table = self._connection.query(sql).read_all()
        return Grid(table.column_names, list(zip(*(column.to_pylist() for column in table.columns), strict=True)))

    def add_query(self, sql: str, auto_begin: bool = True, bindings: Any = None, abridge_sql_log: bool = False) -> None:
        """Run a statement whose result nobody reads."""
        self._connection.execute(sql)

    def write(self, payload: str) -> str:
        """Have this among the statements that are written down for the node; nothing, in place of the call."""
        self._connection.note(str(payload))
        return ""

    def commit(self) -> None:
        """Nothing: a step is one transaction, and the step commits it."""

    def get_relation(
        self, database: str | None = None, schema: str | None = None, identifier: str | None = None
    ) -> Relation | None:
        """The relation of that name if the warehouse has it, with its type; names are compared without case."""
        return next((one for one in self.list_relations(database, schema) if one.matches(identifier=identifier)), None)

    def list_relations(self, database: str | None = None, schema: str | None = None) -> list[Relation]:
        """The relations of a schema."""
        found = self._connection.rows(
            "select table_schema, table_name, table_type from information_schema.tables"
            " where lower(table_schema) = lower(?) and lower(table_catalog) = lower(?) order by table_name",
            (schema or self._connection.capabilities.default_schema, database or self.database),
        )
        own = database is None or database.lower() == self.database.lower()
        return [
            Relation.create(
                database or self.database,
                space,
                name,
                _KINDS.get(kind, "table"),
                include_policy={"database": self.whole or not own},
            )
            for space, name, kind in found
        ]

    list_relations_without_caching = list_relations

    def external_root(self) -> str:
        """The folder of files that models become, where they say no place of their own."""
        return self._external_root

    def external_read_location(self, write_location: str, rendered_options: Mapping[str, Any]) -> str:
        """What a reader names to read a file that a model became, or a folder of them."""
        return reading_pattern(write_location, rendered_options)

    def already_exists(self, schema: str, name: str) -> bool:
        """Whether a schema has a relation of that name."""
        return self.get_relation(None, schema, name) is not None

    def check_schema_exists(self, database: str | None, schema: str) -> bool:
        """Whether there is such a schema."""
        return schema.lower() in (name.lower() for name in self.list_schemas(database))

    def list_schemas(self, database: str | None = None) -> list[str]:
        """The schemas of a database."""
        found = self._connection.rows(
            "select schema_name from information_schema.schemata where lower(catalog_name) = lower(?) order by 1",
            (database or self.database,),
        )
        return [name for (name,) in found]

    def create_schema(self, relation: Relation) -> None:
        """Make the relation's schema if it is not there."""
        own = relation.database is None or relation.database.lower() == self.database.lower()
        schema = relation.schema or self._connection.capabilities.default_schema
        self._connection.run(CreateSchema(schema, None if own else relation.database))

    def drop_schema(self, relation: Relation) -> None:
        """The relation's schema goes, with all it holds."""
        self._connection.execute(f"drop schema if exists {quoted(relation.schema or '')} cascade")

    def drop_relation(self, relation: Relation) -> None:
        """The relation goes, if it is there."""
        self._connection.run(Drop(relation.table_name, "view" if relation.is_view else "table"))

    def truncate_relation(self, relation: Relation) -> None:
        """All rows go."""
        self._connection.execute(f"delete from {relation}")

    def rename_relation(self, from_relation: Relation, to_relation: Relation) -> None:
        """A relation takes another name in its schema."""
        kind = "view" if from_relation.is_view else "table"
        self._connection.execute(f"alter {kind} {from_relation} rename to {quoted(to_relation.identifier or '')}")

    def get_columns_in_relation(self, relation: Relation | None) -> list[Column]:
        """The relation's columns in order; none where it does not exist or stands for an ephemeral model."""
        if relation is None or relation.is_cte:
            return []
        if relation.external:
            return self.get_column_schema_from_query(f"select * from {relation.external}")
        found = self._connection.rows(
            "select column_name, data_type, character_maximum_length, numeric_precision, numeric_scale"
            " from information_schema.columns where lower(table_name) = lower(?) and lower(table_schema) = lower(?)"
            " and lower(table_catalog) in (lower(?), 'temp') order by ordinal_position",
            (relation.identifier, relation.schema or "main", relation.database or self.database),
        )
        return [
            Column(name, *_parted(kind), *_sizes(kind, size, precision, scale))
            for name, kind, size, precision, scale in found
        ]

    def get_column_schema_from_query(self, sql: str) -> list[Column]:
        """The columns a query gives, without running it."""
        return [Column(name, kind) for name, kind in describe(self._connection, sql)]

    def get_missing_columns(self, from_relation: Relation, to_relation: Relation) -> list[Column]:
        """Columns of the first relation that the second lacks."""
        held = {column.name.lower() for column in self.get_columns_in_relation(to_relation)}
        return [column for column in self.get_columns_in_relation(from_relation) if column.name.lower() not in held]

    def expand_target_column_types(self, from_relation: Relation, to_relation: Relation) -> None:
        """Text columns of the second relation grow to the first one's limits."""
        wanted = {column.name: column for column in self.get_columns_in_relation(from_relation)}
        for column in self.get_columns_in_relation(to_relation):
            other = wanted.get(column.name)
            if other is not None and column.can_expand_to(other):
                self._connection.execute(
                    f"alter table {to_relation} alter column {column.quoted} type {other.data_type}"
                )


def describe(connection: Connection, sql: str) -> list[tuple[str, str]]:
    """Name and engine type of each column a query would give. Raises StatementFailed where it cannot run."""
    if connection.capabilities.dialect == "duckdb":
        return [(str(row[0]), str(row[1])) for row in connection.rows(f"describe\n{sql}")]
    probe = '"headrace__probe"'
    # A question, although it takes statements: `rows` keeps it out of what a step is known to have done.
    connection.rows(f"create temporary table {probe} as select * from (\n{sql}\n) probed limit 0")
    found = connection.rows(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute"
        " where attrelid = 'pg_temp.headrace__probe'::regclass and attnum > 0 and not attisdropped order by attnum"
    )
    connection.rows(f"drop table pg_temp.{probe}")
    return [(str(name), str(kind)) for name, kind in found]


def _parted(kind: str) -> tuple[str]:
    """DuckDB writes `DECIMAL(18,3)` where information_schema elsewhere writes the word alone."""
    return (kind.partition("(")[0] if kind.upper().startswith("DECIMAL(") else kind,)


def _sizes(kind: str, size: Any, precision: Any, scale: Any) -> tuple[int | None, Any, Any]:
    """Length, precision and scale, where they belong to the type."""
    exact = kind.lower().startswith(("numeric", "decimal"))
    return (None if size is None else int(size)), (precision if exact else None), (scale if exact else None)
