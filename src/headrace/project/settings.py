"""The settings of a project for one target, whichever files they come from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from headrace.project.setup import Setup

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from headrace.project.sources import Stream

Dialect: TypeAlias = Literal["duckdb", "postgres"]
Publishing: TypeAlias = Literal["after_tests", "always"]
Guessing: TypeAlias = Literal["careful", "dbt"]
Naming: TypeAlias = Literal["schema", "database"]
Unknown: TypeAlias = Literal["refused", "empty"]


@dataclass(frozen=True, slots=True)
class Target:
    """A warehouse to build in. `url` may hold a password: its repr leaves it out."""

    name: str
    url: str = field(repr=False)
    schema: str
    threads: int = 4
    database: str | None = None
    setup: Setup = field(default_factory=Setup, repr=False)
    """What a session of DuckDB needs before it does anything."""

    @property
    def dialect(self) -> Dialect:
        """The engine's dialect, which is also `target.type` in templates."""
        return "postgres" if self.url.startswith("postgres") else "duckdb"


@dataclass(frozen=True, slots=True)
class Paths:
    """Folders of a project, relative to its root; dbt's defaults."""

    models: tuple[str, ...] = ("models",)
    seeds: tuple[str, ...] = ("seeds",)
    macros: tuple[str, ...] = ("macros",)
    tests: tuple[str, ...] = ("tests",)
    snapshots: tuple[str, ...] = ("snapshots",)
    analyses: tuple[str, ...] = ("analyses",)
    docs: tuple[str, ...] = ("models", "seeds", "snapshots", "analyses", "macros", "tests")
    packages: str = "dbt_packages"


@dataclass(frozen=True, slots=True)
class Trees:
    """Config by folder, as `models:` with `+key`s in the project file gives it, with its Jinja rendered."""

    models: Mapping[str, Any] = field(default_factory=dict)
    seeds: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, Any] = field(default_factory=dict)
    data_tests: Mapping[str, Any] = field(default_factory=dict)
    snapshots: Mapping[str, Any] = field(default_factory=dict)
    unit_tests: Mapping[str, Any] = field(default_factory=dict)
    exposures: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    semantic_models: Mapping[str, Any] = field(default_factory=dict)
    saved_queries: Mapping[str, Any] = field(default_factory=dict)
    written: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The same trees by these names before their Jinja was rendered."""


@dataclass(frozen=True, slots=True)
class Project:
    """The project itself or a package of it. `prefix` is the way from the project's root to its own, empty or ending in a slash."""

    name: str
    root: Path
    prefix: str = ""
    paths: Paths = field(default_factory=Paths)
    trees: Trees = field(default_factory=Trees)
    vars: Mapping[str, Any] = field(default_factory=dict)
    hooks_start: tuple[str, ...] = ()
    hooks_end: tuple[str, ...] = ()
    restrict_access: bool = False
    quoting: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Settings:
    """A project for one target: what `load_settings` makes of headrace.yml, or of dbt_project.yml and profiles.yml.

    `overrides` are the variables of the command line, which win over `vars`; `environ` is the environment with `.env` below it.
    """

    name: str
    root: Path
    target: Target
    targets: tuple[str, ...]
    vars: Mapping[str, Any] = field(default_factory=dict)
    overrides: Mapping[str, Any] = field(default_factory=dict)
    paths: Paths = field(default_factory=Paths)
    trees: Trees = field(default_factory=Trees)
    streams: tuple[Stream, ...] = ()
    dispatch: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    hooks_start: tuple[str, ...] = ()
    hooks_end: tuple[str, ...] = ()
    alerts: tuple[Mapping[str, Any], ...] = ()
    profile: str = "default"
    publish: Publishing = "after_tests"
    """Whether a table waits for its tests before readers see it, or is published even if they fail, as by dbt."""
    seed_types: Guessing = "careful"
    """Whether a seed's types are guessed without losing anything of what is written, or exactly as by dbt."""
    relation_names: Naming = "schema"
    """Whether a relation prints with its schema, so that a database can be moved, or with the database's name too, as by dbt."""
    unknown_names: Unknown = "refused"
    """Whether a template may write out a name that means nothing, which gives nothing by dbt."""
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    flags: Mapping[str, Any] = field(default_factory=dict)
    """The project file's `flags:`."""
    quoting: Mapping[str, Any] = field(default_factory=dict)
    query_comment: Any = None
    restrict_access: bool = False
    lenient: bool = False
    """Whether unknown keys in YAML are warned of rather than refused."""
    artifacts: Path | None = None
    """Where manifest.json, run_results.json and the compiled SQL go for other tools: dbt's `target-path`; None where nobody asks."""
    clean: tuple[str, ...] = ()
    """The folders that `headrace clean` empties, beside headrace's own: dbt's `clean-targets`."""
    state: Path | None = None
    """Where headrace keeps what it makes, if that is not in the project."""

    @property
    def project(self) -> Project:
        """The project as one among its packages."""
        return Project(
            name=self.name,
            root=self.root,
            paths=self.paths,
            trees=self.trees,
            vars=self.vars,
            hooks_start=self.hooks_start,
            hooks_end=self.hooks_end,
            restrict_access=self.restrict_access,
            quoting=self.quoting,
        )

    @property
    def native(self) -> bool:
        """Whether there is a headrace.yml: such a project is held to headrace's rules where dbt's are looser."""
        return (self.root / "headrace.yml").is_file()

    @property
    def folder(self) -> Path:
        """Where headrace keeps what it makes: `.headrace` in the project, unless it is said otherwise."""
        return self.state or self.root / ".headrace"
