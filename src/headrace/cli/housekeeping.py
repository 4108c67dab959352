"""`headrace clean` and `headrace deps`: folders that can be made again, and packages."""

from __future__ import annotations

import shutil

import click

from headrace.cli.options import Asked, Verb, everywhere, output
from headrace.cli.terminal import document, result
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
@click.option("--upgrade", is_flag=True, expose_value=False, hidden=True)
@click.option("--lock", is_flag=True, expose_value=False, hidden=True)
@everywhere
@output("table", "json")
@click.pass_obj
def deps(asked: Asked) -> int:
    """See that the packages of packages.yml or dependencies.yml are in the package folder, which is dbt_packages by itself.

    Examples:
    headrace deps
    headrace deps -o json
    """
    from headrace.cli.opening import read_settings, warnings_said
    from headrace.project.packages import installed

    with warnings_said(asked):
        found = installed(read_settings(asked))
    rows = [{"package": one.name, "path": str(one.root)} for one in found]
    if asked.json:
        document("deps", {"packages": rows})
    else:
        for row in rows:
            result(asked, f"{row['package']}  {row['path']}")
    return 0
