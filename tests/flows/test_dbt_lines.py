"""dbt's command lines as people write them in CI files, schedulers and notebooks: each is read as it stands."""

import shlex

import click
import pytest

from headrace.cli.main import cli
from headrace.cli.options import Asked

LINES = """
dbt --version
dbt -v
dbt debug
dbt debug --connection
dbt debug --config-dir --profiles-dir ci
dbt deps
dbt deps --upgrade
dbt --quiet deps --profiles-dir .
dbt clean
dbt parse --no-partial-parse
dbt --warn-error parse
dbt --no-use-colors parse --profiles-dir ./ci --target ci
dbt compile
dbt compile --select my_model
dbt compile --no-introspect --no-populate-cache
dbt compile --inline "select * from {{ ref('orders') }}" --output json
dbt compile --threads 8 --no-version-check --vars '{"run_date": "2026-01-01"}'
dbt seed
dbt seed --full-refresh --show
dbt seed --select raw_orders raw_customers --target dev
dbt run
dbt run --select +orders
dbt run -s stg_orders+ @customers 1+revenue+2
dbt run --models tag:nightly,config.materialized:incremental --exclude stg_legacy
dbt run --model orders --full-refresh
dbt run -m path:models/staging --threads 16 --fail-fast
dbt run --select state:modified+ --defer --state ./prod-artifacts
dbt run --select "state:modified+,config.materialized:table" --defer --favor-state --state prod
dbt run --select result:error+ result:skipped --state target
dbt run --selector nightly
dbt run --empty --select orders
dbt run --event-time-start "2026-01-01" --event-time-end "2026-01-02"
dbt run --sample "3 days"
dbt run --vars 'start: 2026-01-01'
dbt run --vars "{start_date: '2026-01-01', days: 3}" --target prod --profile analytics
dbt --log-format json --log-level info run --target prod
dbt --log-level-file debug --log-path /tmp/logs --log-format-file json run
dbt --debug --log-cache-events run -s orders
dbt --no-write-json --cache-selected-only run -s orders
dbt --no-partial-parse --no-static-parser run
dbt --partial-parse --no-send-anonymous-usage-stats --printer-width 120 run
dbt --fail-fast --warn-error build
dbt --warn-error-options '{"include": "all", "exclude": ["NoNodesForSelectionCriteria"]}' build
dbt --warn-error-options '{"error": ["LogTestResult"], "silence": []}' test
dbt build
dbt build --select +my_model+ --exclude resource_type:unit_test
dbt build --resource-type model --resource-type snapshot
dbt build --resource-types model test --exclude-resource-type unit_test
dbt build --fail-fast --store-failures --target ci --profiles-dir .github/dbt
dbt build -s state:modified.body+ state:new -t ci --defer --state ./artifacts --indirect-selection cautious
dbt build --empty --defer --defer-state prod --no-version-check
dbt build --target-path /tmp/target --project-dir transform --profiles-dir transform
dbt test
dbt test --select test_type:singular
dbt test --select test_type:unit --indirect-selection=empty
dbt test -s source:* --store-failures
dbt test --select "orders,test_name:not_null" "tag:critical"
dbt test --exclude test_type:unit --threads 4 -x
dbt test --select "exposure:weekly_report+" "package:dbt_utils" "group:finance" "access:public"
dbt snapshot
dbt snapshot --select orders_snapshot --target prod
dbt snapshot --exclude tag:slow --threads 2
dbt source freshness
dbt source freshness --select source:jaffle --output target/freshness.json
dbt source snapshot-freshness -s source:jaffle.orders
dbt ls
dbt list
dbt ls --select +orders --output name
dbt ls --resource-type model --output json --output-keys unique_id name config.materialized
dbt --quiet ls --select state:modified --state prod --output path
dbt list --select tag:nightly --exclude-resource-types test --output selector
dbt ls --models tag:x --resource-types source exposure
dbt show --select orders
dbt show --select orders --limit 20 --output json
dbt show --inline "select 1 as id" --limit 5
dbt show -s orders --full-refresh --no-defer
dbt run-operation grant_select --args '{role: reporter}'
dbt run-operation clean_up_ci --args "{schema_name: pr_12, dry_run: false}" --target ci
dbt --no-print run-operation stage_external_sources
dbt retry
dbt retry --state ./target --fail-fast
dbt retry --full-refresh --threads 1
dbt clone --select state:modified+,config.materialized:incremental,state:old --state prod
dbt clone --state prod --full-refresh --threads 16
dbt run --select "my_project.staging.*" "config.meta.owner:ann" "version:latest" --exclude "fqn:*_tmp"
dbt run --select file:orders.sql "source_status:fresher+" --state prod
dbt run --event-time-start "2026-01-01T00:00:00" --event-time-end "2026-01-02" --full-refresh -s daily
dbt build --sample "{'start': '2026-01-01', 'end': '2026-01-02'}"
dbt build --select "unit_test:counts" "test_type:data" --resource-type unit_test
dbt build --selector nightly --exclude-resource-type saved_query
dbt build --select "state:modified.configs" "state:modified.macros" "state:old" "state:unmodified" --state prod
dbt test --select "result:fail" "result:warn" --state target
dbt test --select one_test --store-failures --fail-fast --indirect-selection buildable
dbt ls --select "resource_type:snapshot" "semantic_model:loads" "saved_query:*" "metric:loads"
dbt ls --resource-type analysis --output path --selector nightly
dbt compile --select analyses/look.sql --favor-state --defer --state prod --target-path /tmp/target
dbt snapshot --select orders_snapshot --vars '{run: 2}' --defer --state prod --empty
dbt source freshness --threads 4 --exclude source:slow
dbt retry --vars '{"breaks": []}' --target prod
dbt show --select +orders --output text --inline-direct "select 1"
dbt debug --target prod --profile analytics
dbt clean --no-clean-project-files-only
dbt clean --clean-project-files-only
dbt deps --lock
dbt clone --select orders --defer-state prod --state prod
dbt docs generate
dbt docs generate --static --no-compile --empty-catalog
dbt docs generate --select +orders --target-path public --profiles-dir .
dbt docs serve --port 8081 --no-browser
dbt docs serve --host 0.0.0.0
dbt --record-timing-info timing.txt --single-threaded run
dbt --use-experimental-parser --macro-debugging --no-show-all-deprecations --use-fast-test-edges build
dbt --upload-to-artifacts-ingest-api --introspect compile
""".strip().splitlines()


