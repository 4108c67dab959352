"""The elements of lists as rows: which columns they have, and the lists in them again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace.landing import ORIGIN
from headrace.load.extras import INDEX, PARENT, ROW
from headrace.load.parts import Part
from headrace.schema import JSON, VARCHAR, Column, Kind, Schema, Type
from headrace.sql.dialect import name, names, text
from headrace.sql.exact import spelled
from headrace.warehouse.inference import MARK, MAY_BE_LONG, inferred, leaves_of, marked, pointer, unmarked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from headrace.naming import Names
    from headrace.warehouse.embedded import Embedded

ELEMENT = "e"
VALUE = "value"
"""The column of elements that are no objects."""


@dataclass(frozen=True, slots=True)
class Found:
    """A list in the rows of a table of the embedded DuckDB: its column's name to be, the expression that gives it, and the type of
    its elements, None where they are JSON. `strange` is the condition for a value in its place that is no list.
    """  # noqa: D205 - one sentence

    table: str
    column: str
    value: str
    item: Type | None
    strange: str = "FALSE"
    long: bool = False
    """Whether there are numbers of more digits than a double keeps in it, which then travel as marked strings."""


@dataclass(frozen=True, slots=True)
class Elements:
    """The elements of lists as rows of a table of the embedded DuckDB, with their columns as a part, and the lists in them."""

    table: str
    part: Part
    lists: tuple[Found, ...] = ()


def found_in(local: Embedded, table: str, column: Column) -> Found:
    """The list that a column of arrived rows is."""
    held = name(column.name)
    if column.type.kind is Kind.LIST:
        return Found(table, column.name, held, column.type.item)
    if column.type.kind is not Kind.JSON:
        return Found(table, column.name, "CAST(NULL AS JSON[])", None, f"{held} IS NOT NULL")
    safe = _protected(local, table, column.name)
    return _in_json(table, column.name, safe or held, long=safe is not None)


def _in_json(table: str, column: str, held: str, *, long: bool) -> Found:
    kind = f"json_type({held})"
    value = f"CASE WHEN {kind} = 'ARRAY' THEN CAST({held} AS JSON[]) END"
    return Found(table, column, value, None, f"coalesce({kind} NOT IN ('ARRAY', 'NULL'), FALSE)", long)


def _protected(local: Embedded, table: str, column: str) -> str | None:
    """Where the column's values stand with their long numbers as marked strings; None where it has none."""
    from headrace.arrow import pa

    held = f"CAST({name(column)} AS VARCHAR)"
    suspects = local.rows(f"SELECT rowid, {held} FROM {table} WHERE regexp_matches({held}, {text(MAY_BE_LONG)})")
    changed = [(row, new) for row, old in suspects if (new := marked(old)) != old]
    if not changed:
        return None
    beside = name(f"_headrace_marked_{column}")
    rows, bodies = zip(*changed, strict=True)
    local.register(
        "headrace_marked", pa.table({"place": pa.array(rows, pa.int64()), "body": pa.array(bodies, pa.string())})
    )
    local.execute(f"ALTER TABLE {table} ADD COLUMN {beside} JSON")
    local.execute(
        f"UPDATE {table} SET {beside} = CAST(m.body AS JSON) FROM headrace_marked AS m WHERE {table}.rowid = m.place"
    )
    local.unregister("headrace_marked")
    return f"coalesce({beside}, {name(column)})"


def unnested(local: Embedded, into: str, lists: Iterable[Found], handed: Mapping[str, Mapping[str, str]]) -> int:
    """Write the elements of lists of one type down as the table `into`; how many. `handed` has for each table, by their names, the
    columns that its rows hand down.
    """  # noqa: D205 - one sentence
    selects = [_unnested(one, handed[one.table]) for one in lists]
    local.execute(f"CREATE OR REPLACE TEMP TABLE {into} AS\n" + "\nUNION ALL\n".join(selects))
    return int(local.rows(f"SELECT count(*) FROM {into}")[0][0])


