"""Lists within rows: what arrived of them, as parts of tables of their own.

The rows of a package are written down in the embedded DuckDB, each with an id, and each list is unnested there once. The rows of a
list's table know the row that they came from by that id, whatever becomes of it: see `load.children`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from headrace.errors import ChangeLossy, NameTaken
from headrace.load import staging
from headrace.load.asking import asking
from headrace.load.branch import Branch, Path
from headrace.load.elements import Elements, Found, found_in, of_json, of_type, unnested
from headrace.load.evolve import Fit, Refusal, Room, make_room
from headrace.load.extras import ROOT, ROW, root_name
from headrace.load.refusing import refuse
from headrace.naming import Names, table_name
from headrace.schema import VARCHAR, Column, Kind, Schema
from headrace.sql.dialect import name, read_type, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.load.loading import Loading
    from headrace.load.parts import Part
    from headrace.project.sources import Stream
    from headrace.project.stream_keys import ColumnSpec
    from headrace.table import Table
    from headrace.warehouse.base import Relation
    from headrace.warehouse.embedded import Embedded

_NOTHING = Schema(())


@dataclass(slots=True)
class Nest:
    """The rows of a package, written down, and the tables of their lists; `parts` are the rows without the lists."""

    loading: Loading
    there: Mapping[Table, Relation]
    held: Relation | None
    arrived: list[Part]
    parts: list[Part] = field(default_factory=list)
    lists: Schema = _NOTHING
    branches: dict[Path, Branch] = field(default_factory=dict)
    keys: Schema = _NOTHING
    names: dict[Path, Names] = field(default_factory=dict)

    @property
    def local(self) -> Embedded:
        """Where the rows are written down."""
        return self.loading.connection.local


def opened(loading: Loading, target: Table, there: Mapping[Table, Relation], parts: list[Part]) -> Nest:
    """Write the rows down and see which of their columns are lists. Raises ChangeLossy where the table holds lists as columns."""
    held = None if loading.anew else there.get(target)
    if held is not None and held.schema.get(ROW) is None:
        raise ChangeLossy(
            f"{loading.stream.label}: {target} was loaded without `nested: tables`, and holds its lists as columns",
            where=loading.stream.place,
            hint="load the stream anew with --full-refresh",
        )
    nest = Nest(loading, there, held, [])
    for path, table in known(loading).items():
        nest.branches[path] = _branch(nest, path, table)
    before = 0
    for number, part in enumerate(parts):
        rows = f"headrace_rows{number}"
        row = f"{text(f'{loading.package.id}:')} || (row_number() OVER () + {before})"
        nest.local.execute(
            f"CREATE OR REPLACE TEMP TABLE {rows} AS SELECT *, {row} AS {name(ROW)} FROM (\n{part.query}\n) AS arrived"
        )
        before += int(nest.local.rows(f"SELECT count(*) FROM {rows}")[0][0])
        nest.arrived.append(replace(part, query=f"SELECT * FROM {rows}"))
    found = dict.fromkeys(column.name for part in parts for column in part.schema if _is_table(nest, column.name))
    nest.lists = Schema(tuple(Column(each, VARCHAR) for each in found))
    nest.parts = [
        replace(part, schema=Schema(tuple(column for column in part.schema if column.name not in found)))
        for part in nest.arrived
    ]
    return nest


def known(loading: Loading) -> dict[Path, Table]:
    """The tables that the loads before this one made of lists; none where all is loaded anew."""
    previous = loading.previous
    return {} if previous is None or loading.anew else earlier(loading)


def earlier(loading: Loading) -> dict[Path, Table]:
    """The tables that the stream's last load left of its lists, those above before those below."""
    state = loading.previous.state if loading.previous else {}
    return {tuple(path): replace(loading.table, name=called) for path, called, _ in state.get("nested", [])}


def renamed_in(loading: Loading, path: Path) -> dict[str, str]:
    """The columns of a list's table that are not called as at the source."""
    state = loading.previous.state if loading.previous else {}
    return next((dict(renamed) for one, _, renamed in state.get("nested", []) if tuple(one) == path), {})


