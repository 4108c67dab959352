"""`headrace clean` and `headrace deps`: folders that can be made again, and packages."""

from __future__ import annotations

import shutil
from dataclasses import asdict

import click

from headrace.cli.options import Asked, Verb, everywhere, output
from headrace.cli.terminal import document, result, say
from headrace.errors import UsageError


@click.command(cls=Verb)
@click.option("--clean-project-files-only/--no-clean-project-files-only", default=True, hidden=True, expose_value=False)
@everywhere
@output("table", "json")
@click.pass_obj
def clean(asked: Asked) -> int:
    """Remove what can be made again: the folders that clean-targets names, the target-path, and headrace's caches.

    Warehouses, what is landed and not yet loaded, and the history of runs stay. Nothing outside of the project is touched.

    Examples:
    headrace clean
    headrace clean -o json
    """
    from headrace.cli.opening import read_settings, warnings_said

    with warnings_said(asked):
        settings = read_settings(asked)
    root = settings.root.resolve()
    wanted = [root / path for path in settings.clean]
    wanted += [settings.artifacts] if settings.artifacts else []
    wanted += [settings.folder / "cache", settings.folder / "compiled"]
    sources = {
        (root / path).resolve() for path in (*settings.paths.models, *settings.paths.seeds, *settings.paths.macros)
    }
    removed: list[str] = []
    for path in dict.fromkeys(one.resolve() for one in wanted):
        if not path.is_relative_to(root) or path == root:
            raise UsageError(f"clean does not touch {path}, which is not inside the project")
        if any(source == path or source.is_relative_to(path) for source in sources):
            raise UsageError(f"clean does not touch {path}, which holds the project's own files")
        if path.is_dir():
            shutil.rmtree(path)
            removed.append(path.relative_to(root).as_posix())
    if asked.json:
        document("clean", {"removed": removed})
    else:
        for one in removed:
            result(asked, f"removed {one}")
    return 0


@click.command(cls=Verb)
@click.option("--upgrade", is_flag=True, help="Look for newer versions than package-lock.yml has.")
@click.option("--lock", is_flag=True, expose_value=False, hidden=True)
@everywhere
@output("table", "json")
@click.pass_obj
def deps(asked: Asked, upgrade: bool) -> int:
    """Put the packages of packages.yml and dependencies.yml into the package folder, which is dbt_packages by itself.

    Folders, archives and git need nothing else; packages of the hub need the network. Where the package folder is complete, no other
    command needs any of them.

    Examples:
    headrace deps
    headrace deps --upgrade
    headrace deps -o json
    """
    from headrace.cli.opening import find_project, read_settings, variables, warnings_said
    from headrace.project.deps import install

    with warnings_said(asked):
        root = find_project(asked)
        settings = read_settings(asked)
        found = install(
            root,
            environ=settings.environ,
            variables=variables(asked.vars),
            folder=settings.paths.packages,
            upgrade=upgrade,
        )
    if asked.json:
        document("deps", {"packages": [asdict(one) for one in found]})
    else:
        for one in found:
            result(asked, " ".join(part for part in (one.name, one.version, f"from {one.source}") if part))
        if not found:
            say(asked, "the project asks for no packages")
    return 0
