"""The query of the embedded DuckDB that reads a file of JSON lines in one pass and fails where a line is not as it was expected.

Each line is parsed once, and what the parse cannot tell is asked of the line itself. A typed read of DuckDB's own would make 2 of
1.5 and 1 of true, and leave out a key that it was not told of; here the statement fails, and the file is read the slow way.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace.schema import BOOLEAN, JSON, VARCHAR, Kind, Type, parse_type
from headrace.sql.dialect import name as quoted
from headrace.sql.dialect import text as literal
from headrace.sql.exact import exact, spelled
from headrace.sql.readers import located

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

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
_EXPONENT = r":\s*-?[0-9.]+[eE]"
_MANY = 30
"""Columns; where there are more, to list the keys of a line costs less than to look for the null of each in all of it."""


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
    read = [_read(number, field) for number, field in enumerate(fields)]
    there = [field for field in read if field.key is not None]
    columns = "".join(f"{field.value} AS {quoted(field.name)}, " for field in read if field.type)
    tests = [_known(there), *(test for field in there if (test := _fits(field))), *_few_digits(there)]
    if short:
        texts = [field.held for field in there if field.type == VARCHAR]
        tests += [f"NOT coalesce(regexp_full_match({held}, '{_APART}'), FALSE)" for held in texts]
    fits = " AND ".join(tests)
    if compact:
        long = "" if short else f" WHEN {_many_digits('line', LONGEST)} THEN FALSE"
        fits = f"CASE WHEN {_evident(there)} THEN TRUE{long} ELSE {fits} END"
    kept = f"line, {quoted(file)}" if file else "line"
    origin, column = origins
    # As a column and not as a filter: a filter would be moved below the parse and parse each line once more for each key.
    proven = f"CASE WHEN {fits} THEN {origin} ELSE error({origin} || {literal(f' {UNFIT}')}) END AS {quoted(column)}"
    structure = {field.key: "VARCHAR" if field.is_text else "JSON" for field in there}
    parsed = f"SELECT {kept}, json_transform(line, {literal(json.dumps(structure))}) AS s FROM {lines}"
    # What is asked of a value more than once is made once, in a query of its own: in the branches of a CASE it would be made for each.
    made = ", ".join([kept, *(each for field in read for each in _made(field))])
    return f"SELECT {columns}{proven} FROM (\nSELECT {made} FROM (\n{parsed}\n) AS parsed\n) AS lines"


@dataclass(frozen=True, slots=True)
class _Field:
    """A key of the lines: `held` is the column of its values as text, `value` that of the values of its type, both NULL where the value is none."""

    key: str | None
    name: str
    type: Type | None
    declared: bool
    held: str
    value: str

    @property
    def is_text(self) -> bool:
        """Whether the value of a text is the text, without quotes; else it is JSON."""
        return self.type == VARCHAR or (self.declared and self.type is not None and self.type.kind is not Kind.JSON)

    @property
    def quotes(self) -> int:
        """How much longer the value is in the line than its text."""
        return len('""') if self.is_text else 0


def _read(number: int, field: Mapping[str, Any]) -> _Field:
    of = parse_type(field["type"]) if field["type"] else None
    held = f"lines.t{number:d}"
    value = held if of == VARCHAR and field["key"] is not None else f"lines.v{number:d}"
    return _Field(field["key"], field["name"], of, field["declared"], held, value)


def _made(field: _Field) -> Iterator[str]:
    """The columns of a field's text and value."""
    held, value = field.held.partition(".")[2], field.value.partition(".")[2]
    if field.key is None:
        if field.type:
            yield f"CAST(NULL AS {spelled(field.type)}) AS {value}"
        return
    at = f"s.{quoted(field.key)}"
    text = at if field.is_text else f"CAST({at} AS VARCHAR)"
    yield f"{text} AS {held}"
    if field.type is None or value == held:
        return
    if field.declared and field.type.kind is not Kind.JSON:
        yield f"{exact(text, field.type)} AS {value}"
    elif field.type == JSON:
        yield f"{at} AS {value}"
    else:
        yield f"try_cast({text} AS {spelled(field.type)}) AS {value}"


