"""From what the command line asks for to the project it means."""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.cli.terminal import complain
from headrace.errors import ConfigInvalid, NameTaken, UsageError, did_you_mean
from headrace.events import Warned, listening
from headrace.project.secrets import discreet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from headrace.cli.options import Asked
    from headrace.events import Event
    from headrace.project.manifest import Manifest
    from headrace.project.nodes import Node
    from headrace.project.settings import Settings
    from headrace.run.history import RunRecord
    from headrace.warehouse.base import Connection


@contextmanager
def warnings_said(asked: Asked) -> Iterator[None]:
    """What is warned of inside the block goes to stderr, each sentence once."""
    said: set[tuple[str, str | None]] = set()

    def say(event: Event) -> None:
        if isinstance(event, Warned) and (event.message, event.where) not in said:
            said.add((event.message, event.where))
            complain(asked, f"warning  {f'{event.where}  ' if event.where else ''}{event.message}")

    with listening(discreet(say)):
        yield


def find_project(asked: Asked) -> Path:
    """The project's folder. Raises ProjectNotFound."""
    from headrace.project.files import find_root

    asked.root = find_root(asked.start)
    return asked.root


def new_source(root: Path, name: str, hint: str) -> Path:
    """The file under `sources/` for a source of this name. Raises UsageError or NameTaken."""
    if not re.fullmatch(r"\w[\w-]*", name):
        raise UsageError(
            f"{name!r} is no name of a source", hint="letters, digits, _ and - make one: it names a file and a schema"
        )
    path = root / "sources" / f"{name}.yml"
    if path.exists():
        raise NameTaken(f"{path.relative_to(root)} is there already", hint=hint)
    return path


def read_settings(asked: Asked) -> Settings:
    """The project's settings for the target that is asked for."""
    from headrace.project.loading import load_settings

    root = find_project(asked)
    return load_settings(
        root,
        asked.target,
        variables(asked.vars),
        profiles_dir=Path(asked.profiles_dir) if asked.profiles_dir else None,
        profile=asked.profile,
        threads=asked.threads,
        target_path=asked.target_path,
        lenient=asked.lenient,
    )


def read_manifest(asked: Asked) -> Manifest:
    """The whole project."""
    settings = read_settings(asked)
    from headrace.project.manifest import load_manifest

    return load_manifest(settings)


def variables(text: str | None) -> Mapping[str, Any]:
    """The mapping that `--vars` holds. Raises UsageError where it is none."""
    return mapping(text, "--vars")


def mapping(text: str | None, option: str) -> Mapping[str, Any]:
    """The mapping that an option holds as YAML or JSON. Raises UsageError where it is none."""
    if not text:
        return {}
    from headrace.project.files import parse_yaml

    try:
        data = parse_yaml(text, option).data
    except ConfigInvalid as error:
        raise UsageError(f"{option}: {error.what}", hint=error.hint) from error
    if not isinstance(data, dict):
        raise UsageError(f"{option} takes a mapping", hint=f"such as {option} '{{day: 2026-01-31}}'")
    return data


def kind(node: str) -> str:
    """The first word of an id, which is dbt's resource type."""
    return node.partition(".")[0]


def only(manifest: Manifest, name: str) -> Node:
    """The one node somebody means by a name, an id, a table or a `source.stream`. Raises UsageError."""
    found = [node for node in manifest.nodes.values() if name in names_of(node)]
    # A generic test may have its model's name; whoever types that means the model.
    found = [node for node in found if not node.unique_id.startswith("test.")] or found
    if not found:
        known = {one for node in manifest.nodes.values() for one in names_of(node)}
        raise UsageError(f"'{name}' is nothing of this project", hint=did_you_mean(name, known) or "see `headrace ls`")
    if len(found) > 1:
        raise UsageError(
            f"'{name}' may be any of {', '.join(node.unique_id for node in found)}", hint="give the whole id"
        )
    return found[0]


def names_of(node: Node) -> set[str]:
    """All that a node can be called by."""
    from headrace.project.nodes import Relational, SourceTable

    names = {node.unique_id, node.name}
    if isinstance(node, Relational):
        names |= {str(node.table), f"{node.table.schema}.{node.table.name}"}
    if isinstance(node, SourceTable):
        names |= {f"{node.source}.{node.name}", f"source:{node.source}.{node.name}"}
    return names


@contextmanager
def connected(settings: Settings) -> Iterator[Connection]:
    """A session of the target's warehouse, closed at the end of the block. Raises WarehouseUnavailable or DriverMissing."""
    from headrace.warehouse.opening import open_warehouse

    warehouse = open_warehouse(settings.target.url, (), settings.target.setup)
    try:
        with warehouse.connect() as connection:
            yield connection
    finally:
        warehouse.close()


def schemas_of(manifest: Manifest) -> list[str]:
    """The schemas that hold the project's tables."""
    from headrace.project.nodes import Relational

    return sorted({node.table.schema for node in manifest.nodes.values() if isinstance(node, Relational)})


def last_run(settings: Settings, prefix: str | None, commands: Sequence[str] = ()) -> RunRecord:
    """The run whose id begins so, or the last one of the target, of these commands. Raises UsageError where there is none."""
    from headrace.run import history

    path = history_of(settings)
    found = (
        history.run(path, prefix)
        if prefix
        else next(iter(history.runs(path, target=settings.target.name, limit=1, commands=commands)), None)
    )
    if found is None:
        what = f"there is no run '{prefix}'" if prefix else f"nothing ran on target '{settings.target.name}' yet"
        raise UsageError(what, hint="see `headrace runs`" if prefix else "begin with `headrace build`")
    return found


def history_of(settings: Settings) -> Path:
    """Where the project keeps what ran."""
    return settings.folder / "history.db"
