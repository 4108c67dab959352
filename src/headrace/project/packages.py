"""Packages: projects inside the project's package folder, with models, macros and settings of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.errors import ConfigInvalid, NameTaken, PackagesMissing, Place
from headrace.project.files import Document, read_yaml
from headrace.project.names import PLAIN, Variables, env_var, target_names
from headrace.project.project_file import ProjectFile
from headrace.project.rendering import render
from headrace.project.settings import Paths, Project, Trees
from headrace.project.validate import validate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from headrace.project.settings import Settings, Target

TREES = (
    "models",
    "seeds",
    "sources",
    "snapshots",
    "unit_tests",
    "exposures",
    "metrics",
    "semantic_models",
    "saved_queries",
)
"""The keys of a project file that hold config by folder; those of tests have two names."""
_WRITTEN = {name: name.replace("_", "-") if name != "unit_tests" else name for name in TREES}
LISTS = ("packages.yml", "dependencies.yml")
"""Files that list the packages a project needs."""


def installed(settings: Settings) -> tuple[Project, ...]:
    """The packages in a project's package folder, in order of their names.

    Raises PackagesMissing where the project asks for more packages than there are, NameTaken, and what files can have wrong.
    """
    found: dict[str, Project] = {settings.name: settings.project}
    for package in _found(settings):
        if package.name in found:
            raise NameTaken(
                f"two packages are called {package.name!r}", where=Place(f"{package.prefix}dbt_project.yml")
            )
        found[package.name] = package
    del found[settings.name]
    _enough(settings, found)
    return tuple(found[name] for name in sorted(found))


def _enough(settings: Settings, found: Mapping[str, Project]) -> None:
    """As many packages as are asked for are there; a package may bring others, so more of them say nothing."""
    for name in LISTS:
        path = settings.root / name
        asked = ((read_yaml(path, settings.root).data or {}).get("packages") or []) if path.is_file() else []
        if len(asked) > len(found):
            held = "none" if not found else f"{len(found)} of {len(asked)}: {', '.join(sorted(found))}"
            raise PackagesMissing(
                f"the project needs packages, and {settings.paths.packages} holds {held}",
                where=Place(name),
                hint="install them with: headrace deps",
            )


def _found(settings: Settings) -> Iterator[Project]:
    folder = settings.root / settings.paths.packages
    for path in sorted(folder.glob("*/dbt_project.yml")):
        document = read_yaml(path, settings.root, old=True)
        if not isinstance(document.data, dict) or "name" not in document.data:
            raise ConfigInvalid("a package's dbt_project.yml has a name", where=document.place())
        yield _package(settings, document, path.parent)


def _package(settings: Settings, document: Document, root: Path) -> Project:
    known = {(field.alias or name) for name, field in ProjectFile.model_fields.items()}
    # What a package says beyond what is known is its author's affair, and whoever installs it cannot change it.
    data = {key: value for key, value in document.data.items() if key in known}
    names = render_names(settings.overrides, settings.environ, data, settings.target, settings.profile)
    plain = {
        key: value if isinstance(value, dict) else _late(key, value, names, document) for key, value in data.items()
    }
    said = validate(ProjectFile, plain, document)
    return Project(
        name=str(said.name),
        root=root,
        prefix=f"{settings.paths.packages}/{root.name}/",
        paths=paths_of(said),
        trees=trees_of(data, names, document),
        vars=said.vars,
        hooks_start=said.on_run_start,
        hooks_end=said.on_run_end,
        restrict_access=said.restrict_access,
        quoting=said.quoting,
    )


def _late(key: str, value: Any, names: Mapping[str, Any], document: Document) -> Any:
    return value if key.startswith("on-run") or key == "query-comment" else render(value, names, document, (key,))


def render_names(
    variables: Mapping[str, Any],
    environ: Mapping[str, str],
    data: Mapping[str, Any],
    target: Target | None,
    profile: str,
) -> dict[str, Any]:
    """The names of the Jinja in a project file. Of dbt's files, it sees the command line's variables only, as by dbt."""
    names: dict[str, Any] = {
        **PLAIN,
        "var": Variables({}, variables, str(data.get("name"))),
        "env_var": env_var(environ),
        "project_name": data.get("name"),
    }
    if target is not None:
        names["target"] = target_names(target, profile)
    return names


def trees_of(data: Mapping[str, Any], names: Mapping[str, Any], document: Document) -> Trees:
    """The config trees of a project file, with their Jinja rendered."""
    from headrace.project.streams import merged

    trees = {name: render(data.get(written) or {}, names, document, (written,)) for name, written in _WRITTEN.items()}
    tests = [render(data.get(name) or {}, names, document, (name,)) for name in ("tests", "data_tests")]
    written = {name: data.get(key) or {} for name, key in _WRITTEN.items()}
    written["data_tests"] = merged(data.get("tests") or {}, data.get("data_tests") or {})
    return Trees(**trees, data_tests=merged(*tests), written=written)


def paths_of(said: ProjectFile) -> Paths:
    """The folders that a project file names."""
    models, seeds = said.source_paths or said.model_paths, said.data_paths or said.seed_paths
    docs = said.docs_paths or (
        *models,
        *seeds,
        *said.snapshot_paths,
        *said.analysis_paths,
        *said.macro_paths,
        *said.test_paths,
    )
    return Paths(
        models=models,
        seeds=seeds,
        macros=said.macro_paths,
        tests=said.test_paths,
        snapshots=said.snapshot_paths,
        analyses=said.analysis_paths,
        docs=tuple(dict.fromkeys(docs)),
        packages=said.packages_install_path,
    )
