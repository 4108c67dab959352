"""The keys of headrace.yml and dbt_project.yml."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, ConfigDict, Field

from headrace.naming import Convention  # noqa: TC001 - pydantic reads the annotations
from headrace.project.config import Config


def _several(value: Any) -> Any:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value


def _tree(value: Any) -> Any:
    return {} if value is None else value


Words: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(_several)]
Tree: TypeAlias = Annotated[dict[str, Any], BeforeValidator(_tree)]


class TargetSpec(Config):
    """A target with more to say than its URL."""

    url: str
    # pydantic's models have a method of this name, which nothing here uses.
    schema_: str | None = Field(default=None, alias="schema")
    threads: int | None = Field(default=None, ge=1)
    settings: dict[str, bool | int | float | str] = Field(
        default={}, description="of DuckDB, such as `memory_limit: 4GB`"
    )


def _url(value: Any) -> Any:
    return {"url": value} if isinstance(value, str) else value


class Dispatch(Config):
    """Where the macros of a package are looked for, in order."""

    macro_namespace: str
    search_order: tuple[str, ...]


class ProjectFile(Config):
    """Everything a project file may say: headrace's keys and dbt's. Keys that change nothing here are accepted and kept."""

    model_config = ConfigDict(alias_generator=lambda name: name.rstrip("_").replace("_", "-"))

    name: str | None = None
    version: Any = None
    target: str | None = None
    targets: dict[str, Annotated[TargetSpec, BeforeValidator(_url)]] = {}
    threads: int | None = Field(default=None, ge=1)
    vars: Tree = {}
    naming: Convention | None = Field(
        default=None, description="how the columns of streams are named that say nothing of it"
    )
    publish: Literal["after_tests", "always"] | None = None
    seed_types: Literal["careful", "dbt"] | None = Field(default=None, alias="seed_types")
    relation_names: Literal["schema", "database"] | None = Field(default=None, alias="relation_names")
    unknown_names: Literal["refused", "empty"] | None = Field(default=None, alias="unknown_names")
    alerts: Annotated[tuple[dict[str, Any], ...], BeforeValidator(_several)] = ()
    profile: str | None = None
    model_paths: Words = Field(default=("models",))
    seed_paths: Words = Field(default=("seeds",))
    macro_paths: Words = Field(default=("macros",))
    test_paths: Words = Field(default=("tests",))
    snapshot_paths: Words = Field(default=("snapshots",))
    analysis_paths: Words = Field(default=("analyses",))
    docs_paths: Words = ()
    asset_paths: Words = ()
    function_paths: Words = ()
    source_paths: Words = ()
    data_paths: Words = ()
    packages_install_path: str = "dbt_packages"
    models: Tree = {}
    seeds: Tree = {}
    sources: Tree = {}
    snapshots: Tree = {}
    tests: Tree = {}
    data_tests: Tree = Field(default={}, alias="data_tests")
    unit_tests: Tree = Field(default={}, alias="unit_tests")
    metrics: Tree = {}
    exposures: Tree = {}
    semantic_models: Tree = {}
    saved_queries: Tree = {}
    functions: Tree = {}
    flags: Tree = {}
    dispatch: Annotated[tuple[Dispatch, ...], BeforeValidator(_several)] = ()
    on_run_start: Words = ()
    on_run_end: Words = ()
    quoting: Tree = {}
    query_comment: Any = None
    require_dbt_version: Any = None
    restrict_access: bool = False
    config_version: Any = None
    target_path: str | None = None
    log_path: str | None = None
    clean_targets: Words = ()
    dbt_cloud: Tree = {}
    meta: Tree = {}
