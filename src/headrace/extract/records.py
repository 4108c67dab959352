"""Page bodies to Arrow rows, by SQL in the embedded DuckDB: no Python object is made for a record."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from headrace.cursor import Cursor
from headrace.errors import RecordsNotFound
from headrace.extract.paths import keys_of
from headrace.extract.selecting import records_sql
from headrace.naming import convention, distinct_names, written
from headrace.schema import JSON, VARCHAR, Kind, Type
from headrace.sql.dialect import name as quoted
from headrace.sql.dialect import text as literal
from headrace.sql.exact import exact, spelled
from headrace.warehouse.inference import MARK, MAY_BE_LONG, inferred, leaves_of, marked, pointer, unmarked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

    from headrace.warehouse.embedded import Embedded

_KIND_IN_WORDS = (
    "CASE json_type(r) WHEN 'ARRAY' THEN 'a list' WHEN 'VARCHAR' THEN 'a text' WHEN 'NULL' THEN 'null'"
    " WHEN 'BOOLEAN' THEN 'a boolean' ELSE 'a number' END"
)


@dataclass(frozen=True, slots=True)
class Shape:
    """What is known of the records beforehand: where they are, which types were declared, and where the cursor is.

    `missing` says what becomes of a record without a cursor value: raise, include or exclude (to the rejected rows).
    """

    selector: str
    columns: Mapping[str, Type] = field(default_factory=dict)
    flatten: bool = False
    cursor_path: str | None = None
    missing: str = "include"


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of some pages; `rejected` as in Batch, None where there are none."""

    rows: pa.Table
    read: int
    rejected: pa.Table | None
    cursor: str | None


@dataclass(frozen=True, slots=True)
class _Field:
    """A column to be: its keys in the record, its name, the expression of its value, and the one that is true where it is refused."""

    name: str
    type: Type
    value: str
    refused: str | None = None
    text: str = "NULL"


@dataclass(frozen=True, slots=True)
class Known:
    """A key of the records that were looked at: the column it is, the type that holds its values (None: only nulls), and whether that was declared.

    A declared column that no record had has no key.
    """

    key: str | None
    name: str
    type: Type | None
    declared: bool = False


def rows_of(pages: Sequence[tuple[str, str]], shape: Shape, local: Embedded, added: Sequence[str | None] = ()) -> Rows:
    """The records of pages, each given as its origin and its body; `added` has for each page the JSON that joins each record.

    Raises RecordsNotFound where a cursor is missing that must not.
    """
    with _records(pages, shape, local, added) as long:
        return _typed(shape, local, long=long)


def known_of(body: str, shape: Shape, local: Embedded) -> list[Known] | None:
    """The keys of plain records; None where they are not plain: an object within is to be flattened, a number has very many digits."""
    with _records([("", body)], shape, local) as long:
        found = _found(shape, local)
        if long or found.read != found.objects or not found.leaves:
            return None
        nested = shape.flatten and any(not isinstance(of, str) or len(keys) > 1 for keys, of in found.leaves)
        folded = {keys[-1].casefold() for keys, _ in found.leaves}
        if nested or "" in folded or len(folded) < len(found.leaves):
            return None
        names = distinct_names([keys for keys, _ in found.leaves])
        declared = _declared(shape, names)
        guesses = inferred(found.leaves, local, "headrace_texts", long=long)
        known = [
            Known(keys[0], name, declared.get(name) or guesses[index], name in declared)
            for index, (keys, name) in enumerate(((keys, names[keys]) for keys, _ in found.leaves), 1)
        ]
        return known + [
            Known(None, name, of, declared=True) for name, of in declared.items() if name not in names.values()
        ]


