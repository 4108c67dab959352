"""Write the reference pages from the code: commands, errors, and the keys of a source. `--check` only says what is stale."""

from __future__ import annotations

import html
import importlib.util
import inspect
import sys
import types
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import click
from pydantic import BaseModel

from headrace.cli.explain import AREAS, meaning
from headrace.cli.main import COMMANDS, cli
from headrace.cli.options import Asked, everywhere_options
from headrace.errors import every_error
from headrace.extract import mysql, postgres, sqlite
from headrace.project import (
    apis,
    credentials,
    database_sources,
    dispositions,
    file_places,
    file_sources,
    python_sources,
    rest_sources,
    singer_sources,
    sources,
    stream_keys,
)

if TYPE_CHECKING:
    from collections.abc import Callable

DOCS = Path(__file__).parent.parent / "docs" / "reference"
NOTE = "<!-- written by scripts/reference.py: change the code, not this page -->"


def pages() -> dict[Path, str]:
    """Each generated page by its path."""
    errors = {DOCS / "errors" / f"{kind.code}.md": error_page(kind) for kind in every_error()}
    return {
        DOCS / "cli.md": cli_page(),
        DOCS / "sources.md": sources_page(),
        DOCS / "fidelity.md": fidelity_page(),
        DOCS / "errors" / "README.md": errors_index(),
        **errors,
    }


def cli_page() -> str:
    """All commands with their options, in the order of `headrace --help`."""
    context = click.Context(cli, info_name="headrace", obj=Asked())
    parts = ["# Commands", NOTE, "", "Options of every command, which may also stand before it:", ""]
    parts += options(everywhere_options(), context)
    parts += ["", EXITS]
    for name, entry in COMMANDS.items():
        command = cli.get_command(context, name)
        if command is None:
            raise SystemExit(f"no command {name}")
        if entry.same_as:
            parts += [f"\n## headrace {name}", "", f"The same as `headrace {entry.same_as}`."]
            continue
        parts += command_part(f"headrace {name}", command, context)
    return "\n".join(parts) + "\n"


FIDELITY = """\
Every value below was put into a real database and loaded into DuckDB and into PostgreSQL by the tests in `tests/fidelity/`, which CI runs.
Each came out **exactly** as it went in, or was **refused**: its row waits in quarantine with the name of the column and what to
declare to keep it. {cells} cells in two warehouses; changed in silence: none.

*Arrives as* is the type in DuckDB. PostgreSQL as a warehouse has `text` for varchar, `bytea` for blob, and `jsonb` for json and for
lists. A column that is declared `varchar` under `columns:` arrives as the database itself writes it, whatever its type.

Two things are the warehouse's own and no change of ours: `jsonb` keeps neither the order of keys nor the spaces of a `json`, and a
PostgreSQL text cannot hold the character NUL, so such a load stops with an error that says so.
"""


def fidelity_page() -> str:
    """The fidelity matrix as tables."""
    spec = importlib.util.spec_from_file_location("matrix", DOCS.parent.parent / "tests" / "fidelity" / "matrix.py")
    if spec is None or spec.loader is None:
        raise SystemExit("tests/fidelity/matrix.py is missing")
    matrix = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(matrix)
    made = {"positive": "integer", "cents": "numeric(8,2)"}  # domains
    sources: list[tuple[str, str, dict[str, list[Any]], Callable[[str], object]]] = [
        ("postgres", "PostgreSQL", matrix.POSTGRES, lambda kind: postgres.type_of(made.get(kind, kind))),
        ("sqlite", "SQLite", matrix.SQLITE, sqlite.type_of),
        ("mysql", "MySQL and MariaDB", matrix.MYSQL, mysql.type_of),
    ]
    count = sum(len(values) for _, _, rows, _ in sources for values in rows.values())
    parts = ["# Exact or refused", NOTE, "", FIDELITY.format(cells=count)]
    for source, title, rows, arrives in sources:
        parts += [f"## {title}", "", "| type | arrives as | exact | refused |", "|---|---|---|---|"]
        for kind, values in rows.items():
            shown = [value if isinstance(value, str) else value[0] for value in values]
            refused = [value for value in shown if value in matrix.REFUSED[source].get(kind, [])]
            exact = [value for value in shown if value not in refused]
            parts.append(f"| `{kind}` | {arrives(kind)} | {cell_list(exact)} | {cell_list(refused)} |")
        parts.append("")
    return "\n".join(parts)


def cell_list(values: list[str]) -> str:
    """Values as code in a cell of a table; characters that would not show are written as escapes."""
    shown = [value if len(value) <= 60 else f"{value[:8]}… ({len(value):,} characters)" for value in values]
    plain = [value.encode("unicode_escape").decode() if not value.isprintable() else value for value in shown]
    return ", ".join(
        f"<code>{html.escape(value).replace('|', '&#124;')}</code>" if value else "the empty text" for value in plain
    )