def _unnested(found: Found, handed: Mapping[str, str]) -> str:
    parent, at = name(PARENT), name(INDEX)
    inner = "".join(f", {value} AS {name(key)}" for key, value in handed.items())
    return (
        f"SELECT {names(handed)}, {parent}, {parent} || '.' || {at} AS {name(ROW)}, {at}, {name(ORIGIN)}, {ELEMENT}\n"
        f"FROM (SELECT {name(ROW)} AS {parent}, {name(ORIGIN)}{inner}, unnest({found.value}) AS {ELEMENT}, "
        f"unnest(range(len({found.value}))) AS {at} FROM {found.table}) AS unnested"
    )


def of_json(
    local: Embedded,
    table: str,
    handed: Iterable[str],
    known: tuple[Names, Mapping[str, Type]],
    is_list: Callable[[str, Any], bool],
    *,
    long: bool,
) -> Elements:
    """The columns of elements that are JSON, in the types that their values have; text where another type is declared.

    `known` are the names of the columns and the types of those that were declared. `is_list` says of a column and its structure whether it becomes a table.
    """
    whole = f"CASE WHEN json_type({ELEMENT}) = 'OBJECT' THEN {ELEMENT} ELSE json_object('{VALUE}', {ELEMENT}) END"
    ((structure,),) = local.rows(f"SELECT CAST(json_group_structure({whole}) AS VARCHAR) FROM {table}")
    leaves = leaves_of(json.loads(structure) if structure else {}, (), flatten=True)
    pointers = "[" + ", ".join(text(pointer(keys)) for keys, _ in leaves) + "]"
    texts = f", json_extract_string(r, {pointers}) AS t" if leaves else ""
    made = f"{table}_read"
    local.execute(
        f"CREATE OR REPLACE TEMP TABLE {made} AS SELECT *{texts} FROM "
        f"(SELECT * EXCLUDE ({ELEMENT}), {whole} AS r FROM {table}) AS elements"
    )
    local.execute(f"DROP TABLE {table}")
    columns, lists = [], []
    names_of, declared = known
    called = names_of.of([keys for keys, _ in leaves])
    guesses = inferred(leaves, local, made, long=long)
    for index, (path, of) in enumerate(leaves, 1):
        column, held = called[path], f"json_extract(r, {text(pointer(path))})"
        if is_list(column, of):
            lists.append(_in_json(made, column, held, long=long))
            continue
        guess = guesses[index]
        if guess is None:
            continue
        bare = f"replace(t[{index}], '{MARK}', '')" if long else f"t[{index}]"
        json_text = f"nullif(CAST({held} AS VARCHAR), 'null')"
        if declared.get(column, guess) == JSON or (guess == JSON and column not in declared):
            value, kind = f"CAST({unmarked(json_text) if long else json_text} AS JSON)", JSON
        elif column in declared or guess == VARCHAR:
            value, kind = bare, VARCHAR
        else:
            value, kind = f"CAST({bare} AS {spelled(guess)})", guess
        columns.append((Column(column, kind), value))
    return Elements(made, _part(made, columns, handed), tuple(lists))


def of_type(
    table: str, item: Type, handed: Iterable[str], known: Names, is_list: Callable[[str, Any], bool]
) -> Elements:
    """The columns of elements that have a type."""
    leaves = list(_fields((), ELEMENT, item)) if item.kind is Kind.STRUCT else [((VALUE,), ELEMENT, item)]
    called = known.of([path for path, _, _ in leaves])
    columns, lists = [], []
    for path, value, of in leaves:
        column = called[path]
        if of.kind is Kind.LIST and is_list(column, of):
            lists.append(Found(table, column, value, of.item))
        else:
            columns.append((Column(column, of), value))
    return Elements(table, _part(table, columns, handed), tuple(lists))


def _fields(path: tuple[str, ...], value: str, of: Type) -> Iterable[tuple[tuple[str, ...], str, Type]]:
    if of.kind is not Kind.STRUCT:
        yield path, value, of
        return
    for field, inner in of.fields:
        yield from _fields((*path, field), f"struct_extract({value}, {text(field)})", inner)


def _part(table: str, columns: Sequence[tuple[Column, str]], handed: Iterable[str]) -> Part:
    listed = "".join(f", {value} AS {name(column.name)}" for column, value in columns)
    passed = names((*handed, PARENT, ROW, INDEX, ORIGIN))
    return Part(f"SELECT {passed}{listed} FROM {table}", Schema(tuple(column for column, _ in columns)))