@contextmanager
def _records(
    pages: Sequence[tuple[str, str]], shape: Shape, local: Embedded, added: Sequence[str | None] = ()
) -> Iterator[bool]:
    """The records of pages as the table `headrace_records`; whether some of their numbers are marked as long."""
    import pyarrow as pa

    bodies, long = _protected([body for _, body in pages])
    arrived = pa.table({"origin": pa.array([origin for origin, _ in pages], pa.string()), "body": bodies})
    records = f"unnest({records_sql('CAST(body AS JSON)', shape.selector)}) AS r"
    if any(added):
        arrived = arrived.append_column("added", pa.array(added, pa.string()))
        joined = "CASE WHEN json_type(r) = 'OBJECT' AND added IS NOT NULL THEN json_merge_patch(r, added) ELSE r END"
        records = f"{joined} AS r FROM (SELECT origin, added, {records}"
    local.register("headrace_pages", arrived)
    try:
        local.execute(
            "CREATE OR REPLACE TEMP TABLE headrace_records AS SELECT origin, r, json_type(r) = 'OBJECT' AS fits"
            f" FROM (SELECT origin, {records} FROM headrace_pages)" + (")" if any(added) else "")
        )
        yield long
    finally:
        local.unregister("headrace_pages")
        for name in ("headrace_records", "headrace_texts"):
            local.execute(f"DROP TABLE IF EXISTS {name}")


def _protected(bodies: list[str]) -> tuple[pa.Array, bool]:
    import pyarrow as pa
    import pyarrow.compute as pc

    column = pa.array(bodies, pa.large_string())
    suspects = [index for index, hit in enumerate(pc.match_substring_regex(column, MAY_BE_LONG).to_pylist()) if hit]
    changed = list(bodies)
    for index in suspects:
        changed[index] = marked(bodies[index])
    long = any(changed[index] is not bodies[index] and MARK in changed[index] for index in suspects)
    return (pa.array(changed, pa.large_string()) if long else column), long


@dataclass(frozen=True, slots=True)
class _Found:
    """How many values were read and how many of them are objects; the columns of these, as keys and structure."""

    read: int
    objects: int
    leaves: list[tuple[tuple[str, ...], Any]]


def _found(shape: Shape, local: Embedded) -> _Found:
    """What is in `headrace_records`; the values of each column are in `headrace_texts`, and those of the cursor after them."""
    ((read, objects, structure),) = local.rows(
        "SELECT count(*), count(*) FILTER (fits), CAST(json_group_structure(CASE WHEN fits THEN r END) AS VARCHAR) FROM headrace_records"
    )
    found = leaves_of(json.loads(structure) if objects else {}, (), flatten=shape.flatten)
    pointers = [pointer(keys) for keys, _ in found]
    if shape.cursor_path:
        pointers.append(pointer(keys_of(shape.cursor_path)))
    local.execute(
        "CREATE OR REPLACE TEMP TABLE headrace_texts AS SELECT origin, r"
        + (f", json_extract_string(r, {_listed(pointers)}) AS t" if pointers else "")
        + " FROM headrace_records WHERE fits"
    )
    return _Found(read, objects, found)


def _typed(shape: Shape, local: Embedded, *, long: bool) -> Rows:
    found = _found(shape, local)
    fields = _fields(found.leaves, shape, local, long=long)
    at_cursor = f"t[{len(found.leaves) + 1}]" if shape.cursor_path else None
    cursor = _highest(local, shape.cursor_path, at_cursor)
    return _collected(shape, local, fields, at_cursor, Rows(rows=None, read=found.read, rejected=None, cursor=cursor))


def _listed(texts: list[str]) -> str:
    return "[" + ", ".join(literal(one) for one in texts) + "]"


def _fields(found: list[tuple[tuple[str, ...], Any]], shape: Shape, local: Embedded, *, long: bool) -> list[_Field]:
    names = distinct_names([keys for keys, _ in found])
    declared = _declared(shape, names)
    guesses = inferred(found, local, "headrace_texts", long=long)
    fields = []
    for index, (keys, _) in enumerate(found, 1):
        name = names[keys]
        of = declared.pop(name, None)
        text = f"replace(t[{index}], '{MARK}', '')" if long else f"t[{index}]"
        whole = f"nullif(CAST(json_extract(r, {literal(pointer(keys))}) AS VARCHAR), 'null')"
        whole = unmarked(whole) if long else whole
        if of is not None:
            value = whole if of.kind is Kind.JSON else exact(text, of)
            fields.append(_Field(name, of, value, f"{text} IS NOT NULL AND ({value}) IS NULL", text))
        elif (guess := guesses[index]) is not None:
            value = whole if guess == JSON else text if guess == VARCHAR else f"CAST({text} AS {spelled(guess)})"
            fields.append(_Field(name, guess, value))
    return fields + [_Field(name, of, f"CAST(NULL AS {spelled(of)})") for name, of in declared.items()]