def _fits(field: _Field) -> str | None:
    """A condition: the value is of the type and loses nothing by it, but for digits of numbers in texts."""
    # The line is looked through in a CASE only: of an AND, DuckDB computes both sides for all rows.
    of, held = field.type, field.held
    if of is None:
        return f"{held} IS NULL"
    if field.declared and of.kind is not Kind.JSON:
        if of == VARCHAR:
            return None
        test = f"{field.value} IS NOT NULL"
    elif of == BOOLEAN:
        test = f"{held} IN ('true', 'false')"
    elif of == JSON:
        test = f"CASE WHEN contains({held}, '0.0') OR contains({held}, 'e-') THEN NOT {_TINY} ELSE TRUE END"
    elif of == VARCHAR:
        nested = f"starts_with({held}, '{{') OR starts_with({held}, '[')"
        test = f"CASE WHEN {nested} THEN FALSE WHEN {held} = '0.0' THEN NOT {_TINY} ELSE TRUE END"
    elif of.kind is Kind.DOUBLE:
        # Whole numbers that a double does not hold, and numbers so small that their digits are gone.
        value = f"abs({field.value})"
        exponent = f"contains({held}, '.') OR contains({held}, 'e')"
        test = (
            f"CASE WHEN {value} BETWEEN 1e-290 AND {_WHOLE_DOUBLE} THEN TRUE WHEN {value} < 1 THEN NOT {_TINY}"
            f" ELSE isfinite({value}) AND ({exponent}) END"
        )
    else:
        test = f"{field.value} IS NOT NULL AND NOT contains({held}, '.')"
    return f"({held} IS NULL OR coalesce({test}, FALSE))"


def _few_digits(fields: Sequence[_Field]) -> Iterator[str]:
    """Conditions: no text and no object has a number of which digits may be lost. All are looked at as one text."""
    texts = [field.held for field in fields if field.type == JSON or (field.type == VARCHAR and not field.declared)]
    if texts:
        joined = f"concat_ws(chr(32), {', '.join(texts)})"
        yield f"NOT {_many_digits(joined, KEPT)}"


def _many_digits(held: str, most: int) -> str:
    """A condition: there is a number with a fraction or an exponent, and with more digits than `most`, in a text."""
    run = f"[0-9.]{{{most + 1}"
    return (
        f"CASE WHEN regexp_matches({held}, '{run}}}') THEN len(list_filter(regexp_extract_all({held}, '{run},}}[eE]?'),"
        " lambda run: (contains(run, '.') OR contains(lower(run), 'e'))"
        f" AND strlen(ltrim(regexp_replace(run, '[.eE]', '', 'g'), '0')) > {most})) > 0 ELSE FALSE END"
    )


def _evident(fields: Sequence[_Field]) -> str:
    """A condition, cheap to ask: the line is as long as the members that were read of it, so that there is nothing else in it.

    Each of them is there, and none is written shorter than it was read: where an exponent may have made a number short, the line is
    looked through for one. What is longer than it need be has other keys, blanks, escapes or digits that were lost.
    """
    plain = " AND ".join(_plain(field) for field in fields)
    doubles = [field for field in fields if field.type and field.type.kind is Kind.DOUBLE]
    short = " OR ".join(f"abs({field.value}) < 0.01 OR suffix({field.held}, '.0')" for field in doubles)
    exponent = f" AND CASE WHEN {short} THEN NOT regexp_matches(line, '{_EXPONENT}') ELSE TRUE END" if short else ""
    lengths = {
        field: len(json.dumps(field.key, ensure_ascii=False).encode()) + len(":,") + field.quotes for field in fields
    }
    # A key that is missing is as long as nothing, and where none is there the line is a number of one digit.
    read = " + ".join(f"coalesce(strlen({field.held}), -{length})" for field, length in lengths.items())
    most = 1 + sum(lengths.values())
    return (
        f"coalesce({plain}, TRUE){exponent} AND strlen(line) > 1"
        f" AND CASE WHEN strlen(line) = {most} + {read} THEN TRUE ELSE {_nulls_shown(fields, lengths)} END"
    )


