"""A source and a target that are named outright: a project of one stream, made in memory."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.errors import UsageError, YamlInvalid, did_you_mean
from headrace.project.addresses import hide, read_address, slug
from headrace.project.files import Document, parse_yaml
from headrace.project.loading import FILE_TARGETS, target_of
from headrace.project.secrets import read_env, resolve
from headrace.project.settings import Paths, Settings
from headrace.project.streams import merged, streams_of
from headrace.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.project.settings import Target

ENGINES = ("duckdb", "postgresql", "postgres", *FILE_TARGETS)
LINE = "command line"
"""What errors call the place where the keys of such a stream stand."""
_TARGETS = "targets: FILE.duckdb, postgresql://USER@HOST/DATABASE, FILE.parquet, .csv or .jsonl, parquet:///FOLDER, delta:///FOLDER"
_DUCKDB_FILES = (".duckdb", ".ddb", ".db")
_NO_FILES = Paths((), (), (), (), (), (), (), "")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One load: from where, to where, and the keys that the source and its stream would have in a project.

    `table` is `name` or `schema.name`; without it, the table is called as its file, table or endpoint is.
    """

    source: str = field(repr=False)
    target: str = field(repr=False)
    table: str | None = None
    keys: Mapping[str, Any] = field(default_factory=dict, repr=False)
    shared: Mapping[str, Any] = field(default_factory=dict, repr=False)


def adhoc_settings(wanted: Wanted, here: Path, state: Path | None, environ: Mapping[str, str]) -> Settings:
    """The project that consists of this load. Relative paths begin `here`; `state` is where its runs are kept.

    Raises UsageError, ConfigInvalid and SecretMissing.
    """
    environ = {**read_env(here / ".env"), **environ}
    said = Document({}, LINE)
    url = str(resolve(wanted.target, environ, said))
    target, home = _target(url, here)
    state = (here / state if state else home / ".headrace").resolve()
    address = read_address(str(resolve(wanted.source, environ, said)), here)
    table = _table(wanted, target, address.name)
    source = address.label(f"{table.schema}.{table.name}")
    data = merged({**address.source, "streams": {table.name: address.stream}}, _spread(wanted, table.name))
    (stream,) = streams_of(source, Document(data, LINE), here, environ)
    stream = replace(stream, table=table)
    return Settings(
        name="load",
        # Not the folder of a project, whose files are no part of this.
        root=state,
        target=target,
        targets=(target.name,),
        paths=_NO_FILES,
        streams=(stream,),
        environ=environ,
        state=state,
    )


def _spread(wanted: Wanted, stream: str) -> dict[str, Any]:
    return {**wanted.shared, "streams": {stream: dict(wanted.keys)}}


def _target(text: str, here: Path) -> tuple[Target, Path]:
    """The target, and the folder beside which its state is kept: the file's own, or the current one for a server."""
    text = _url(text)
    scheme, _, rest = text.partition("://")
    if scheme not in ENGINES:
        hint = did_you_mean(scheme, ENGINES) or _TARGETS
        raise UsageError(f"no target is written as '{scheme}://…'", hint=hint)
    hide(text)
    path = rest.removeprefix("/")
    if not scheme.startswith("postgres") and path in ("", ":memory:"):
        raise UsageError("a target has to be somewhere when the command ends", hint=f"name a file: {scheme}:///FILE")
    home = here if scheme.startswith("postgres") else (here / Path(path).expanduser()).parent
    made = target_of("", text, here)
    mark = hashlib.sha256(re.sub(r"//[^@/]*@", "//", made.url).encode()).hexdigest()[:6]
    return target_of(f"{slug(made.database or scheme)}_{mark}", text, here), home


def _url(text: str) -> str:
    """A target's URL; a file is known by its ending."""
    if "://" in text:
        return text
    ending = text.rpartition(".")[2].lower()
    if text.endswith(_DUCKDB_FILES):
        return f"duckdb:///{text}"
    if ending in FILE_TARGETS and ending != "delta":
        return f"{ending}:///{text}"
    raise UsageError(f"'{text}' is no target", hint=_TARGETS)


def _table(wanted: Wanted, target: Target, name: str) -> Table:
    """The table that the rows go into: that of a file that is the target is called as the file."""
    file = Path(target.url.partition(":///")[2])
    scheme = target.url.partition(":")[0]
    if scheme in FILE_TARGETS and scheme != "delta" and file.suffix == f".{scheme}" and not file.is_dir():
        if wanted.table:
            raise UsageError("a file holds one table", hint=f"for several, name a folder: {scheme}:///FOLDER")
        return Table(target.schema, file.stem)
    schema, _, name = (wanted.table or name).rpartition(".")
    if not name:
        raise UsageError("the rows need a table's name", hint="add --table NAME")
    return Table(schema or target.schema, name)


def columns_of(text: str) -> dict[str, str]:
    """Columns written as `id:bigint,amount:decimal(10,2)`. Raises UsageError."""
    found = {}
    for part in re.split(r",(?![^(]*\))", text):
        name, colon, kind = part.partition(":")
        if not (name.strip() and colon and kind.strip()):
            raise UsageError(
                f"'{part.strip()}' is not NAME:TYPE", hint="such as --columns 'id:bigint,amount:decimal(10,2)'"
            )
        found[name.strip()] = kind.strip()
    return found


def keys_of(settings: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, Any]]:
    """`KEY=VALUE` texts as keys of the source (those that begin with `source.`) and of the stream; values are YAML.

    Raises UsageError.
    """
    whole: dict[str, Any] = {}
    for text in settings:
        key, equals, value = text.partition("=")
        if not (key.strip() and equals):
            raise UsageError(f"--set '{text}' is not KEY=VALUE", hint="such as --set delimiter=';'")
        try:
            data = parse_yaml(value, LINE).data
        except YamlInvalid as error:
            raise UsageError(f"--set {key}: {error.what}") from error
        for part in reversed(key.strip().split(".")):
            data = {part: data}
        whole = merged(whole, data)
    shared = whole.pop("source", {})
    if not isinstance(shared, dict):
        raise UsageError("--set source.KEY=VALUE sets a key of the source")
    return shared, whole
