"""What commands share: the options that go with each of them, dbt's way to select, and how help is laid out."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from headrace.cli import dbts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.project.selectors import Indirect

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(slots=True)
class Asked:
    """What the command line asks for beside the command; filled in while it is read, whether before or after the command."""

    project_dir: str | None = None
    profiles_dir: str | None = None
    profile: str | None = None
    target: str | None = None
    target_path: str | None = None
    vars: str | None = None
    output: str = "table"
    lines: bool = False
    """Whether `--output json` was written out, which in dbt gives a document for each line."""
    quiet: bool = False
    log_format: str = "text"
    log_path: str | None = None
    debug: bool = False
    no_color: bool = False
    lenient: bool = False
    root: Path | None = None
    """The project's folder, once it is found."""
    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    selector: str | None = None
    resource_types: tuple[str, ...] = ()
    exclude_resource_types: tuple[str, ...] = ()
    indirect_selection: Indirect = "eager"
    threads: int | None = None
    fail_fast: bool = False
    full_refresh: bool = False
    range_start: str | None = None
    range_end: str | None = None
    empty: bool = False
    sample: str | None = None
    event_time_start: str | None = None
    event_time_end: str | None = None
    store_failures: bool = False
    state: str | None = None
    defer: bool = False
    defer_state: str | None = None
    favor_state: bool = False
    warn_error: bool = False
    warn_error_options: str | None = None
    write_json: bool = True
    show_prints: bool = True
    said: set[str] = field(default_factory=set)
    """The names of what was asked for so far: the environment does not win over what stands before the command."""

    @classmethod
    def first_look(cls, arguments: Sequence[str]) -> Asked:
        """What can be told before the line is read, so that an error in the line itself has the form that was asked for."""
        asked = cls(debug=bool({"--debug", "-d"} & set(arguments)), no_color="--no-color" in arguments)
        joined = [*pairwise(arguments)]
        if ("-o", "json") in joined or ("--output", "json") in joined or {"-ojson", "--output=json"} & set(arguments):
            asked.output = "json"
        asked.lines = ("--output", "json") in joined or "--output=json" in arguments
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
    if value is None or value == () or not param.name:
        return
    asked = ctx.ensure_object(Asked)
    if ctx.get_parameter_source(param.name) is ParameterSource.ENVIRONMENT and param.name in asked.said:
        return
    asked.said.add(param.name)
    setattr(asked, param.name, value)


def shared(
    *names: str,
    text: str,
    metavar: str | None = None,
    flag: bool = False,
    env: str | None = None,
    kind: click.ParamType[Any] | None = None,
    many: bool = False,
    hidden: bool = False,
) -> Callable[[Command], Command]:
    """An option whose value is kept in Asked under its own name."""
    return click.option(
        *names,
        help=text,
        metavar=metavar,
        is_flag=flag,
        envvar=[f"HEADRACE_{env}", f"DBT_{env}"] if env else None,
        expose_value=False,
        callback=_remember,
        type=None if flag else kind,
        default=None,
        multiple=many,
        hidden=hidden,
    )


EVERYWHERE = (
    shared("-t", "--target", text="Which of the project's targets.", metavar="NAME", env="TARGET"),
    shared("--project-dir", text="The project's folder.", metavar="DIR", env="PROJECT_DIR"),
    shared("--profiles-dir", text="Where dbt's profiles.yml is.", metavar="DIR", env="PROFILES_DIR"),
    shared("--profile", text="Which profile of profiles.yml.", metavar="NAME", env="PROFILE"),
    shared("--target-path", text="Where artifacts go (dbt projects: target).", metavar="DIR", env="TARGET_PATH"),
    shared("--vars", text="Values for var(), as YAML or JSON.", metavar="YAML"),
    shared("-q", "--quiet/--no-quiet", "quiet", text="Only results and errors.", flag=True, env="QUIET"),
    shared(
        "--log-format",
        text="How events go to stderr.",
        kind=click.Choice(("text", "json", "default", "debug")),
        metavar="[text|json]",
        env="LOG_FORMAT",
    ),
    shared("--log-path", text="Where the runs' logs go.", metavar="DIR", env="LOG_PATH"),
    shared("--lenient", text="Unknown keys in YAML are warnings.", flag=True, env="LENIENT"),
    shared("-d", "--debug/--no-debug", "debug", text="Tracebacks and statements with errors.", flag=True),
    shared("--no-color/--use-colors", " /--color", "no_color", text="No colours (also: NO_COLOR=1).", flag=True),
    shared("--no-use-colors", "no_color", text="The same as --no-color.", flag=True, hidden=True),
    *dbts.options(shared),
)


def everywhere(command: Command) -> Command:
    """The options that each command takes."""
    for option in reversed(EVERYWHERE):
        command = option(command)
    return command


