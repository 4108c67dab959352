"""dbt's run_results.json v6: how each node of a run ended, for other tools."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from headrace.docs.envelope import envelope, timestamp
from headrace.events import BatchFinished, CheckFinished, RunFinished, StepFinished, StepStarted
from headrace.project.nodes import DataTest, Exposure, Model, SavedQuery, SourceTable, UnitTest
from headrace.project.shown import relation_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from headrace.docs.envelope import Invocation
    from headrace.events import Event
    from headrace.project.manifest import Manifest
    from headrace.project.nodes import Node

_AS_TEST = {"success": "pass", "reused": "pass", "interrupted": "error"}
_AS_NODE = {"warn": "success", "reused": "success", "interrupted": "error"}


@dataclass(slots=True)
class Recorder:
    """The listener that keeps what run_results.json says, with the times and threads of the steps."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    began: dict[str, datetime] = field(default_factory=dict)
    threads: dict[str, str] = field(default_factory=dict)
    steps: dict[str, StepFinished] = field(default_factory=dict)
    checks: dict[str, CheckFinished] = field(default_factory=dict)
    batches: dict[str, dict[str, BatchFinished]] = field(default_factory=dict)
    ended: dict[str, datetime] = field(default_factory=dict)
    seconds: float = 0.0

    def __call__(self, event: Event) -> None:
        """Take note of the event. Each key is written once, by one thread."""
        match event:
            case StepStarted():
                self.began[event.step] = self.now()
                self.threads[event.step] = threading.current_thread().name
            case StepFinished():
                self.steps[event.step], self.ended[event.step] = event, self.now()
            case BatchFinished():
                self.batches.setdefault(event.step, {})[event.start] = event
            case CheckFinished():
                self.checks[event.check], self.ended[event.check] = event, self.now()
                self.threads.setdefault(event.check, threading.current_thread().name)
            case RunFinished():
                self.seconds = event.seconds
            case _:
                return


def results_document(
    manifest: Manifest,
    recorder: Recorder,
    invocation: Invocation,
    wanted: Iterable[str],
    compiled: Mapping[str, str],
) -> dict[str, Any]:
    """The file's content. `wanted` are the ids that the command was about, of which those without a step ended with the run."""
    found: dict[str, dict[str, Any] | None] = {
        one: _result(manifest, manifest.nodes[one], recorder, compiled.get(one)) for one in wanted
    }
    for one, step in recorder.steps.items():
        if one.startswith("operation."):  # a hook, which is no node
            found[one] = _entry(
                one, step.status, step.seconds, _timing(recorder, one, step.seconds), message=step.message
            )
    order = [*dict.fromkeys([*recorder.ended, *found])]
    return {
        "metadata": envelope("run-results/v6", invocation),
        "results": [result for one in order if (result := found.get(one)) is not None],
        "elapsed_time": recorder.seconds,
        "args": {"which": invocation.command, **invocation.flags, "invocation_command": " ".join(invocation.words)},
    }


def _result(manifest: Manifest, node: Node, recorder: Recorder, sql: str | None) -> dict[str, Any] | None:
    """A node's entry; None for what dbt has none for: streams, ephemeral models, and what the command does not do."""
    if isinstance(node, SourceTable):
        return None
    one = node.unique_id
    step, check = recorder.steps.get(one), recorder.checks.get(one)
    if isinstance(node, Exposure | SavedQuery):
        return _entry(one, "no-op", 0.0, [], message="NO-OP")
    if step is None and check is None:
        attached = node.attached if isinstance(node, DataTest) else None
        if attached not in recorder.steps:
            return None
        return _entry(one, "skipped", 0.0, [], message="the table it asks about was not built")
    seconds = check.seconds if check else step.seconds if step else 0.0
    table = getattr(node, "table", None)
    entry = _entry(
        one,
        _status(node, step, check),
        seconds,
        _timing(recorder, one, seconds),
        message=_message(step, check),
        thread=recorder.threads.get(one),
    )
    if check is not None:
        entry["failures"] = check.failures
    if one in recorder.batches:
        entry["batch_results"] = _batches(recorder.batches[one].values())
    if isinstance(node, DataTest | Model | UnitTest) or table is not None:
        entry |= {"compiled": sql is not None, "compiled_code": sql}
    if table is not None and entry["status"] == "success":
        entry["relation_name"] = relation_name(table, manifest.settings.target.database)
    return entry


def _batches(ended: Iterable[BatchFinished]) -> dict[str, list[list[str]]]:
    """The windows of a microbatch model; those that an earlier run built come last."""
    windows = [
        (one.status, [one.start, one.end]) for one in sorted(ended, key=lambda one: (one.status == "reused", one.start))
    ]
    built = {"success", "reused"}
    return {
        "successful": [window for status, window in windows if status in built],
        "failed": [window for status, window in windows if status not in built],
    }


def _entry(
    one: str,
    status: str,
    seconds: float,
    timing: list[dict[str, Any]],
    *,
    message: str | None,
    thread: str | None = None,
) -> dict[str, Any]:
    return {
        "status": status,
        "timing": timing,
        "thread_id": thread or "MainThread",
        "execution_time": seconds,
        "adapter_response": {},
        "message": message,
        "failures": None,
        "unique_id": one,
        "compiled": None,
        "compiled_code": None,
        "relation_name": None,
        "batch_results": None,
    }


def _status(node: Node, step: StepFinished | None, check: CheckFinished | None) -> str:
    if check is not None:
        return check.status
    word = step.status if step else "skipped"
    if isinstance(node, UnitTest) and step is not None and word == "error" and step.code is None:
        return "fail"
    words = _AS_TEST if isinstance(node, DataTest | UnitTest) else _AS_NODE
    return words.get(word, word)


def _message(step: StepFinished | None, check: CheckFinished | None) -> str | None:
    if check is not None:
        return check.message
    if step is None or step.status == "skipped":
        return None
    return step.message or ("OK" if step.status == "success" else None)


def _timing(recorder: Recorder, one: str, seconds: float) -> list[dict[str, Any]]:
    ended = recorder.ended.get(one)
    if ended is None:
        return []
    began = recorder.began.get(one) or ended - timedelta(seconds=seconds)
    first, last = timestamp(began), timestamp(ended)
    # Compiling and running are one step here, inside one transaction: the whole time is that of the execution.
    return [
        {"name": "compile", "started_at": first, "completed_at": first},
        {"name": "execute", "started_at": first, "completed_at": last},
    ]
