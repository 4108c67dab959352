"""Which macro materializes a model, where it is not headrace that does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.errors import TemplateInvalid

if TYPE_CHECKING:
    from headrace.project.macros import Macro
    from headrace.project.nodes import Model
    from headrace.project.template import Templates

BUILTIN = ("table", "view", "incremental", "ephemeral")


def materialization_of(node: Model, templates: Templates) -> Macro | None:
    """The macro of the project or a package that materializes the model, None where headrace does. Raises TemplateInvalid."""
    names = [f"materialization_{node.materialized}_{one}" for one in (templates.dialect, "default")]
    packages = [templates.project] if node.materialized in BUILTIN else [templates.project, *templates.macros.packages]
    for package in packages:
        for name in names:
            found = templates.macros.find(name, package)
            if found is not None:
                return found
    if node.materialized in BUILTIN:
        return None
    raise TemplateInvalid(
        f"no macro defines the materialization {node.materialized!r}",
        where=node.place,
        hint=f"{', '.join(BUILTIN)} are there; others are written as {{% materialization {node.materialized}, default %}}",
    )
