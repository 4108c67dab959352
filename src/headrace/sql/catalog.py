"""The question for all columns of some schemas, with what the engine says of them in its own words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.sql.dialect import text

if TYPE_CHECKING:
    from collections.abc import Iterable

COLUMNS = ("database", "schema", "name", "kind", "comment", "owner", "column", "index", "type", "column_comment")
"""What each row of the answer has, in this order; `kind` is `BASE TABLE` or `VIEW`."""

_DUCKDB = """
select c.database_name, c.schema_name, c.table_name, case when v.view_name is null then 'BASE TABLE' else 'VIEW' end,
    coalesce(v.comment, t.comment), null, c.column_name, c.column_index, c.data_type, c.comment
from duckdb_columns() as c
left join duckdb_views() as v
    on v.database_name = c.database_name and v.schema_name = c.schema_name and v.view_name = c.table_name
left join duckdb_tables() as t
    on t.database_name = c.database_name and t.schema_name = c.schema_name and t.table_name = c.table_name
where not c.internal and c.schema_name in ({schemas})
order by 1, 2, 3, 8
"""
_POSTGRES = """
select current_database(), n.nspname, r.relname, case when r.relkind in ('v', 'm') then 'VIEW' else 'BASE TABLE' end,
    obj_description(r.oid, 'pg_class'), pg_get_userbyid(r.relowner), a.attname, a.attnum,
    format_type(a.atttypid, a.atttypmod), col_description(r.oid, a.attnum)
from pg_attribute as a
join pg_class as r on r.oid = a.attrelid
join pg_namespace as n on n.oid = r.relnamespace
where r.relkind in ('r', 'p', 'v', 'm', 'f') and a.attnum > 0 and not a.attisdropped and n.nspname in ({schemas})
order by 1, 2, 3, 8
"""


def catalog(dialect: str, schemas: Iterable[str]) -> str:
    """The statement; there has to be a schema."""
    listed = ", ".join(text(schema) for schema in schemas)
    return (_DUCKDB if dialect == "duckdb" else _POSTGRES).format(schemas=listed)
