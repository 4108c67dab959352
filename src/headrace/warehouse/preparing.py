"""Doing what a target's `Setup` asks of DuckDB: extensions are loaded and never fetched, secrets made, databases attached."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import duckdb

from headrace.errors import ConfigInvalid, ExtensionMissing, HeadraceError, WarehouseUnavailable, did_you_mean
from headrace.sql.dialect import name, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from headrace.errors import Place
    from headrace.project.setup import Attached, Setup, StoredSecret

_WORD = re.compile(r"[A-Za-z_]\w*")


def connect(path: str, setup: Setup) -> duckdb.DuckDBPyConnection:
    """The database, tried again after 1, 2, 4… seconds while another process holds it, if `connect_attempts` says so."""
    for attempt in range(setup.connect_attempts):
        try:
            return duckdb.connect(path, config=dict(setup.config))
        except duckdb.IOException:
            if attempt + 1 == setup.connect_attempts:
                raise
            time.sleep(2**attempt)
        except duckdb.InvalidInputException as error:
            raise ConfigInvalid(f"config_options: {_first(error)}", where=setup.place) from error
    raise AssertionError


def prepare(session: duckdb.DuckDBPyConnection, setup: Setup) -> None:
    """What is done once. Raises ExtensionMissing, ConfigInvalid and WarehouseUnavailable with the place in the profile."""
    for extension in setup.extensions:
        _load(session, extension, setup.place)
    for secret in setup.secrets:
        what = f"the secret {secret.name!r} cannot be made"
        _do(session, _create_secret(secret), ConfigInvalid, what, secret.place)
    for one in setup.attached:
        _do(session, _attach(one), WarehouseUnavailable, f"'{one.path}' cannot be attached", one.place)


def session_statements(setup: Setup) -> Iterator[str]:
    """The statements that each session begins with."""
    if setup.folder is not None:
        # Files that a query names begin at the project, wherever the command was given.
        yield f"SET file_search_path = {text(str(setup.folder))}"
    for key, value in setup.settings.items():
        yield f"SET {_word(key, setup.place)} = {text(str(value))}"


def set_up(session: duckdb.DuckDBPyConnection, setup: Setup) -> None:
    """What is done in each session. Raises ConfigInvalid for a setting that DuckDB does not know."""
    for statement in session_statements(setup):
        _do(session, statement, ConfigInvalid, "a setting of the target is refused", setup.place)


def _load(session: duckdb.DuckDBPyConnection, extension: str, place: Place | None) -> None:
    try:
        session.execute(f"LOAD {text(extension)}")
    except duckdb.Error as error:
        known = [row[0] for row in session.execute("SELECT extension_name FROM duckdb_extensions()").fetchall()]
        close = None if extension in known else did_you_mean(extension, known)
        raise ExtensionMissing(
            f"DuckDB's extension {extension!r} is not installed on this machine",
            where=place,
            hint=close
            or f"install it once: python -c \"import duckdb; duckdb.connect().install_extension('{extension}')\"; a run downloads nothing",
        ) from error


def _do(
    session: duckdb.DuckDBPyConnection, statement: str, kind: type[HeadraceError], what: str, place: Place | None
) -> None:
    try:
        session.execute(statement)
    except duckdb.Error as error:
        # The statement itself may hold a password, so only DuckDB's own sentence is told.
        raise kind(f"{what}: {_first(error)}", where=place) from None


def _first(error: duckdb.Error) -> str:
    return str(error).strip().splitlines()[0]


def _attach(one: Attached) -> str:
    alias = f" AS {name(one.alias)}" if one.alias else ""
    options = ", ".join(
        _option(key, value, one.place) for key, value in one.options.items() if value not in (None, False)
    )
    return f"ATTACH IF NOT EXISTS {text(one.path)}{alias}" + (f" ({options})" if options else "")


def _option(key: str, value: Any, place: Place | None) -> str:
    word = _word(key, place).upper()
    if value is True:
        return word
    if isinstance(value, str):
        bare = value.strip()
        plain = key in ("type", "secret") or (len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "'\"")
        return (
            f"{word} {_word(bare, place) if key in ('type', 'secret') else bare}" if plain else f"{word} {text(value)}"
        )
    return f"{word} {value}"


def _create_secret(secret: StoredSecret) -> str:
    values: Mapping[str, Any] = secret.values
    lines = [f"TYPE {_word(secret.kind, secret.place)}"]
    lines += [f"{_word(key, secret.place)} {_value(key, value, secret.place)}" for key, value in values.items()]
    lines += [f"SCOPE {text(one)}" for one in secret.scope]
    persistent = " PERSISTENT" if secret.persistent else ""
    return f"CREATE OR REPLACE{persistent} SECRET {name(secret.name)} ({', '.join(lines)})"


def _value(key: str, value: Any, place: Place | None) -> str:
    if isinstance(value, dict):
        return f"MAP {{{', '.join(f'{text(str(one))}: {text(str(other))}' for one, other in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(text(str(one)) for one in value)}]"
    return _word(str(value), place) if key == "provider" else text(str(value))


def _word(said: str, place: Place | None) -> str:
    """A word that a statement takes without quotes. Raises ConfigInvalid where it is none."""
    if not _WORD.fullmatch(said):
        raise ConfigInvalid(f"{said!r} is not a word that DuckDB takes there", where=place)
    return said
