"""Which types the values of JSON have, asked of the values where their structure does not tell."""

from __future__ import annotations

import re
from functools import reduce
from typing import TYPE_CHECKING, Any

from headrace.schema import BIGINT, BOOLEAN, DOUBLE, JSON, VARCHAR, Type, decimal, join
from headrace.sql.dialect import text as literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.warehouse.embedded import Embedded

# DuckDB reads a number with a point as a double. Numbers with more digits than a double keeps travel as marked strings.
MARK = "\ue000headrace#"
MAY_BE_LONG = r"[0-9]+\.[0-9]{8,}|[0-9]{9,}\.[0-9]|[0-9]{16,}[eE]|[eE][+-]?[0-9]{3}"
"""What a text has in which there may be such a number."""
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?')
_DOUBLE_DIGITS = 15
_SHORTEST_DIGITS = 17
_AT_ONCE = 25


def marked(body: str) -> str:
    """JSON text with its long numbers as marked strings."""
    return _TOKEN.sub(_marked, body)


def unmarked(expression: str) -> str:
    """The expression of JSON text with its marked strings as numbers again."""
    return rf"""regexp_replace({expression}, '"{MARK}([^"]*)"', '\1', 'g')"""


def pointer(keys: tuple[str, ...]) -> str:
    """Keys from the outside in as a JSON pointer, which takes any character."""
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys)


def _marked(token: re.Match[str]) -> str:
    text = token[0]
    if text[0] == '"' or not ("." in text or "e" in text or "E" in text):
        return text
    mantissa, _, power = text.lower().partition("e")
    digits = len(re.sub(r"\D", "", mantissa).lstrip("0"))
    return f'"{MARK}{text}"' if digits > _DOUBLE_DIGITS or len(power.lstrip("+-")) > 2 else text


def leaves_of(structure: Any, keys: tuple[str, ...], *, flatten: bool) -> list[tuple[tuple[str, ...], Any]]:
    """The columns of a record: each key, or with `flatten` each key of inner objects, and its structure."""
    leaves: list[tuple[tuple[str, ...], Any]] = []
    for key, inner in (structure if isinstance(structure, dict) else {}).items():
        if flatten and isinstance(inner, dict) and inner:
            leaves += leaves_of(inner, (*keys, key), flatten=True)
        else:
            leaves.append(((*keys, key), inner))
    return leaves


def inferred(
    found: list[tuple[tuple[str, ...], Any]], local: Embedded, texts: str, *, long: bool
) -> dict[int, Type | None]:
    """The type of each column by its structure, asking the values where the structure does not tell; None is all null."""
    plain = {"BOOLEAN": BOOLEAN, "BIGINT": BIGINT, "NULL": None} | ({} if long else {"VARCHAR": VARCHAR})
    plain |= {} if long else _short_numbers(found, local, texts)
    types: dict[int, Type | None] = {}
    asked: dict[int, str] = {}
    for index, (keys, of) in enumerate(found, 1):
        if not isinstance(of, str):
            types[index] = JSON
        elif of in plain:
            types[index] = plain[of]
        else:
            asked[index] = pointer(keys)
    # So many at once: what a statement takes grows with the square of its length.
    for at in range(0, len(asked), _AT_ONCE):
        some = list(asked)[at : at + _AT_ONCE]
        facts = ", ".join(_facts(index, number) for number, index in enumerate(some, 1))
        kinds = f"json_type(r, [{', '.join(literal(asked[index]) for index in some)}]) AS kinds"
        (answers,) = local.rows(f"SELECT {facts} FROM (SELECT t, {kinds} FROM {texts}) AS kinds")
        types |= {index: _decided(answer) for index, answer in zip(some, answers, strict=True)}
    return types


