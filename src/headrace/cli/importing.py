"""`headrace import`: sources of other tools."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.options import Asked, Verb, everywhere, output
from headrace.cli.terminal import complain, document, result, say
from headrace.counting import count
from headrace.errors import ConfigInvalid

if TYPE_CHECKING:
    from headrace.project.importing.found import Imported


@click.group("import", context_settings={"help_option_names": ["-h", "--help"]})
@everywhere
def import_() -> None:
    """Take over sources that were written for another tool, as files in sources/."""


@import_.command(cls=Verb)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", metavar="NAME", help="The source's name, if it is not to be the file's.")
@everywhere
@output("table", "json")
@click.pass_obj
def dlt(asked: Asked, file: Path, name: str | None) -> int:
    """Write a source from a rest_api configuration of dlt: a dict in Python (which is not run), JSON or YAML.

    Examples:
    headrace import dlt shop_pipeline.py
    headrace import dlt rest_api.json --name shop
    headrace import dlt shop_pipeline.py -o json             with what was left out, and why
    """
    from headrace.project.importing.dlt import from_dlt, read_dict
    from headrace.project.texts import text_of

    text = text_of(file)
    config = read_dict(text, str(file)) if file.suffix == ".py" else _mapping(text, file)
    return _written(asked, name or _plain(file.stem), from_dlt(config))


@import_.command(cls=Verb)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", metavar="NAME", help="The source's name, if it is not to be the folder's or the file's.")
@everywhere
@output("table", "json")
@click.pass_obj
def airbyte(asked: Asked, file: Path, name: str | None) -> int:
    """Write a source from a low-code manifest of Airbyte. Streams that need code of their own are left out, each with its reason.

    Examples:
    headrace import airbyte manifest.yaml --name shop
    headrace import airbyte source-shop/manifest.yaml        as the source shop
    headrace import airbyte manifest.yaml -o json            with what was left out, and why
    """
    from headrace.project.importing.airbyte import from_airbyte
    from headrace.project.texts import text_of

    usual = file.stem if file.stem != "manifest" else file.resolve().parent.name
    called = name or _plain(usual.removeprefix("source-").removeprefix("source_"))
    return _written(asked, called, from_airbyte(_mapping(text_of(file), file), called))


def _mapping(text: str, file: Path) -> dict[str, Any]:
    import yaml

    try:
        data = json.loads(text) if file.suffix == ".json" else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as error:
        raise ConfigInvalid(f"{file} cannot be read: {str(error).splitlines()[0]}") from None
    if not isinstance(data, dict):
        raise ConfigInvalid(f"{file} has no mapping")
    return data


def _plain(text: str) -> str:
    return re.sub(r"\W+", "_", text).strip("_").lower() or "imported"


def _written(asked: Asked, name: str, imported: Imported) -> int:
    import yaml

    from headrace.cli.opening import find_project, new_source
    from headrace.project.files import parse_yaml
    from headrace.project.streams import streams_of

    root = find_project(asked)
    path = new_source(root, name, "give the source another --name")
    streams = imported.source["streams"]
    if streams:
        text = yaml.safe_dump(imported.source, sort_keys=False, allow_unicode=True)
        # Settings without a value are no error here: their names are what is to be filled in.
        streams_of(name, parse_yaml(text, f"sources/{name}.yml"), root, {})
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    if asked.json:
        document(
            "import",
            {"file": str(path), "streams": list(streams), "left_out": imported.left_out, "notes": imported.notes},
        )
        return 0 if streams else 1
    for stream, why in imported.left_out.items():
        complain(asked, f"left out  {stream}: {why}")
    for note in imported.notes:
        say(asked, f"note  {note}")
    told = (
        f"wrote {path.relative_to(root)}: {count(len(streams), 'stream')}" if streams else "nothing could be imported"
    )
    result(asked, told + (f", {len(imported.left_out)} left out" if imported.left_out else ""))
    return 0 if streams else 1