def unfolded(nest: Nest, room: Room) -> Room:
    """The room of the rows, with what is refused of them because of what is in their lists; the branches have their own room."""
    fits = tuple(
        replace(fit, part=part, columns={**fit.columns, **_as_text(part, nest.lists)})
        for fit, part in zip(room.fits, nest.arrived, strict=True)
    )
    spec = nest.loading.stream.spec
    keys = [column for key in spec.primary_key if (column := room.schema.get(key))]
    nest.keys = Schema(tuple(Column(root_name(column.name), column.type) for column in keys))
    handed: dict[str, dict[str, str]] = {}
    lists: dict[Path, list[Found]] = {}
    refusals: list[Refusal] = []
    for number, (fit, part) in enumerate(zip(fits, nest.arrived, strict=True)):
        table = f"headrace_rows{number}"
        handed[table] = {ROOT: name(ROW)} | {root_name(key.name): fit.columns.get(key.name, "NULL") for key in keys}
        for column in part.schema:
            if nest.lists.get(column.name):
                lists.setdefault((column.name,), []).append(found_in(nest.local, table, column))
    while lists:
        path = next(iter(lists))
        below, refused = _unfold(nest, path, lists.pop(path), handed)
        refusals += refused
        for one in below:
            lists.setdefault((*path, one.column), []).append(one)
    return replace(room, fits=tuple(replace(fit, refusals=(*fit.refusals, *refusals)) for fit in fits))


def _as_text(part: Part, lists: Schema) -> dict[str, str]:
    return {
        column.name: f"CAST(to_json({name(column.name)}) AS VARCHAR)"
        for column in part.schema
        if lists.get(column.name)
    }


def _unfold(
    nest: Nest, path: Path, found: list[Found], handed: dict[str, dict[str, str]]
) -> tuple[list[Found], list[Refusal]]:
    """The lists of one path as what arrived for their table; the lists in their elements, and what of the rows is refused for them."""
    local, column = nest.local, "__".join(path)
    up = [
        Refusal(_rows_of(one.table, handed, one.strange), "type", column, "a list belongs here", "quarantine")
        for one in found
        if local.rows(f"SELECT 1 FROM {one.table} WHERE {one.strange} LIMIT 1")
    ]
    elements = [_read(nest, path, group, handed) for group in _alike(found)]
    branch = nest.branches.get(path)
    if branch is None:
        branch = _branch(nest, path, _table(nest, path))
        mode = nest.loading.stream.spec.schema_contract.tables
        if nest.held is not None and mode != "evolve":
            said = f"there is no table {branch.table}"
            return [], [*up, *(Refusal(_rows_of(one.table, handed), "table", column, said, mode) for one in elements)]
        nest.branches[path] = branch
    parts = [one.part for one in elements]
    stored = _own(branch.held.schema) if branch.held else None
    room = make_room(branch.stream, stored, parts, asking(nest.loading.connection, branch.table, parts, stored))
    fits = []
    for fit in room.fits:
        refusals = [
            replace(one, column=f"{column}__{one.column}") for one in (*fit.refusals, *_lacking(branch.stream, fit))
        ]
        broken = [one for one in refusals if local.rows(staging.breaking_query(fit, one))]
        left = tuple(one for one in broken if one.mode == "discard_value")
        refuse(nest.loading, replace(fit, refusals=left))
        up += [
            replace(one, condition=_rows_of(f"(\n{fit.part.query}\n) AS part", handed, one.condition, root=name(ROOT)))
            for one in broken
            if one not in left
        ]
        fits.append(replace(fit, refusals=()))
    branch.renamed = _names(nest, path).renamed
    branch.room = Room(room.schema, room.changes, tuple(fits))
    return [each for one in elements for each in one.lists], up


def _rows_of(table: str, handed: Mapping[str, Mapping[str, str]], where: str = "TRUE", root: str | None = None) -> str:
    """The condition for rows from which rows of a table of elements came that meet a condition."""
    return f"{name(ROW)} IN (SELECT {root or handed[table][ROOT]} FROM {table} WHERE {where})"


def _alike(found: list[Found]) -> list[list[Found]]:
    """Lists whose elements have one type, together."""
    groups: dict[str, list[Found]] = {}
    for one in found:
        groups.setdefault(str(one.item), []).append(one)
    return list(groups.values())


def _read(nest: Nest, path: Path, found: list[Found], handed: dict[str, dict[str, str]]) -> Elements:
    table, down = f"headrace_list{len(handed)}", (ROOT, *nest.keys.names)
    unnested(nest.local, table, found, handed)
    hints = _hints(nest.loading.stream, path)
    declared = {column: read_type(spec.type) for column, spec in hints.items() if spec.type is not None}
    held = nest.branches[path].held if path in nest.branches else None

    def is_list(column: str, of: Any) -> bool:
        deeper = (*path, column)
        if deeper in nest.branches and column not in declared:
            return True
        if column in declared or (held and held.schema.get(column)) or not _deep_enough(nest, deeper):
            return False
        return isinstance(of, list) or getattr(of, "kind", None) is Kind.LIST

    names = _names(nest, path)
    item = found[0].item
    if item is None:
        made = of_json(nest.local, table, down, (names, declared), is_list, long=any(one.long for one in found))
    else:
        made = of_type(table, item, down, names, is_list)
    handed[made.table] = {each: name(each) for each in down}
    return made


