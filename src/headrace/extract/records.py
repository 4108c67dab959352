"""Page bodies to Arrow rows, by SQL in the embedded DuckDB: no Python object is made for a record."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from headrace.cursor import Cursor
from headrace.errors import RecordsNotFound
from headrace.extract.paths import keys_of
from headrace.extract.repeated import repeated
from headrace.extract.selecting import records_sql
from headrace.naming import convention, distinct_names, written
from headrace.schema import DOUBLE, VARCHAR, Kind, Type
from headrace.sql.dialect import name as quoted
from headrace.sql.dialect import text as literal
from headrace.sql.exact import exact, spelled
from headrace.warehouse.inference import MARK, inferred, leaves_of, marked, pointer, unmarked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from headrace.arrow import pa
    from headrace.warehouse.embedded import Embedded

_SHAPES = bytes.maketrans(b"0123456789E-", b"0000000000e+")
_MAY_BE_LONG = (b"0.00000000", b"000000000.0", b"0000000000000000e", b"e000", b"e+000")
"""What is in the shape of a text, digits as d and signs as a plus, where a number in it may have very many digits."""
_MOST_COLUMNS = 10_000
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
    """The rows of some pages; `rejected` and `origins` as in Batch. `known` is what `known_of` would say of them."""

    rows: pa.Table
    read: int
    rejected: pa.Table | None
    cursor: str | None
    known: list[Known] | None = None
    origins: pa.ChunkedArray | None = None


@dataclass(frozen=True, slots=True)
class _Field:
    """A column to be: its name and type, the expression of its value, the one that is true where it is refused, its text, and where it is as JSON.

    Expressions are of the rows of `_wholes`.
    """

    name: str
    type: Type
    value: str
    refused: str | None = None
    text: str = "NULL"
    whole: str | None = None


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why a record is kept out: the condition, the word for it, and the expressions of its column and of what is said."""

    test: str
    reason: str
    column: str
    detail: str


@dataclass(frozen=True, slots=True)
class Known:
    """A key of the records that were looked at: the column it is, the type that holds its values (None: only nulls), and whether that was declared.

    A declared column that no record had has no key.
    """

    key: str | None
    name: str
    type: Type | None
    declared: bool = False

    def told(self) -> dict[str, Any]:
        """As the query that reads and proves lines is told of it (`sql.lines`)."""
        of = str(self.type) if self.type else None
        return {"key": self.key, "name": self.name, "type": of, "declared": self.declared}


def rows_of(pages: Sequence[tuple[str, str]], shape: Shape, local: Embedded, added: Sequence[str | None] = ()) -> Rows:
    """The records of pages, each given as its origin and its body; `added` has for each page the JSON that joins each record.

    Raises RecordsNotFound where a cursor is missing that must not, and where there are more keys than columns can be.
    """
    with _records(pages, shape, local, added) as long:
        return _typed(shape, local, long=long)


def known_of(body: str, shape: Shape, local: Embedded) -> list[Known] | None:
    """The keys of plain records; None where they are not plain: an object within is to be flattened, a number has very many digits."""
    with _records([("", body)], shape, local) as long:
        found = _found(shape, local)
        if not _is_plain(found, shape):
            return None
        known = _fields(found.leaves, shape, local, long=long)[1]
        return None if long and _has_long(known[: len(found.leaves)], local) else known


def _has_long(known: Sequence[Known], local: Embedded) -> bool:
    """Whether a marked number is in a column of anything but doubles, which are the same in fewer digits."""
    asked = [
        f"bool_or(contains(t[{index}], '{MARK}'))"
        for index, one in enumerate(known, 1)
        if one.declared or one.type != DOUBLE
    ]
    return bool(asked) and any(local.rows(f"SELECT {', '.join(asked)} FROM headrace_texts")[0])


