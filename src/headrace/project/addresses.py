"""What a source is that is named by its address alone: a file, a database's URL with its table, or an API's URL."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit

from headrace.errors import UsageError, did_you_mean
from headrace.project.secrets import TELLING, remember

if TYPE_CHECKING:
    from collections.abc import Mapping

DATABASES = ("postgresql", "postgres", "mysql", "mariadb", "sqlserver", "mssql", "oracle", "sqlite", "duckdb")
_TEXTS = {"csv": "csv", "tsv": "csv", "jsonl": "jsonl", "ndjson": "jsonl", "xml": "xml"}
"""What an API's answer may be, by the ending of its path; all else is JSON."""
_PACKED = ("parquet", "pq", "gz", "zip", "xlsx", "avro")
"""Endings of files that are no answer of an API, wherever they lie."""


@dataclass(frozen=True, slots=True)
class Address:
    """A source as `sources:` would declare it: its keys, those of its one stream, and what the stream is called.

    `identity` says where the rows come from, without passwords: loads of one identity go on from each other.
    """

    scheme: str
    name: str
    identity: str
    source: Mapping[str, Any] = field(repr=False)
    stream: Mapping[str, Any] = field(repr=False)

    def label(self, table: str) -> str:
        """A source's name that no other source has that is loaded into a table of the same name."""
        return f"{self.scheme}_{hashlib.sha256(f'{self.identity} {table}'.encode()).hexdigest()[:6]}"


def read_address(text: str, here: Path) -> Address:
    """What an address means; a relative path begins in `here`. Raises UsageError."""
    scheme, found, _ = text.partition("://")
    if not found:
        return _files(text, here)
    scheme = scheme.lower()
    if scheme == "file":
        return _files(unquote(urlsplit(text).path), here)
    hide(text)
    if scheme.partition("+")[0] in DATABASES:
        return _database(text, here)
    parts = urlsplit(text)
    ending = parts.path.rpartition(".")[2].lower()
    if scheme in ("http", "https") and ending not in _PACKED:
        return _api(parts, ending)
    if re.fullmatch(r"\w{1,8}", ending) and "." in parts.path:
        return _remote(text, parts)
    hint = did_you_mean(scheme, (*DATABASES, "https")) or "a source is a file, a database's URL, or https://…"
    raise UsageError(f"no source is read from '{scheme}://…'", hint=hint)


def hide(url: str) -> None:
    """Have the password of a URL, and what its query says in secret, hidden wherever text is shown."""
    parts = urlsplit(url)
    query = (value for key, value in parse_qsl(parts.query) if TELLING.search(key))
    for value in (parts.password, *query):
        if value:
            remember(value)
            remember(unquote(value))


def slug(text: str) -> str:
    """A text as the name of a table."""
    plain = re.sub(r"\W+", "_", text).strip("_").lower()
    return f"_{plain}" if plain[:1].isdigit() else plain


def _files(text: str, here: Path) -> Address:
    path = Path(text).expanduser()
    if (here / path).is_dir():
        raise UsageError(f"'{text}' is a folder", hint=f"say which of its files, such as '{path.as_posix()}/*.csv'")
    named = path.name.split(".")[0]
    if re.search(r"[*?\[]", named):
        named = next((part for part in reversed(path.parts[:-1]) if not re.search(r"[*?\[]", part)), "")
    whole = (here / path).resolve() if not path.is_absolute() else path
    return Address("files", slug(named), whole.as_posix(), {"type": "files"}, {"path": path.as_posix()})


def _remote(text: str, parts: SplitResult) -> Address:
    named = parts.path.rpartition("/")[2].split(".")[0]
    return Address("files", slug(named), _plain(parts), {"type": "files"}, {"path": text})


def _database(text: str, here: Path) -> Address:
    parts = urlsplit(text)
    asked = dict(parse_qsl(parts.query, keep_blank_values=True))
    stream = {key: value for key in ("table", "query") if (value := asked.pop(key, None))}
    source: dict[str, Any] = {"type": "database"}
    if schema := asked.pop("schema", None):
        source["schema"] = schema
    if len(stream) != 1:
        raise UsageError(
            f"which table of '{_plain(parts)}'?" if not stream else "a source has a table or a query, not both",
            hint="add ?table=NAME (or ?table=SCHEMA.NAME, or ?query=SELECT …) to the URL, in quotes",
        )
    engine = parts.scheme.partition("+")[0]
    # Taken apart as text: `sqlite:///file` has nothing between its slashes, which a library would drop.
    source["url"] = text.partition("?")[0] + (f"?{urlencode(asked)}" if asked else "")
    place = _plain(parts)
    if engine in ("sqlite", "duckdb"):
        place = f"{engine}:{(here / parts.path.removeprefix('/')).resolve().as_posix()}"
    what = stream.get("table") or stream["query"]
    name = slug(stream["table"].rpartition(".")[2]) if "table" in stream else ""
    return Address(engine, name, f"{place} {asked.get('schema', '')} {what}", source, stream)


def _api(parts: SplitResult, ending: str) -> Address:
    path, params = parts.path.rpartition("/"), parse_qsl(parts.query, keep_blank_values=True)
    base = parts._replace(path=path[0], query="", fragment="").geturl()
    stream: dict[str, Any] = {"path": path[2]}
    if params:
        names = {key for key, _ in params}
        given = {name: [value for key, value in params if key == name] for name in names}
        stream["params"] = {name: values[0] if len(values) == 1 else values for name, values in given.items()}
    if ending in _TEXTS and "." in path[2]:
        stream["decoder"] = _TEXTS[ending]
    named = slug(path[2].split(".")[0] or str(parts.hostname))
    return Address("api", named, _plain(parts), {"type": "rest", "client": {"base_url": base}}, stream)


def _plain(parts: SplitResult) -> str:
    """A URL without a password, and without what its query says in secret."""
    kept = urlencode([(key, value) for key, value in parse_qsl(parts.query) if not TELLING.search(key)])
    host = f"{parts.hostname or ''}:{parts.port}" if parts.port else parts.hostname or ""
    return f"{parts.scheme}://{host}{parts.path}{'?' + kept if kept else ''}"
