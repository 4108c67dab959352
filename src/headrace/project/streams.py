"""From what `sources:` declare to the streams of a project."""

from __future__ import annotations

import glob
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from headrace.errors import ConfigInvalid, NameTaken, did_you_mean
from headrace.events import Warned, emit
from headrace.project.files import Document, read_yaml
from headrace.project.reflected import known_tables, matching, means_several, patterns, stream_names
from headrace.project.secrets import resolve_later
from headrace.project.sources import Stream
from headrace.project.validate import validate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from headrace.errors import Place, SecretMissing
    from headrace.project.database_sources import Database, DatabaseSource
    from headrace.project.file_sources import FilesSource
    from headrace.project.python_sources import PythonSource
    from headrace.project.rest_sources import RestSource
    from headrace.project.singer_sources import SingerSource

    Source: TypeAlias = RestSource | FilesSource | DatabaseSource | PythonSource | SingerSource

KINDS: Mapping[str, tuple[str, str]] = {
    "rest": ("rest_sources", "RestSource"),
    "files": ("file_sources", "FilesSource"),
    "database": ("database_sources", "DatabaseSource"),
    "python": ("python_sources", "PythonSource"),
    "singer": ("singer_sources", "SingerSource"),
}
"""Where each kind of source is declared; only those that a project has are imported, because each costs some milliseconds."""


def load_streams(root: Path, project_file: Document | None, environ: Mapping[str, str]) -> tuple[Stream, ...]:
    """The streams of `sources:` in the project file and of the files in sources/, in order of their names.

    Raises ConfigInvalid, SecretMissing and NameTaken.
    """
    streams: dict[str, list[Stream]] = {}
    for name, data, document, at in _declared(root, project_file):
        if name in streams:
            raise NameTaken(f"the source {name!r} is declared twice", where=document.key_place(*at))
        streams[name] = list(_streams(name, data, document, at, (root, environ)))
    return tuple(stream for name in sorted(streams) for stream in streams[name])


def streams_of(name: str, document: Document, root: Path, environ: Mapping[str, str]) -> tuple[Stream, ...]:
    """The streams of a document that is one source, as a file in sources/ is. Raises ConfigInvalid."""
    return tuple(_streams(name, document.data, document, (), (root, environ)))


def _declared(root: Path, project_file: Document | None) -> Iterator[tuple[str, Any, Document, tuple[str, ...]]]:
    if project_file is not None and isinstance(project_file.data, dict):
        yield from _sources(project_file)
    for path in sorted((root / "sources").glob("*.y*ml")):
        document = read_yaml(path, root)
        if isinstance(document.data, dict) and "type" in document.data:
            yield path.stem, document.data, document, ()
        elif isinstance(document.data, dict):
            unknown = next((key for key in document.data if key not in ("sources", "version")), None)
            if unknown is not None:
                hint = (
                    did_you_mean(str(unknown), ["sources", "type"])
                    or "a file here is one source (with `type:`), or `sources:`"
                )
                raise ConfigInvalid(f"unknown key {unknown!r}", where=document.key_place(unknown), hint=hint)
            yield from _sources(document)


def _sources(document: Document) -> Iterator[tuple[str, Any, Document, tuple[str, ...]]]:
    sources = document.data.get("sources") or {}
    if not isinstance(sources, dict):
        raise ConfigInvalid("sources is a mapping from a source's name to what it is", where=document.place("sources"))
    for name, data in sources.items():
        yield str(name), data, document, ("sources", name)


