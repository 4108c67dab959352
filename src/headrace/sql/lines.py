"""The query of the embedded DuckDB that reads a file of JSON lines in one pass and fails where a line is not as it was expected.

Each line is parsed once, and what the parse cannot tell is asked of the line itself. A typed read of DuckDB's own would make 2 of
1.5 and 1 of true, and leave out a key that it was not told of; here the statement fails, and the file is read the slow way.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from headrace.schema import BOOLEAN, JSON, VARCHAR, Kind, Type, parse_type
from headrace.sql.dialect import name as quoted
from headrace.sql.dialect import text as literal
from headrace.sql.exact import exact, spelled
from headrace.sql.readers import located

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

UNFIT = "does not fit what its sample has shown"
"""What the statement says of a file whose lines are not as they were expected; the file's name is before it."""

LONGEST = 17
"""The most digits of a number with a fraction or an exponent that are needed to name a double."""
KEPT = 15
"""The most digits of such a number that come back as they were when a double is written down, as text or as a decimal."""

_LONGEST_LINE = 1 << 24
"""In bytes. DuckDB would read with buffers of sixteen lines each, for every thread; a line needs two at most."""
_WHOLE_DOUBLE = 9007199254740991
_TINY = "regexp_matches(line, '[0-9][eE]-[0-9]{3}')"
_APART = "-?([0-9.]+[eE][-+]?[0-9]+|[0-9]{19,})"
_NUMBER = "-?[0-9]+([.][0-9]+)?([eE][-+]?[0-9]+)?"


def lines_query(
    paths: Sequence[str],
    fields: Sequence[Mapping[str, Any]],
    origins: tuple[str, str],
    *,
    file: str | None = None,
    compact: bool = False,
) -> str:
    """A query for the rows of files of JSON lines, with a column that holds the origin: whoever reads that, proves the lines.

    `origins` are an expression for what a line's file is called, and the name of the column; `file` is what the expression calls its path.
    Each of the `fields` is `{"key", "name", "type", "declared"}`: a key that was null in the whole sample has no type and is no
    column, and a declared column that the sample did not have has no key. Lines that are said to be `compact` are proven by their
    length, where that tells, and their numbers of very many digits are seen; else somebody else has to look for those.
    """
    return proven_query(f"{_texts(paths, file)} WHERE line IS NOT NULL", fields, origins, file=file, compact=compact)


def torn_query(path: str, most: int) -> str:
    """A query for the numbers of the lines of a file that are no objects of JSON, blank ones left out; so many at most."""
    wrong = "line IS NOT NULL AND NOT (json_valid(line) AND starts_with(ltrim(line), '{'))"
    numbered = f"SELECT row_number() OVER () AS number, {wrong} AS wrong FROM {_texts([path], None)}"
    return f"SELECT number FROM ({numbered}) AS lines WHERE wrong LIMIT {most:d}"


def _texts(paths: Sequence[str], file: str | None) -> str:
    """A call that reads files as a table of their lines."""
    return (
        f"read_csv([{', '.join(map(located, paths))}], auto_detect = false, compression = 'none', header = false, delim = chr(1), quote = '', escape = '',"
        f" max_line_size = {_LONGEST_LINE}, buffer_size = {2 * _LONGEST_LINE}, columns = {{'line': 'VARCHAR'}}"
    ) + (f", filename = {literal(file)})" if file else ")")


