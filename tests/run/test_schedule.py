"""Jobs in threads."""

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.run.schedule import Job, run_jobs


@st.composite
def graphs(draw):
    names = [f"j{n}" for n in range(draw(st.integers(1, 12)))]
    jobs = []
    for index, name in enumerate(names):
        earlier = st.frozensets(st.sampled_from(names[:index])) if index else st.just(frozenset())
        jobs.append(Job(name, needs=draw(earlier), after=draw(earlier), pool=draw(st.sampled_from([None, "api"]))))
    return jobs, draw(st.frozensets(st.sampled_from(names)))


@settings(deadline=None, max_examples=60)
@given(graphs(), st.integers(1, 4))
def test_a_job_starts_when_all_before_it_ended_and_is_skipped_exactly_when_a_need_did_not_succeed(case, threads):
    jobs, failing = case
    ended, lock = set(), threading.Lock()

    def work(name):
        job = next(job for job in jobs if job.id == name)
        with lock:
            assert job.needs | job.after <= ended
            ended.add(name)
        return name not in failing

    def skip(name):
        with lock:
            ended.add(name)

    endings = run_jobs(jobs, work, skip, threads=threads, limits={"api": 1})

    expected = {}
    for job in jobs:
        if any(expected[need] != "done" for need in job.needs):
            expected[job.id] = "skipped"
        else:
            expected[job.id] = "failed" if job.id in failing else "done"
    assert endings == expected


def test_a_pool_is_never_used_by_more_jobs_than_its_limit():
    inside, most, lock = 0, 0, threading.Lock()
    gate = threading.Barrier(2, timeout=10)

    def work(name):
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        gate.wait()
        with lock:
            inside -= 1
        return True

    run_jobs([Job(f"j{n}", pool="api") for n in range(6)], work, lambda _: None, threads=4, limits={"api": 2})

    assert most == 2


def test_the_longest_remaining_path_starts_first():
    started = []

    run_jobs(
        [Job("short", rank=1.0), Job("long", rank=9.0), Job("middle", rank=5.0)],
        lambda name: not started.append(name),
        lambda _: None,
        threads=1,
        limits={},
    )

    assert started == ["long", "middle", "short"]


def test_fail_fast_starts_nothing_new_and_tells_of_what_was_skipped():
    skipped = []
    jobs = [Job("bad", rank=9.0), Job("later", rank=1.0), Job("child", needs=frozenset({"bad"}))]

    endings = run_jobs(jobs, lambda name: name != "bad", skipped.append, threads=1, limits={}, fail_fast=True)

    assert endings == {"bad": "failed", "later": "skipped", "child": "skipped"}
    assert sorted(skipped) == ["child", "later"]


def test_what_a_job_raises_ends_the_run_and_is_raised_to_the_caller():
    with pytest.raises(ZeroDivisionError):
        run_jobs(
            [Job("a"), Job("b", needs=frozenset({"a"}))], lambda _: bool(1 / 0), lambda _: None, threads=2, limits={}
        )