EXITS = """\
| exit code | meaning |
|---|---|
| 0 | all went well; warnings are allowed |
| 1 | a step failed |
| 2 | the command line, the configuration or a template is wrong |
| 130 | stopped by Ctrl-C or SIGTERM |

With `-o json` stdout has one JSON document, whose `schema_version` grows when a key goes or changes its meaning; an error is a
document with the key `error`. Messages go to stderr. `NO_COLOR` and `--no-color` switch colours off."""


def command_part(path: str, command: click.Command, parent: click.Context) -> list[str]:
    """A command's heading, help, examples and own options; then those of its sub-commands."""
    context = click.Context(command, info_name=path.rpartition(" ")[2], parent=parent, obj=Asked())
    text, _, examples = inspect.cleandoc(command.help or "").partition("\nExamples:\n")
    shared = {option.opts[0] for option in everywhere_options()}
    own = [option for option in command.params if isinstance(option, click.Option) and option.opts[0] not in shared]
    parts = [f"\n## {path}", "", text.strip(), ""]
    if not isinstance(command, click.Group):
        parts += [
            "```",
            f"{path} {' '.join(command.collect_usage_pieces(context))}",
            "",
            *examples.strip().splitlines(),
            "```",
            "",
        ]
    parts += options(own, context)
    for name, child in getattr(command, "commands", {}).items():
        parts += command_part(f"{path} {name}", child, context)
    return parts


def options(found: typing.Sequence[click.Parameter], context: click.Context) -> list[str]:
    """A table of options; nothing where there are none."""
    rows = [row for row in (option.get_help_record(context) for option in found) if row]
    if not rows:
        return []
    cells = [(names.replace("|", "\\|"), text.replace("|", "\\|")) for names, text in rows]
    return ["| option | |", "|---|---|", *(f"| `{names}` | {text} |" for names, text in cells)]


def error_page(kind: type[Any]) -> str:
    """The page of an error: its docstring and exit code."""
    return f"# {kind.code} {kind.__name__}\n{NOTE}\n\n{meaning(kind)}\n\nExit code {kind.exit_code}. `headrace explain {kind.code}` prints this.\n"


def errors_index() -> str:
    """All errors by area."""
    parts = ["# Errors", NOTE]
    for area, title in AREAS.items():
        parts += ["", f"## {title}", "", "| code | meaning |", "|---|---|"]
        parts += [
            f"| [{kind.code}]({kind.code}.md) | {meaning(kind).splitlines()[0].replace('|', chr(92) + '|')} |"
            for kind in every_error()
            if kind.code.startswith(area)
        ]
    return "\n".join(parts) + "\n"


def own_models(module: types.ModuleType) -> list[type[BaseModel]]:
    """The config models that a module defines for others."""
    found = [kind for _, kind in inspect.getmembers(module, inspect.isclass) if issubclass(kind, BaseModel)]
    return [kind for kind in found if kind.__module__ == module.__name__ and not kind.__name__.startswith("_")]


def sources_page() -> str:
    """The keys of everything that can stand under `sources:`."""
    kinds = [
        kind
        for module in (
            *(stream_keys, dispositions, rest_sources, file_sources, file_places, database_sources),
            *(python_sources, singer_sources),
            *(sources, apis, credentials),
        )
        for kind in sorted(own_models(module), key=lambda found: inspect.getsourcelines(found)[1])
    ]
    parts = ["# Keys of a source", NOTE, "", inspect.cleandoc(rest_sources.__doc__ or ""), ""]
    for kind in kinds:
        parts += [
            f"## {kind.__name__}",
            "",
            inspect.cleandoc(kind.__doc__ or ""),
            "",
            "| key | takes | default |",
            "|---|---|---|",
        ]
        parts += [key_row(name, kind.model_fields[name]) for name in kind.model_fields]
        parts.append("")
    return "\n".join(parts)


def key_row(name: str, field: Any) -> str:
    """A key with what it takes and what it is by itself."""
    default = "**needed**" if field.is_required() else f"`{field.get_default(call_default_factory=True)!r}`"
    about = f": {field.description}" if field.description else ""
    return f"| `{field.alias or name}` | {takes(field.annotation)}{about} | {default} |".replace("`None`", "")


def takes(kind: Any) -> str:
    """A type in words."""
    origin = get_origin(kind)
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in get_args(kind))
    if origin is typing.Annotated:
        return takes(get_args(kind)[0])
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(takes(one) for one in get_args(kind) if one is not type(None)))
    if origin in (list, tuple):
        return "list of " + takes(get_args(kind)[0])
    if origin is not None and len(get_args(kind)) == 2:
        return f"mapping to {takes(get_args(kind)[1])}"
    plain = {str: "text", int: "whole number", float: "number", bool: "true or false", Any: "anything"}
    return plain.get(kind, getattr(kind, "__name__", str(kind)))


def main() -> None:
    """Write the pages, or with `--check` say which are not what the code says."""
    wanted = pages()
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    stale += [path for path in (DOCS / "errors").glob("*.md") if path not in wanted]
    if "--check" in sys.argv:
        raise SystemExit("stale: " + ", ".join(str(path) for path in stale) if stale else 0)
    for path in stale:
        if path in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[path], encoding="utf-8", newline="\n")
        else:
            path.unlink()


if __name__ == "__main__":
    main()