def output(*forms: str, short: bool = False) -> Callable[[Command], Command]:
    """`-o/--output`, with the forms this command has; the first is what it does by itself, and dbt's `text` means that, too.

    `short` leaves `--output` to an option of dbt's that means something else.
    """
    text = f"How to print the result: {', '.join(forms)}."
    kind = click.Choice((*forms, "text"))
    names = ("-o", "output") if short else ("-o", "--output")
    return shared(*names, text=text, kind=kind, metavar=f"[{'|'.join(forms)}]")


def _indirect(*, hidden: bool) -> Callable[[Command], Command]:
    return shared(
        "--indirect-selection",
        text="Which tests come along with what is selected: eager, cautious, buildable or empty.",
        kind=click.Choice(("eager", "cautious", "buildable", "empty")),
        metavar="MODE",
        env="INDIRECT_SELECTION",
        hidden=hidden,
    )


_SELECTION = (
    shared(
        *("-s", "--select", "-m", "--models", "--model", "select"),
        text="Which nodes, as in dbt: revenue, +revenue, stg_orders+, tag:daily, path:models/staging, source:api.orders.",
        metavar="NODES",
        many=True,
    ),
    shared("--exclude", text="All but these.", metavar="NODES", many=True),
    shared("--selector", text="A selection that selectors.yml names.", metavar="NAME"),
    _indirect(hidden=False),
)


def selection(command: Command) -> Command:
    """The options that say which nodes, in dbt's grammar."""
    for option in reversed(_SELECTION):
        command = option(command)
    return command


TYPES = (
    "source", "seed", "model", "snapshot", "test", "unit_test", "analysis", "exposure", "metric", "semantic_model",
    "saved_query",
)  # fmt: skip
"""dbt's kinds of node, as `--resource-type` takes them."""
_KINDS = click.Choice((*TYPES, "function", "default", "all"))
_BY_KIND = (
    shared(
        *("--resource-type", "--resource-types", "resource_types"),
        text="Only nodes of this kind; may be repeated.",
        kind=_KINDS,
        metavar="KIND",
        many=True,
        env="RESOURCE_TYPES",
    ),
    shared(
        *("--exclude-resource-type", "--exclude-resource-types", "exclude_resource_types"),
        text="No nodes of this kind; may be repeated.",
        kind=_KINDS,
        metavar="KIND",
        many=True,
        env="EXCLUDE_RESOURCE_TYPES",
    ),
)


def by_kind(command: Command) -> Command:
    """The options that say which kinds of node."""
    for option in reversed(_BY_KIND):
        command = option(command)
    return command


def _about_runs(*, hidden: bool) -> tuple[Callable[[Command], Command], ...]:
    several, where = "How many steps at once.", "A folder with an earlier run's artifacts, to compare with."
    defer = "Read what is not built here from where --state has it."
    return (
        shared("--threads", kind=click.IntRange(1), metavar="N", text=several, env="THREADS", hidden=hidden),
        shared("--state", text=where, metavar="DIR", env="STATE", hidden=hidden),
        shared("--defer/--no-defer", text=defer, flag=True, env="DEFER", hidden=hidden),
        shared(
            "--favor-state/--no-favor-state", text="Even if it is here.", flag=True, env="FAVOR_STATE", hidden=hidden
        ),
        shared("--warn-error/--no-warn-error", text="Warnings are errors.", flag=True, env="WARN_ERROR", hidden=hidden),
    )


def run_options(command: Command) -> Command:
    """How a plan is worked on."""
    for option in reversed(_about_runs(hidden=False)):
        command = option(command)
    return command


def before(command: Command) -> Command:
    """The same, before the command, where dbt lets them stand, too."""
    for option in reversed((*_about_runs(hidden=True), _indirect(hidden=True))):
        command = option(command)
    return command


_BUILDING = (
    shared("--empty/--no-empty", text="Build with no rows, to see that the SQL is sound.", flag=True, env="EMPTY"),
    shared("--sample", text="Build with the rows of the last while, such as '3 days'.", metavar="WINDOW", env="SAMPLE"),
    shared("--event-time-start", text="From when on rows are read, where event_time is set.", metavar="TIME"),
    shared("--event-time-end", text="Until when rows are read, where event_time is set.", metavar="TIME"),
)


def build_options(command: Command) -> Command:
    """Of which rows models are built."""
    for option in reversed(_BUILDING):
        command = option(command)
    return command


def full_refresh(text: str) -> Callable[[Command], Command]:
    """`-f/--full-refresh`; `text` says what it does here."""
    return shared("-f", "--full-refresh/--no-full-refresh", "full_refresh", text=text, flag=True, env="FULL_REFRESH")


store_failures = shared(
    "--store-failures", text="Keep the rows that fail tests in tables.", flag=True, env="STORE_FAILURES"
)


_TAKES_MANY = {
    "-s", "--select", "-m", "--models", "--model", "--exclude", "--output-keys",
    "--resource-type", "--resource-types", "--exclude-resource-type", "--exclude-resource-types",
}  # fmt: skip


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