def _is_plain(found: _Found, shape: Shape) -> bool:
    if found.read != found.objects or not found.leaves:
        return False
    nested = shape.flatten and any(not isinstance(of, str) or len(keys) > 1 for keys, of in found.leaves)
    folded = {keys[-1].casefold() for keys, _ in found.leaves}
    return not nested and "" not in folded and len(folded) == len(found.leaves)


@contextmanager
def _records(
    pages: Sequence[tuple[str, str]], shape: Shape, local: Embedded, added: Sequence[str | None] = ()
) -> Iterator[bool]:
    """The records of pages as the table `headrace_records`; whether some of their numbers are marked as long."""
    with arrived(pages, shape, local, added) as (records, long):
        try:
            local.execute(
                "CREATE OR REPLACE TEMP TABLE headrace_records AS SELECT origin, r, json_type(r) = 'OBJECT' AS fits"
                f" FROM ({records})"
            )
            yield long
        finally:
            for name in ("headrace_records", "headrace_texts"):
                local.execute(f"DROP TABLE IF EXISTS {name}")


@contextmanager
def arrived(
    pages: Sequence[tuple[str, str]], shape: Shape, local: Embedded, added: Sequence[str | None] = ()
) -> Iterator[tuple[str, bool]]:
    """A query for the records of pages, each as its `origin` and its JSON `r`; whether some of their numbers are marked as long."""
    from headrace.arrow import pa

    bodies, long = _protected([body for _, body in pages])
    arriving = pa.table({"origin": pa.array([origin for origin, _ in pages], pa.string()), "body": bodies})
    also = ", added" if any(added) else ""
    if also:
        arriving = arriving.append_column("added", pa.array(added, pa.string()))
    lists = f"SELECT origin{also}, {records_sql('CAST(body AS JSON)', shape.selector)} AS list FROM headrace_pages"
    # By their places: what the engine takes to unnest a list grows with the square of its length.
    placed = f"SELECT origin{also}, list, unnest(range(1, len(list) + 1)) AS place FROM ({lists})"
    query = f"SELECT origin{also}, list[place] AS r FROM ({placed})"
    if also:
        joined = "CASE WHEN json_type(r) = 'OBJECT' AND added IS NOT NULL THEN json_merge_patch(r, added) ELSE r END"
        query = f"SELECT origin, {joined} AS r FROM ({query})"
    local.register("headrace_pages", arriving)
    try:
        yield query, long
    finally:
        local.unregister("headrace_pages")


def _protected(bodies: list[str]) -> tuple[pa.Array, bool]:
    from headrace.arrow import pa

    suspects = [index for index, body in enumerate(bodies) if _may_have_long(body)]
    changed = list(bodies)
    for index in suspects:
        changed[index] = marked(bodies[index])
    long = any(changed[index] is not bodies[index] and MARK in changed[index] for index in suspects)
    return pa.array(changed if long else bodies, pa.large_string()), long


def _may_have_long(body: str) -> bool:
    shape = body.encode().translate(_SHAPES)
    return any(part in shape for part in _MAY_BE_LONG)


@dataclass(frozen=True, slots=True)
class _Found:
    """How many values were read and how many of them are objects; the columns of these, as keys and structure."""

    read: int
    objects: int
    leaves: list[tuple[tuple[str, ...], Any]]


def _found(shape: Shape, local: Embedded) -> _Found:
    """What is in `headrace_records`; the values of each column are in `headrace_texts`, and those of the cursor after them.

    Raises RecordsNotFound where there are more keys than columns can be.
    """
    ((read, objects, structure),) = local.rows(
        "SELECT count(*), count(*) FILTER (fits), CAST(json_group_structure(CASE WHEN fits THEN r END) AS VARCHAR) FROM headrace_records"
    )
    found = leaves_of(json.loads(structure) if objects else {}, (), flatten=shape.flatten)
    if len(found) > _MOST_COLUMNS:
        raise RecordsNotFound(
            f"the records have {len(found):,} keys, which are more than a table has columns ({_MOST_COLUMNS:,} at most)",
            hint="say with `data_selector:` where the records are; of keys that are values, such as ids, a Python source makes rows",
        )
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
    fields, known = _fields(found.leaves, shape, local, long=long)
    at_cursor = f"t[{len(found.leaves) + 1}]" if shape.cursor_path else None
    cursor = highest(local, shape.cursor_path, at_cursor or "", "headrace_texts")
    plain = not long and _is_plain(found, shape)
    sums = Rows(None, found.read, None, cursor, known if plain else None)
    twice = repeated([keys for keys, _ in found.leaves], local, "headrace_texts")
    return _collected(shape, local, fields, _refusals(shape, fields, at_cursor, twice), sums)


