"""dbt's profiles.yml: where a dbt project's warehouse is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from headrace.errors import ConfigInvalid, NotSupported, TargetUnknown, did_you_mean
from headrace.events import Warned, emit
from headrace.project.duckdb_output import duckdb_setup
from headrace.project.files import Document, read_yaml
from headrace.project.settings import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_UNUSED = {"role", "search_path"}
"""Keys of a Postgres output that dbt obeys and headrace does not yet: said in a warning, never passed over."""


_PASSED_ON = ("sslmode", "sslcert", "sslkey", "sslrootcert", "connect_timeout", "application_name", "keepalives_idle")
"""Keys of an output that Postgres' own client understands."""


def find_profiles(root: Path, profiles_dir: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The first profiles.yml: of the folder that was asked for, of DBT_PROFILES_DIR, of the project, of ~/.dbt."""
    asked = profiles_dir or (Path(environ["DBT_PROFILES_DIR"]) if environ.get("DBT_PROFILES_DIR") else None)
    if asked is not None and not asked.is_absolute():
        asked = Path.cwd() / asked
    home = Path(environ.get("HOME") or Path.home())
    folders: Sequence[Path] = [asked] if asked is not None else [root, home / ".dbt"]
    return next((folder / "profiles.yml" for folder in folders if (folder / "profiles.yml").is_file()), None)


def profile_target(
    path: Path, profile: str, target: str | None, root: Path, render: Callable[[Any, Document, tuple[str, ...]], Any]
) -> tuple[Target, tuple[str, ...]] | None:
    """The target of a profile and the names of all its targets; None where the file does not have the profile.

    `render` turns the Jinja of values into what it says. Raises TargetUnknown, ConfigInvalid and NotSupported.
    """
    document = read_yaml(path, root, old=True)
    found = (document.data or {}).get(profile) if isinstance(document.data or {}, dict) else None
    if not isinstance(found, dict):
        return None
    outputs = found.get("outputs")
    if not isinstance(outputs, dict) or not outputs:
        raise ConfigInvalid(f"the profile {profile!r} has no outputs", where=document.key_place(profile, "outputs"))
    declared = render(found.get("target", "default"), document, (profile, "target"))
    name = target or str(declared)
    if name not in outputs:
        hint = did_you_mean(name, outputs) or f"targets: {', '.join(map(str, outputs))}"
        where = document.place(profile, "target") if target is None else document.key_place(profile, "outputs")
        raise TargetUnknown(f"the profile {profile!r} has no target {name!r}", where=where, hint=hint)
    at = (profile, "outputs", name)
    output = render(outputs[name], document, at)
    return _target(name, output, document, at, root), tuple(outputs)


def _target(name: str, output: dict[str, Any], document: Document, at: tuple[str, ...], root: Path) -> Target:
    match output.get("type"):
        case "duckdb":
            return _duckdb_target(name, output, document, at, root)
        case "postgres":
            unused = sorted(_UNUSED & output.keys())
            if unused:
                emit(Warned(f"not obeyed: {', '.join(unused)}", where=str(document.key_place(*at, unused[0]))))
            for key in ("host", "user"):
                if key not in output:
                    raise ConfigInvalid(f"the key {key!r} is missing", where=document.key_place(*at))
            database = str(output.get("dbname") or output.get("database") or "postgres")
            threads, schema = int(output.get("threads") or 1), str(output.get("schema") or "public")
            return Target(name, _postgres_url(output, database), schema, threads, database)
        case kind:
            raise NotSupported(
                f"the target {name!r} is of type {kind!r}",
                where=document.place(*at, "type"),
                hint="headrace builds in duckdb and postgres",
            )


def _duckdb_target(name: str, output: dict[str, Any], document: Document, at: tuple[str, ...], root: Path) -> Target:
    path = str(output.get("path") or ":memory:")
    url, setup = duckdb_url(path, root), duckdb_setup(output, document, at, root)
    own, database = duckdb_name(path), output.get("database")
    if database is not None and str(database) not in (own, setup.catalog):
        raise ConfigInvalid(
            f"the database of '{path}' is called {own!r}, not {database!r}",
            where=document.place(*at, "database"),
            hint="leave the key out, or give the `alias:` of an attached database",
        )
    schema, threads = str(output.get("schema") or "main"), int(output.get("threads") or 1)
    return Target(name, url, schema, threads, setup.catalog or own, setup)


def _postgres_url(output: dict[str, Any], database: str) -> str:
    def safe(value: Any) -> str:
        return quote(str(value), safe="")

    password = output.get("password", output.get("pass"))
    user = safe(output["user"]) + (f":{safe(password)}" if password is not None else "")
    host = str(output["host"])
    given = {key: output[key] for key in _PASSED_ON if output.get(key) is not None}
    if host.startswith("/"):
        host, given = "", {"host": host, **given}
    options = "?" + "&".join(f"{key}={safe(value)}" for key, value in given.items()) if given else ""
    return f"postgresql://{user}@{host}:{output.get('port') or 5432}/{safe(database)}{options}"


def duckdb_url(path: str, root: Path) -> str:
    """The URL of a DuckDB file; a relative path begins at the project."""
    if path in ("", ":memory:"):
        return "duckdb://"
    if path.startswith(("md:", "motherduck:")):
        raise NotSupported("MotherDuck needs a service, and headrace works offline", hint="name a file as `path:`")
    if path.startswith("ducklake:"):
        raise NotSupported("the target itself cannot be a DuckLake", hint="name a file as `path:` and attach the lake")
    return f"duckdb:///{(root / Path(path).expanduser()).resolve().as_posix()}"


def duckdb_name(path: str) -> str:
    """What DuckDB calls the database in a file."""
    return "memory" if path in ("", ":memory:") else Path(path).name.split(".")[0]
