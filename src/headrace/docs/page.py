"""The documentation of a project as one HTML file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from headrace.project.manifest import Manifest


def page(manifest: Manifest, catalog: Mapping[str, Any], compiled: Mapping[str, str], at: datetime) -> str:
    """The file's text."""
    return f"<!doctype html><title>{manifest.settings.name}</title>{at}{len(catalog)}{len(compiled)}"
