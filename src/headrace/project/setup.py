"""What a session of DuckDB needs before it does anything: extensions, settings, secrets and other databases, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from headrace.errors import Place


@dataclass(frozen=True, slots=True)
class Attached:
    """Another database beside the target's own. `path` is whole where it is a file; `options` are those of ATTACH."""

    path: str
    alias: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """What DuckDB's secret manager is to know. `values` are the keys of CREATE SECRET; its repr leaves them out."""

    name: str
    kind: str
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    scope: tuple[str, ...] = ()
    persistent: bool = False
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Setup:
    """What is done once for the database, and for `settings` and `folder` in each session.

    `folder` is where relative paths begin; `connect_attempts` how often a database that another process holds is tried.
    """

    folder: Path | None = None
    extensions: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    """Options that only the opening of a database takes."""
    secrets: tuple[StoredSecret, ...] = ()
    attached: tuple[Attached, ...] = ()
    catalog: str | None = None
    """The attached database that everything is built in, where it is not the target's own."""
    external_root: str = "."
    """The folder of files that models become, where they say no place of their own."""
    module_paths: tuple[str, ...] = ()
    """Folders whose modules models in Python may import."""
    connect_attempts: int = 1
    place: Place | None = None
