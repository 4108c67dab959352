"""The commands that do a plan: build, load, seed, run, test, retry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from headrace.cli.options import Asked, Verb, everywhere, output, run_options, selection
from headrace.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace.cli.options import Command
    from headrace.cli.running import Wanted
    from headrace.run.plan import Verbs


def _do(asked: Asked, command: str, verbs: Verbs, wanted: Wanted) -> int:
    from headrace.cli.running import run_plan

    return run_plan(asked, command, verbs, wanted)


def _full_refresh(text: str) -> Callable[[Command], Command]:
    return click.option("-f", "--full-refresh", is_flag=True, help=text)


@click.command(cls=Verb)
@selection
@_full_refresh("Read streams from their beginning, and build incremental models anew.")
@run_options
@everywhere
@output("table", "json")
@click.pass_obj
def build(
    asked: Asked,
    select: tuple[str, ...],
    exclude: tuple[str, ...],
    full_refresh: bool,
    fail_fast: bool,
    threads: int | None,
) -> int:
    """Load, seed, build and test, in the order of what needs what.

    A table is published when its tests have passed; what needs a table that failed is skipped.

    Examples:
    headrace build                           everything
    headrace build -s +revenue               revenue, and all that it needs, streams too
    headrace build -s stg_orders+ -x         stg_orders and what reads it; stop at the first failure
    """
    from headrace.cli.running import Wanted
    from headrace.run.plan import Verbs

    return _do(asked, "build", Verbs(), Wanted(select, exclude, full_refresh, fail_fast, threads))


@click.command(cls=Verb)
@selection
@_full_refresh("Read streams from their beginning.")
@run_options
@everywhere
@output("table", "json")
@click.pass_obj
def load(
    asked: Asked,
    select: tuple[str, ...],
    exclude: tuple[str, ...],
    full_refresh: bool,
    fail_fast: bool,
    threads: int | None,
) -> int:
    """Load what is new of streams, each in one transaction with the cursor it reached.

    Examples:
    headrace load                            all streams
    headrace load -s source:api.orders       one stream
    headrace load -s source:api -f           all of a source, from its beginning
    """
    from headrace.cli.running import Wanted
    from headrace.run.plan import Verbs

    verbs = Verbs(load=True, seed=False, model=False, test=False, snapshot=False)
    return _do(asked, "load", verbs, Wanted(select, exclude, full_refresh, fail_fast, threads))


@click.command(cls=Verb)
@selection
@_full_refresh("Accepted as in dbt; a seed is replaced each time.")
@run_options
@everywhere
@output("table", "json")
@click.pass_obj
def seed(
    asked: Asked,
    select: tuple[str, ...],
    exclude: tuple[str, ...],
    full_refresh: bool,
    fail_fast: bool,
    threads: int | None,
) -> int:
    """Load the project's CSV files.

    Examples:
    headrace seed                            all of them
    headrace seed -s countries               one
    headrace seed -t prod                    into another target
    """
    from headrace.cli.running import Wanted
    from headrace.run.plan import Verbs

    verbs = Verbs(load=False, seed=True, model=False, test=False, snapshot=False)
    return _do(asked, "seed", verbs, Wanted(select, exclude, full_refresh, fail_fast, threads))


@click.command(cls=Verb)
@selection
@_full_refresh("Build incremental models anew.")
@run_options
@everywhere
@output("table", "json")
@click.pass_obj
def run(
    asked: Asked,
    select: tuple[str, ...],
    exclude: tuple[str, ...],
    full_refresh: bool,
    fail_fast: bool,
    threads: int | None,
) -> int:
    """Build models, without loading and without tests.

    Examples:
    headrace run                             all models
    headrace run -s path:models/staging      those of a folder
    headrace run -s orders -f                one, from the beginning
    """
    from headrace.cli.running import Wanted
    from headrace.run.plan import Verbs

    verbs = Verbs(load=False, seed=False, model=True, test=False, snapshot=False)
    return _do(asked, "run", verbs, Wanted(select, exclude, full_refresh, fail_fast, threads))


@click.command(cls=Verb)
@selection
@run_options
@everywhere
@output("table", "json")
@click.pass_obj
def test(asked: Asked, select: tuple[str, ...], exclude: tuple[str, ...], fail_fast: bool, threads: int | None) -> int:
    """Run tests on the tables that are there.

    Examples:
    headrace test                            all tests
    headrace test -s revenue                 those of a model
    headrace show -s unique_orders_id        the rows that fail one
    """
    from headrace.cli.running import Wanted
    from headrace.run.plan import Verbs

    verbs = Verbs(load=False, seed=False, model=False, test=True, snapshot=False)
    return _do(asked, "test", verbs, Wanted(select, exclude, full_refresh=False, fail_fast=fail_fast, threads=threads))


@click.command(cls=Verb)
@click.argument("run_id", metavar="[RUN]", required=False)
@run_options
@everywhere
@output("table", "json")
@click.pass_obj
def retry(asked: Asked, run_id: str | None, fail_fast: bool, threads: int | None) -> int:
    """Do again what did not succeed in the last run, or in RUN, and what was skipped because of it.

    Examples:
    headrace retry                           what the last run left undone
    headrace retry 1f3a                      of the run whose id begins so
    headrace runs                            which runs there were
    """
    from headrace.cli.opening import last_run, read_settings, warnings_said
    from headrace.cli.running import Wanted, undone
    from headrace.run.plan import Verbs

    with warnings_said(asked):
        settings = read_settings(asked)
    record = last_run(settings, run_id)
    verbs = {
        "build": Verbs(),
        "load": Verbs(load=True, seed=False, model=False, test=False, snapshot=False),
        "seed": Verbs(load=False, seed=True, model=False, test=False, snapshot=False),
        "run": Verbs(load=False, seed=False, model=True, test=False, snapshot=False),
        "test": Verbs(load=False, seed=False, model=False, test=True, snapshot=False),
    }
    if record.command not in verbs:
        raise UsageError(f"run {record.id} was a '{record.command}', which cannot be done again in parts")
    asked.vars = asked.vars or record.arguments.get("vars")
    full_refresh = bool(record.arguments.get("full_refresh"))
    wanted = Wanted((), (), full_refresh, fail_fast, threads, again=undone(settings, record))
    return _do(asked, record.command, verbs[record.command], wanted)