def proven_query(
    lines: str,
    fields: Sequence[Mapping[str, Any]],
    origins: tuple[str, str],
    *,
    file: str | None = None,
    compact: bool = False,
    short: bool = False,
) -> str:
    """A query for the values of JSON texts, which are the column `line` of what stands after FROM in `lines`, as in `lines_query`.

    With `short`, somebody has seen already that no number is one of very many digits, and what may be a number with an exponent, or
    one that no BIGINT holds, is no text: whoever looks at it alone takes it otherwise.
    """
    keys = [field["key"] for field in fields if field["key"] is not None]
    structure = {field["key"]: "VARCHAR" if _as_text(field) else "JSON" for field in fields if field["key"] is not None}
    columns = "".join(f"{_value(field)} AS {quoted(field['name'])}, " for field in fields if field["type"])
    tests = [_known(keys), *(test for field in fields if (test := _fits(field)))]
    if short:
        texts = [_held(field) for field in fields if field["key"] is not None and _type(field) == VARCHAR]
        tests += [f"NOT coalesce(regexp_full_match({held}, '{_APART}'), FALSE)" for held in texts]
    fits = " AND ".join(tests)
    if compact:
        long = "" if short else f" WHEN {_many_digits('line', LONGEST)} THEN FALSE"
        fits = f"CASE WHEN {_evident(fields)} THEN TRUE{long} ELSE {fits} END"
    kept = f"line, {quoted(file)}" if file else "line"
    origin, column = origins
    # As a column and not as a filter: a filter would be moved below the parse and parse each line once more for each key.
    proven = f"CASE WHEN {fits} THEN {origin} ELSE error({origin} || {literal(f' {UNFIT}')}) END AS {quoted(column)}"
    return (
        f"SELECT {columns}{proven} FROM (\n"
        f"SELECT {kept}, json_transform(line, {literal(json.dumps(structure))}) AS s FROM {lines}\n"
        ") AS lines"
    )


def _type(field: Mapping[str, Any]) -> Type | None:
    return parse_type(field["type"]) if field["type"] else None


def _as_text(field: Mapping[str, Any]) -> bool:
    of = _type(field)
    return of == VARCHAR or (field["declared"] and of is not None and of.kind is not Kind.JSON)


def _value(field: Mapping[str, Any]) -> str:
    of = parse_type(field["type"])
    if field["key"] is None:
        return f"CAST(NULL AS {spelled(of)})"
    held = _held(field)
    if field["declared"] and of.kind is not Kind.JSON:
        return exact(held, of)
    if of == JSON:
        return f"s.{quoted(field['key'])}"
    return held if of == VARCHAR else f"try_cast({held} AS {spelled(of)})"


def _held(field: Mapping[str, Any]) -> str:
    at = f"s.{quoted(field['key'])}"
    return at if _as_text(field) else f"CAST({at} AS VARCHAR)"


def _fits(field: Mapping[str, Any]) -> str | None:
    """A condition: the value is of the type and loses nothing by it."""
    if field["key"] is None:
        return None
    # The line is looked through in a CASE only: of an AND, DuckDB computes both sides for all rows.
    of, held = _type(field), _held(field)
    if of is None:
        return f"{held} IS NULL"
    if field["declared"] and of.kind is not Kind.JSON:
        test = "TRUE" if of == VARCHAR else f"({_value(field)}) IS NOT NULL"
    elif of == BOOLEAN:
        test = f"{held} IN ('true', 'false')"
    elif of == JSON:
        tiny = f"contains({held}, '0.0') OR contains({held}, 'e-')"
        test = f"CASE WHEN {_many_digits(held, KEPT)} THEN FALSE WHEN {tiny} THEN NOT {_TINY} ELSE TRUE END"
    elif of == VARCHAR:
        nested = f"starts_with({held}, '{{') OR starts_with({held}, '[')"
        unfit = f"{nested} OR {_many_digits(held, KEPT)}"
        test = f"CASE WHEN {unfit} THEN FALSE WHEN {held} = '0.0' THEN NOT {_TINY} ELSE TRUE END"
    elif of.kind is Kind.DOUBLE:
        # Whole numbers that a double does not hold, and numbers so small that their digits are gone.
        value = f"abs({_value(field)})"
        exponent = f"contains({held}, '.') OR contains({held}, 'e')"
        test = (
            f"CASE WHEN {value} BETWEEN 1e-290 AND {_WHOLE_DOUBLE} THEN TRUE WHEN {value} < 1 THEN NOT {_TINY}"
            f" ELSE isfinite({value}) AND ({exponent}) END"
        )
    else:
        test = f"{_value(field)} IS NOT NULL AND NOT contains({held}, '.')"
    return f"({held} IS NULL OR coalesce({test}, FALSE))"