@pytest.fixture(autouse=True)
def _plain(monkeypatch):
    for name in ("DBT_TARGET", "DBT_PROFILES_DIR", "HEADRACE_TARGET"):
        monkeypatch.delenv(name, raising=False)


def read(line):
    """What the line asks for, and the command it calls with what is its own, without calling it."""
    asked = Asked()
    context = cli.make_context("headrace", shlex.split(line)[1:], obj=asked)
    command = cli
    while isinstance(command, click.Group):
        name, command, rest = command.resolve_command(context, context._protected_args + context.args)
        context = command.make_context(name, rest, parent=context)
    return asked, context


@pytest.mark.parametrize("line", [line for line in LINES if "version" not in line.split()[1] and line != "dbt -v"])
def test_a_line_of_dbts_is_read_as_it_stands(line):
    asked, context = read(line)

    words = shlex.split(line)
    assert context.info_name in words
    assert asked.quiet is ("--quiet" in words)
    assert asked.fail_fast is bool({"--fail-fast", "-x"} & set(words))
    assert asked.defer is ("--defer" in words)


def test_there_are_many_of_them():
    assert len(LINES) >= 60


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("dbt run -s a b --exclude c d", "select", ("a", "b")),
        ("dbt run -s a b --exclude c d", "exclude", ("c", "d")),
        ("dbt --target prod run", "target", "prod"),
        ("dbt run --target prod", "target", "prod"),
        ("dbt build --resource-types model test", "resource_types", ("model", "test")),
        ("dbt --no-fail-fast run", "fail_fast", False),
        ("dbt --log-level error run", "quiet", True),
        ("dbt --single-threaded run", "threads", 1),
        ("dbt --no-write-json run", "write_json", False),
        ("dbt --no-print run", "show_prints", False),
        ("dbt --state prod --defer run", "state", "prod"),
        ("dbt --indirect-selection buildable test", "indirect_selection", "buildable"),
        ("dbt --no-use-colors run", "no_color", True),
        ("dbt --use-colors run", "no_color", False),
        ("dbt --use-colors-file run", "no_color", False),
        ("dbt run --empty", "empty", True),
    ],
)
def test_what_a_flag_says_is_what_is_asked_for(line, name, value):
    asked, _ = read(line)

    assert getattr(asked, name) == value


@pytest.mark.parametrize(
    ("variable", "value", "name", "wanted"),
    [
        ("DBT_TARGET_PATH", "elsewhere", "target_path", "elsewhere"),
        ("DBT_FAIL_FAST", "1", "fail_fast", True),
        ("DBT_STATE", "prod", "state", "prod"),
        ("DBT_FULL_REFRESH", "true", "full_refresh", True),
        ("DBT_THREADS", "7", "threads", 7),
        ("DBT_WARN_ERROR", "0", "warn_error", False),
    ],
)
def test_dbts_environment_variables_say_the_same(monkeypatch, variable, value, name, wanted):
    monkeypatch.setenv(variable, value)

    asked, _ = read("dbt run")

    assert getattr(asked, name) == wanted


def test_the_command_line_wins_over_the_environment(monkeypatch):
    monkeypatch.setenv("DBT_TARGET", "from_environment")

    asked, _ = read("dbt --target asked run")

    assert asked.target == "asked"


@pytest.mark.parametrize(
    "line",
    ["dbt --record-timing-info x run", "dbt --no-introspect compile", "dbt --upload-to-artifacts-ingest-api run"],
)
def test_a_flag_that_does_nothing_and_could_mislead_says_so(capsys, line):
    read(line)

    assert "warning" in capsys.readouterr().err


def test_a_harmless_flag_says_nothing(capsys):
    read("dbt --no-partial-parse --no-version-check --static-parser run")

    assert capsys.readouterr().err == ""
