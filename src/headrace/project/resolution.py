"""Config of a node: the project's tree, then the YAML beside the node, then the file itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_ADDED = {"tags", "pre_hook", "post_hook", "packages"}
"""Lists that grow from level to level."""
_MERGED = {"meta", "docs", "quoting", "column_types", "grants", "contract"}
"""Mappings whose keys are merged from level to level; anything else is replaced."""


def resolve_config(*levels: Mapping[str, Any]) -> dict[str, Any]:
    """One config from several levels, the later winning."""
    result: dict[str, Any] = {}
    for level in levels:
        for written, value in level.items():
            key = {"pre-hook": "pre_hook", "post-hook": "post_hook"}.get(written, written)
            if key in _ADDED:
                result[key] = [*result.get(key, []), *(value if isinstance(value, list | tuple) else [value])]
            elif key in _MERGED and isinstance(value, dict):
                result[key] = {**result.get(key, {}), **{name.removeprefix("+"): item for name, item in value.items()}}
            else:
                result[key] = value
    return result


def tree_levels(tree: Mapping[str, Any], fqn: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The levels of a config tree that hold for a node, from the root to its own name."""
    level: Any = tree
    for part in (None, *fqn):
        if part is not None:
            level = level.get(part)
        if not isinstance(level, dict):
            return
        yield {
            key.removeprefix("+").strip(): value
            for key, value in level.items()
            if key.startswith("+") or not isinstance(value, dict)
        }


def words(value: Any) -> tuple[str, ...]:
    """One word or a list of them as a tuple, without repetition."""
    if value is None:
        return ()
    return tuple(dict.fromkeys(str(one) for one in (value if isinstance(value, list | tuple) else [value])))
