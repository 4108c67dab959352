"""`headrace docs`: the project for readers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from headrace.cli.options import Asked, Verb, everywhere, full_refresh, output, run_options, selection
from headrace.cli.terminal import document, result, say
from headrace.counting import count
from headrace.errors import UsageError

if TYPE_CHECKING:
    from headrace.project.settings import Settings


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@everywhere
def docs() -> None:
    """The project for readers: a page of its own, and manifest.json and catalog.json for other tools."""


@docs.command(cls=Verb)
@selection
@full_refresh("Accepted as in dbt.")
@run_options
@click.option("--compile/--no-compile", "compiling", default=True, help="Whether the SQL that models become is in it.")
@click.option("--empty-catalog", is_flag=True, help="Do not ask the warehouse.")
@click.option("--static", is_flag=True, hidden=True, help="The page is a single file in any case.")
@everywhere
@output("table", "json")
@click.pass_obj
def generate(asked: Asked, compiling: bool, empty_catalog: bool, static: bool) -> int:  # noqa: ARG001 - it is so anyway
    """Write index.html, manifest.json and catalog.json to the target-path.

    index.html is one file that needs no server and no network: tables, columns, tests, SQL, and a picture of what is made of what.

    Examples:
    headrace docs generate
    headrace docs generate --empty-catalog       without asking the warehouse
    headrace docs generate --target-path public
    """
    from headrace.cli.artifacts import invocation_of, write_manifest
    from headrace.cli.choosing import selected
    from headrace.cli.compile import compiled_nodes
    from headrace.cli.opening import connected, read_manifest, warnings_said
    from headrace.docs.catalog import catalog_document
    from headrace.docs.envelope import write
    from headrace.docs.page import page

    with warnings_said(asked):
        asked.target_path = asked.target_path or _default(asked)
        manifest = read_manifest(asked)
        nodes = [manifest.nodes[one] for one in selected(manifest, asked)]
        compiled: dict[str, str] = {}
        if compiling and not empty_catalog:
            compiled = {one["unique_id"]: one["sql"] for one in compiled_nodes(asked, manifest, nodes, keep=True)}
    folder = _folder(manifest.settings)
    invocation = invocation_of(asked, "generate")
    chosen = [node.unique_id for node in nodes]
    if empty_catalog:
        catalog = catalog_document(manifest, None, invocation, chosen)
    else:
        with connected(manifest.settings) as connection:
            catalog = catalog_document(manifest, connection, invocation, chosen)
    write_manifest(asked, manifest, invocation, compiled)
    write(folder, "catalog.json", catalog)
    (folder / "index.html").write_text(page(manifest, catalog, compiled, invocation.started), encoding="utf-8")
    if asked.json:
        document("docs generate", {"page": str(folder / "index.html"), "catalog": str(folder / "catalog.json")})
    else:
        result(asked, f"{folder / 'index.html'}")
        say(
            asked,
            f"{count(len(catalog['nodes']) + len(catalog['sources']), 'table')} described; open it, or: headrace docs serve",
        )
    return 0


@docs.command(cls=Verb)
@click.option("--port", type=int, default=8080, show_default=True, help="Where to listen.")
@click.option("--host", default="127.0.0.1", show_default=True, help="At which address; only this machine by itself.")
@click.option("--browser/--no-browser", default=True, help="Whether to open a browser.")
@everywhere
@click.pass_obj
def serve(asked: Asked, port: int, host: str, browser: bool) -> int:
    """Show the page that `docs generate` wrote in a browser, until Ctrl-C.

    Examples:
    headrace docs serve
    headrace docs serve --port 8001 --no-browser
    """
    import functools
    import http.server
    import webbrowser

    from headrace.cli.opening import read_settings

    asked.target_path = asked.target_path or _default(asked)
    folder = _folder(read_settings(asked))
    if not (folder / "index.html").is_file():
        raise UsageError(f"there is no index.html in {folder}", hint="first: headrace docs generate")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    try:
        server = http.server.ThreadingHTTPServer((host, port), handler)
    except OSError as error:
        raise UsageError(f"{host}:{port} cannot be listened to: {error.strerror}", hint="another --port") from error
    with server:
        address = f"http://{host}:{server.server_address[1]}"
        result(asked, address)
        if browser:
            webbrowser.open(address)
        server.serve_forever()
    return 0


def _default(asked: Asked) -> str | None:
    """Where the page of a project goes that does not say where artifacts go."""
    from headrace.cli.opening import read_settings

    return None if read_settings(asked).artifacts else ".headrace/docs"


def _folder(settings: Settings) -> Path:
    return Path(str(settings.artifacts))
