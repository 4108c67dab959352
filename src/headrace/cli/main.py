"""The command `headrace`: which commands there are, and what becomes of an error. Each command is imported when it is called."""

from __future__ import annotations

import gc
import sys
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

import click

from headrace.cli.options import Asked, before, everywhere, write_examples
from headrace.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NEW_OBJECTS = 50_000
"""After how many new objects garbage is looked for."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A command: the module that has it, the function's name, the group it is listed in, and its help in a few words."""

    module: str
    function: str
    group: str
    help: str
    same_as: str | None = None


COMMANDS: Mapping[str, Entry] = {
    "init": Entry("init", "init", "Start", "Make a project that runs."),
    "demo": Entry("init", "demo", "Start", "Run a shop's pipeline here, with nothing to set up."),
    "doctor": Entry("doctor", "doctor", "Start", "Check that all a project needs is there."),
    "build": Entry("build", "build", "Every day", "Load, seed, build and test, in the order of what needs what."),
    "load": Entry("build", "load", "Every day", "Load streams from their sources."),
    "backfill": Entry("build", "backfill", "Fix", "Read a range of a stream again."),
    "seed": Entry("build", "seed", "Every day", "Load the project's CSV files."),
    "snapshot": Entry("build", "snapshot", "Every day", "Keep what changed in the rows that snapshots look at."),
    "run": Entry("build", "run", "Every day", "Build models, without tests."),
    "test": Entry("build", "test", "Every day", "Run tests on what is there."),
    "retry": Entry("build", "retry", "Every day", "Do again what failed in the last run, and what came after it."),
    "show": Entry("show", "show", "Every day", "Print rows of a model, or of a query."),
    "ls": Entry("ls", "ls", "Look", "List the nodes of the project."),
    "list": Entry("ls", "ls", "Look", "The same as ls.", same_as="ls"),
    "runs": Entry("runs", "runs", "Look", "What ran, when, and how it ended."),
    "trace": Entry("trace", "trace", "Look", "Where the rows of a table came from, load by load."),
    "schema": Entry("schema", "schema", "Look", "What became of the columns of loaded tables."),
    "deps": Entry("housekeeping", "deps", "Change", "Fetch the packages that the project asks for."),
    "import": Entry("importing", "import_", "Start", "Take over sources of dlt and Airbyte."),
    "source": Entry("source", "source", "Look", "Write sources down, look at them, ask how fresh they are."),
    "docs": Entry("docs", "docs", "Look", "Write the project's documentation, or show it in a browser."),
    "clone": Entry("clone", "clone", "Change", "Make tables of another environment readable here."),
    "run-operation": Entry("operation", "run_operation", "Fix", "Call a macro."),
    "clean": Entry("housekeeping", "clean", "Fix", "Remove what was written for other tools, and caches."),
    "debug": Entry("doctor", "doctor", "Start", "The same as doctor.", same_as="doctor"),
    "parse": Entry("ls", "parse", "Change", "Read the whole project and say whether it is sound."),
    "check": Entry("ls", "parse", "Change", "The same as parse.", same_as="parse"),
    "compile": Entry("compile", "compile_", "Change", "Write the SQL that models become, without running it."),
    "quarantine": Entry("quarantine", "quarantine", "Fix", "Rows and requests that were kept out: look, replay, drop."),
    "explain": Entry("explain", "explain", "Fix", "What an error code means."),
}

EXAMPLES = """\
headrace init shop && cd shop && headrace build    a project that runs, in a minute
headrace build -s +revenue                         revenue, and all that it needs
headrace show -s revenue --limit 5                 rows of a model"""


class Commands(click.Group):
    """The commands by name, imported only when one is called, so that `headrace --help` costs nothing."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click hands it over
        """The names, in the order of the help page."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click hands it over
        """The command of that name."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command: click.Command = getattr(import_module(f"headrace.cli.{entry.module}"), entry.function)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command and what is left for it; an unknown one is an error that names the closest."""
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            hint = did_you_mean(args[0], COMMANDS) or "see `headrace --help`"
            raise click.UsageError(f"there is no command '{args[0]}'; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Three examples, the commands by group, and the options."""
        formatter.write_text("One engine for the whole data pipeline: extract, load, transform, test.")
        write_examples(formatter, EXAMPLES)
        for group in dict.fromkeys(entry.group for entry in COMMANDS.values()):
            listed = {name: entry for name, entry in COMMANDS.items() if entry.group == group and not entry.same_as}
            with formatter.section(group):
                formatter.write_dl([(name.ljust(10), entry.help) for name, entry in listed.items()])
        self.format_options(ctx, formatter)
        formatter.write_paragraph()
        formatter.write_text("headrace COMMAND --help says more about one.")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options that go before a command; most can follow it as well."""
        rows = [row for row in (option.get_help_record(ctx) for option in self.get_params(ctx)) if row]
        with formatter.section("Options, before or after a command"):
            formatter.write_dl(rows)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(
    None, "-V", "-v", "--version", package_name="headrace", prog_name="headrace", message="%(prog)s %(version)s"
)
@everywhere
@before
def cli() -> None:
    """One engine for the whole data pipeline: extract, load, transform, test."""


def invoke(arguments: Sequence[str], asked: Asked) -> int:
    """Run a command; the exit code. Errors are rendered here and nowhere else."""
    try:
        answer = cli.main(args=list(arguments), prog_name="headrace", standalone_mode=False, obj=asked)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last place that can say it to the user
        from headrace.cli.failures import report

        return report(error, asked)
    return answer if isinstance(answer, int) else 0


def main() -> int:
    """The command that the process was called with; its exit code."""
    # Importing makes hundreds of thousands of objects that live as long as the process: looking for garbage among them each
    # time some hundred were made is a seventh of what a command costs.
    gc.set_threshold(_NEW_OBJECTS)
    return invoke(sys.argv[1:], Asked.first_look(sys.argv[1:]))
