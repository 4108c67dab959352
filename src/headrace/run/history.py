"""What ran, when, and how it ended: `.headrace/history.db`, which other processes can read while a run goes on."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any, Self

from headrace.errors import PlaceUnusable
from headrace.events import BatchFinished, CheckFinished, RowsLoaded, RunFinished, RunStarted, StepFinished, StepStarted
from headrace.run.process import Process, alive, this_process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from headrace.events import Event

SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY, command TEXT, target TEXT, started REAL, finished REAL, status TEXT, seconds REAL,
    pid INTEGER, host TEXT, born TEXT, arguments TEXT);
CREATE TABLE IF NOT EXISTS steps (
    run TEXT, id TEXT, position INTEGER, status TEXT, started REAL, seconds REAL, rows INTEGER,
    message TEXT, code TEXT, place TEXT, hint TEXT, PRIMARY KEY (run, id));
CREATE TABLE IF NOT EXISTS checks (
    run TEXT, id TEXT, model TEXT, status TEXT, failures INTEGER, seconds REAL, message TEXT);
CREATE TABLE IF NOT EXISTS loads (
    run TEXT, stream TEXT, relation TEXT, load TEXT, read INTEGER, inserted INTEGER, updated INTEGER,
    unchanged INTEGER, duplicate INTEGER, filtered INTEGER, quarantined INTEGER);
CREATE TABLE IF NOT EXISTS batches (
    run TEXT, step TEXT, start TEXT, finish TEXT, status TEXT, PRIMARY KEY (run, step, start));
CREATE INDEX IF NOT EXISTS runs_started ON runs (started);
CREATE INDEX IF NOT EXISTS steps_id ON steps (id);
CREATE INDEX IF NOT EXISTS checks_run ON checks (run);
CREATE INDEX IF NOT EXISTS loads_run ON loads (run);
"""
_TABLES = SCHEMA.count("CREATE TABLE")
_STEP_STARTED = "UPDATE steps SET status = 'running', started = ? WHERE run = ? AND id = ?"
_STEP_FINISHED = """
INSERT INTO steps (run, id, status, seconds, rows, message, code, place, hint) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (run, id) DO UPDATE SET status = excluded.status, seconds = excluded.seconds, rows = excluded.rows,
    message = excluded.message, code = excluded.code, place = excluded.place, hint = excluded.hint
"""


@dataclass(frozen=True, slots=True)
class StepRecord:
    """A step of a run. `status` is planned, running, killed or how it ended; `started` is in seconds since 1970."""

    id: str
    status: str
    started: float | None
    seconds: float | None
    rows: int | None
    message: str | None
    code: str | None
    where: str | None
    hint: str | None


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run. `status` is running, success, error, interrupted, or killed where its process is gone without a word."""

    id: str
    command: str
    target: str
    status: str
    started: float
    seconds: float | None
    pid: int
    counts: dict[str, int]
    """How many of its steps have each status."""
    arguments: Mapping[str, Any]


class History:
    """The listener that keeps runs, steps, checks and loads. `arguments` is what doing a run again needs to know of it.

    What happens inside a step is kept in memory and written when the step ends, in one transaction. A full disk must not
    stop the run: after the first failed write it is silent, and `failed` says why.
    """

    def __init__(
        self, path: Path, arguments: Mapping[str, Any] | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.failed: sqlite3.Error | None = None
        self._clock = clock
        self._arguments = json.dumps(arguments or {})
        self._run = ""
        self._waiting: list[tuple[str, tuple[Any, ...]]] = []
        self._lock = threading.Lock()
        try:
            self._session = sqlite3.connect(path, timeout=10, check_same_thread=False, isolation_level=None)
            self._make_ready()
        except sqlite3.Error as error:
            raise _unusable(path, error) from error

    def _make_ready(self) -> None:
        # With a write-ahead log readers and the writer do not wait for each other, and a commit needs no wait for the disk.
        self._session.execute("PRAGMA journal_mode = WAL")
        self._session.execute("PRAGMA synchronous = NORMAL")
        self._session.executescript(SCHEMA)

    def __enter__(self) -> Self:
        """The history, closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Write what waits, and close."""
        self.close()

    def close(self) -> None:
        """Write what waits, and let go of the file."""
        with self._lock:
            self._commit()
            self._session.close()

    def __call__(self, event: Event) -> None:
        """Take note of the event."""
        with self._lock:
            if self.failed is None:
                self._note(event)

    def _note(self, event: Event) -> None:
        match event:
            case RunStarted():
                self._begin(event)
            case StepStarted():
                self._later(_STEP_STARTED, self._clock(), self._run, event.step)
                self._commit()
            case StepFinished():
                fields = (event.seconds, event.rows, event.message, event.code, event.where, event.hint)
                self._later(_STEP_FINISHED, self._run, event.step, event.status, *fields)
                self._commit()
            case CheckFinished():
                self._later("INSERT INTO checks VALUES (?, ?, ?, ?, ?, ?, ?)", self._run, *astuple(event))
            case BatchFinished():
                self._later("INSERT OR REPLACE INTO batches VALUES (?, ?, ?, ?, ?)", self._run, *astuple(event))
            case RowsLoaded():
                self._later("INSERT INTO loads VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", self._run, *astuple(event))
            case RunFinished():
                ended = (self._clock(), event.status, event.seconds, event.run)
                self._later("UPDATE runs SET finished = ?, status = ?, seconds = ? WHERE id = ?", *ended)
                self._commit()
            case _:
                return

    def _begin(self, event: RunStarted) -> None:
        self._run = event.run
        who = this_process()
        what = (event.run, event.command, event.target, self._clock(), None, "running", None)
        begun = (*what, who.pid, who.host, who.born, self._arguments)
        self._later("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", *begun)
        for position, step in enumerate(event.steps):
            planned = (event.run, step, position, "planned")
            self._later("INSERT INTO steps (run, id, position, status) VALUES (?, ?, ?, ?)", *planned)
        self._commit()

    def _later(self, sql: str, *values: Any) -> None:
        self._waiting.append((sql, values))

    def _commit(self) -> None:
        if self.failed is not None or not self._waiting:
            return
        try:
            self._session.execute("BEGIN IMMEDIATE")
            for sql, values in self._waiting:
                self._session.execute(sql, values)
            self._session.execute("COMMIT")
        except sqlite3.Error as error:
            self.failed = error
            if self._session.in_transaction:
                self._session.execute("ROLLBACK")
        self._waiting.clear()


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A session that only reads. Raises PlaceUnusable where the file cannot be read."""
    try:
        with closing(sqlite3.connect(path, timeout=10)) as session:
            ((made,),) = session.execute("SELECT count(*) FROM sqlite_master WHERE type = 'table'").fetchall()
            if made < _TABLES:  # the disk was full, or the process ended, while the file was made
                empty = SCHEMA.replace("IF NOT EXISTS ", "IF NOT EXISTS hollow.")
                session.executescript(f"ATTACH ':memory:' AS hollow; {empty}")
            session.execute("PRAGMA query_only = ON")
            yield session
    except sqlite3.Error as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: sqlite3.Error) -> PlaceUnusable:
    hint = (
        "is the disk full, or the folder read-only? A damaged file can be deleted: it holds the history of runs alone"
    )
    return PlaceUnusable(f"{path}: {error}", hint=hint)


