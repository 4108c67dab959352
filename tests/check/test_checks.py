import pytest

from headrace.check.tests import run_check, store
from headrace.errors import Place
from headrace.events import CheckFinished, listening
from headrace.table import Table

NULLS = "select * from mart.t where word is null"
NONE = "select * from mart.t where id is null"


def test_no_failing_row_is_a_pass(connection, a_check):
    result = run_check(connection, a_check(), NONE)

    assert (result.status, result.failures, result.message) == ("pass", 0, None)
    assert not result.stops


def test_failing_rows_are_counted_and_stop_the_model(connection, a_check):
    result = run_check(connection, a_check(), NULLS)

    assert (result.status, result.failures) == ("fail", 2)
    assert result.message == "got 2 results, configured to fail if != 0"
    assert result.stops


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"severity": "warn"}, "warn"),
        ({"severity": "warn", "warn_if": "> 2"}, "pass"),
        ({"error_if": "> 2"}, "warn"),
        ({"error_if": "> 2", "warn_if": "> 5"}, "pass"),
        ({"error_if": ">= 2"}, "fail"),
        ({"error_if": "between 1 and 2"}, "fail"),
        ({"severity": "warn", "error_if": "> 0"}, "warn"),
        ({"fail_calc": "max(id)", "error_if": "> 2"}, "fail"),
        ({"limit": 1, "error_if": "> 1"}, "warn"),
    ],
)
def test_thresholds_decide_what_a_number_of_failures_means(connection, a_check, fields, status):
    assert run_check(connection, a_check(**fields), NULLS).status == status


def test_a_sum_over_no_rows_is_no_failure(connection, a_check):
    result = run_check(connection, a_check(fail_calc="sum(id)"), NONE)

    assert (result.status, result.failures) == ("pass", 0)


def test_a_test_the_engine_refuses_is_an_error_with_its_place(connection, a_check):
    result = run_check(connection, a_check(), "select nope from mart.t")

    assert (result.status, result.stops) == ("error", True)
    assert result.error.where == Place("models/t.yml", 7)


def test_the_event_has_counts_and_no_values(connection, a_check):
    seen = []

    with listening(seen.append):
        run_check(connection, a_check(), "select 'secret' as word")

    (event,) = seen
    assert isinstance(event, CheckFinished)
    assert (event.check, event.model, event.status, event.failures) == (
        "test.shop.not_null_t_word",
        "model.shop.t",
        "fail",
        1,
    )
    assert "secret" not in repr(event)


def test_failing_rows_survive_the_transaction_that_they_failed(connection, a_check):
    results = []

    def attempt():
        with connection.transaction():
            connection.execute("create table mart.built as select 7 as id, 'bad' as word")
            check = a_check(config={"store_failures": True})
            results.append(run_check(connection, check, "select * from mart.built"))
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        attempt()

    kept = store(connection, results[0], "mart")

    assert kept == Table("mart_dbt_test__audit", "not_null_t_word")
    assert connection.rows("select id, word from mart_dbt_test__audit.not_null_t_word") == [(7, "bad")]


def test_stored_failures_are_those_of_the_last_run(connection, a_check):
    for sql in (NULLS, NONE):
        store(connection, run_check(connection, a_check(), sql, store_failures=True), "mart")

    assert connection.rows("select * from mart_dbt_test__audit.not_null_t_word") == []


def test_nothing_is_stored_where_nobody_asks(connection, a_check):
    assert store(connection, run_check(connection, a_check(), NULLS), "mart") is None
    assert (
        store(
            connection,
            run_check(connection, a_check(config={"store_failures": False}), NULLS, store_failures=True),
            "mart",
        )
        is None
    )
