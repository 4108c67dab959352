"""Where the records of a JSON document are."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from headrace.errors import RecordsNotFound
from headrace.extract.paths import duckdb_path, literal_path
from headrace.sql.dialect import text as literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.warehouse.embedded import Embedded


def records_sql(body: str, selector: str) -> str:
    """An expression: the list of the JSON records in a page; an object in the list's place is a single record."""
    path = duckdb_path(selector).removesuffix("[*]")
    if "[*]" in path:
        values = f"json_extract({body}, {literal(path)})"
        return f"flatten(list_transform({values}, lambda v: CASE json_type(v) WHEN 'ARRAY' THEN json_extract(v, '$[*]') ELSE [v] END))"
    at = literal(path)
    return (
        f"CASE json_type({body}, {at}) WHEN 'ARRAY' THEN json_extract({body}, {literal(path + '[*]')})"
        f" WHEN 'NULL' THEN [] ELSE [json_extract({body}, {at})] END"
    )


def find_selector(local: Embedded, body: str) -> str:
    """Where the records are in a first page: the list itself, the one list of objects, or the object. Raises RecordsNotFound."""
    return find_selectors(local, [body])[0]


def find_selectors(local: Embedded, bodies: Sequence[str]) -> list[str]:
    """As `find_selector`, for each of some bodies. Raises RecordsNotFound."""
    structures = local.rows(
        "SELECT CAST(json_structure(CAST(body AS JSON)) AS VARCHAR) FROM (SELECT unnest(?) AS body)", [list(bodies)]
    )
    known = {structure: _list_in(json.loads(structure)) for structure in {one for (one,) in structures}}
    return [known[structure] for (structure,) in structures]


def _list_in(structure: Any) -> str:
    level: list[tuple[str, Any]] = [("$", structure)]
    while level:
        lists = {path: of for path, of in level if isinstance(of, list)}
        full = [path for path, of in lists.items() if of and (isinstance(of[0], dict) or of == ["JSON"])]
        empty = [path for path, of in lists.items() if of == ["NULL"]]
        if len(full) == 1 or (not full and len(empty) == 1):
            return (full or empty)[0]
        if full or empty:
            raise RecordsNotFound(
                f"the response has several lists: {', '.join(path.removeprefix('$.') for path in full or empty)}",
                hint="say which one with `data_selector:`",
            )
        if "$" in lists:
            return "$"
        level = [(f"{path}['{key}']", inner) for path, of in level if isinstance(of, dict) for key, inner in of.items()]
    return "$"


def looked(local: Embedded, body: str, selector: str, paths: Sequence[str]) -> tuple[int | None, dict[str, Any]]:
    """How many records a page has (None where nothing is at the selector), and its values at the paths that are there.

    Raises StatementFailed where the body is not JSON. It is asked of every page, and costs as many parsings of the page as it calls
    functions: hence so few.
    """
    sql, places = _look_sql(selector, tuple(paths))
    ((length, found),) = local.again(sql, [body])
    rows: int | None = length
    if not length and "[*]" not in _list_path(selector):
        ((kind,),) = local.again(f"SELECT json_type($1, {literal(_list_path(selector))})", [body])
        rows = {None: None, "ARRAY": 0, "NULL": 0}.get(kind, 1)
    texts = dict(zip(places, found, strict=True))
    # Of each path, as one key with dots in its name and as steps, the first that is there.
    tried = {path: [text for place in _places(path) if (text := texts[place]) is not None] for path in paths}
    return rows, {path: json.loads(there[0]) for path, there in tried.items() if there}


def all_there(local: Embedded, bodies: Sequence[str], selector: str) -> bool:
    """Whether each of some bodies has something at the selector. Raises StatementFailed where one is not JSON."""
    if "[*]" in _list_path(selector):
        return True
    found = f"json_type(body, {literal(_list_path(selector))}) IS NOT NULL"
    ((there,),) = local.rows(f"SELECT bool_and({found}) FROM (SELECT unnest(?) AS body)", [list(bodies)])
    return bool(there)


@lru_cache(100)
def _look_sql(selector: str, paths: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """A query of a body, $1: how long the list at the selector is, and the values at the places that are given beside it."""
    places = tuple(dict.fromkeys(place for path in paths for place in _places(path)))
    values = f"json_extract($1, [{', '.join(map(literal, places))}])" if places else "[]"
    if "[*]" in _list_path(selector):
        return f"SELECT len({records_sql('CAST($1 AS JSON)', selector)}), {values}", places
    return f"SELECT json_array_length($1, {literal(_list_path(selector))}), {values}", places


def _places(path: str) -> tuple[str, ...]:
    steps = duckdb_path(path)
    whole = literal_path(path)
    return (whole, steps) if whole else (steps,)


def _list_path(selector: str) -> str:
    return duckdb_path(selector).removesuffix("[*]")
