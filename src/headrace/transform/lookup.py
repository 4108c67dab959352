"""Which macro materializes a model, where it is not headrace that does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.errors import TemplateInvalid

if TYPE_CHECKING:
    from headrace.project.macros import Macro
    from headrace.project.nodes import Model
    from headrace.project.template import Templates

BUILTIN = ("table", "view", "incremental", "ephemeral", "external")
_OF_THE_ENGINE = {"duckdb": ("table", "incremental", "external")}
"""Of which materializations dbt's adapter has one of its own, which only one that names the engine overrides."""


def materialization_of(node: Model, templates: Templates) -> Macro | None:
    """The macro of the project or a package that materializes the model, None where headrace does. Raises TemplateInvalid.

    One for the engine comes before one for all, wherever they are, as in dbt; then one of the project before one of a package.
    """
    builtin = node.materialized in BUILTIN
    adapters = [templates.dialect]
    if node.materialized not in _OF_THE_ENGINE.get(templates.dialect, ()):
        adapters.append("default")
    packages = [templates.project] if builtin else [templates.project, *templates.macros.packages]
    for adapter in adapters:
        for package in packages:
            found = templates.macros.find(f"materialization_{node.materialized}_{adapter}", package)
            if found is not None:
                return found
    if builtin:
        return None
    raise TemplateInvalid(
        f"no macro defines the materialization {node.materialized!r}",
        where=node.place,
        hint=f"{', '.join(BUILTIN)} are there; others are written as {{% materialization {node.materialized}, default %}}",
    )