def _many_digits(held: str, most: int) -> str:
    """A condition: there is a number with a fraction or an exponent, and with more digits than `most`, in a text."""
    run = f"[0-9.]{{{most + 1}"
    return (
        f"CASE WHEN regexp_matches({held}, '{run}}}') THEN len(list_filter(regexp_extract_all({held}, '{run},}}[eE]?'),"
        " lambda run: (contains(run, '.') OR contains(lower(run), 'e'))"
        f" AND strlen(ltrim(regexp_replace(run, '[.eE]', '', 'g'), '0')) > {most})) > 0 ELSE FALSE END"
    )


def _evident(fields: Sequence[Mapping[str, Any]]) -> str:
    """A condition, cheap to ask: the line is as short as its keys and values can be written, so that there is nothing else in it.

    It takes for granted that no value is written shorter than it is read, and so leaves out the numbers of which that is not so:
    those that an exponent makes short. What is longer than it need be has other keys, blanks, escapes or digits that were lost.
    """
    keys = sum(len(field["key"].encode()) + len('"":,') for field in fields)
    quotes = sum(len('""') for field in fields if _as_text(field))
    lengths = " + ".join(
        f"coalesce(strlen({_held(field)}), {len('null') - (len('  ') if _as_text(field) else 0)})" for field in fields
    )
    plain_keys = all(json.dumps(field["key"], ensure_ascii=False) == f'"{field["key"]}"' for field in fields)
    objects = [_held(field) for field in fields if _type(field) == JSON]
    shapes = " AND ".join(
        f"CASE WHEN {_held(field)} IS NULL THEN {_null_written(field, objects) if plain_keys else 'FALSE'} ELSE {_plain(field)} END"
        for field in fields
    )
    return f"strlen(line) = {keys + quotes + 1} + {lengths} AND {shapes}"


def _null_written(field: Mapping[str, Any], objects: Sequence[str]) -> str:
    """A condition: a value is none because null is written for it, not because its key is missing, whose length something else may have.

    No text has a key with both of its quotes in it, since they are escaped there, and a key that ends like it is longer; but among the
    keys of an object that is a value it may be.
    """
    written = literal(f'"{field["key"]}":null')
    within = "".join(f" AND NOT coalesce(contains({held}, {written}), FALSE)" for held in objects)
    return f"contains(line, {written}){within}"


def _plain(field: Mapping[str, Any]) -> str:
    """A condition: the value is of the type beyond doubt, and its text is not longer than what was read; NULL or FALSE if it may be."""
    of, held = _type(field), _held(field)
    if of is None:
        return "FALSE"
    if of == BOOLEAN:
        return f"{held} IN ('true', 'false')"
    if of == VARCHAR:
        digits = f"CASE WHEN contains({held}, ':') THEN TRUE ELSE NOT regexp_full_match({held}, '{_NUMBER}') END"
        nested = f"{held} BETWEEN '[' AND '\\' OR {held} BETWEEN '{{' AND '|'"
        return f"CASE WHEN {held} < ':' THEN {digits} ELSE NOT ({nested} OR {held} IN ('true', 'false', 'null')) END"
    if of == JSON:
        return f"CASE WHEN contains({held}, '.') THEN NOT regexp_matches({held}, '[.]0|[.][0-9]+e|[0-9.]{{{KEPT + 1}}}') ELSE TRUE END"
    if of.kind is Kind.DOUBLE:
        return f"abs({_value(field)}) BETWEEN 0.01 AND {_WHOLE_DOUBLE} AND NOT suffix({held}, '.0')"
    return f"{_value(field)} IS NOT NULL AND NOT contains({held}, '.')"


def _known(keys: Sequence[str]) -> str:
    """A condition: the line is an object of these keys, each at most once."""
    there = " AND ".join(f"s.{quoted(key)} IS NOT NULL" for key in keys)
    listed = "[" + ", ".join(literal(key) for key in keys) + "]"
    found = "json_keys(line)"
    return (
        f"CASE WHEN {there} THEN len({found}) = {len(keys)}"
        f" ELSE json_type(line) = 'OBJECT' AND list_has_all({listed}, {found}) AND len(list_distinct({found})) = len({found}) END"
    )
