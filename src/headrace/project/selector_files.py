"""Selections that selectors.yml gives a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.errors import ConfigInvalid, UsageError, did_you_mean
from headrace.project.files import Document, read_yaml
from headrace.project.lists import with_lists
from headrace.project.packages import render_names
from headrace.project.rendering import render
from headrace.project.selectors import select

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.project.earlier import Earlier
    from headrace.project.manifest import Manifest
    from headrace.project.selectors import Indirect
    from headrace.project.settings import Settings

_FILE = "selectors.yml"
_KEYS = {
    "method", "value", "exclude", "children", "parents", "children_depth", "parents_depth", "childrens_parents",
    "indirect_selection",
}  # fmt: skip


def read_selectors(settings: Settings) -> tuple[dict[str, dict[str, Any]], Document]:
    """The entries of selectors.yml by name, and the file; none where there is no file. Raises ConfigInvalid."""
    path = settings.root / _FILE
    if not path.is_file():
        return {}, Document(None, _FILE)
    document = read_yaml(path, settings.root, old=not settings.native)
    listed = (document.data or {}).get("selectors") if isinstance(document.data or {}, dict) else None
    if not isinstance(listed, list) or any(not isinstance(one, dict) or "name" not in one for one in listed):
        raise ConfigInvalid("selectors is a list of mappings with a name", where=document.place("selectors"))
    names = render_names(
        settings.overrides, settings.environ, {"name": settings.name}, settings.target, settings.profile
    )
    found: dict[str, dict[str, Any]] = {}
    for place, one in enumerate(listed):
        at = ("selectors", place)
        if "definition" not in one:
            raise ConfigInvalid(f"the selector {one['name']!r} has no definition", where=document.key_place(*at))
        found[str(one["name"])] = render(one, names, document, at)
    return found, document


def named_selection(
    manifest: Manifest, name: str | None = None, *, indirect: Indirect = "eager", earlier: Earlier | None = None
) -> tuple[str, ...] | None:
    """What a selector of selectors.yml selects; without a name the default one, and None where there is none.

    Raises UsageError where the name is unknown, ConfigInvalid where its definition is not one, and what `select` raises.
    """
    entries, document = read_selectors(manifest.settings)
    if name is None:
        name = next((one for one, entry in entries.items() if entry.get("default") in (True, "true", "True")), None)
        if name is None:
            return None
    if name not in entries:
        known = f"selectors: {', '.join(entries)}" if entries else f"the project has no {_FILE}"
        raise UsageError(f"there is no selector {name!r}", hint=did_you_mean(name, entries) or known)
    chosen = _Reader(manifest, entries, document, indirect, earlier).named(name, ())
    return tuple(one for one in manifest.graph.order if one in chosen)


class _Reader:
    """Definitions as sets of ids."""

    def __init__(
        self,
        manifest: Manifest,
        entries: Mapping[str, Mapping[str, Any]],
        document: Document,
        indirect: Indirect,
        earlier: Earlier | None,
    ) -> None:
        self._manifest = manifest
        self._entries = entries
        self._document = document
        self._indirect = indirect
        self._earlier = earlier

    def named(self, name: str, above: tuple[str, ...]) -> set[str]:
        if name not in self._entries or name in above:
            what = "goes in a circle" if name in above else "is not there"
            raise self._wrong(f"the selector {name!r} {what}", above[-1] if above else name)
        return self._ids(self._entries[name]["definition"], (*above, name))

    def _ids(self, definition: Any, within: tuple[str, ...]) -> set[str]:
        if isinstance(definition, str):
            return self._word(definition, self._indirect)
        if not isinstance(definition, dict):
            raise self._wrong("a definition is text or a mapping", within[-1])
        for kind in ("union", "intersection"):
            if kind in definition:
                return self._joined(kind, definition[kind], within)
        if len(definition) == 1 and "method" not in definition:
            ((method, value),) = definition.items()
            return self._word(f"{method}:{value}", self._indirect)
        return self._criterion(definition, within)

    def _joined(self, kind: str, parts: Any, within: tuple[str, ...]) -> set[str]:
        if not isinstance(parts, list):
            raise self._wrong(f"{kind} takes a list", within[-1])
        excluding = [one for one in parts if isinstance(one, dict) and set(one) == {"exclude"}]
        sets = [self._ids(one, within) for one in parts if one not in excluding]
        joined = (set.union if kind == "union" else set.intersection)(*sets) if sets else set()
        return joined - self._excluded(excluding, within)

    def _excluded(self, entries: list[dict[str, Any]], within: tuple[str, ...]) -> set[str]:
        found = {one for entry in entries for part in entry["exclude"] or () for one in self._ids(part, within)}
        return with_lists(self._manifest.nodes, found)

    def _criterion(self, definition: Mapping[str, Any], within: tuple[str, ...]) -> set[str]:
        unknown = next((key for key in definition if key not in _KEYS), None)
        if unknown is not None or "method" not in definition or "value" not in definition:
            hint = did_you_mean(str(unknown), _KEYS) if unknown else "write method: and value:"
            raise self._wrong(
                f"a definition does not know {unknown!r}" if unknown else "a part is missing", within[-1], hint
            )
        excluded = self._excluded([dict(definition)], within) if "exclude" in definition else set()
        if definition["method"] == "selector":
            return self.named(str(definition["value"]), within) - excluded
        before = "@" if definition.get("childrens_parents") else ""
        if definition.get("parents"):
            before += f"{definition.get('parents_depth') or ''}+"
        after = f"+{definition.get('children_depth') or ''}" if definition.get("children") else ""
        indirect = definition.get("indirect_selection") or self._indirect
        return self._word(f"{before}{definition['method']}:{definition['value']}{after}", indirect) - excluded

    def _word(self, text: str, indirect: Indirect) -> set[str]:
        return set(select(self._manifest, [text], indirect=indirect, earlier=self._earlier))

    def _wrong(self, what: str, name: str, hint: str | None = None) -> ConfigInvalid:
        place = list(self._entries).index(name)
        return ConfigInvalid(what, where=self._document.place("selectors", place, "definition"), hint=hint)
