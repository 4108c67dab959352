"""Unit tests: a model's query over given rows instead of its inputs, and the rows that it has to give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace.errors import ConfigInvalid, StatementFailed, did_you_mean
from headrace.project.nodes import Model, SourceTable
from headrace.project.scopes import OVERRIDES
from headrace.sql.dialect import name, relation, text
from headrace.transform.adapter import describe
from headrace.transform.compile import compile_node, stand_in
from headrace.transform.context import Scene, names_for
from headrace.transform.linemap import Piece
from headrace.transform.relation import Relation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from headrace.project.nodes import Given, Node, UnitTest
    from headrace.table import Table
    from headrace.transform.runtime import Runtime
    from headrace.warehouse.base import Connection
    from headrace.warehouse.base import Relation as Known


@dataclass(frozen=True, slots=True)
class UnitQueries:
    """What a unit test compares: two queries of the same columns, in the same order."""

    actual: str
    expected: str
    columns: tuple[str, ...]


def compile_unit(node: UnitTest, runtime: Runtime, connection: Connection, known: Mapping[Table, Known]) -> UnitQueries:
    """The model's query with its inputs replaced, and the query for the expected rows, cast to the types of the former.

    A column's type in a given row is that of the input in the warehouse, or, if that is not built yet, that of its query. Raises
    ConfigInvalid for rows that have a column which their input lacks, and StatementFailed.
    """
    model = runtime.manifest.nodes[node.model]
    if not isinstance(model, Model):
        raise ConfigInvalid(f"unit test {node.name}: {node.model} is no model", where=node.place)
    fixtures = _Fixtures(node, model, runtime, connection, known)
    compiled = stand_in(model, runtime, connection, known, fixtures.names, fixtures.pieces)
    with compiled.blame():
        given = describe(connection, compiled.sql)
    columns, rows = _expected_columns(node, [column for column, _ in given])
    types = {column.lower(): kind for column, kind in given}
    listed = ", ".join(name(column) for column in columns)
    expected = (
        f"select {listed} from (\n{rows}\n) as expected"
        if isinstance(rows, str)
        else rows_as_sql(rows, [(column, types.get(column.lower())) for column in columns])
    )
    return UnitQueries(f"select {listed} from (\n{compiled.sql}\n) as actual", expected, columns)


def _expected_columns(node: UnitTest, actual: Sequence[str]) -> tuple[tuple[str, ...], Any]:
    """The columns that are compared: those that the expected rows name, or all."""
    rows = node.expect.rows
    if isinstance(rows, str):
        return tuple(actual), rows
    folded = {column.lower(): column for column in actual}
    named = dict.fromkeys(key for row in rows for key in row)
    for key in named:
        if key.lower() not in folded:
            raise ConfigInvalid(
                f"unit test {node.name} expects a column {key!r}, which the model does not give",
                where=node.place,
                hint=did_you_mean(key, actual) or f"it gives {', '.join(actual)}",
            )
    return tuple(folded[key.lower()] for key in named) or tuple(actual), rows


class _Fixtures:
    """The names that a unit test's inputs have in the model's query."""

    def __init__(
        self, node: UnitTest, model: Model, runtime: Runtime, connection: Connection, known: Mapping[Table, Known]
    ) -> None:
        self.node, self.model, self.runtime, self.connection, self.known = node, model, runtime, connection, known
        self.pieces: list[tuple[str, Piece]] = []
        self.ids: dict[str, str] = {}
        for given in node.given:
            key, cte = self._place(given)
            if key not in self.ids:
                self.ids[key] = cte
                self.pieces.append((cte, Piece(self._sql(given, key), node.place, None)))

    def _place(self, given: Given) -> tuple[str, str]:
        """The id of the input, or `this`, and what its CTE is called."""
        if given.input.strip() == "this":
            return "this", f"__dbt__cte__{self.model.name}__this"
        node = self.runtime.manifest.nodes.get(given.node or "")
        if node is not None:
            return node.unique_id, _label(node)
        asked: list[Node] = []
        names = dict(self.runtime.manifest.names(self.model.package))

        def ref(*words: str, version: Any = None, v: Any = None) -> str:
            asked.append(_ref(self.runtime, self.node, words, v if version is None else version))
            return ""

        def source(one: str, two: str) -> str:
            asked.append(self.runtime.manifest.source(one, two, self.node.place))
            return ""

        names.update(ref=ref, source=source)
        self.runtime.manifest.templates.evaluate(f"{{{{ {given.input} }}}}", names, self.node.place)
        if not asked:
            raise ConfigInvalid(
                f"unit test {self.node.name}: input {given.input!r} is no ref, source or this", where=self.node.place
            )
        return asked[0].unique_id, _label(asked[0])

    def _sql(self, given: Given, key: str) -> str:
        if isinstance(given.rows, str):
            return given.rows.strip().rstrip(";")
        node = self.model if key == "this" else self.runtime.manifest.nodes[key]
        types = self._types(node)
        if not types and isinstance(node, SourceTable):
            # As under dbt: rows of guessed types could pass where those of the table would not.
            raise ConfigInvalid(
                f"unit test {self.node.name}: the types of {given.input} are not known, as {node.table} is not there",
                where=self.node.place,
                hint="load the table first, or give the rows as a query with types: format: sql",
            )
        folded = {column.lower() for column, _ in types}
        named = dict.fromkeys(column for row in given.rows for column in row)
        unknown = next((column for column in named if types and column.lower() not in folded), None)
        if unknown is not None:
            known = [column for column, _ in types]
            raise ConfigInvalid(
                f"unit test {self.node.name} gives {given.input} a column {unknown!r}, which it does not have",
                where=self.node.place,
                hint=did_you_mean(unknown, known) or f"it has {', '.join(known)}",
            )
        columns: list[tuple[str, str | None]] = [*types] if types else [(column, None) for column in named]
        return rows_as_sql(given.rows, columns)

    def _types(self, node: Node) -> list[tuple[str, str]]:
        """The columns of an input: of the relation, if it is built, else of the model's query, if that can be asked."""
        table = getattr(node, "table", None)
        if table is not None and table in self.known:
            return describe(self.connection, f"select * from {relation(table)}")
        try:
            if isinstance(node, Model) and node.language == "sql":
                return describe(self.connection, compile_node(node, self.runtime, self.connection, self.known).sql)
            if isinstance(node, SourceTable) and (node.location or self._stands(node.table)):
                return describe(self.connection, f"select * from {node.location or relation(node.table)}")
        except StatementFailed:
            return []
        return []

    def _stands(self, table: Table) -> bool:
        return table in self.connection.inspect(table.schema, database=table.database)

    def names(self, scene: Scene) -> dict[str, Any]:
        """The names of the model's template, with inputs and overrides in place."""
        names = names_for(scene)
        manifest, node = self.runtime.manifest, self.node

        def found(one: Node) -> Relation:
            if one.unique_id not in self.ids:
                raise ConfigInvalid(
                    f"unit test {node.name} gives no rows for {one.name}, which {self.model.name} reads",
                    where=node.place,
                    hint="an input without rows is written as `rows: []`",
                )
            return Relation.cte(self.ids[one.unique_id])

        def ref(*words: str, version: Any = None, v: Any = None) -> Relation:
            return found(_ref(self.runtime, node, words, v if version is None else version))

        names.update(ref=ref, source=lambda one, two: found(manifest.source(one, two, node.place)))
        if "this" in self.ids:
            names["this"] = Relation.cte(self.ids["this"])
        names["is_incremental"] = lambda: False
        names["var"] = _over(names["var"], node.overrides.get("vars") or {})
        names["env_var"] = _over(names["env_var"], node.overrides.get("env_vars") or {})
        names[OVERRIDES] = overrides(node.overrides.get("macros") or {}, manifest.templates.macros.foreign)
        names["builtins"] |= {"ref": names["ref"], "source": names["source"]}
        return names