def _listed(texts: list[str]) -> str:
    return "[" + ", ".join(literal(one) for one in texts) + "]"


def _fields(
    found: list[tuple[tuple[str, ...], Any]], shape: Shape, local: Embedded, *, long: bool
) -> tuple[list[_Field], list[Known]]:
    """The columns to be, and what is known of their keys then."""
    names = distinct_names([keys for keys, _ in found])
    declared = _declared(shape, names)
    guesses = inferred(found, local, "headrace_texts", long=long)
    fields, known, wholes = [], [], 0
    for index, (keys, _) in enumerate(found, 1):
        name = names[keys]
        declaration = declared.pop(name, None)
        of = declaration or guesses[index]
        known.append(Known(keys[0], name, of, declaration is not None))
        text = f"replace(t[{index}], '{MARK}', '')" if long else f"t[{index}]"
        if of is not None and of.kind is Kind.JSON:
            wholes += 1
            value, whole = unmarked(f"w[{wholes}]") if long else f"w[{wholes}]", pointer(keys)
        elif of is not None:
            plain = text if of == VARCHAR else f"CAST({text} AS {spelled(of)})"
            value, whole = exact(text, of) if declaration else plain, None
        else:
            continue
        refused = f"{text} IS NOT NULL AND ({value}) IS NULL" if declaration else None
        fields.append(_Field(name, of, value, refused, text, whole))
    for name, of in declared.items():
        fields.append(_Field(name, of, f"CAST(NULL AS {spelled(of)})"))
        known.append(Known(None, name, of, declared=True))
    return fields, known


def _declared(shape: Shape, names: Mapping[tuple[str, ...], str]) -> dict[str, Type]:
    return {
        written(name, convention()) if name not in names.values() else name: of for name, of in shape.columns.items()
    }


def highest(local: Embedded, path: str | None, text: str, relation: str) -> str | None:
    """The highest cursor in a relation that has it as this text; None where there is no cursor."""
    if path is None:
        return None
    number = f"try_cast({text} AS DECIMAL(38,12))"
    time = f"try_cast({text} AS TIMESTAMPTZ)"
    # Whole numbers that are longer than any type: the longer one is the larger one.
    long = f"printf('%09d', length(ltrim({text}, '0'))) || ltrim({text}, '0')"
    ((largest, longest, latest, last),) = local.rows(
        f"SELECT arg_max({text}, {number}), arg_max({text}, {long}) FILTER ({number} IS NULL AND {text} SIMILAR TO '[0-9]+'), "
        f"arg_max({text}, {time}), max({text}) FILTER ({number} IS NULL AND {time} IS NULL) FROM {relation}"
    )
    reached = Cursor(path)
    for value in (largest, longest, latest, last):
        reached = reached.past(value)
    return reached.value


def _refusals(shape: Shape, fields: list[_Field], at_cursor: str | None, twice: str | None) -> list[_Refusal]:
    """Why records are refused, each by the first of these that is true of it."""
    refusals = []
    if twice:
        said = f"'the key ''' || {twice} || ''' is there twice'"
        refusals.append(_Refusal(f"{twice} IS NOT NULL", "record", twice, said))
    for one in fields:
        if one.refused:
            said = f"'''' || left({one.text}, 100) || ''' is not {one.type}'"
            refusals.append(_Refusal(one.refused, "type", literal(one.name), said))
    if not fields:  # a row of no columns would be lost
        refusals.append(_Refusal("TRUE", "record", "NULL", "'the record holds no value'"))
    elif at_cursor and shape.missing != "include":
        path = literal(shape.cursor_path or "")
        refusals.append(_Refusal(f"{at_cursor} IS NULL", "cursor", path, "'the cursor is missing'"))
    return refusals


