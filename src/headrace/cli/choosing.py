"""Which nodes a command is about, and in which circumstances their SQL is made."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from headrace.cli.artifacts import flags_of
from headrace.cli.earlier import deferred, earlier
from headrace.cli.opening import kind
from headrace.cli.options import words
from headrace.errors import UsageError

if TYPE_CHECKING:
    from headrace.cli.options import Asked
    from headrace.project.manifest import Manifest
    from headrace.transform.runtime import Runtime


def selected(manifest: Manifest, asked: Asked) -> tuple[str, ...]:
    """The ids that the command line selects; all where it says nothing. Raises SelectionEmpty."""
    from headrace.project.selector_files import named_selection
    from headrace.project.selectors import select as choose

    mode, state = asked.indirect_selection, earlier(asked)
    if asked.selector and (asked.select or asked.exclude):
        raise UsageError("--selector goes without --select and --exclude", hint="put all of it into selectors.yml")
    found: tuple[str, ...] | None = None
    if asked.selector or not (asked.select or asked.exclude):
        found = named_selection(manifest, asked.selector, indirect=mode, earlier=state)
    if found is None:
        found = choose(manifest, words(asked.select), words(asked.exclude), indirect=mode, earlier=state)
    kinds, not_kinds = set(asked.resource_types) - {"all", "default"}, set(asked.exclude_resource_types)
    if "all" in asked.resource_types or "default" in asked.resource_types:
        kinds = set()
    return tuple(one for one in found if (not kinds or kind(one) in kinds) and kind(one) not in not_kinds)


def runtime_of(asked: Asked, manifest: Manifest, which: str, chosen: tuple[str, ...]) -> Runtime:
    """For compiling without a run: incremental models give their whole query."""
    from headrace.transform.runtime import Runtime

    flags = {**flags_of(asked, which), "FULL_REFRESH": True}
    return Runtime(
        manifest=manifest,
        started=datetime.now(UTC),
        invocation=which,
        flags=flags,
        selected=chosen,
        deferred=deferred(asked, manifest, chosen),
    )
