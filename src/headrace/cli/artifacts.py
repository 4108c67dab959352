"""Artifacts for other tools: which are written when, and what they say of the command line."""

from __future__ import annotations

import sys
import uuid
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from headrace.cli.options import Asked
    from headrace.docs.envelope import Invocation
    from headrace.docs.results import Recorder
    from headrace.project.manifest import Manifest

_FLAGS = (
    "full_refresh", "store_failures", "fail_fast", "empty", "sample", "event_time_start", "event_time_end", "defer", "favor_state",
    "state", "defer_state", "target", "profile", "target_path", "threads", "quiet", "warn_error", "write_json", "indirect_selection",
    "selector", "project_dir", "profiles_dir", "debug", "log_format", "log_path",
)  # fmt: skip


def flags_of(asked: Asked, command: str) -> dict[str, Any]:
    """Dbt's flags in capitals, as `flags.X` has them in templates."""
    from headrace.cli.opening import variables

    flags = {name.upper(): getattr(asked, name) for name in _FLAGS}
    return {
        **flags,
        "WHICH": command,
        "PRINT": asked.show_prints,
        "USE_COLORS": not asked.no_color,
        "VARS": dict(variables(asked.vars)),
        "SELECT": list(asked.select),
        "EXCLUDE": list(asked.exclude),
        "INVOCATION_COMMAND": " ".join(_words()),
    }


def invocation_of(asked: Asked, command: str) -> Invocation:
    """This call of a command, as artifacts name it."""
    from headrace.cli.opening import variables
    from headrace.docs.envelope import Invocation

    flags: dict[str, Any] = {name: value for name in _FLAGS if (value := getattr(asked, name)) is not None}
    flags |= {"select": list(asked.select), "exclude": list(asked.exclude), "vars": dict(variables(asked.vars))}
    return Invocation(str(uuid.uuid4()), datetime.now(UTC), command, _words(), flags)


def _words() -> tuple[str, ...]:
    return ("headrace", *sys.argv[1:])


def compiled_of(manifest: Manifest, nodes: Iterable[str]) -> dict[str, str]:
    """The SQL that was compiled of these nodes, read back from where it is kept."""
    from headrace.project.nodes import Analysis, DataTest, Model, Snapshot, UnitTest
    from headrace.project.target_files import compiled_path

    found = {}
    for one in nodes:
        node = manifest.nodes[one]
        if isinstance(node, Model | DataTest | Snapshot | Analysis | UnitTest):
            with suppress(FileNotFoundError):
                found[one] = compiled_path(node, manifest.settings).read_text(encoding="utf-8")
    return found


def write_manifest(
    asked: Asked, manifest: Manifest, invocation: Invocation, compiled: Mapping[str, str] | None = None
) -> None:
    """manifest.json, where the project or the command line asks for artifacts."""
    if manifest.settings.artifacts is None or not asked.write_json:
        return
    from headrace.docs.envelope import write
    from headrace.docs.manifest import manifest_document

    write(manifest.settings.artifacts, "manifest.json", manifest_document(manifest, invocation, compiled or {}))


@contextmanager
def recording(
    asked: Asked, manifest: Manifest, invocation: Invocation, chosen: tuple[str, ...]
) -> Iterator[Recorder | None]:
    """A block around a run, after which manifest.json and run_results.json are written; the listener that it needs."""
    if manifest.settings.artifacts is None or not asked.write_json:
        yield None
        return
    from headrace.docs.envelope import write
    from headrace.docs.results import Recorder, results_document

    recorder = Recorder()
    try:
        yield recorder
    finally:
        ran = [one for one in (*recorder.steps, *recorder.checks) if one in manifest.nodes]
        compiled = compiled_of(manifest, dict.fromkeys(ran))
        write_manifest(asked, manifest, invocation, compiled)
        document = results_document(manifest, recorder, invocation, chosen, compiled)
        write(manifest.settings.artifacts, "run_results.json", document)
