"""Models that become files: the query's rows are written beside the file's place, and a view reads the file that takes it.

Until the tests have passed the rows stand in a table; the file takes its place just before the view is made and the step commits.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.errors import ConfigInvalid, FilesNotFound, NotSupported, did_you_mean
from headrace.sql.dialect import relation
from headrace.sql.operations import Drop
from headrace.transform.adapter import describe
from headrace.transform.locations import Place, Written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from headrace.project.nodes import Model
    from headrace.table import Table
    from headrace.transform.compile import Compiled
    from headrace.warehouse.base import Connection

FORMATS = ("parquet", "csv", "json")
_COMPRESSED = {".gz": "gzip", ".zst": "zstd"}
_OVER = ("overwrite", "overwrite_or_ignore", "append")
_READ_BY_DEFAULT: Mapping[str, Mapping[str, Any]] = {
    "parquet": {"union_by_name": False},
    "csv": {"auto_detect": True},
    "json": {"auto_detect": True},
}


def place_of(node: Model, compiled: Compiled) -> Place:
    """Where the model's file goes, by its config. Raises ConfigInvalid and NotSupported."""
    config, setup = node.config, compiled.setup
    _refuse_catalogs(node)
    options = {str(key): compiled.evaluate(value) if isinstance(value, str) else value for key, value in _options(node)}
    for key in ("format", "delimiter"):
        if config.get(key):
            options[key] = compiled.evaluate(str(config[key]))
    location = config.get("location")
    if location is None:
        suffix = "" if options.get("partition_by") is not None else f".{config.get('format') or 'parquet'}"
        location = f"{setup.external_root}/{node.table.name}{suffix}"
    else:
        location = str(compiled.evaluate(str(location)))
    options = _with_format(location, options)
    word = str(config.get("format") or options["format"]).lower()
    if config.get("format") and word not in FORMATS:
        hint = did_you_mean(word, FORMATS) or f"one of {', '.join(FORMATS)}"
        raise ConfigInvalid(f"{node.name}: the format {word!r} is not written", where=node.place, hint=hint)
    read_as = word if word in FORMATS else "parquet"
    reading = dict(config.get(f"{read_as}_read_options") or _READ_BY_DEFAULT[read_as])
    if read_as != "parquet" and options.get("compression"):
        reading.setdefault("compression", options["compression"])
    remote = "://" in location
    file = None if remote else ((setup.folder or Path()) / Path(location).expanduser()).absolute()
    return Place(location, file, read_as, options, reading)


def write(connection: Connection, node: Model, rows: Table, place: Place) -> Written:
    """Write the rows beside the file's place, where that is on this machine. Raises FilesNotFound for a folder that is not there."""
    written = Written(place, rows, _columns(connection, rows))
    beside = place.beside
    if beside is not None and place.file is not None:
        if not place.file.parent.is_dir():
            raise FilesNotFound(
                f"{node.name}: there is no folder for {place.location}",
                where=node.place,
                hint=f"make it: mkdir -p {Path(place.location).parent}",
            )
        if place.many and _filled_folder(place.file) and not any(place.options.get(key) for key in _OVER):
            raise ConfigInvalid(
                f"{node.name}: the folder {place.location} is not empty",
                where=node.place,
                hint="options={'overwrite': true} replaces it, {'overwrite_or_ignore': true} adds to it",
            )
        _clear(beside)
        connection.execute(written.copy(str(beside)))
    return written


def landed(connection: Connection, written: Written) -> str:
    """The query of the view over the file, which now stands where it belongs."""
    _land(connection, written)
    connection.run(Drop(written.rows))
    return written.query


@contextmanager
def pending(written: Written | None) -> Iterator[None]:
    """A block after which a file that did not take its place, because something failed, is taken away."""
    try:
        yield
    except BaseException:
        if written is not None and written.place.beside is not None:
            _clear(written.place.beside)
        raise


def _land(connection: Connection, written: Written) -> None:
    """Give the file its place, before the view that reads it is made. What another machine keeps is written there now."""
    place = written.place
    if place.file is None or place.beside is None:
        connection.execute(written.copy(place.location))
    elif not place.many:
        place.beside.replace(place.file)
    elif place.options.get("overwrite") or not place.file.exists():
        _clear(place.file)
        place.beside.rename(place.file)
    else:
        for one in sorted(path for path in place.beside.rglob("*") if path.is_file()):
            goal = place.file / one.relative_to(place.beside)
            goal.parent.mkdir(parents=True, exist_ok=True)
            one.replace(goal)
        _clear(place.beside)


def _options(node: Model) -> list[tuple[str, Any]]:
    options = node.config.get("options") or {}
    if not isinstance(options, dict):
        raise ConfigInvalid(f"{node.name}: options is a mapping", where=node.place)
    return list(options.items())


def _refuse_catalogs(node: Model) -> None:
    for key in ("glue_register", "plugin"):
        if node.config.get(key):
            raise NotSupported(
                f"{node.name}: {key} is not supported: headrace knows no catalog of files",
                where=node.place,
                hint="leave it out, and have the catalog look at the file",
            )


def _with_format(location: str, options: dict[str, Any]) -> dict[str, Any]:
    """The options with the format that the file's name stands for, and what COPY takes where nothing else is said."""
    path = Path(location)
    if "format" not in options:
        compression = _COMPRESSED.get(path.suffix.lower())
        suffix = (Path(path.stem).suffix if compression else path.suffix).lower()
        if suffix:
            options["format"] = suffix[1:]
            if compression:
                options.setdefault("compression", compression)
        else:
            options["format"] = "csv" if "delimiter" in options else "parquet"
    if options["format"] == "csv":
        options.setdefault("header", 1)
    columns = options.get("partition_by")
    if columns is not None:
        listed = ", ".join(str(one) for one in columns) if isinstance(columns, list | tuple) else str(columns)
        options["partition_by"] = f"({listed})" if "," in listed and not listed.startswith("(") else listed
    return options


def _columns(connection: Connection, rows: Table) -> tuple[str, ...]:
    """The columns of a table that has no rows; () where it has some."""
    ((count,),) = connection.rows(f"select count(*) from {relation(rows)}")
    return () if count else tuple(column for column, _ in describe(connection, f"select * from {relation(rows)}"))


def _filled_folder(path: Path) -> bool:
    return path.is_dir() and any(path.iterdir())


def _clear(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