def _label(node: Node) -> str:
    """What the CTE of an input is called."""
    return f"__dbt__cte__{node.source}__{node.name}" if isinstance(node, SourceTable) else f"__dbt__cte__{node.name}"


def _ref(runtime: Runtime, node: UnitTest, words: Sequence[str], version: Any) -> Node:
    named = words[-1] if version is None else f"{words[-1]}.v{version}"
    return runtime.manifest.ref(named, node.place)


def _over(usual: Callable[..., Any], values: Mapping[str, Any]) -> Callable[..., Any]:
    def ask(key: str, *default: Any) -> Any:
        return values[key] if key in values else usual(key, *default)

    return ask


class _Package:
    """A package of macros of which some are replaced by values."""

    def __init__(self, usual: Any, values: Mapping[str, Any]) -> None:
        self._usual = usual
        self._values = values

    def __getattr__(self, macro: str) -> Any:
        """The value in the macro's place, or the macro."""
        if macro in self._values:
            return lambda *_values, **_named: self._values[macro]
        return getattr(self._usual, macro)


def overrides(macros: Mapping[str, Any], foreign: Callable[[str], Any]) -> dict[str, Any]:
    """What names mean where a unit test says what macros return, those of packages by `package.macro`."""
    found: dict[str, Any] = {}
    packages: dict[str, dict[str, Any]] = {}
    for key, value in macros.items():
        package, dot, macro = str(key).partition(".")
        if dot:
            packages.setdefault(package, {})[macro] = value
        else:
            found[key] = lambda *_values, value=value, **_named: value
    return found | {package: _Package(foreign(package), values) for package, values in packages.items()}


def rows_as_sql(rows: Sequence[Mapping[str, Any]], columns: Sequence[tuple[str, str | None]]) -> str:
    """The rows as a query of these columns, each cast to its type where one is known; a column that a row lacks is NULL."""
    if not rows or not columns:
        nulls = ", ".join(_cell(None, kind) + f" as {name(column)}" for column, kind in columns) or "1 as nothing"
        return f"select {nulls} where 1 = 0"
    folded = [{str(key).lower(): value for key, value in row.items()} for row in rows]
    return "\nunion all\n".join(
        "select " + ", ".join(f"{_cell(row.get(column.lower()), kind)} as {name(column)}" for column, kind in columns)
        for row in folded
    )


def _cell(value: Any, kind: str | None) -> str:
    written = _literal(value)
    return written if kind is None else f"cast({written} as {kind})"


def _literal(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case list() | tuple():
            return f"[{', '.join(_literal(one) for one in value)}]"
        case dict():
            import json

            return text(json.dumps(value))
        case _:
            return text(str(value))