_RUNS = "SELECT id, command, target, status, started, seconds, pid, host, born, arguments FROM runs"


def runs(path: Path, *, target: str | None = None, limit: int = 20, commands: Sequence[str] = ()) -> list[RunRecord]:
    """The latest runs, newest first; of all commands, or of some."""
    if not path.exists():
        return []
    with _reading(path) as session:
        found = session.execute(
            f"{_RUNS} WHERE (?1 IS NULL OR target = ?1) AND (?3 = '[]' OR command IN (SELECT value FROM json_each(?3)))"
            " ORDER BY started DESC, rowid DESC LIMIT ?2",
            (target, limit, json.dumps(list(commands))),
        )
        return [_run_record(session, row) for row in found.fetchall()]


def run(path: Path, prefix: str) -> RunRecord | None:
    """The latest run whose id begins so."""
    if not path.exists():
        return None
    with _reading(path) as session:
        sql = f"{_RUNS} WHERE substr(id, 1, length(?1)) = ?1 ORDER BY started DESC, rowid DESC LIMIT 1"
        row = session.execute(sql, (prefix,)).fetchone()
        return _run_record(session, row) if row else None


def _run_record(session: sqlite3.Connection, row: tuple[Any, ...]) -> RunRecord:
    name, command, target, status, started, seconds, pid, host, born, arguments = row
    if status == "running" and not alive(Process(pid, host, born)):
        status = "killed"
    counts = dict(session.execute("SELECT status, count(*) FROM steps WHERE run = ? GROUP BY 1", (name,)).fetchall())
    if status == "killed" and "running" in counts:
        counts["killed"] = counts.pop("running")
    return RunRecord(name, command, target, status, started, seconds, pid, counts, json.loads(arguments))


def steps(path: Path, record: RunRecord) -> list[StepRecord]:
    """The steps of a run, in the plan's order."""
    sql = """
        SELECT id, CASE WHEN ?2 = 'killed' AND status = 'running' THEN 'killed' ELSE status END,
               started, seconds, rows, message, code, place, hint
        FROM steps WHERE run = ?1 ORDER BY position"""
    with _reading(path) as session:
        return [StepRecord(*row) for row in session.execute(sql, (record.id, record.status))]


def checks(path: Path, record: RunRecord) -> list[CheckFinished]:
    """How the tests of a run ended, in the order in which they did."""
    sql = "SELECT id, model, status, failures, seconds, message FROM checks WHERE run = ? ORDER BY rowid"
    with _reading(path) as session:
        return [CheckFinished(*row) for row in session.execute(sql, (record.id,))]


def loads(path: Path, record: RunRecord) -> list[RowsLoaded]:
    """The loads a run committed, with their counts."""
    sql = """
        SELECT stream, relation, load, read, inserted, updated, unchanged, duplicate, filtered, quarantined
        FROM loads WHERE run = ? ORDER BY rowid"""
    with _reading(path) as session:
        return [RowsLoaded(*row) for row in session.execute(sql, (record.id,))]


def batches(path: Path, record: RunRecord) -> list[BatchFinished]:
    """How the windows of a run's microbatch models ended."""
    sql = "SELECT step, start, finish, status FROM batches WHERE run = ? ORDER BY rowid"
    with _reading(path) as session:
        return [BatchFinished(*row) for row in session.execute(sql, (record.id,))]


def durations(path: Path, target: str) -> dict[str, float]:
    """How many seconds each step took when it last succeeded on the target."""
    if not path.exists():
        return {}
    sql = """
        SELECT steps.id, steps.seconds, max(steps.started) FROM steps JOIN runs ON runs.id = steps.run
        WHERE runs.target = ? AND steps.status IN ('success', 'warn') AND steps.seconds IS NOT NULL
        GROUP BY steps.id"""
    with _reading(path) as session:
        return {step: seconds for step, seconds, _ in session.execute(sql, (target,))}
