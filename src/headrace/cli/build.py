"""The commands that do a plan: build, load, seed, snapshot, run, test, retry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from headrace.cli.options import (
    Asked,
    Command,
    Verb,
    build_options,
    by_kind,
    everywhere,
    full_refresh,
    output,
    run_options,
    selection,
    store_failures,
)
from headrace.cli.span import span_options
from headrace.errors import UsageError

if TYPE_CHECKING:
    from headrace.run.plan import Verbs

ALL = ("load", "seed", "model", "test", "snapshot")
DOES = {
    "build": ALL,
    "load": ("load",),
    "seed": ("seed",),
    "snapshot": ("snapshot",),
    "run": ("model",),
    "test": ("test",),
}
"""The kinds of step that each command does."""


def verbs(command: str) -> Verbs:
    """The kinds of step that a command does, as the plan takes them."""
    from headrace.run.plan import Verbs

    return Verbs(**{kind: kind in DOES[command] for kind in ALL})


def _do(asked: Asked, command: str) -> int:
    from headrace.cli.running import run_plan

    return run_plan(asked, command, verbs(command))


@click.command(cls=Verb)
@selection
@by_kind
@full_refresh("Read streams from their beginning, and build incremental models anew.")
@run_options
@build_options
@store_failures
@click.option("--show", is_flag=True, expose_value=False, hidden=True)
@everywhere
@output("table", "json")
@click.pass_obj
def build(asked: Asked) -> int:
    """Load, seed, build, snapshot and test, in the order of what needs what.

    A table is published when its tests have passed; what needs a table that failed is skipped. (A project with only a dbt_project.yml
    is built as dbt builds it: a table is published before its tests, and what reads it is skipped if they fail.)

    Examples:
    headrace build                           everything
    headrace build -s +revenue               revenue, and all that it needs, streams too
    headrace build -s stg_orders+ -x         stg_orders and what reads it; stop at the first failure
    headrace build -s state:modified+ --defer --state prod-artifacts
    """
    return _do(asked, "build")


_ADHOC = (
    click.option("--table", metavar="[SCHEMA.]NAME", help="With SOURCE TARGET: the table's name, if not the source's."),
    click.option("--write-disposition", metavar="HOW", help="With SOURCE TARGET: append, replace or merge."),
    click.option("--primary-key", multiple=True, metavar="COLUMNS", help="With SOURCE TARGET: what identifies a row."),
    click.option("--incremental", metavar="COLUMN", help="With SOURCE TARGET: read what is new by this column."),
    click.option("--columns", metavar="NAME:TYPE,…", help="With SOURCE TARGET: declared types."),
    click.option(
        "--set",
        "keys",
        multiple=True,
        metavar="KEY=VALUE",
        help="With SOURCE TARGET: a key as the stream would have it in a project, or with source.KEY, the source.",
    ),
    click.option("--state-dir", metavar="DIR", help="With SOURCE TARGET: where unfinished loads are kept."),
)


def _adhoc(command: Command) -> Command:
    """The options of a load without a project."""
    for option in reversed(_ADHOC):
        command = option(command)
    return command


@click.command(cls=Verb, context_settings={"allow_extra_args": True})
@click.argument("source", required=False)
@click.argument("into", metavar="[TARGET]", required=False)
@_adhoc
@selection
@full_refresh("Read streams from their beginning.")
@span_options
@run_options
@everywhere
@output("table", "json")
@click.pass_obj
def load(
    asked: Asked,
    *,
    source: str | None,
    into: str | None,
    table: str | None,
    write_disposition: str | None,
    primary_key: tuple[str, ...],
    incremental: str | None,
    columns: str | None,
    keys: tuple[str, ...],
    state_dir: str | None,
) -> int:
    """Load what is new of streams, each in one transaction with the cursor it reached.

    With SOURCE and TARGET no project is needed: the rows of a file, a table or an API go into a table, with the same guarantees.
    With --from, a range is read again; the cursor stays where it is.

    Examples:
    headrace load                            all streams
    headrace load -s source:api.orders       one stream
    headrace load -s source:api -f           all of a source, from its beginning
    headrace load -s source:api.orders --from 2026-01-01 --to 2026-02-01
    headrace load orders.csv shop.duckdb     a file, without a project
    headrace load 'data/*.parquet' duckdb:///shop.duckdb --table raw.orders
    headrace load 'postgresql://etl:${PG_PASSWORD}@db/shop?table=orders' shop.duckdb --incremental updated_at
    headrace load https://api.shop.example/v1/orders shop.duckdb --primary-key id --set data_selector=data
    headrace load 'sqlite:///shop.db?table=orders' postgresql://etl@db/dw --write-disposition append
    """
    from headrace.cli.adhoc import Given, load_adhoc

    given = Given(table, write_disposition, primary_key, incremental, columns, keys, state_dir)
    if source is None:
        given.refuse()
        return _do(asked, "load")
    if into is None:
        raise UsageError(
            "a load without a project takes a source and a target",
            hint="headrace load SOURCE duckdb:///FILE.duckdb; a stream of a project is selected by -s",
        )
    if more := click.get_current_context().args:
        raise UsageError(
            f"a load takes one source and one target, and {len(more) + 2} words stand there",
            hint="put quotes around a pattern, so that the shell leaves it as it is: 'data/*.csv'",
        )
    return load_adhoc(asked, source, into, given)


@click.command(cls=Verb)
@click.argument("stream")
@span_options
@run_options
@everywhere
@output("table", "json")
@click.pass_obj
def backfill(asked: Asked, stream: str) -> int:
    """Read a range of a stream's cursor again, and leave the cursor where it is. The same as `load -s source:STREAM --from`.

    Examples:
    headrace backfill api.orders --from 2026-01-01 --to 2026-02-01
    headrace backfill api.orders --from 2026-01-01
    headrace backfill shop.events --from 100000 -t prod
    """
    if asked.range_start is None:
        raise UsageError("backfill needs --from", hint=f"headrace backfill {stream} --from 2026-01-01 --to 2026-02-01")
    asked.select = (f"source:{stream.removeprefix('source:')}",)
    return _do(asked, "load")


@click.command(cls=Verb)
@selection
@full_refresh("Accepted as in dbt; a seed is replaced each time.")
@run_options
@click.option("--show", is_flag=True, expose_value=False, hidden=True)
@everywhere
@output("table", "json")
@click.pass_obj
def seed(asked: Asked) -> int:
    """Load the project's CSV files.

    Examples:
    headrace seed                            all of them
    headrace seed -s countries               one
    headrace seed -t prod                    into another target
    """
    return _do(asked, "seed")


@click.command(cls=Verb)
@selection
@run_options
@click.option("--empty/--no-empty", default=None, expose_value=False, hidden=True)
@everywhere
@output("table", "json")
@click.pass_obj
def snapshot(asked: Asked) -> int:
    """Keep what changed in the rows that snapshots look at.

    Examples:
    headrace snapshot                        all of them
    headrace snapshot -s orders_snapshot     one
    headrace snapshot -t prod                in another target
    """
    return _do(asked, "snapshot")


@click.command(cls=Verb)
@selection
@full_refresh("Build incremental models anew.")
@run_options
@build_options
@everywhere
@output("table", "json")
@click.pass_obj
def run(asked: Asked) -> int:
    """Build models, without loading and without tests.

    Examples:
    headrace run                             all models
    headrace run -s path:models/staging      those of a folder
    headrace run -s orders -f                one, from the beginning
    """
    return _do(asked, "run")


@click.command(cls=Verb)
@selection
@by_kind
@run_options
@store_failures
@everywhere
@output("table", "json")
@click.pass_obj
def test(asked: Asked) -> int:
    """Run tests on the tables that are there.

    Examples:
    headrace test                            all tests
    headrace test -s revenue                 those of a model
    headrace test -s test_type:unit          unit tests only
    headrace show -s unique_orders_id        the rows that fail one
    """
    return _do(asked, "test")


@click.command(cls=Verb)
@click.argument("run_id", metavar="[RUN]", required=False)
@full_refresh("Build incremental models anew.")
@run_options
@everywhere
@output("table", "json")
@click.pass_obj
def retry(asked: Asked, run_id: str | None) -> int:
    """Do again what did not succeed in the last run, or in RUN, and what was skipped because of it, with the same flags.

    Examples:
    headrace retry                           what the last run left undone
    headrace retry 1f3a                      of the run whose id begins so
    headrace retry --state ci-artifacts      of the run whose run_results.json is in a folder
    headrace runs                            which runs there were
    """
    from headrace.cli.again import left_of, left_of_artifacts
    from headrace.cli.running import run_plan

    if run_id and asked.state:
        raise UsageError("retry takes a run or --state, not both")
    left = left_of_artifacts(asked) if asked.state else left_of(asked, run_id, tuple(DOES))
    return run_plan(left.asked, left.command, verbs(left.command), again=left)
