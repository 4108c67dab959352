"""Who may refer to a model: its group where it is private, its project where that restricts access."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.errors import AccessDenied, ConfigInvalid, did_you_mean
from headrace.project.nodes import Model

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from headrace.project.nodes import Group, Node

_LEVELS = ("private", "protected", "public")


def check_access(nodes: Mapping[str, Node], groups: Iterable[Group], restricting: set[str]) -> None:
    """Check every reference to a model. `restricting` are the packages with `restrict-access: true`.

    Raises AccessDenied, and ConfigInvalid where a group or an access is unknown.
    """
    known = {group.name for group in groups}
    guarded: dict[str, Model] = {}
    for one, node in nodes.items():
        if node.group is not None and node.group not in known and isinstance(node, Model):
            hint = did_you_mean(node.group, known) or "declare it under `groups:`"
            raise ConfigInvalid(f"{node.name}: there is no group {node.group!r}", where=node.place, hint=hint)
        if isinstance(node, Model):
            if node.access not in _LEVELS:
                hint = did_you_mean(node.access, _LEVELS) or f"one of {', '.join(_LEVELS)}"
                raise ConfigInvalid(f"{node.name}: access {node.access!r} is not known", where=node.place, hint=hint)
            if node.access == "private" or (node.access == "protected" and node.package in restricting):
                guarded[one] = node
    if guarded:
        for node in nodes.values():
            for parent in node.depends_on:
                if parent in guarded:
                    _check(node, guarded[parent], restricting)


def _check(node: Node, target: Model, restricting: set[str]) -> None:
    foreign = node.package != target.package and target.package in restricting
    if target.access == "private" and (node.group != target.group or foreign):
        owner = f"the group {target.group!r}" if target.group else "no group"
        raise AccessDenied(f"{node.name} may not refer to {target.name}, which is private to {owner}", where=node.place)
    if target.access == "protected" and foreign:
        raise AccessDenied(
            f"{node.name} may not refer to {target.name}, which is protected in the package {target.package}",
            where=node.place,
        )
