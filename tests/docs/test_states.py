"""Runs that look at an earlier one: state selection, defer, clone, retry; and what else reads or removes artifacts."""

import json
import shutil

import duckdb
import pytest

from headrace.cli.main import invoke
from headrace.cli.options import Asked


@pytest.fixture
def do(mill, monkeypatch, capsys):
    """`do("ls", "-o", "name")` in the project; its exit code and its lines on stdout and stderr."""
    monkeypatch.chdir(mill)

    def call(*words):
        code = invoke(words, Asked.first_look(words))
        out, err = capsys.readouterr()
        return code, out.split("\n"), err

    return call


@pytest.fixture
def before(mill, do):
    """The artifacts of a build of everything, kept in a folder apart."""
    do("build", "-q")
    shutil.copytree(mill / "target", mill / "prod")
    return "prod"


def names(answer):
    return {line for line in answer[1] if line}


def rows(folder, sql):
    with duckdb.connect(str(folder / "mill.duckdb")) as connection:
        return connection.sql(sql).fetchall()


def test_what_did_not_change_is_not_modified(do, before):
    code, _, err = do("ls", "-s", "state:modified", "--state", before, "-o", "name")

    assert code == 0
    assert "selects nothing" in err


def test_a_changed_file_is_modified_and_a_new_one_is_new(mill, do, before):
    (mill / "models" / "stg_orders.sql").write_text(
        "select id as order_id, customer, 2 * amount as amount from {{ ref('raw_orders') }}"
    )
    (mill / "models" / "extra.sql").write_text("select 1 as one")

    modified = names(do("ls", "-s", "state:modified", "--state", before, "-o", "name", "--resource-type", "model"))
    body = names(do("ls", "-s", "state:modified.body", "--state", before, "-o", "name", "--resource-type", "model"))
    new = names(do("ls", "-s", "state:new", "--state", before, "-o", "name"))
    old = names(do("ls", "-s", "state:old", "--state", before, "-o", "name", "--resource-type", "model"))
    same = names(do("ls", "-s", "state:unmodified", "--state", before, "-o", "name", "--resource-type", "model"))

    assert modified == {"stg_orders", "extra"}
    assert body == {"stg_orders"}
    assert new == {"extra"}
    assert old == {"stg_orders", "revenue"}
    assert same == {"revenue"}


def test_who_calls_a_changed_macro_is_modified(mill, do, before):
    (mill / "macros" / "total.sql").write_text(
        "{% macro total(column) %}sum(coalesce({{ column }}, 0)){% endmacro %}\n"
    )

    found = names(do("ls", "-s", "state:modified.macros", "--state", before, "-o", "name"))

    assert "revenue" in found
    assert "stg_orders" not in found


def test_another_config_is_a_modification_and_another_target_is_none(mill, do, before):
    same = do("ls", "-s", "state:modified", "--state", before, "-o", "name", "-t", "ci", "--resource-type", "model")
    text = (mill / "models" / "schema.yml").read_text()
    (mill / "models" / "schema.yml").write_text(
        text.replace("  - name: stg_orders\n", "  - name: stg_orders\n    config: {materialized: table}\n")
    )

    found = names(do("ls", "-s", "state:modified.configs", "--state", before, "-o", "name", "--resource-type", "model"))

    assert names(same) == set()
    assert found == {"stg_orders"}


@pytest.mark.parametrize(
    ("word", "hint"), [("state:changed", "new, old"), ("state:modified.size", "body"), ("result:bad", "success")]
)
def test_a_state_that_does_not_exist_is_an_error(do, before, word, hint):
    code, _, err = do("ls", "-s", word, "--state", before)

    assert code == 2
    assert hint in err


def test_what_ended_in_error_is_selected_by_its_result(mill, do):
    (mill / "models" / "marts" / "revenue.sql").write_text("select nothing from {{ ref('stg_orders') }}")
    do("build", "-q")

    found = names(do("ls", "-s", "result:error", "--state", "target", "-o", "name", "--indirect-selection", "empty"))

    assert found == {"revenue"}


