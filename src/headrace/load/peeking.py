"""A first look at what a list would become, without a load."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.landing import ORIGIN
from headrace.load.elements import Found, found_in, of_json, of_type, unnested
from headrace.load.extras import ROOT, ROW
from headrace.naming import Names
from headrace.schema import Column, Kind, Schema
from headrace.sql.dialect import name, names, read_type, text

if TYPE_CHECKING:
    from headrace.arrow import pa
    from headrace.naming import Convention
    from headrace.warehouse.embedded import Embedded


def elements_of(
    rows: pa.Table, path: str, convention: Convention, local: Embedded
) -> tuple[pa.Table | None, list[str]]:
    """The elements of the list that `lists__in_lists` names, in rows as they arrived, and the lists that there are.

    None where there is no such list.
    """
    table = "headrace_rows0"
    local.register("arrived", rows)
    marked = [field.name for field in rows.schema if (field.metadata or {}).get(b"headrace") == b"json"]
    typed = f" REPLACE ({', '.join(f'CAST({name(one)} AS JSON) AS {name(one)}' for one in marked)})" if marked else ""
    local.execute(
        f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT *{typed}, CAST(row_number() OVER () AS VARCHAR) AS {name(ROW)}, "
        f"'' AS {name(ORIGIN)} FROM arrived"
    )
    schema = Schema(tuple(Column(row[0], read_type(row[1])) for row in local.rows(f"DESCRIBE {table}")))
    lists = [found_in(local, table, column) for column in schema if _is_list(local, table, column)]
    handed, rest = {table: {ROOT: name(ROW)}}, path
    known = [one.column for one in lists]
    while (found := _named(lists, rest)) is not None:
        into = f"headrace_list{len(handed)}"
        unnested(local, into, [found], handed)
        if found.item is None:
            made = of_json(local, into, (ROOT,), (Names(convention), {}), _list_like, long=found.long)
        else:
            made = of_type(into, found.item, (ROOT,), Names(convention), _list_like)
        if found.column == rest:
            return local.table(f"SELECT {names(made.part.schema.names) or '1'} FROM ({made.part.query}) AS part"), known
        handed[made.table] = {ROOT: name(ROOT)}
        rest, lists = rest.removeprefix(f"{found.column}__"), list(made.lists)
        known += [f"{path.removesuffix(rest)}{one.column}" for one in lists]
    return None, known


def _named(lists: list[Found], path: str) -> Found | None:
    found = [one for one in lists if path == one.column or path.startswith(f"{one.column}__")]
    return max(found, key=lambda one: len(one.column), default=None)


def _is_list(local: Embedded, table: str, column: Column) -> bool:
    if column.type.kind is not Kind.JSON:
        return column.type.kind is Kind.LIST
    kind = f"SELECT DISTINCT json_type({name(column.name)}) FROM {table} WHERE json_type({name(column.name)}) <> {text('NULL')}"
    return local.rows(kind) == [("ARRAY",)]


def _list_like(_: str, of: Any) -> bool:
    return isinstance(of, list) or getattr(of, "kind", None) is Kind.LIST
