"""Installed packages: folders of macros that projects call by the package's name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.events import Warned, emit
from headrace.project.files import read_yaml
from headrace.project.macros import Package

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def installed(root: Path, folder: str) -> tuple[Package, ...]:
    """The packages in a project's package folder, in order of their folders."""
    return tuple(_found(root / folder))


def _found(folder: Path) -> Iterator[Package]:
    for path in sorted(folder.glob("*/dbt_project.yml")):
        data = read_yaml(path, folder).data or {}
        name = str(data.get("name") or path.parent.name)
        paths = data.get("macro-paths") or ["macros"]
        models = data.get("model-paths") or ["models"]
        tests = data.get("test-paths") or ["tests"]
        if any(next((path.parent / one).rglob("*.sql"), None) for one in models):
            emit(
                Warned(
                    f"the models of the package {name} are not built yet; its macros are used",
                    where=f"{folder.name}/{name}",
                )
            )
        yield Package(name, path.parent, (*paths, *(f"{one}/generic" for one in tests)))
