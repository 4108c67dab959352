"""Jobs in threads: those on the longest remaining path first, within two limits, and no job before what it needs."""

from __future__ import annotations

import threading
from collections import Counter
from contextvars import copy_context
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Ending: TypeAlias = Literal["done", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of work: it starts when all in `needs` and `after` have ended, and is skipped if one in `needs` did not succeed.

    `pool` names a resource that only so many jobs may use at once; `rank` is the cost of the dearest chain that hangs on the job.
    """

    id: str
    needs: frozenset[str] = frozenset()
    after: frozenset[str] = frozenset()
    pool: str | None = None
    rank: float = 0.0


@dataclass(slots=True)
class _Board:
    """What is known of all jobs; every access is under `changed`."""

    waiting: dict[str, Job]
    limits: Mapping[str, int]
    endings: dict[str, Ending] = field(default_factory=dict)
    ready: dict[str | None, list[tuple[float, str, Job]]] = field(default_factory=dict)
    """Of each pool, a heap of the jobs that may start, dearest first."""
    missing: dict[str, int] = field(default_factory=dict)
    followers: dict[str, list[Job]] = field(default_factory=dict)
    in_use: Counter[str] = field(default_factory=Counter)
    running: int = 0
    halted: bool = False
    fault: BaseException | None = None
    changed: threading.Condition = field(default_factory=threading.Condition)

    def open(self) -> None:
        """Count what each job waits for, and find those that wait for nothing."""
        for job in self.waiting.values():
            before = {other for other in job.needs | job.after if other in self.waiting}
            self.missing[job.id] = len(before)
            for other in before:
                self.followers.setdefault(other, []).append(job)
        for job in self.waiting.values():
            if not self.missing[job.id]:
                self._offer(job)

    def _offer(self, job: Job) -> None:
        heappush(self.ready.setdefault(job.pool, []), (-job.rank, job.id, job))

    def take(self) -> Job | None:
        """The best ready job whose pool has room."""
        free = (heap for pool, heap in self.ready.items() if heap and self._has_room(pool))
        best = min(free, key=lambda heap: heap[0][:2], default=None)
        if best is None:
            return None
        job = heappop(best)[-1]
        if job.pool is not None:
            self.in_use[job.pool] += 1
        self.running += 1
        return job

    def _has_room(self, pool: str | None) -> bool:
        return pool is None or self.in_use[pool] < self.limits.get(pool, 1)

    def end(self, job: Job, ending: Ending) -> list[Job]:
        """Note an ending; the jobs that can never start because of it, to be told about."""
        if ending != "skipped":
            self.running -= 1
            if job.pool is not None:
                self.in_use[job.pool] -= 1
        self.endings[job.id] = ending
        lost: list[Job] = []
        for follower in self.followers.get(job.id, ()):
            self.missing[follower.id] -= 1
            if self.missing[follower.id]:
                continue
            if any(self.endings.get(need, "done") != "done" for need in follower.needs):
                lost.append(follower)
            else:
                self._offer(follower)
        return lost


def run_jobs(
    jobs: Sequence[Job],
    work: Callable[[str], bool],
    skip: Callable[[str], None],
    *,
    threads: int,
    limits: Mapping[str, int],
    cancel: Callable[[], None] = lambda: None,
    fail_fast: bool = False,
) -> dict[str, Ending]:
    """Do all jobs; how each ended. `work` says whether a job succeeded; `skip` is told of each that will not run.

    What `work` raises stops everything and is raised here once the running jobs have ended. On KeyboardInterrupt nothing new starts,
    `cancel` is called to cut short what runs, and the running jobs have ten seconds to end. With `fail_fast`, nothing new starts
    after a failure.
    """
    board = _Board({job.id: job for job in jobs}, limits)
    board.open()
    # Threads are waited for by events: before Python 3.13 a join that Ctrl-C cuts short takes the thread for ended ever after.
    ends = [threading.Event() for _ in range(max(1, min(threads, len(board.waiting))))]
    for number, end in enumerate(ends):
        arguments = (_labour, board, work, skip, fail_fast, end)
        threading.Thread(target=copy_context().run, args=arguments, name=f"worker-{number}", daemon=True).start()
    try:
        for end in ends:
            while not end.wait(0.5):
                pass
    except KeyboardInterrupt:
        with board.changed:
            board.halted = True
            board.changed.notify_all()
        cancel()
        for end in ends:
            end.wait(10)
        raise
    if board.fault:
        raise board.fault
    for job in jobs:
        if job.id not in board.endings:
            board.endings[job.id] = "skipped"
            skip(job.id)
    return board.endings


def _labour(
    board: _Board,
    work: Callable[[str], bool],
    skip: Callable[[str], None],
    fail_fast: bool,  # noqa: FBT001 - a thread's arguments are positional
    end: threading.Event,
) -> None:
    try:
        _work_off(board, work, skip, fail_fast=fail_fast)
    finally:
        end.set()


def _work_off(board: _Board, work: Callable[[str], bool], skip: Callable[[str], None], *, fail_fast: bool) -> None:
    while True:
        with board.changed:
            while (job := None if board.halted else board.take()) is None:
                if board.halted or not board.running:
                    board.changed.notify_all()
                    return
                board.changed.wait()
        try:
            ending: Ending = "done" if work(job.id) else "failed"
        except BaseException as fault:  # noqa: BLE001 - it is raised again in the thread that waits
            with board.changed:
                board.halted, board.fault = True, board.fault or fault
                board.running -= 1
                board.changed.notify_all()
            return
        _finish(board, job, ending, skip)
        if fail_fast and ending == "failed":
            with board.changed:
                board.halted = True
                board.changed.notify_all()


def _finish(board: _Board, job: Job, ending: Ending, skip: Callable[[str], None]) -> None:
    with board.changed:
        told: list[Job] = []
        lost = board.end(job, ending)
        while lost:
            one = lost.pop()
            told.append(one)
            lost.extend(board.end(one, "skipped"))
        for one in told:
            skip(one.id)
        board.changed.notify_all()