def _declared(shape: Shape, names: Mapping[tuple[str, ...], str]) -> dict[str, Type]:
    return {
        written(name, convention()) if name not in names.values() else name: of for name, of in shape.columns.items()
    }


def _highest(local: Embedded, path: str | None, text: str | None) -> str | None:
    if path is None:
        return None
    number = f"try_cast({text} AS DECIMAL(38,12))"
    time = f"try_cast({text} AS TIMESTAMPTZ)"
    # Whole numbers that are longer than any type: the longer one is the larger one.
    long = f"printf('%09d', length(ltrim({text}, '0'))) || ltrim({text}, '0')"
    ((largest, longest, latest, last),) = local.rows(
        f"SELECT arg_max({text}, {number}), arg_max({text}, {long}) FILTER ({number} IS NULL AND {text} SIMILAR TO '[0-9]+'), "
        f"arg_max({text}, {time}), max({text}) FILTER ({number} IS NULL AND {time} IS NULL) FROM headrace_texts"
    )
    highest = Cursor(path)
    for value in (largest, longest, latest, last):
        highest = highest.past(value)
    return highest.value


def _collected(shape: Shape, local: Embedded, fields: list[_Field], at_cursor: str | None, sums: Rows) -> Rows:
    import pyarrow as pa

    refusals = [
        (one.refused, one.name, f"'''' || left({one.text}, 100) || ''' is not {one.type}'")
        for one in fields
        if one.refused
    ]
    if not fields:
        refusals.append(("TRUE", "", "'the record holds no value'"))  # a row of no columns would be lost
    elif at_cursor and shape.missing != "include":
        refusals.append((f"{at_cursor} IS NULL", shape.cursor_path or "", "'the cursor is missing'"))
    refused = (
        "CASE " + " ".join(f"WHEN {test} THEN {n}" for n, (test, _, _) in enumerate(refusals)) + " END"
        if refusals
        else "NULL"
    )
    listed = ", ".join(f"{one.value} AS {quoted(one.name)}" for one in fields) or "1 AS nothing"
    rows = local.table(f"SELECT {listed} FROM headrace_texts" + (f" WHERE ({refused}) IS NULL" if refusals else ""))
    if not fields:
        rows = rows.select([])
    marked = [
        pa.field(one.name, rows.schema.field(one.name).type, metadata={b"headrace": one.type.kind.value.encode()})
        if one.type.kind in (Kind.JSON, Kind.UUID)
        else rows.schema.field(one.name)
        for one in fields
    ]
    rows = rows.cast(pa.schema(marked))
    if rows.num_rows == sums.read:
        return replace(sums, rows=rows)
    rejected = local.table(_rejected_sql(refusals, refused, shape if fields else None))
    if shape.missing == "raise" and (at_cursor and (not fields or "cursor" in rejected["reason"].to_pylist())):
        raise RecordsNotFound(
            f"a record has no '{shape.cursor_path}', which is the stream's cursor",
            hint="set `on_cursor_value_missing: include` or `exclude`",
        )
    return replace(sums, rows=rows, rejected=rejected)


def _rejected_sql(refusals: list[tuple[str, str, str]], refused: str, shape: Shape | None) -> str:
    raw = unmarked("CAST(r AS VARCHAR)")
    lone = f"SELECT 'record' AS reason, CAST(NULL AS VARCHAR) AS \"column\", 'a record is an object, this is ' || {_KIND_IN_WORDS} AS detail, {raw} AS raw, origin FROM headrace_records WHERE NOT fits"
    if not refusals:
        return lone
    which = " ".join(f"WHEN {n} THEN {literal(name)}" for n, (_, name, _) in enumerate(refusals))
    detail = " ".join(f"WHEN {n} THEN {text}" for n, (_, _, text) in enumerate(refusals))
    by_cursor = len(refusals) - 1 if shape and shape.cursor_path and shape.missing != "include" else -1
    return (
        f"SELECT CASE n WHEN {by_cursor} THEN 'cursor' ELSE '{'type' if shape else 'record'}' END AS reason, nullif(CASE n {which} END, '') AS \"column\","
        f" CASE n {detail} END AS detail, {raw} AS raw, origin"
        f" FROM (SELECT *, {refused} AS n FROM headrace_texts) WHERE n IS NOT NULL UNION ALL {lone}"
    )
