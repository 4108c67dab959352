"""Facts about a run, in the past tense.

Stages say what happened with `emit`; logs, the live display, the history, metrics and alerts are listeners. Events carry names
and counts, never the values of rows.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run began: its id, the command, the target's name and the ids of its steps in order."""

    run: str
    command: str
    target: str
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunFinished:
    """A run ended. `status` is success, error or interrupted."""

    run: str
    status: str
    seconds: float


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A step of the plan began."""

    step: str


@dataclass(frozen=True, slots=True)
class StepFinished:
    """A step ended, with its rows and, where it failed, the error, and whether that may be otherwise at another time.

    `status` is success, warn, error, skipped, interrupted, reused, or `partial success` where only some of a model's batches were built.
    """

    step: str
    status: str
    seconds: float
    rows: int | None = None
    message: str | None = None
    code: str | None = None
    where: str | None = None
    hint: str | None = None
    passes: bool = True


FAILED = frozenset({"error", "partial success"})
"""The statuses of steps that make their run one that failed."""


@dataclass(frozen=True, slots=True)
class BatchFinished:
    """A window of a microbatch model ended: success, error, skipped, or reused where an earlier run built it. Times are ISO 8601."""

    step: str
    start: str
    end: str
    status: str


@dataclass(frozen=True, slots=True)
class PageFetched:
    """A page of a stream arrived, with so many records and bytes."""

    stream: str
    page: int
    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class RequestRetried:
    """A request failed for a reason that may pass; the next attempt comes after `delay` seconds."""

    stream: str
    attempt: int
    delay: float
    reason: str


@dataclass(frozen=True, slots=True)
class SegmentLanded:
    """Rows of a stream are safe on disk: nothing fetched before this is fetched again."""

    stream: str
    segment: str
    rows: int


@dataclass(frozen=True, slots=True)
class LoadAdvanced:
    """So many of a hundred parts of the statement that loads a stream's rows were done."""

    stream: str
    percent: int


@dataclass(frozen=True, slots=True)
class SegmentDied:
    """A page or file went on failing; its request is kept for `headrace quarantine replay`."""

    stream: str
    segment: str
    reason: str


@dataclass(frozen=True, slots=True)
class SchemaChanged:
    """A table made room for what arrived; `change` is a sentence such as `added column note varchar`."""

    table: str
    change: str


@dataclass(frozen=True, slots=True)
class RowsLoaded:
    """A load was committed. The counts balance: read = inserted + updated + unchanged + duplicate + filtered + quarantined."""

    stream: str
    table: str
    load: str
    read: int
    inserted: int
    updated: int
    unchanged: int
    duplicate: int
    filtered: int
    quarantined: int


@dataclass(frozen=True, slots=True)
class RowsQuarantined:
    """Rows were kept out of a table, by reason."""

    stream: str
    reason: str
    rows: int


@dataclass(frozen=True, slots=True)
class ModelBuilt:
    """A model's query ran; its result is not yet what readers see."""

    model: str
    table: str
    rows: int | None


@dataclass(frozen=True, slots=True)
class CheckFinished:
    """A test ended: pass, warn, fail or error, with the number of failures it found."""

    check: str
    model: str | None
    status: str
    failures: int
    seconds: float
    message: str | None = None


@dataclass(frozen=True, slots=True)
class TablePublished:
    """Readers of the table now see what was built."""

    model: str
    table: str


@dataclass(frozen=True, slots=True)
class Warned:
    """Something the user should know that stops nothing."""

    message: str
    where: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Said:
    """A macro of the project spoke by `log` or `print`; `shown` means that its author wants it on the terminal."""

    message: str
    shown: bool


Event: TypeAlias = (
    RunStarted
    | RunFinished
    | StepStarted
    | StepFinished
    | BatchFinished
    | PageFetched
    | RequestRetried
    | SegmentLanded
    | SegmentDied
    | LoadAdvanced
    | SchemaChanged
    | RowsLoaded
    | RowsQuarantined
    | ModelBuilt
    | CheckFinished
    | TablePublished
    | Warned
    | Said
)
"""All kinds of event: the telemetry reference."""

Listener: TypeAlias = "Callable[[Event], None]"
"""A listener is called in the thread that emits, so it is quick and thread-safe; what it raises stops the step."""

_listeners: ContextVar[tuple[Listener, ...]] = ContextVar("listeners", default=())


def emit(event: Event) -> None:
    """Tell everyone who listens."""
    for listener in _listeners.get():
        listener(event)


@contextmanager
def listening(*listeners: Listener) -> Iterator[None]:
    """Have these called for what is emitted inside the block, in this context and in copies of it."""
    token = _listeners.set((*_listeners.get(), *listeners))
    try:
        yield
    finally:
        _listeners.reset(token)


def as_record(event: Event) -> dict[str, Any]:
    """The event as a JSON-ready mapping whose key `event` is its kind."""
    # The fields of events are values: `asdict` would look for dataclasses in each of them, at ten times the cost.
    return {"event": type(event).__name__, **{name: getattr(event, name) for name in event.__dataclass_fields__}}
