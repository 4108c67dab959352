"""The keys that a DuckDB output of profiles.yml may have, which are those of dbt-duckdb."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Field

from headrace.errors import ConfigInvalid, NotSupported, did_you_mean
from headrace.events import Warned, emit
from headrace.project.config import Config
from headrace.project.secrets import remember
from headrace.project.setup import Attached, Setup, StoredSecret
from headrace.project.validate import fields, validate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.errors import Place
    from headrace.project.files import Document

_REFUSED = {
    "remote": "a server of DuckDB is not spoken to: name a file as `path:`",
    "flights": "MotherDuck needs a service, and headrace works offline",
    "motherduck_token": "MotherDuck needs a service, and headrace works offline",
    "filesystems": "load httpfs, azure or another extension by `extensions:`, and give it credentials by `secrets:`",
}
"""Keys that cannot be obeyed, and what to do instead."""
_NO_MATTER = {
    "disable_transactions": "a step is one transaction",
    "plugins": "a source that needs one is refused; headrace.yml reads files, databases and APIs as `sources:`",
}
"""Keys that are not obeyed, and why that does no harm."""


def _some(value: Any) -> Any:
    return () if value is None else value


class _Attachment(Config):
    path: str
    type: str | None = None
    alias: str | None = None
    secret: str | None = None
    read_only: bool = False
    options: dict[str, Any] | None = None
    is_ducklake: bool | None = None


class _Extension(Config):
    name: str
    repo: str | None = None


class _Retries(Config):
    connect_attempts: int = Field(default=1, ge=1)
    query_attempts: int | None = None
    retryable_exceptions: tuple[str, ...] = ()


def _extension(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


Extensions: TypeAlias = Annotated[
    tuple[Annotated[_Extension, BeforeValidator(_extension)], ...], BeforeValidator(_some)
]
Mappings: TypeAlias = Annotated[tuple[dict[str, Any], ...], BeforeValidator(_some)]
Tree: TypeAlias = Annotated[dict[str, Any], BeforeValidator(lambda value: value or {})]


class DuckDBOutput(Config):
    """An output of type duckdb."""

    type: str
    path: str | None = None
    # pydantic's models have a method of this name, which nothing here uses.
    schema_: str | None = Field(default=None, alias="schema")
    database: str | None = None
    threads: Any = None
    config_options: Tree = {}
    extensions: Extensions = ()
    settings: Tree = Field(default={}, repr=False)
    secrets: Annotated[Mappings, Field(repr=False)] = ()
    attach: Annotated[tuple[_Attachment, ...], BeforeValidator(_some)] = ()
    external_root: str = "."
    use_credential_provider: str | None = None
    module_paths: Annotated[tuple[str, ...], BeforeValidator(_some)] = ()
    retries: _Retries | None = None
    keep_open: bool = True
    is_ducklake: bool | None = None
    plugins: Mappings = ()
    filesystems: Mappings = ()
    disable_transactions: bool = False
    remote: Any = None
    flights: Any = None
    motherduck_token: str | None = Field(default=None, repr=False)


def duckdb_setup(output: Mapping[str, Any], document: Document, at: tuple[str, ...], root: Path) -> Setup:
    """What the output asks to be done before anything else. Raises ConfigInvalid and NotSupported with the place of the key."""
    known = fields(DuckDBOutput, ())
    for key in output.keys() - known:
        _unknown(str(key), known, document, at)
    for key in _REFUSED.keys() & output.keys():
        if output[key]:
            raise NotSupported(f"{key} is not supported", where=document.key_place(*at, key), hint=_REFUSED[key])
    for key in _NO_MATTER.keys() & output.keys():
        if output[key]:
            emit(Warned(f"{key} is not obeyed: {_NO_MATTER[key]}", where=str(document.key_place(*at, key))))
    said = validate(DuckDBOutput, {key: value for key, value in output.items() if key in known}, document, at)
    if said.retries and said.retries.query_attempts:
        where = str(document.key_place(*at, "retries"))
        emit(
            Warned(
                "query_attempts is not obeyed: a step that lost its connection is tried again as a whole", where=where
            )
        )
    return Setup(
        extensions=tuple(dict.fromkeys(one.name for one in said.extensions)),
        settings=said.settings,
        config=said.config_options,
        secrets=_secrets(said, document, at),
        attached=tuple(
            _attached(one, root, document.place(*at, "attach", number)) for number, one in enumerate(said.attach)
        ),
        catalog=said.database if said.database in [one.alias for one in said.attach] else None,
        external_root=said.external_root,
        module_paths=tuple(str((root / Path(path).expanduser()).resolve()) for path in said.module_paths),
        connect_attempts=said.retries.connect_attempts if said.retries else 1,
        place=document.key_place(*at),
    )


def _unknown(key: str, known: set[str], document: Document, at: tuple[str, ...]) -> None:
    """A misspelt key is refused; any other belongs to whoever else reads the profile."""
    close, where = did_you_mean(key, known), document.key_place(*at, key)
    if close:
        raise ConfigInvalid(f"unknown key {key!r}", where=where, hint=close)
    emit(Warned(f"unknown key {key!r} changes nothing", where=str(where)))


def _secrets(said: DuckDBOutput, document: Document, at: tuple[str, ...]) -> tuple[StoredSecret, ...]:
    given = list(said.secrets)
    if said.use_credential_provider is not None:
        if said.use_credential_provider != "aws":
            where = document.place(*at, "use_credential_provider")
            raise ConfigInvalid("use_credential_provider takes 'aws'", where=where)
        given.append({"type": "s3", "provider": "credential_chain"})
    place = document.key_place(*at, "secrets") if said.secrets else document.key_place(*at)
    return tuple(_secret(one, number, place) for number, one in enumerate(given, start=1))


_OWN = ("type", "name", "scope", "persistent")


def _secret(given: Mapping[str, Any], number: int, place: Place) -> StoredSecret:
    if not given.get("type"):
        raise ConfigInvalid("a secret needs a 'type', such as s3", where=place)
    scope = given.get("scope") or ()
    values = {key: value for key, value in given.items() if key not in _OWN and value is not None}
    for key, value in values.items():
        if isinstance(value, str) and key not in ("provider", "region", "endpoint", "url_style"):
            remember(value)
    return StoredSecret(
        name=str(given.get("name") or f"headrace_secret_{number}"),
        kind=str(given["type"]),
        values=values,
        scope=(scope,) if isinstance(scope, str) else tuple(scope),
        persistent=bool(given.get("persistent")),
        place=place,
    )


def _attached(one: _Attachment, root: Path, place: Place) -> Attached:
    """The direct keys are options of ATTACH under shorter names. Raises ConfigInvalid where one is said twice."""
    options = {str(key).lower(): value for key, value in (one.options or {}).items()}
    direct = {"type": one.type, "secret": one.secret, "read_only": one.read_only or None}
    for key, value in direct.items():
        if value is None:
            continue
        if key in options:
            raise ConfigInvalid(f"{key} stands beside `options:` and in it", where=place)
        options[key] = value
    if one.path.startswith(("md:", "motherduck:")):
        raise NotSupported("MotherDuck needs a service, and headrace works offline", where=place, hint="attach a file")
    local = (
        "://" not in one.path
        and ":" not in one.path.split("/")[0]
        and options.get("type") in (None, "duckdb", "sqlite")
    )
    path = str((root / Path(one.path).expanduser()).resolve()) if local and one.path else one.path
    return Attached(path, one.alias, options, place)