def _short_numbers(found: list[tuple[tuple[str, ...], Any]], local: Embedded, texts: str) -> dict[str, Type | None]:
    """The types of numbers, if all of them are so short that a BIGINT and a double hold each exactly: the usual case, asked cheaply."""
    numbers = {"UBIGINT": BIGINT, "DOUBLE": DOUBLE}
    lengths = [
        f"max(length(t[{index}]))" for index, (_, of) in enumerate(found, 1) if isinstance(of, str) and of in numbers
    ]
    if not lengths:
        return {}
    ((longest,),) = local.rows(f"SELECT greatest({', '.join(lengths)}) FROM {texts}")
    return dict(numbers) if (longest or 0) <= _DOUBLE_DIGITS else {}


def _facts(index: int, number: int) -> str:
    text, bare = f"t[{index}]", f"replace(t[{index}], '{MARK}', '')"
    long = f"starts_with({text}, '{MARK}')"
    # One number for what kinds there are: a list of distinct ones is a table of hashes for each column.
    bits = " ".join(f"WHEN '{kind}' THEN {1 << bit}" for bit, kind in enumerate(_KINDS))
    kind = f"CASE WHEN {text} IS NULL THEN 0 WHEN {long} THEN {1 << _KINDS.index('LONG')} ELSE CASE kinds[{number}] {bits} END END"
    whole = f"regexp_full_match({bare}, '-?[0-9]+')"
    # What is too large for a double would become infinite, and what is too small would lose digits, or all of them.
    size, nought = f"abs(try_cast({bare} AS DOUBLE))", f"regexp_full_match({bare}, '-?[0.]+([eE].*)?')"
    within = f"{size} BETWEEN 1e-290 AND 1.7976931348623157e308 OR {nought}"
    digits = rf"length(regexp_replace(regexp_replace({bare}, '[eE].*|[^0-9.]', '', 'g'), '^[0.]+|\.', '', 'g'))"
    # Not by FILTER: for each one the engine keeps room for the values of all columns.
    return (
        f"{{'kinds': bit_or({kind}), 'whole': bool_and({whole}),"
        f" 'fits': bool_and({text} IS NULL OR try_cast({text} AS BIGINT) IS NOT NULL),"
        f" 'digits': max(CASE WHEN {whole} THEN length(ltrim({bare}, '-')) END),"
        f" 'safe': bool_and(CASE WHEN {whole} THEN abs(try_cast({bare} AS DOUBLE)) <= 9007199254740992 END),"
        f" 'long': max(CASE WHEN {long} THEN {digits} END),"
        f" 'within': bool_and(CASE WHEN {long} THEN {within} END)}}"
    )


_KINDS = ("VARCHAR", "BOOLEAN", "BIGINT", "UBIGINT", "HUGEINT", "DOUBLE", "LONG", "ARRAY", "OBJECT", "NULL")
_NUMBERS = {"BIGINT", "UBIGINT", "HUGEINT", "DOUBLE", "LONG"}


def _decided(facts: Mapping[str, Any]) -> Type | None:
    kinds = {kind for bit, kind in enumerate(_KINDS) if (facts["kinds"] or 0) >> bit & 1}
    if not kinds:
        return None
    if kinds <= _NUMBERS:
        return _number(facts)
    types = [
        _number(facts) if kind in _NUMBERS else {"VARCHAR": VARCHAR, "BOOLEAN": BOOLEAN}.get(kind, JSON)
        for kind in kinds
    ]
    if JSON in types:
        return JSON
    if VARCHAR in types:
        return VARCHAR
    return reduce(lambda one, other: join(one, other) or JSON, types)


def _number(facts: Mapping[str, Any]) -> Type:
    """The type that holds all of the numbers exactly; JSON text where there is none."""
    if facts["whole"]:
        if facts["fits"]:
            return BIGINT
        return decimal(20, 0) if facts["digits"] <= 20 else decimal(38, 0) if facts["digits"] <= 38 else JSON
    lossless = facts["safe"] is not False and facts["within"] is not False and (facts["long"] or 0) <= _SHORTEST_DIGITS
    return DOUBLE if lossless else JSON
