"""`headrace run-operation`: a macro, called from the command line."""

from __future__ import annotations

import click

from headrace.cli.options import Asked, Verb, everywhere, output, run_options
from headrace.cli.terminal import document, say
from headrace.errors import UsageError, did_you_mean


@click.command("run-operation", cls=Verb)
@click.argument("macro")
@click.option("--args", metavar="YAML", help="The macro's arguments, as YAML or JSON.")
@run_options
@everywhere
@output("table", "json")
@click.pass_obj
def run_operation(asked: Asked, macro: str, args: str | None) -> int:
    """Call a macro. What it logs with info=True, or prints, is printed.

    Each statement it runs is committed at once.

    Examples:
    headrace run-operation grant_select --args '{role: reporter}'
    headrace run-operation dbt_utils.some_macro
    headrace run-operation clean_up -t prod
    """
    from headrace.cli.choosing import runtime_of
    from headrace.cli.opening import connected, mapping, read_manifest, schemas_of, warnings_said
    from headrace.cli.show import inline_node
    from headrace.events import Event, Said, listening
    from headrace.project.secrets import discreet
    from headrace.run.lock import locked
    from headrace.transform.compile import compile_node

    arguments = mapping(args, "--args")
    package, _, name = macro.rpartition(".")

    def hear(event: Event) -> None:
        if isinstance(event, Said) and event.shown and asked.show_prints:
            click.echo(event.message, err=asked.json)

    with warnings_said(asked):
        manifest = read_manifest(asked)
        macros = manifest.templates.macros
        if macros.find(name, package or None) is None:
            raise UsageError(f"there is no macro '{macro}'", hint=did_you_mean(name, macros.names()))
        given = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
        node = inline_node(manifest, f"{{% do {macro}({given}) %}}")
        settings = manifest.settings
        with (
            listening(discreet(hear)),
            locked(settings.folder, settings.target.name),
            connected(settings) as connection,
        ):
            known = connection.inspect(*schemas_of(manifest))
            compile_node(node, runtime_of(asked, manifest, "run-operation", ()), connection, known)
    if asked.json:
        document("run-operation", {"macro": macro, "status": "success"})
    else:
        say(asked, f"{macro} is done")
    return 0