def _nulls_shown(fields: Sequence[_Field], lengths: Mapping[_Field, int]) -> str:
    """A condition: so long is the line with the nulls that are written in it, where a key that has none is missing."""
    most, length = 1 + sum(lengths.values()), "strlen(line)"
    read = {field: f"strlen({field.held})" for field in fields}
    null = {field: len("null") - field.quotes for field in fields}
    if len(fields) > _MANY:
        whole = " + ".join(f"coalesce({read[field]}, {null[field]})" for field in fields)
        listed = "[" + ", ".join(literal(str(field.key)) for field in fields) + "]"
        return f"CASE WHEN json_keys(line) = {listed} THEN {length} = {most} + {whole} ELSE FALSE END"
    if any(json.dumps(field.key, ensure_ascii=False) != f'"{field.key}"' for field in fields):
        return "FALSE"
    objects = [field.held for field in fields if field.type == JSON]
    whole = " + ".join(
        f"CASE WHEN {field.held} IS NOT NULL THEN {read[field]}"
        f" WHEN {_null_written(field, objects)} THEN {null[field]} ELSE -{lengths[field]} END"
        for field in fields
    )
    return f"{length} = {most} + {whole}"


def _null_written(field: _Field, objects: Sequence[str]) -> str:
    """A condition: a value is none because null is written for it.

    No text has a key with both of its quotes in it, since they are escaped there, and a key that ends like it is longer; but among the
    keys of an object that is a value it may be.
    """
    written = literal(f'"{field.key}":null')
    within = "".join(f" AND NOT coalesce(contains({held}, {written}), FALSE)" for held in objects)
    return f"contains(line, {written}){within}"


def _plain(field: _Field) -> str:
    """A condition: the value is of the type beyond doubt; NULL or TRUE where there is none."""
    of, held, value = field.type, field.held, field.value
    if of is None:
        return f"{held} IS NULL"
    if of == BOOLEAN:
        return f"{held} IN ('true', 'false')"
    if of == VARCHAR:
        digits = f"CASE WHEN contains({held}, ':') THEN TRUE ELSE NOT regexp_full_match({held}, '{_NUMBER}') END"
        nested = f"{held} BETWEEN '[' AND '\\' OR {held} BETWEEN '{{' AND '|'"
        return f"CASE WHEN {held} < ':' THEN {digits} ELSE NOT ({nested} OR {held} IN ('true', 'false', 'null')) END"
    if of == JSON:
        return f"CASE WHEN contains({held}, '.') THEN NOT regexp_matches({held}, '[.]0|[.][0-9]+e|[0-9.]{{{KEPT + 1}}}') ELSE TRUE END"
    sure = f"abs({value}) <= {_WHOLE_DOUBLE}" if of.kind is Kind.DOUBLE else f"NOT contains({held}, '.')"
    return f"CASE WHEN {value} IS NULL THEN {held} IS NULL ELSE {sure} END"


def _known(fields: Sequence[_Field]) -> str:
    """A condition: the line is an object of these keys, each at most once."""
    there = " AND ".join(f"{field.held} IS NOT NULL" for field in fields)
    listed = "[" + ", ".join(literal(str(field.key)) for field in fields) + "]"
    found = "json_keys(line)"
    return (
        f"CASE WHEN {there} THEN len({found}) = {len(fields)}"
        f" ELSE json_type(line) = 'OBJECT' AND list_has_all({listed}, {found}) AND len(list_distinct({found})) = len({found}) END"
    )
