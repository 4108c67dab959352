import json
import os
import re
import signal
import subprocess
import sys

import pytest


def document(ended):
    return json.loads(ended.out)


@pytest.mark.usefixtures("small")
def test_a_build_prints_one_line_for_each_step_and_a_summary(run):
    ended = run("build")

    assert ended.code == 0
    first, second, third, *rest = ended.out.splitlines()
    assert re.fullmatch(r"1/3  ✓ success  seed  raw_orders +3 rows +[\d.]+s", first)
    assert re.match(r"2/3  ! warn     model orders ", second)
    assert re.match(r"3/3  ✓ success  model revenue +1 row", third)
    assert any(line.startswith("warn  test not_null_orders_amount on orders") for line in rest)
    assert re.match(r"✓ success  2 success · 1 warn · 3 tests \(", rest[-1])
    assert ended.err == ""


@pytest.mark.usefixtures("small")
def test_a_failed_test_keeps_the_old_table_and_skips_what_needs_it(run, change):
    run("build")
    change("models/orders.sql", "id as order_id", "1 as order_id")

    ended = run("build")

    assert ended.code == 1
    assert "fail  test unique_orders_order_id on orders" in ended.out
    assert "readers keep the tables they had" in ended.out
    assert "skipped because of that: revenue" in ended.out
    assert "next: headrace show -s unique_orders_order_id" in ended.out
    shown = document(run("show", "orders", "-o", "json"))["nodes"][0]["rows"]
    assert sorted(row[0] for row in shown) == [1, 2, 3]


@pytest.mark.usefixtures("small")
def test_retry_does_what_is_left_and_then_has_nothing_to_do(run, change):
    change("models/orders.sql", "id as order_id", "1 as order_id")
    failed = run("build", "-o", "json")
    change("models/orders.sql", "1 as order_id", "id as order_id")

    again = document(run("retry", "-o", "json"))

    assert failed.code == 1
    assert document(failed)["counts"] == {"success": 1, "error": 1, "skipped": 1}
    assert [step["step"] for step in again["steps"]] == ["model.small.orders", "model.small.revenue"]
    assert again["status"] == "success"
    assert len(again["checks"]) == 3
    done = run("retry")
    assert done.code == 2
    assert "succeeded" in done.err


@pytest.mark.usefixtures("small")
def test_an_engines_error_points_at_the_authors_line(run, change):
    run("build")
    change("models/revenue.sql", "sum(amount)", "sum(amonut)")

    ended = run("run", "-s", "revenue")

    assert ended.code == 1
    assert "error HR501  models/revenue.sql:2" in ended.out


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("command", ["build", "ls", "parse", "compile", "show"])
def test_an_unknown_ref_is_said_before_anything_runs(run, change, command):
    change("models/revenue.sql", "ref('orders')", "ref('ordrs')")

    ended = run(command, *(["revenue"] if command == "show" else []))

    assert ended.code == 2
    assert ended.out == ""
    assert ended.err.splitlines()[:4] == [
        "error HR202  models/revenue.sql:3:14  " + ended.err.splitlines()[0].partition("3:14  ")[2],
        "  3 | from {{ ref('ordrs') }}",
        "                   ^",
        "  hint: did you mean 'orders'?",
    ]


@pytest.mark.usefixtures("small")
def test_a_misspelt_key_is_an_error_with_its_place(run, change):
    change("models/schema.yml", "data_tests:\n", "dta_tests:\n")

    ended = run("check")

    assert ended.code == 2
    assert "error HR103  models/schema.yml:6:9" in ended.err
    assert "did you mean 'data_tests'?" in ended.err


@pytest.mark.usefixtures("small")
def test_a_name_that_selects_nothing_is_an_error(run):
    ended = run("build", "-s", "revnue")

    assert ended.code == 2
    assert "HR205" in ended.err
    assert "did you mean 'revenue'?" in ended.err


@pytest.mark.usefixtures("small")
def test_an_unknown_target_is_an_error(run):
    ended = run("ls", "-t", "othr")

    assert ended.code == 2
    assert "HR104" in ended.err
    assert "did you mean 'other'?" in ended.err


def test_a_folder_without_a_project_is_an_error(run):
    ended = run("build")

    assert ended.code == 2
    assert "HR101" in ended.err
    assert "headrace init" in ended.err


@pytest.mark.usefixtures("small")
def test_several_values_follow_one_select_as_in_dbt(run):
    ended = run("ls", "-s", "raw_orders", "revenue", "-o", "name")

    assert ended.code == 0
    assert set(ended.out.split()) >= {"raw_orders", "revenue"}
    assert "orders" not in ended.out.split()


@pytest.mark.usefixtures("small")
def test_nothing_selected_of_a_kind_is_no_failure(run):
    ended = run("load")

    assert ended.code == 0
    assert "nothing to do" in ended.err
    assert ended.out == ""


