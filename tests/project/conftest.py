from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from headrace.project.loading import load_settings
from headrace.project.manifest import load_manifest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from headrace.project.manifest import Manifest

    Make = Callable[..., Manifest]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[dict[str, str]], Path]:
    """Write files of a project; the folder they are in."""

    def files(contents: dict[str, str]) -> Path:
        for name, text in {"headrace.yml": "name: shop\ntargets: {dev: 'duckdb:///shop.duckdb'}\n", **contents}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path

    return files


@pytest.fixture
def manifest(write: Callable[[dict[str, str]], Path]) -> Make:
    """The manifest of a project made of these files."""

    def read(contents: dict[str, str], variables: dict[str, object] | None = None) -> Manifest:
        return load_manifest(load_settings(write(contents), vars=variables, environ={"HOME": "/nowhere"}))

    return read
