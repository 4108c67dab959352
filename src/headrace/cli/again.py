"""What an earlier run left undone, and how it was asked for."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headrace.cli.options import Asked
    from headrace.run.history import RunRecord
    from headrace.transform.batches import Rest

KEPT = (
    "vars", "full_refresh", "empty", "sample", "event_time_start", "event_time_end", "store_failures", "defer", "favor_state",
    "defer_state", "warn_error", "profile", "target_path",
)  # fmt: skip
"""What a run is asked for that doing the rest of it repeats."""
_DONE = {"success", "warn", "reused", "pass", "no-op"}


@dataclass(frozen=True, slots=True)
class Left:
    """The command, the ids of nodes that did not succeed, and what was asked for, with what is asked for now on top.

    `rests` says which windows are left of microbatch models of which some were built, `until` when the run began.
    """

    command: str
    ids: frozenset[str]
    asked: Asked
    rests: Mapping[str, Rest]
    until: datetime | None


def kept(asked: Asked) -> dict[str, Any]:
    """What to write down of what is asked for, so that `retry` can ask for it again."""
    return {name: value for name in KEPT if (value := getattr(asked, name))}


def left_of(asked: Asked, run_id: str | None, commands: Sequence[str]) -> Left:
    """Of a run of this project, or of the last one of these commands. Raises UsageError where there is nothing to do again."""
    from headrace.cli.opening import history_of, last_run, read_settings, warnings_said
    from headrace.run.history import batches, steps

    with warnings_said(asked):
        settings = read_settings(asked)
    record = last_run(settings, run_id, commands)
    if record.command not in commands:
        raise UsageError(f"run {record.id} was a '{record.command}', which cannot be done again in parts")
    ids = {step.id for step in steps(history_of(settings), record) if step.status not in _DONE}
    if not ids:
        raise UsageError(f"all of run {record.id} succeeded", hint="`headrace build` does everything again")
    windows: dict[str, dict[bool, list[tuple[str, str]]]] = {}
    for one in batches(history_of(settings), record):
        built = one.status in ("success", "reused")
        windows.setdefault(one.step, {True: [], False: []})[built].append((one.start, one.end))
    began = datetime.fromtimestamp(record.started, UTC)
    return Left(record.command, frozenset(ids), _as_then(asked, record), _rests(windows), began)


def _rests(windows: Mapping[str, Mapping[bool, Sequence[tuple[str, str]]]]) -> dict[str, Rest]:
    """What is left of models by their windows, those built and those not. A model of which nothing was built is made anew."""
    from headrace.transform.batches import Rest

    return {one: Rest(tuple(of[True]), tuple(of[False])) for one, of in windows.items() if of[True] and of[False]}


def _as_then(asked: Asked, record: RunRecord) -> Asked:
    return _over(asked, {name: value for name, value in record.arguments.items() if name in KEPT and value})


def _over(asked: Asked, then: Mapping[str, Any]) -> Asked:
    """What was asked for then, with what is asked for now on top."""
    whole = replace(asked)
    for name, value in then.items():
        if not getattr(asked, name):
            setattr(whole, name, value)
    return whole


def left_of_artifacts(asked: Asked) -> Left:
    """Of the run whose run_results.json is in the folder of `--state`, headrace's or dbt's."""
    from headrace.transform.batches import moment

    path = Path(str(asked.state)) / "run_results.json"
    try:
        data: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    ids = frozenset(one["unique_id"] for one in data["results"] if one["status"] not in _DONE)
    if not ids:
        raise UsageError(f"all of the run in {path} succeeded")
    arguments = data.get("args") or {}
    then = {name: arguments.get(name) for name in KEPT if arguments.get(name)}
    if isinstance(then.get("vars"), dict):
        then["vars"] = json.dumps(then["vars"])
    windows = {
        one["unique_id"]: {
            built: [(start, end) for start, end in one["batch_results"][key]]
            for built, key in ((True, "successful"), (False, "failed"))
        }
        for one in data["results"]
        if one.get("batch_results")
    }
    metadata = data.get("metadata") or {}
    began = metadata.get("invocation_started_at") or metadata.get("generated_at")
    until = moment(began) if began else None
    return Left(str(arguments.get("which") or "build"), ids, _over(asked, then), _rests(windows), until)