def test_what_is_not_built_is_read_where_the_other_environment_has_it(mill, do, before):
    code, _, _ = do("run", "-q", "-t", "ci", "-s", "revenue", "--defer", "--state", before)

    assert code == 0
    assert rows(mill, "select customer, revenue from ci.revenue") == [(10, 12.5)]
    assert rows(mill, "select table_name from information_schema.tables where table_schema = 'ci'") == [("revenue",)]


def test_what_is_here_is_read_here_unless_the_state_is_favoured(mill, do, before):
    do("build", "-q", "-t", "ci", "-s", "+stg_orders")
    (mill / "models" / "stg_orders.sql").write_text(
        "select id as order_id, customer, 0 * amount as amount from {{ ref('raw_orders') }}"
    )
    do("run", "-q", "-t", "ci", "-s", "stg_orders")

    do("run", "-q", "-t", "ci", "-s", "revenue", "--defer", "--state", before)
    here = rows(mill, "select revenue from ci.revenue")
    do("run", "-q", "-t", "ci", "-s", "revenue", "--defer", "--state", before, "--favor-state")

    assert here == [(0.0,)]
    assert rows(mill, "select revenue from ci.revenue") == [(12.5,)]


def test_defer_without_a_state_is_an_error(do):
    code, _, err = do("run", "--defer")

    assert code == 2
    assert "--state" in err


def test_a_clone_reads_the_other_environments_tables(mill, do, before):
    code, lines, _ = do("clone", "--state", before, "-t", "ci")

    assert code == 0
    assert "ci.revenue  <-  mill.main.revenue" in lines
    assert rows(mill, "select revenue from ci.revenue") == [(12.5,)]
    assert do("clone", "--state", before, "-t", "ci")[1] == [""]


def test_retry_repeats_what_was_asked_for(mill, do):
    (mill / "models" / "marts" / "revenue.sql").write_text(
        "select nothing, '{{ var('day') }}' as day from {{ ref('stg_orders') }}"
    )
    do("build", "-q", "--vars", "day: monday", "-f")
    (mill / "models" / "marts" / "revenue.sql").write_text(
        "select 1 as revenue, '{{ var('day') }}' as day from {{ ref('stg_orders') }}"
    )

    code, _, _ = do("retry", "-q")

    assert code == 0
    assert rows(mill, "select distinct day from revenue") == [("monday",)]


def test_retry_goes_on_from_artifacts_of_elsewhere(mill, do):
    (mill / "models" / "marts" / "revenue.sql").write_text("select nothing from {{ ref('stg_orders') }}")
    do("build", "-q")
    shutil.copytree(mill / "target", mill / "ci")
    shutil.rmtree(mill / ".headrace")
    (mill / "models" / "marts" / "revenue.sql").write_text("select 1 as revenue")

    code, lines, _ = do("retry", "--state", "ci", "-o", "json")

    steps = [step["step"] for step in json.loads("\n".join(lines))["steps"]]
    assert code == 0
    assert steps[0] == "model.mill.revenue"
    assert "model.mill.stg_orders" not in steps


BATCHED = """{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='at_time', batch_size='day', begin='2026-01-01') }}
{% set batch = model.batch.id if model.batch else '' %}
select {{ 'nope' if batch in var('breaks', []) else 1 }} as one, cast('{{ model.batch.event_time_start if model.batch }}' as timestamp) as at_time"""


