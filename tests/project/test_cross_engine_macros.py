from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import psycopg
import pytest

from headrace.errors import Place
from headrace.project.macros import Macros
from headrace.project.names import PLAIN
from headrace.project.template import Templates

if TYPE_CHECKING:
    from pathlib import Path

CASES: list[tuple[str, Any]] = [
    ("{{ dbt.dateadd('day', 2, \"date '2024-02-28'\") }}", "2024-03-01 00:00:00"),
    ("{{ dbt.datediff(\"date '2023-12-31'\", \"date '2024-01-01'\", 'year') }}", 1),
    ("{{ dbt.datediff(\"timestamp '2024-01-01 00:59:59'\", \"timestamp '2024-01-01 01:00:00'\", 'hour') }}", 1),
    ("{{ dbt.last_day(\"date '2024-02-10'\", 'month') }}", "2024-02-29"),
    ("{{ dbt.last_day(\"date '2024-02-10'\", 'quarter') }}", "2024-03-31"),
    ("{{ dbt.date(2024, 2, 9) }}", "2024-02-09"),
    ("{{ dbt.concat([\"'a'\", \"'b'\"]) }}", "ab"),
    ("{{ dbt.hash(\"'a'\") }}", "0cc175b9c0f1b6a831c399e269772661"),
    ("{{ dbt.split_part(\"'a-b-c'\", \"'-'\", 2) }}", "b"),
    ("{{ dbt.right(\"'abc'\", 2) }}", "bc"),
    ("{{ dbt.replace(\"'abc'\", \"'b'\", \"'x'\") }}", "axc"),
    ("{{ dbt.position(\"'b'\", \"'abc'\") }}", 2),
    ("{{ dbt.length(\"'abc'\") }}", 3),
    ('{{ dbt.string_literal(dbt.escape_single_quotes("it\'s")) }}', "it's"),
    ("{{ dbt.cast(\"'12'\", dbt.type_int()) }}", 12),
    ("(select {{ dbt.listagg('x', \"'-'\", 'order by x desc') }} from (values ('a'), ('b')) t (x))", "b-a"),
    ("(select {{ dbt.listagg('x', \"'-'\", 'order by x', 1) }} from (values ('a'), ('b')) t (x))", "a"),
    ("(select {{ dbt.bool_or('x') }} from (values (true), (false)) t (x))", True),
    ("(select {{ dbt.any_value('x') }} from (values (7), (7)) t (x))", 7),
    ("(select 1 {{ dbt.except() }} select 2)", 1),
    ("(select 1 {{ dbt.intersect() }} select 1)", 1),
    ("{{ dbt.array_append(dbt.array_construct([1, 2]), 3) }}", [1, 2, 3]),
    ("{{ dbt.array_concat(dbt.array_construct([1]), dbt.array_construct([2])) }}", [1, 2]),
]


def query(folder: Path, dialect: str, expression: str) -> str:
    templates = Templates(Macros.load("shop", folder), dialect, "shop")

    class Adapter:
        dispatch = staticmethod(templates.dispatch)

    return "select " + templates.render(expression, {**PLAIN, "adapter": Adapter()}, Place("x.sql"))


@pytest.mark.parametrize(("expression", "expected"), CASES)
def test_a_macro_means_the_same_on_duckdb(tmp_path: Path, expression: str, expected: Any):
    sql = query(tmp_path, "duckdb", expression)

    value = duckdb.connect().execute(sql).fetchall()[0][0]

    assert (value if isinstance(expected, int | list) else str(value)) == expected


@pytest.mark.parametrize(("expression", "expected"), CASES)
def test_a_macro_means_the_same_on_postgres(postgres_server: str, tmp_path: Path, expression: str, expected: Any):
    sql = query(tmp_path, "postgres", expression)

    with psycopg.connect(postgres_server) as session:
        value = session.execute(sql).fetchall()[0][0]

    assert (value if isinstance(expected, list) else type(expected)(value)) == expected


@pytest.mark.parametrize(
    ("first", "second", "weeks"),
    [("2024-01-06", "2024-01-07", 1), ("2024-01-07", "2024-01-13", 0), ("2024-01-08", "2024-01-06", -1)],
)
def test_weeks_begin_on_sunday_on_postgres_as_in_dbt(
    postgres_server: str, tmp_path: Path, first: str, second: str, weeks: int
):
    sql = query(tmp_path, "postgres", f"{{{{ dbt.datediff(\"date '{first}'\", \"date '{second}'\", 'week') }}}}")

    with psycopg.connect(postgres_server) as session:
        assert session.execute(sql).fetchall() == [(weeks,)]


def test_a_cast_that_fails_is_null_on_duckdb(tmp_path: Path):
    sql = query(tmp_path, "duckdb", "{{ dbt.safe_cast(\"'x'\", 'integer') }}")

    assert duckdb.connect().execute(sql).fetchall() == [(None,)]
