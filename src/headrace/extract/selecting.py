"""Where the records of a JSON document are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from headrace.errors import RecordsNotFound
from headrace.extract.paths import duckdb_path
from headrace.sql.dialect import text as literal

if TYPE_CHECKING:
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
    ((structure,),) = local.rows("SELECT CAST(json_structure(CAST(? AS JSON)) AS VARCHAR)", [body])
    level: list[tuple[str, Any]] = [("$", json.loads(structure))]
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