@pytest.mark.parametrize("state", [[], ["--state", "ci"]], ids=["of the history", "of artifacts"])
def test_retry_builds_the_batches_that_are_missing_and_no_other(mill, do, state):
    (mill / "models" / "batched.sql").write_text(BATCHED)
    ends = ("--event-time-start", "2026-01-01", "--event-time-end", "2026-01-04")
    first, _, _ = do("run", "-q", "-s", "batched", "--vars", "{breaks: ['20260102']}", *ends)
    shutil.copytree(mill / "target", mill / "ci")

    second, _, _ = do("retry", "-q", "--vars", "{breaks: ['20260101']}", *state)

    told = [json.loads((mill / one / "run_results.json").read_text())["results"] for one in ("ci", "target")]
    (before,), (after,) = told
    assert (first, before["status"], second, after["status"]) == (1, "partial success", 0, "success")
    days = {
        key: [start[:10] for start, _ in one["batch_results"][word]]
        for key, one, word in (("missing", before, "failed"), ("built", after, "successful"))
    }
    assert days == {"missing": ["2026-01-02"], "built": ["2026-01-02", "2026-01-01", "2026-01-03"]}
    run = mill / "target" / "run" / "mill" / "models" / "batched"
    assert sorted(path.name for path in run.iterdir()) == [f"batched_2026-01-0{day}.sql" for day in (1, 2, 3)]
    assert "INSERT INTO" in (run / "batched_2026-01-02.sql").read_text()


def test_a_warning_fails_the_run_where_warnings_are_errors(mill, do):
    (mill / "seeds" / "raw_orders.csv").write_text(
        "id,customer,amount,loaded_at\n1,10,,2026-01-01 00:00:00\n2,10,,2026-01-02 00:00:00\n"
    )

    mild, _, _ = do("build", "-q")
    strict, _, _ = do("--warn-error", "build", "-q")
    named, _, _ = do("--warn-error-options", '{"error": ["LogTestResult"]}', "build", "-q")

    assert (mild, strict, named) == (0, 1, 1)


def test_a_macro_is_called_with_its_arguments(do):
    code, lines, _ = do("run-operation", "say", "--args", "{what: hello, loud: true}")

    assert code == 0
    assert lines[0] == "said hello"


def test_a_macro_that_is_not_there_is_an_error(do):
    code, _, err = do("run-operation", "sya")

    assert code == 2
    assert "did you mean 'say'?" in err


def test_clean_removes_what_can_be_made_again_and_nothing_else(mill, do, before):
    code, lines, _ = do("clean")

    assert code == 0
    assert "removed target" in lines
    assert not (mill / "target").exists()
    assert (mill / "mill.duckdb").exists()
    assert (mill / ".headrace" / "history.db").exists()


@pytest.mark.parametrize("path", ["../other", ".", "models"])
def test_clean_touches_nothing_outside_and_no_source(mill, do, path):
    (mill / "dbt_project.yml").write_text((mill / "dbt_project.yml").read_text() + f"clean-targets: ['{path}']\n")

    code, _, err = do("clean")

    assert code == 2
    assert "clean does not touch" in err
    assert (mill / "models" / "schema.yml").exists()


def test_ls_gives_a_document_for_each_line_as_dbt_does(do):
    code, lines, _ = do(
        "ls", "--output", "json", "--output-keys", "unique_id config.materialized", "--resource-type", "model"
    )

    found = [json.loads(line) for line in lines if line]
    assert code == 0
    assert found == [
        {"unique_id": "model.mill.stg_orders", "config.materialized": "view"},
        {"unique_id": "model.mill.revenue", "config.materialized": "table"},
    ]


@pytest.mark.parametrize(("mode", "count"), [("eager", 2), ("cautious", 1), ("buildable", 2), ("empty", 0)])
def test_tests_come_along_as_the_mode_says(mill, do, mode, count):
    (mill / "tests" / "both.sql").write_text("select 1 from {{ ref('revenue') }}, {{ ref('stg_orders') }} where false")
    (mill / "tests" / "no_debts.sql").unlink()

    found = names(do("ls", "-s", "revenue", "--indirect-selection", mode, "--resource-type", "test", "-o", "name"))

    assert len(found) == count
