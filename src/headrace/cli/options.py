"""What commands share: the options that go with each of them, dbt's way to select, and how help is laid out."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(slots=True)
class Asked:
    """What the command line asks for beside the command; filled in while it is read, whether before or after the command."""

    project_dir: str | None = None
    profiles_dir: str | None = None
    target: str | None = None
    vars: str | None = None
    output: str = "table"
    quiet: bool = False
    log_format: str = "text"
    debug: bool = False
    no_color: bool = False
    root: Path | None = None
    """The project's folder, once it is found."""

    @classmethod
    def first_look(cls, arguments: Sequence[str]) -> Asked:
        """What can be told before the line is read, so that an error in the line itself has the form that was asked for."""
        asked = cls(debug="--debug" in arguments, no_color="--no-color" in arguments)
        joined = [*pairwise(arguments)]
        if ("-o", "json") in joined or ("--output", "json") in joined or {"-ojson", "--output=json"} & set(arguments):
            asked.output = "json"
        return asked

    @property
    def json(self) -> bool:
        """Whether one JSON document on stdout is asked for."""
        return self.output == "json"

    @property
    def start(self) -> Path:
        """The folder to look for the project in."""
        return Path(self.project_dir or ".")

    def color_on(self, terminal: bool) -> bool:
        """Whether to colour what goes to a stream. NO_COLOR (any value) switches off, as no-color.org has it."""
        return terminal and not self.no_color and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    # The same option may stand before the command and after it; one that is not given must not undo the other.
    if value is not None and value is not False and param.name:
        setattr(ctx.ensure_object(Asked), param.name, value)


def _shared(
    *names: str,
    text: str,
    metavar: str | None = None,
    flag: bool = False,
    env: str | None = None,
    choice: tuple[str, ...] = (),
) -> Callable[[Command], Command]:
    return click.option(
        *names,
        help=text,
        metavar=metavar,
        is_flag=flag,
        envvar=[f"HEADRACE_{env}", f"DBT_{env}"] if env else None,
        expose_value=False,
        callback=_remember,
        type=click.Choice(choice) if choice else None,
        default=False if flag else None,
    )


EVERYWHERE = (
    _shared("-t", "--target", text="Which of the project's targets.", metavar="NAME", env="TARGET"),
    _shared("--project-dir", text="The project's folder.", metavar="DIR", env="PROJECT_DIR"),
    _shared("--profiles-dir", text="Where dbt's profiles.yml is.", metavar="DIR", env="PROFILES_DIR"),
    _shared("--vars", text="Values for var(), as YAML or JSON.", metavar="YAML"),
    _shared("-q", "--quiet", text="Only results and errors.", flag=True),
    _shared("--log-format", text="How events go to stderr.", choice=("text", "json")),
    _shared("--debug", text="Tracebacks and statements with errors.", flag=True),
    _shared("--no-color", "--no-use-colors", "no_color", text="No colours (also: NO_COLOR=1).", flag=True),
)


def everywhere(command: Command) -> Command:
    """The options that each command takes."""
    for option in reversed(EVERYWHERE):
        command = option(command)
    return command


def output(*forms: str) -> Callable[[Command], Command]:
    """`-o/--output`, with the forms this command has; the first is what it does by itself."""
    return _shared("-o", "--output", text=f"How to print the result: {', '.join(forms)}.", choice=forms)


def selection(command: Command) -> Command:
    """The two options that say which nodes, in dbt's grammar."""
    command = click.option("--exclude", help="All but these.", multiple=True, metavar="NODES")(command)
    text = "Which nodes, as in dbt: revenue, +revenue, stg_orders+, tag:daily, path:models/staging, source:api.orders."
    return click.option("-s", "--select", "-m", "--models", "select", help=text, multiple=True, metavar="NODES")(
        command
    )


running = (
    click.option(
        "--threads",
        type=click.IntRange(1),
        metavar="N",
        help="How many steps at once.",
        envvar=["HEADRACE_THREADS", "DBT_THREADS"],
    ),
    click.option("-x", "--fail-fast", is_flag=True, help="Stop at the first failure."),
)


def run_options(command: Command) -> Command:
    """How a plan is worked on."""
    for option in running:
        command = option(command)
    return command


_TAKES_MANY = {"-s", "--select", "-m", "--models", "--exclude", "--resource-type"}


def one_by_one(arguments: Sequence[str]) -> list[str]:
    """`-s a b` as `-s a -s b`: dbt lets several values follow one option, and so do we."""
    spread: list[str] = []
    option: str | None = None
    fed = False
    for word in arguments:
        if word.startswith("-") and word != "-":
            option, fed = (word if word in _TAKES_MANY else None), False
            spread.append(word)
        elif option is not None:
            spread += [option, word] if fed else [word]
            fed = True
        else:
            spread.append(word)
    return spread


class Verb(click.Command):
    """A command whose help shows examples first, and whose `--select` takes several values."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words of the line that are this command's."""
        return super().parse_args(ctx, one_by_one(args))

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What it does, examples, usage, and its own options before those of every command."""
        text, _, examples = inspect.cleandoc(self.help or "").partition("\nExamples:\n")
        formatter.write_text(text.strip())
        write_examples(formatter, examples)
        formatter.write_paragraph()
        self.format_usage(ctx, formatter)
        shared = {option.opts[0] for option in everywhere_options()}
        own = [option for option in self.get_params(ctx) if option.opts[0] not in shared]
        for title, options in (("Options", own), ("Options of every command", everywhere_options())):
            rows = [row for row in (option.get_help_record(ctx) for option in options) if row]
            with formatter.section(title):
                formatter.write_dl(rows)


def everywhere_options() -> list[click.Parameter]:
    """The shared options as click keeps them."""

    @everywhere
    def nothing() -> None: ...

    return list(reversed(getattr(nothing, "__click_params__", [])))


def write_examples(formatter: click.HelpFormatter, examples: str) -> None:
    """Example lines as they stand."""
    if examples.strip():
        with formatter.section("Examples"):
            for line in examples.strip().splitlines():
                formatter.write(f"  {line.strip()}\n")


def words(values: Sequence[str]) -> tuple[str, ...]:
    """The words of a repeatable option: `-s 'a b'` is `-s a -s b`."""
    return tuple(word for value in values for word in value.split())


def is_terminal() -> bool:
    """Whether somebody looks: stdout is a terminal, and this is no CI."""
    return sys.stdout.isatty() and not os.environ.get("CI")
