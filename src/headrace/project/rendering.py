"""The Jinja inside YAML values."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from headrace.project.macros import Macros
from headrace.project.template import Templates

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.project.files import Document

_HOOKS = {"pre-hook", "post-hook", "pre_hook", "post_hook", "+pre-hook", "+post-hook", "+pre_hook", "+post_hook"}
"""Keys whose templates are rendered when they run."""


@cache
def _templates() -> Templates:
    return Templates(Macros("", (), {}), "duckdb", "")


def render(value: Any, names: Mapping[str, Any], document: Document, at: tuple[Any, ...]) -> Any:
    """A value with the Jinja of its texts evaluated, as dbt does: one expression keeps its type. Raises TemplateInvalid."""
    if isinstance(value, dict):
        return {
            key: item if key in _HOOKS else render(item, names, document, (*at, key)) for key, item in value.items()
        }
    if isinstance(value, list):
        return [render(item, names, document, (*at, place)) for place, item in enumerate(value)]
    if not isinstance(value, str):
        return value
    if "{{" not in value and "{%" not in value:
        return value.removesuffix("\n")  # as templates do with the last line of a block of text
    return _templates().evaluate(value, names, document.place(*at))