def _streams(
    name: str, data: Any, document: Document, at: tuple[str, ...], world: tuple[Path, Mapping[str, str]]
) -> Iterator[Stream]:
    root, environ = world
    kind = str(data.get("type") or "") if isinstance(data, dict) else ""
    if kind not in KINDS:
        said = f"type {kind!r} is none of {', '.join(KINDS)}" if kind else "its 'type' is missing"
        hint = did_you_mean(kind, KINDS) or f"types: {', '.join(KINDS)}"
        raise ConfigInvalid(f"source {name!r}: {said}", where=document.key_place(*at, "type"), hint=hint)
    data, missing = resolve_later(data, environ, document, at)
    if kind == "python" and isinstance(data.get("module"), str):
        data = _with_functions(data, root, document.place(*at, "module"))
    try:
        if kind == "database":
            validate(_declares(kind), _shared(data), document, at)
            data = _with_tables(name, data, root, document.key_place(*at, "tables"))
        spec = validate(_declares(kind), _shared(data), document, at)
    except ConfigInvalid as invalid:
        # What is missing stands for itself, which need not be of the kind its key takes.
        raise next(iter(missing.values()), invalid) from None
    shared = _of_source(spec)
    for stream, of in spec.streams.items():
        place = document.key_place(*at, "streams", stream)
        if spec.type == "rest":
            _check_parent(name, stream, spec, place)
        lacks = _lacks(missing, at, stream)
        made: dict[str, Any] = {
            "source": name,
            "name": stream,
            "spec": of,
            "folder": root.as_posix(),
            "place": place,
            "missing": lacks,
        }
        yield Stream(**made, **shared)
    if spec.type == "files" and spec.path is not None and not spec.streams:
        if missing:
            raise next(iter(missing.values()))
        yield from _one_for_each_file(name, spec.path, document, at, root)


def _declares(kind: str) -> type[Source]:
    module, name = KINDS[kind]
    found: type[Source] = getattr(import_module(f"headrace.project.{module}"), name)
    return found


def _of_source(spec: Source) -> dict[str, Any]:
    """What all streams of a source have of it."""
    if spec.type == "rest":
        return {"client": spec.client, "parallel_requests": spec.parallel_requests}
    if spec.type == "database":
        return {"database": _database(spec)}
    if spec.type == "python":
        from headrace.project.python_sources import PythonCode

        return {"code": PythonCode(**spec.model_dump(include=set(PythonCode.model_fields)))}
    if spec.type == "singer":
        from headrace.project.singer_sources import Tap

        return {"tap": Tap(**spec.model_dump(include=set(Tap.model_fields)))}
    return {"access": spec.credentials}


def _database(spec: DatabaseSource) -> Database:
    from headrace.project.database_sources import Database

    return Database(**spec.model_dump(include=set(Database.model_fields), by_alias=True))


def _with_functions(data: dict[str, Any], root: Path, where: Place) -> dict[str, Any]:
    """The decorated functions of a Python file as streams; what YAML says of one goes over it."""
    from headrace.project.python_sources import decorated

    found, said = decorated(data["module"], root, where), data.get("streams") or {}
    if not isinstance(said, dict):
        return data
    return {
        **data,
        "streams": {**found, **{name: merged(found.get(name, {}), own or {}) for name, own in said.items()}},
    }


def _check_parent(source: str, name: str, spec: RestSource, where: Place) -> None:
    parents = sorted({parent for parent, _ in spec.streams[name].parent_fields})
    if len(parents) > 1:
        raise ConfigInvalid(f"{source}.{name} asks for the rows of several streams: {', '.join(parents)}", where=where)
    if spec.streams[name].include_from_parent and not parents:
        raise ConfigInvalid(f"{source}.{name} has no parent, so there is nothing to include from it", where=where)
    for parent in parents:
        if parent not in spec.streams or not spec.streams[parent].enabled:
            hint = did_you_mean(parent, spec.streams) or "a parent is a stream of the same source"
            raise ConfigInvalid(f"{source}.{name}: there is no stream {parent!r}", where=where, hint=hint)


def _lacks(
    missing: Mapping[tuple[str | int, ...], SecretMissing], at: tuple[str, ...], stream: str
) -> SecretMissing | None:
    """The first secret without a value that is the source's or the stream's own, not another stream's."""
    streams, own = (*at, "streams"), (*at, "streams", stream)
    needed = (error for path, error in missing.items() if path[: len(streams)] != streams or path[: len(own)] == own)
    return next(needed, None)


def _shared(data: dict[str, Any]) -> dict[str, Any]:
    """`defaults:` of a source written into each of its streams; what a stream says itself wins."""
    defaults = data.get("defaults")
    streams = data.get("streams")
    if not isinstance(defaults, dict) or not isinstance(streams, dict):
        return data
    rest = {key: value for key, value in data.items() if key != "defaults"}
    return {**rest, "streams": {name: merged(defaults, own or {}) for name, own in streams.items()}}