@pytest.mark.usefixtures("small")
def test_every_command_that_reads_gives_one_document(run):
    run("build")

    for command in (
        ["ls"], ["parse"], ["compile"], ["show", "revenue"], ["runs"], ["runs", "show"], ["trace", "revenue"],
        ["quarantine", "ls"], ["quarantine", "show"], ["doctor"], ["test"], ["seed"], ["explain"],
    ):  # fmt: skip
        ended = run(*command, "-o", "json")
        assert ended.code == 0, ended.err
        assert document(ended)["schema_version"] == 1


@pytest.mark.usefixtures("small")
def test_runs_show_what_ran_and_how_it_ended(run):
    run("build")

    listed = document(run("runs", "-o", "json"))["runs"]
    shown = document(run("runs", "show", listed[0]["id"][:5], "-o", "json"))

    assert [(one["command"], one["target"], one["status"]) for one in listed] == [("build", "dev", "success")]
    assert [step["status"] for step in shown["steps"]] == ["success", "warn", "success"]
    assert len(shown["checks"]) == 3


def test_each_run_leaves_its_events_and_compiled_sql(run, small):
    run("build")

    (log,) = (small / ".headrace" / "logs").glob("*.jsonl")
    assert json.loads(log.read_text().splitlines()[0])["event"] == "RunStarted"
    assert 'from "main"."orders"' in (small / ".headrace" / "compiled" / "models" / "revenue.sql").read_text()


@pytest.mark.usefixtures("small")
def test_events_go_to_stderr_as_json_where_that_is_asked_for(run):
    ended = run("build", "--log-format", "json")

    events = [json.loads(line)["event"] for line in ended.err.splitlines()]
    assert events[0] == "RunStarted"
    assert events.count("StepFinished") == 3
    assert events[-1] == "RunFinished"


@pytest.mark.usefixtures("small")
def test_quiet_says_nothing_of_success(run):
    ended = run("build", "-q")

    assert (ended.code, ended.out, ended.err) == (0, "", "")


@pytest.mark.usefixtures("small")
def test_variables_are_yaml_and_a_broken_one_is_an_error_of_usage(run, change):
    change("models/revenue.sql", "sum(amount)", "{{ var('factor') }} * sum(amount)")

    fine = run("build", "--vars", "{factor: 2}")
    broken = run("build", "--vars", "[1, 2]")

    assert fine.code == 0
    assert broken.code == 2
    assert "--vars takes a mapping" in broken.err
    assert document(run("show", "revenue", "-o", "json", "--vars", "factor: 2"))["nodes"][0]["rows"] == [[61.0]]


@pytest.mark.usefixtures("small")
def test_the_environment_names_the_target(run):
    ended = run("parse", env={"DBT_TARGET": "other"})

    assert "for target other" in ended.out


HOLD = """
import sys
from pathlib import Path
from headrace.run.lock import locked
with locked(Path(sys.argv[1]), "dev"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_run_on_one_target_is_refused(run, small):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(small / ".headrace")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        other.stdout.readline()
        ended = run("build")
        other.kill()

    assert ended.code == 1
    assert "HR602" in ended.err
    assert f"process {other.pid}" in ended.err


def test_ctrl_c_stops_in_good_order_and_the_next_run_goes_on(run, small):
    (small / "models" / "slow.sql").write_text(
        "{{ config(materialized='table') }}\nselect count(*) as n from range(40000000) a, range(4000) b\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "headrace", "build"],
        cwd=small,
        env={**os.environ, "PYTHONUTF8": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while "revenue" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)

    assert process.returncode == 130
    assert "stopping" in err
    assert "Traceback" not in err
    assert "1 interrupted" in out
    assert "HR501" not in out
    shown = document(run("runs", "show", "-o", "json"))
    assert shown["run"]["status"] == "interrupted"
    assert {step["id"]: step["status"] for step in shown["steps"]}["model.small.slow"] == "interrupted"
    (small / "models" / "slow.sql").write_text("select 1 as n\n")
    assert run("retry").code == 0


@pytest.mark.usefixtures("small")
def test_show_prints_rows_of_an_inline_query(run):
    run("build")

    ended = run("show", "--inline", "select count(*) as n from {{ ref('orders') }}")

    assert ended.out.split() == ["n", "3"]


@pytest.mark.usefixtures("small")
def test_compile_prints_the_sql_of_one_model(run):
    run("build")

    ended = run("compile", "-s", "orders")

    assert 'from "main"."raw_orders"' in ended.out
    assert "{{" not in ended.out


@pytest.mark.usefixtures("small")
def test_trace_shows_builds_and_names_the_closest_table(run):
    run("build")

    assert document(run("trace", "revenue", "-o", "json"))["builds"][0]["rows"] == 1
    assert "did you mean 'revenue'?" in run("trace", "revnue").err


@pytest.mark.usefixtures("small")
def test_doctor_finds_what_is_wrong_and_says_what_to_do(run, change):
    fine = run("doctor")
    change("headrace.yml", "duckdb:///small.duckdb", "duckdb:///${NOWHERE}/small.duckdb")

    ended = run("doctor")

    assert fine.code == 0
    assert "fix" not in fine.out
    assert ended.code == 1
    assert "HR105" in ended.out
    assert "NOWHERE" in ended.out