def _collected(shape: Shape, local: Embedded, fields: list[_Field], refusals: list[_Refusal], sums: Rows) -> Rows:
    tests = " ".join(f"WHEN {one.test} THEN {n}" for n, one in enumerate(refusals))
    refused = f"CASE {tests} END" if refusals else "NULL"
    listed = ", ".join(f"{one.value} AS {quoted(one.name)}" for one in fields) or "1 AS nothing"
    kept = f" WHERE ({refused}) IS NULL" if refusals else ""
    texts = _wholes(fields)
    rows, origins = apart(local.table(f"SELECT {listed}, origin FROM {texts}{kept}"))
    if not fields:
        rows = rows.select([])
    rows = labelled(rows, {one.name: one.type for one in fields})
    sums = replace(sums, rows=rows, origins=origins)
    if rows.num_rows == sums.read:
        return sums
    rejected = local.table(_rejected_sql(refusals, refused, texts))
    if shape.missing == "raise" and shape.cursor_path and (not fields or "cursor" in rejected["reason"].to_pylist()):
        raise RecordsNotFound(
            f"a record has no '{shape.cursor_path}', which is the stream's cursor",
            hint="set `on_cursor_value_missing: include` or `exclude`",
        )
    return replace(sums, rejected=rejected)


def _wholes(fields: list[_Field]) -> str:
    """The records with their texts `t`, and `w`, the texts of what becomes JSON: a record may have thousands, and is parsed once for all."""
    pointers = [one.whole for one in fields if one.whole is not None]
    if not pointers:
        return "headrace_texts"
    texts = f"CAST(json_extract(r, {_listed(pointers)}) AS VARCHAR[])"
    whole = f"list_transform({texts}, lambda text: nullif(text, 'null'))"
    return f"(SELECT *, {whole} AS w FROM headrace_texts) AS wholes"


def apart(rows: pa.Table) -> tuple[pa.Table, pa.ChunkedArray]:
    """Rows without their last column, and that column: where each came from."""
    last = rows.num_columns - 1
    return rows.remove_column(last), rows.column(last)


def labelled(rows: pa.Table, types: Mapping[str, Type]) -> pa.Table:
    """The rows with columns of text that say what they stand for."""
    from headrace.arrow import under

    marks = {name: of.kind.value.encode() for name, of in types.items() if of.kind in (Kind.JSON, Kind.UUID)}
    fields = [one.with_metadata({b"headrace": marks[one.name]}) if one.name in marks else one for one in rows.schema]
    return under(rows, fields)


def _rejected_sql(refusals: list[_Refusal], refused: str, texts: str) -> str:
    raw = unmarked("CAST(r AS VARCHAR)")
    lone = f"SELECT 'record' AS reason, CAST(NULL AS VARCHAR) AS \"column\", 'a record is an object, this is ' || {_KIND_IN_WORDS} AS detail, {raw} AS raw, origin FROM headrace_records WHERE NOT fits"
    if not refusals:
        return lone
    reason, column, detail = (
        "CASE n " + " ".join(f"WHEN {n} THEN {said}" for n, said in enumerate(of)) + " END"
        for of in zip(*((literal(one.reason), one.column, one.detail) for one in refusals), strict=True)
    )
    return (
        f'SELECT {reason} AS reason, {column} AS "column", {detail} AS detail, {raw} AS raw, origin'
        f" FROM (SELECT *, {refused} AS n FROM {texts}) WHERE n IS NOT NULL UNION ALL {lone}"
    )