def reflecting(
    root: Path, project_file: Document | None, environ: Mapping[str, str]
) -> Iterator[tuple[Stream, list[str], tuple[str, ...]]]:
    """The databases whose tables are patterns, each as a stream of nothing yet, with the patterns and what they leave out."""
    for name, data, document, at in _declared(root, project_file):
        wanted = patterns(data.get("tables")) if isinstance(data, dict) and data.get("type") == "database" else []
        if not wanted:
            continue
        from headrace.project.database_sources import DatabaseSource, DatabaseStream

        resolved, missing = resolve_later(data, environ, document, at)
        spec = validate(DatabaseSource, _shared(resolved), document, at)
        shared = _database(spec)
        stream = Stream(
            source=name,
            name="tables",
            spec=DatabaseStream(),
            database=shared,
            folder=root.as_posix(),
            place=document.key_place(*at, "tables"),
            missing=_lacks(missing, at, ""),
        )
        yield stream, wanted, spec.excluded_tables


def _with_tables(source: str, data: dict[str, Any], root: Path, where: Place) -> dict[str, Any]:
    """`tables:` of a database as streams; a stream that says nothing is the table of its name."""
    said, streams = data.get("tables") or [], data.get("streams") or {}
    wanted = patterns(said)
    tables = (
        [] if wanted == ["*"] else [one for one in ([said] if isinstance(said, str) else said) if one not in wanted]
    )
    without = data.get("excluded_tables") or []
    without = [without] if isinstance(without, str) else without
    known = known_tables(root, source) if wanted else ()
    if known is None:
        emit(
            Warned(
                f"which tables the source {source!r} has is not known yet: `headrace source tables {source}`, or a load, asks it",
                where=str(where),
            )
        )
    found = matching(known or (), wanted, without)
    if known and not found:
        emit(Warned(f"no table of the source {source!r} is meant by {', '.join(wanted)}", where=str(where)))
    schemas = data.get("schema") or []
    several = means_several([schemas] if isinstance(schemas, str) else schemas, wanted)
    # A stream that is written out for a table stands for it, whatever its own name is.
    named = {str(stream["table"]) for stream in streams.values() if isinstance(stream, dict) and stream.get("table")}
    named |= {str(name) for name, stream in streams.items() if not (isinstance(stream, dict) and stream.get("table"))}
    free = [table for table in found if not {f"{table}"} & named and (several or table.name not in named)]
    made: dict[str, Any] = {
        name: {"table": table} for name, table in stream_names(tables, free, several=several).items()
    }
    both = stream_names((), found, several=several)
    made |= {name: {"table": both[name]} for name in streams if name in both and name not in made}
    return {
        **data,
        "streams": {**made, **{name: merged(made.get(name, {}), own or {}) for name, own in streams.items()}},
    }


def merged(below: Any, above: Any) -> Any:
    """Two mappings as one, at any depth; where both have a value, the one of `above`."""
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    return {**below, **{key: merged(below[key], value) if key in below else value for key, value in above.items()}}


def _one_for_each_file(source: str, path: str, document: Document, at: tuple[str, ...], root: Path) -> Iterator[Stream]:
    from headrace.project.file_places import scheme_of
    from headrace.project.file_sources import FilesStream

    where = document.place(*at, "path")
    if scheme_of(path) is not None:
        raise ConfigInvalid(
            f"{path} is not of this machine, so its files are not looked at before a load",
            where=where,
            hint="name the streams under `streams:`, each with its `path:`",
        )
    files = sorted(Path(found) for found in glob.glob((root / path).as_posix(), recursive=True))  # noqa: PTH207 - may be absolute
    if not files:
        # Reading a project must not need its data; whoever names one of the streams is told that there is none.
        emit(Warned(f"{path} matches no file, so the source {source!r} has no streams", where=str(where)))
    seen: dict[str, str] = {}
    for file in files:
        stem = file.name.split(".")[0]
        shown = (file.relative_to(root) if file.is_relative_to(root) else file).as_posix()
        if stem in seen:
            raise NameTaken(
                f"{shown} and {seen[stem]} would both be the stream {source}.{stem}",
                where=where,
                hint="name them under `streams:`",
            )
        seen[stem] = shown
        yield Stream(source=source, name=stem, spec=FilesStream(path=shown), folder=root.as_posix(), place=where)
