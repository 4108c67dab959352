import pytest

from headrace.check.fused import candidates, overridden_by, screen
from headrace.check.tests import passed, run_check
from headrace.events import CheckFinished, listening
from headrace.project.macros import Macros
from headrace.table import Table

TABLE = Table("mart", "t")


def asked(a_check, **fields):
    """The checks of a table with some that hold and some that do not, with the queries dbt would ask."""

    def one(column, kind, sql, **more):
        return a_check(unique_id=f"test.shop.{kind}_{column}", column=column, kind=kind, **fields, **more), sql

    values = "select word as v, count(*) from mart.t where word not in ({}) group by word"
    return [
        one("id", "not_null", "select id from mart.t where id is null"),
        one("word", "not_null", "select word from mart.t where word is null"),
        one("word", "accepted_values", values.format("'a'"), arguments={"values": ["a"]}),
        one("WORD", "accepted_values", values.format("'b'"), arguments={"values": ["b"]}),
    ]


def run_checks(connection, schema, checks, overridden=frozenset()):
    clean = screen(connection, TABLE, schema, candidates([check for check, _ in checks], overridden))
    return [
        passed(check, clean[check.unique_id]) if check.unique_id in clean else run_check(connection, check, sql)
        for check, sql in checks
    ]


def test_fused_tests_find_what_each_alone_finds(connection, a_check):
    checks = asked(a_check)
    schema = connection.inspect("mart")[TABLE].schema
    seen = []

    with listening(seen.append):
        fused = run_checks(connection, schema, checks)

    alone = [run_check(connection, check, sql) for check, sql in checks]
    assert [(one.status, one.failures) for one in fused] == [(one.status, one.failures) for one in alone]
    assert [one.status for one in fused] == ["pass", "fail", "pass", "fail"]
    assert [event.check for event in seen if isinstance(event, CheckFinished)] == [
        check.unique_id for check, _ in checks
    ]


def test_tests_that_hold_are_asked_in_one_statement(connection, a_check):
    schema = connection.inspect("mart")[TABLE].schema
    checks = [(check, "this is no SQL") for check, _ in (asked(a_check)[0], asked(a_check)[2])]

    results = run_checks(connection, schema, checks)

    assert [one.status for one in results] == ["pass", "pass"]


@pytest.mark.parametrize(
    "fields",
    [
        {"where": "id > 1"},
        {"limit": 1},
        {"fail_calc": "sum(1)"},
        {"error_if": "> 5"},
        {"config": {"store_failures": True}},
    ],
)
def test_a_test_with_conditions_of_its_own_is_asked_alone(connection, a_check, fields):
    schema = connection.inspect("mart")[TABLE].schema
    checks = [(check, "select 1 as failing") for check, _ in asked(a_check, **fields)[:2]]

    results = run_checks(connection, schema, checks)

    assert [one.failures for one in results] == [1, 1]


def test_a_kind_that_the_project_rewrote_is_asked_by_its_own_query(connection, a_check, tmp_path):
    macros = Macros.load("shop", tmp_path)
    assert overridden_by(macros, "duckdb") == frozenset()
    macros.add("shop", "macros/own.sql", "{% macro default__test_not_null(model, column_name) %}select 1{% endmacro %}")
    schema = connection.inspect("mart")[TABLE].schema

    rewritten = overridden_by(macros, "duckdb")
    checks = [(check, "select 1 as failing") for check, _ in asked(a_check)[:2]]
    results = run_checks(connection, schema, checks, overridden=rewritten)

    assert rewritten == {"not_null"}
    assert [one.failures for one in results] == [1, 1]
