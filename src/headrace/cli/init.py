"""`headrace init` and `headrace demo`."""

from __future__ import annotations

import re
from pathlib import Path

import click

from headrace.cli.options import Asked, Verb, everywhere, output
from headrace.cli.terminal import document, result


@click.command(cls=Verb)
@click.argument("folder", required=False, default="shop")
@click.option("--name", metavar="NAME", help="The project's name, if it is not to be the folder's.")
@everywhere
@output("table", "json")
@click.pass_obj
def init(asked: Asked, folder: str, name: str | None) -> int:
    """Make a project that runs: a shop's files, seven models on them, tests. It asks nothing.

    Examples:
    headrace init                            in the new folder shop
    headrace init sales                      in the new folder sales
    headrace init . --name sales             here, if here is empty
    """
    from headrace.labs.template import create

    path = Path(folder)
    called = name or re.sub(r"\W+", "_", path.resolve().name.lower()).strip("_") or "shop"
    written = sorted(one.relative_to(path).as_posix() for one in create(path, called))
    commands = [f"cd {folder}"] if path.resolve() != Path.cwd() else []
    commands += ["headrace build"]
    if asked.json:
        document("init", {"name": called, "folder": str(path), "files": written, "next": commands})
        return 0
    result(asked, f"made the project {called} in {path}:")
    for one in written:
        result(asked, f"  {one}")
    result(asked, f"next: {' && '.join(commands)}")
    return 0


@click.command(cls=Verb)
@click.argument("folder", required=False)
@everywhere
@output("table", "json")
@click.pass_obj
def demo(asked: Asked, folder: str | None) -> int:
    """Run a shop's pipeline on this machine: an API that misbehaves, two days of loads, and a check of every row.

    Nothing is set up and nothing leaves the machine. Without a folder, one is made among the temporary files.

    Examples:
    headrace demo
    headrace demo shop-demo                  keep the project in this folder
    headrace show revenue_by_store --project-dir shop-demo
    """
    from headrace.cli.running import build_quietly
    from headrace.labs.demo import run_demo

    def say(line: str) -> None:
        if not asked.json:
            result(asked, line)

    done = run_demo(Path(folder) if folder else None, say, lambda root: build_quietly(asked, root))
    if asked.json:
        days = [{"day": built.day, "ok": built.ok} for built in done.builds]
        document("demo", {"folder": str(done.folder), "ok": done.ok, "days": days})
    return 0 if done.ok else 1