def _names(nest: Nest, path: Path) -> Names:
    """What the columns of a list's table are called."""
    if path not in nest.names:
        branch = nest.branches.get(path)
        taken = _own(branch.held.schema).names if branch and branch.held else ()
        renamed = {} if nest.loading.anew else renamed_in(nest.loading, path)
        nest.names[path] = Names(nest.loading.stream.spec.convention, renamed, taken)
    return nest.names[path]


def _lacking(stream: Stream, fit: Fit) -> list[Refusal]:
    """Elements without a value that they are to have."""
    return [
        Refusal(f"{fit.columns.get(column, 'NULL')} IS NULL", "null", column, "the column takes no NULL", "quarantine")
        for column, spec in stream.spec.columns.items()
        if not spec.nullable
    ]


def _is_table(nest: Nest, column: str) -> bool:
    """Whether a column of arrived rows becomes a table: all its values are lists, and it was no column before."""
    spec = nest.loading.stream.spec.columns.get(column)
    if (spec and spec.type) or not _deep_enough(nest, (column,)):
        return False
    if (column,) in nest.branches:
        return True
    if nest.held and nest.held.schema.get(column):
        return False
    lists = 0
    for part in nest.arrived:
        arrived = part.schema.get(column)
        if arrived is None or arrived.type.kind is Kind.LIST:
            lists += arrived is not None
            continue
        kind = f"json_type({name(column)})" if arrived.type.kind is Kind.JSON else "'OTHER'"
        ((some, others),) = nest.local.rows(
            f"SELECT count(*) FILTER ({kind} = 'ARRAY'), count(*) FILTER ({kind} NOT IN ('ARRAY', 'NULL')) "
            f"FROM (\n{part.query}\n) AS part WHERE {name(column)} IS NOT NULL"
        )
        if others:
            return False
        lists += some
    return lists > 0


def _deep_enough(nest: Nest, path: Path) -> bool:
    deepest = nest.loading.stream.spec.max_table_nesting
    return deepest is None or len(path) <= deepest


def _hints(stream: Stream, path: Path) -> Mapping[str, ColumnSpec]:
    hints = stream.spec.nested_hints.get("__".join(path))
    return hints.columns if hints else {}


def _branch(nest: Nest, path: Path, table: Table) -> Branch:
    stream = nest.loading.stream
    changed: dict[str, Any] = {
        "primary_key": (),
        "merge_key": (),
        "write_disposition": "append",
        "columns": _hints(stream, path),
    }
    spec = stream.spec.model_copy(update=changed)
    named = replace(stream, name="__".join((stream.name, *path)), spec=spec)
    was = nest.there.get(table)
    renamed = {} if nest.loading.anew else renamed_in(nest.loading, path)
    return Branch(path, named, table, None if nest.loading.anew else was, was, renamed=renamed)


def _table(nest: Nest, path: Path) -> Table:
    """The table of a list that has none yet. Raises NameTaken where another table has its name."""
    loading, taken = nest.loading, {branch.table for branch in nest.branches.values()}
    called = table_name("__".join((loading.table.name, *path)))
    table = replace(loading.table, name=called)
    if table in taken or (table in nest.there and table not in earlier(loading).values()):
        raise NameTaken(
            f"{loading.stream.label}: the list '{'__'.join(path)}' would be the table {table}, which is there already",
            where=loading.stream.place,
            hint="rename the list in the stream's `transform:`, or give the stream another `table_name:`",
        )
    return table


def _own(schema: Schema) -> Schema:
    return Schema(tuple(column for column in schema if not column.name.startswith("_headrace_")))


def leave_out(nest: Nest, room: Room) -> None:
    """Rows that are refused are there no longer, and neither is what their lists hold."""
    refused = "headrace_refused"
    for number, fit in enumerate(room.fits):
        condition = fit.refused("quarantine", "discard_row")
        if not condition:
            continue
        rows = f"headrace_rows{number}"
        nest.local.execute(
            f"CREATE OR REPLACE TEMP TABLE {refused} AS SELECT {name(ROW)} FROM {rows} AS part WHERE {condition}"
        )
        nest.local.execute(f"DELETE FROM {rows} WHERE {name(ROW)} IN (SELECT {name(ROW)} FROM {refused})")
        for table in _tables(nest, "headrace_list"):
            nest.local.execute(f"DELETE FROM {table} WHERE {name(ROOT)} IN (SELECT {name(ROW)} FROM {refused})")


def closed(nest: Nest) -> None:
    """Forget what was written down."""
    for table in _tables(nest, "headrace_"):
        nest.local.execute(f"DROP TABLE {table}")


def _tables(nest: Nest, prefix: str) -> list[str]:
    found = nest.local.rows(
        f"SELECT table_name FROM duckdb_tables() WHERE temporary AND starts_with(table_name, {text(prefix)})"
    )
    return [row[0] for row in found]
