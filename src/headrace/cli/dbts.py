"""dbt's flags that change little or nothing here: each is accepted, and those that could mislead say that they do nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SWITCHES = (
    "cache-selected-only",
    "log-cache-events",
    "macro-debugging",
    "partial-parse",
    "partial-parse-file-diff",
    "populate-cache",
    "send-anonymous-usage-stats",
    "show-all-deprecations",
    "static-parser",
    "use-colors-file",
    "use-experimental-parser",
    "use-fast-test-edges",
    "version-check",
    "show-resource-report",
    "inject-ephemeral-ctes",
    "include-saved-query",
    "strict-mode",
)
"""`--x/--no-x`: about how dbt works inside, or about what headrace never does (it phones nobody) or always does."""
VALUES = (
    "log-file-max-bytes",
    "log-format-file",
    "log-level-file",
    "partial-parse-file-path",
    "printer-width",
    "sqlparse",
)
"""`--x VALUE`, of the same kind."""
MISLEADING = {
    "upload-to-artifacts-ingest-api": "nothing is uploaded anywhere",
    "export-saved-queries": "saved queries are not exported",
}
"""Switches that somebody may rely on: asking for one is answered by a warning."""


def options(shared: Callable[..., Callable[[Any], Any]]) -> Iterator[Callable[[Any], Any]]:
    """The options, none of which is shown in help; `shared` makes one that is kept in Asked."""
    for name in SWITCHES:
        yield click.option(f"--{name}/--no-{name}", default=None, expose_value=False, hidden=True)
    for name in VALUES:
        yield click.option(f"--{name}", default=None, expose_value=False, hidden=True)
    for name, why in MISLEADING.items():
        yield click.option(
            f"--{name}/--no-{name}", default=None, expose_value=False, hidden=True, callback=_say(f"--{name}: {why}")
        )
    yield click.option(
        "-r",
        "--record-timing-info",
        expose_value=False,
        hidden=True,
        callback=_say("--record-timing-info: no profile is written; `headrace runs show` has the times of steps"),
    )
    yield click.option(
        "--introspect/--no-introspect", default=None, expose_value=False, hidden=True, callback=_introspect
    )
    yield click.option(
        "--single-threaded/--no-single-threaded", default=None, expose_value=False, hidden=True, callback=_one_thread
    )
    yield click.option(
        "--log-level",
        type=click.Choice(("debug", "info", "warn", "error", "none")),
        envvar=["HEADRACE_LOG_LEVEL", "DBT_LOG_LEVEL"],
        expose_value=False,
        hidden=True,
        callback=_log_level,
    )
    yield shared("--print/--no-print", "show_prints", text="", flag=True, env="PRINT", hidden=True)
    yield shared("--write-json/--no-write-json", text="", flag=True, env="WRITE_JSON", hidden=True)
    yield shared(
        "-x", "--fail-fast/--no-fail-fast", "fail_fast", text="Stop at the first failure.", flag=True, env="FAIL_FAST"
    )
    yield shared("--defer-state", text="", env="DEFER_STATE", hidden=True)
    yield shared("--warn-error-options", text="", env="WARN_ERROR_OPTIONS", hidden=True)


def _say(text: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def warn(_: click.Context, __: click.Parameter, value: Any) -> None:
        if value:
            click.echo(f"warning  {text}", err=True)

    return warn


def _introspect(_: click.Context, __: click.Parameter, value: bool | None) -> None:
    if value is False:
        click.echo("warning  --no-introspect: macros that ask the warehouse while they are rendered still do", err=True)


def _one_thread(ctx: click.Context, _: click.Parameter, value: bool | None) -> None:
    if value:
        ctx.obj.threads = 1


def _log_level(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value in ("warn", "error", "none"):
        ctx.obj.quiet = True
    elif value == "debug":
        ctx.obj.debug = True
