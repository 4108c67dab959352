"""Read the settings of a project, whichever files say them."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.errors import ConfigInvalid, ProjectNotFound, TargetUnknown, did_you_mean
from headrace.events import Warned, emit
from headrace.project import profiles, urls
from headrace.project.files import Document, read_yaml
from headrace.project.names import Variables
from headrace.project.packages import paths_of, render_names, trees_of
from headrace.project.project_file import ProjectFile
from headrace.project.rendering import render
from headrace.project.secrets import read_env, remember, resolve
from headrace.project.settings import Settings, Target
from headrace.project.setup import Setup
from headrace.project.streams import load_streams, merged
from headrace.project.validate import validate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.naming import Convention
    from headrace.project.sources import Stream

_LATE = {"vars", "on-run-start", "on-run-end", "query-comment", "targets", "alerts"}
"""Keys whose Jinja is not that of the project file: hooks are rendered when they run, the rest has none."""
FILE_TARGETS = ("parquet", "csv", "jsonl", "delta")
"""Targets that are a folder of files, or one file."""
_SCHEMAS = {"duckdb": "main", "postgresql": "public", "postgres": "public"}


def load_settings(  # noqa: PLR0913 - each is an option of the command line
    root: Path,
    target: str | None = None,
    vars: Mapping[str, Any] | None = None,  # noqa: A002 - the flag's name
    environ: Mapping[str, str] = os.environ,
    *,
    profiles_dir: Path | None = None,
    profile: str | None = None,
    threads: int | None = None,
    lenient: bool = False,
    target_path: str | None = None,
) -> Settings:
    """The settings of the project in `root`: headrace.yml, over dbt_project.yml where there are both.

    `vars`, `profile` and `target_path` are those of the command line, and win over the files. Raises ProjectNotFound, YamlInvalid, ConfigInvalid, TargetUnknown and SecretMissing.
    """
    environ = {**read_env(root / ".env"), **environ}
    own, dbt = _document(root / "headrace.yml", root), _document(root / "dbt_project.yml", root)
    documents = [document for document in (dbt, own) if document is not None]
    if not documents:
        raise ProjectNotFound(f"there is no headrace.yml or dbt_project.yml in {root}")
    data, document = _whole(documents), documents[-1]
    if own is not None:
        # In headrace.yml `sources:` are streams; the config tree of that name is dbt's.
        data["sources"] = (_mapping(dbt).get("sources") if dbt is not None else None) or {}
    data |= {key: value for key, value in (("profile", profile), ("target-path", target_path)) if value}
    loader = _Loader(root, data, environ, dict(vars or {}), document)
    said = loader.project_file()
    chosen, names = loader.target(said, target, profiles_dir)
    if threads or (said.threads and not _own_threads(said, chosen.name)):
        chosen = replace(chosen, threads=threads or said.threads or 1)
    _hide_password(chosen.url)
    return Settings(
        name=said.name or root.name,
        root=root,
        target=replace(chosen, setup=replace(chosen.setup, folder=root)),
        targets=names,
        vars=resolve(said.vars, environ, document, ("vars",)) if own is not None else said.vars,
        overrides=loader.overrides,
        paths=paths_of(said),
        trees=trees_of(data, loader.names(chosen), document),
        streams=tuple(_named(stream, said.naming) for stream in load_streams(root, own, environ)),
        dispatch={one.macro_namespace: one.search_order for one in said.dispatch},
        hooks_start=said.on_run_start,
        hooks_end=said.on_run_end,
        flags=said.flags,
        quoting=said.quoting,
        query_comment=said.query_comment,
        restrict_access=said.restrict_access,
        lenient=lenient,
        alerts=said.alerts,
        profile=said.profile or said.name or root.name,
        publish=said.publish or ("always" if own is None else "after_tests"),
        seed_types=said.seed_types or ("dbt" if own is None else "careful"),
        relation_names=said.relation_names or ("database" if own is None else "schema"),
        unknown_names=said.unknown_names or ("empty" if own is None else "refused"),
        environ=environ,
        artifacts=_artifacts(root, said, dbt=own is None),
        clean=said.clean_targets,
    )


def _named(stream: Stream, convention: Convention | None) -> Stream:
    """The stream, whose columns are named as the project says unless it says something itself."""
    if convention is None or stream.spec.naming is not None:
        return stream
    return replace(stream, spec=stream.spec.model_copy(update={"naming": convention}))


def target_of(name: str, url: str, root: Path, schema: str | None = None, threads: int | None = None) -> Target:
    """The target of a URL; the path of a file begins at the root."""
    scheme, _, rest = url.partition("://")
    if scheme == "duckdb":
        database: str | None = profiles.duckdb_name(rest.removeprefix("/"))
        url = profiles.duckdb_url(rest.removeprefix("/"), root)
    elif scheme in FILE_TARGETS:
        path = (root / Path(rest.removeprefix("/")).expanduser()).resolve()
        database, url = path.name, f"{scheme}:///{path.as_posix()}"
    else:
        database = urls.split(url, f"the URL of target {name!r}").path.strip("/") or None
    return Target(name, url, schema or _SCHEMAS.get(scheme, "main"), threads or 4, database)


def _artifacts(root: Path, said: ProjectFile, *, dbt: bool) -> Path | None:
    path = said.target_path or ("target" if dbt else None)
    return None if path is None else root / path


def _whole(documents: list[Document]) -> dict[str, Any]:
    """What project files say together, the later over the earlier, each sound by itself."""
    files = [(document, _mapping(document)) for document in documents]
    for document, written in files:
        validate(ProjectFile, written, document)
    data: dict[str, Any] = {}
    for _, more in files:
        data = merged(data, more)
    return data


def _document(path: Path, root: Path) -> Document | None:
    return read_yaml(path, root, old=path.name == "dbt_project.yml") if path.is_file() else None


def _mapping(document: Document) -> dict[str, Any]:
    if document.data is None:
        return {}
    if not isinstance(document.data, dict):
        raise ConfigInvalid("a project file is a mapping", where=document.place())
    return document.data


def _own_threads(said: ProjectFile, name: str) -> bool:
    spec = said.targets.get(name)
    return spec is not None and spec.threads is not None


def _hide_password(url: str) -> None:
    password = urls.split(url, "the target's URL").password
    if password:
        remember(password)


def _seen(data: Mapping[str, Any], overrides: Mapping[str, Any]) -> Mapping[str, Any]:
    """headrace.yml may use its own variables in its other values."""
    return Variables(data.get("vars") or {}, overrides, str(data.get("name"))).values


class _Loader:
    """The data of a project file on its way to settings: first without a target, then with one."""

    def __init__(
        self,
        root: Path,
        data: dict[str, Any],
        environ: Mapping[str, str],
        overrides: Mapping[str, Any],
        document: Document,
    ) -> None:
        self.root = root
        self.data = data
        self.environ = environ
        self.overrides = overrides
        self.document = document
        self.variables = overrides if document.path.endswith("dbt_project.yml") else _seen(data, overrides)

    def project_file(self) -> ProjectFile:
        """The file's keys, with the Jinja of those that do not depend on the target rendered."""
        plain = {
            key: value if key in _LATE or isinstance(value, dict) else self.render(value, self.document, (key,))
            for key, value in self.data.items()
        }
        return validate(ProjectFile, plain, self.document)

    def target(self, said: ProjectFile, asked: str | None, profiles_dir: Path | None) -> tuple[Target, tuple[str, ...]]:
        """The target that was asked for or is the default one, and the names of all."""
        if said.targets:
            return self._own_target(said, asked), tuple(said.targets)
        name = said.profile or said.name or self.root.name
        path = profiles.find_profiles(self.root, profiles_dir, self.environ)
        if path is not None:
            found = profiles.profile_target(path, name, asked, self.root, self.render)
            if found is not None:
                return found
        file = f"{said.name or self.root.name}.duckdb"
        emit(Warned(f"no target is set up, so everything goes to {file} in the project", details={"profile": name}))
        return Target("dev", profiles.duckdb_url(file, self.root), "main", 4, profiles.duckdb_name(file)), ("dev",)

    def _own_target(self, said: ProjectFile, asked: str | None) -> Target:
        name = asked or said.target or next(iter(said.targets))
        spec = said.targets.get(name)
        if spec is None:
            hint = did_you_mean(name, said.targets) or f"targets: {', '.join(said.targets)}"
            raise TargetUnknown(f"there is no target {name!r}", where=self.document.key_place("targets"), hint=hint)
        at = ("targets", name, "url")
        url = resolve(spec.url, self.environ, self.document, at)
        schema: str | None = resolve(spec.schema_, self.environ, self.document, at)
        urls.split(url, f"the URL of target {name!r}", self.document.place(*at))
        target = target_of(name, url, self.root, schema, spec.threads)
        if not spec.settings:
            return target
        where = self.document.key_place("targets", name, "settings")
        if not url.startswith("duckdb:"):
            raise ConfigInvalid(
                f"`settings:` are of DuckDB, and target {name!r} is none", where=where, hint="take them out"
            )
        return replace(target, setup=Setup(settings=spec.settings, place=where))

    def names(self, target: Target | None) -> dict[str, Any]:
        """The names that the Jinja of the file sees."""
        profile = str(self.data.get("profile") or self.data.get("name"))
        return render_names(self.variables, self.environ, self.data, target, profile)

    def render(self, value: Any, document: Document, at: tuple[Any, ...]) -> Any:
        """A value with its Jinja evaluated, where the target is not known yet."""
        return render(value, self.names(None), document, at)
