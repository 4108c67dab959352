"""Records that an API prepares first: a job is begun, asked for until it is done, and downloaded."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from headrace.durable import write_json
from headrace.errors import RequestFailed
from headrace.extract.expressions import addressed, filled
from headrace.extract.gate import pause
from headrace.extract.http import Request
from headrace.extract.paths import keys_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from headrace.extract.http import Http, Policy
    from headrace.extract.parts import Part
    from headrace.project.apis import Job


_UNKNOWN = (404, 410)
_SHOWN = 200


class JobFailed(RequestFailed):
    """The API says that it could not do a job: it has to be begun anew."""


def prepared(
    job: Job, part: Part, http: Http, policy: Policy, label: str, scratch: Path | None
) -> tuple[Request, dict[str, Any]]:
    """The request for what a job made, after waiting for it, and the values with its id. Raises RequestFailed.

    The id is kept in `scratch`, so that a run that died does not have the same job made again; that of a job which failed, or which
    the API does not know any more, is not.
    """
    named = hashlib.sha256(part.key.encode()).hexdigest()[:16]
    kept = scratch / f"job-{named}.json" if scratch else None
    if kept is not None and kept.is_file():
        begun = json.loads(kept.read_text(encoding="utf-8"))
    else:
        begun = _begun(job, part, http, policy, label)
        if kept is not None:
            write_json(kept, begun)
    values = {**part.values, "job.id": begun}
    try:
        answer = _awaited(job, values, http, policy, label)
    except RequestFailed as failure:
        if kept is not None and (isinstance(failure, JobFailed) or getattr(failure, "status", None) in _UNKNOWN):
            kept.unlink(missing_ok=True)
        raise
    download = job.download
    if download.url_path:
        url = _at(answer, download.url_path)
        if not isinstance(url, str):
            raise RequestFailed(f"{label}: the job's answer has no URL at '{download.url_path}'")
        return Request(url, "GET", filled(download.params, values)), values
    path, params = addressed(download.path or job.poll.path, download.params, values)
    return Request(path, "GET", params), values


def _begun(job: Job, part: Part, http: Http, policy: Policy, label: str) -> Any:
    create = job.create
    path, params = addressed(create.path, create.params, part.values)
    body, data = filled(create.json_body, part.values), filled(create.data, part.values)
    request = Request(path, create.method, params, body, filled(create.headers, part.values), data)
    found = _at(_answer(http, request, policy, label), create.id_path)
    if found is None:
        raise RequestFailed(f"{label}: the answer that begins a job has no id at '{create.id_path}'")
    return found


def _awaited(job: Job, values: Mapping[str, Any], http: Http, policy: Policy, label: str) -> Any:
    poll = job.poll
    path, params = addressed(poll.path, poll.params, values)
    until = http.clock.monotonic() + poll.timeout
    while True:
        answer = _answer(http, Request(path, "GET", params), policy, label)
        told = _at(answer, poll.status_path)
        status = str(told).lower()
        if status in {one.lower() for one in poll.completed}:
            return answer
        if status in {one.lower() for one in poll.failed}:
            said = " ".join(http.shown(json.dumps(answer, ensure_ascii=False)).split())[:_SHOWN]
            raise JobFailed(f"{label}: the API says of its job {values['job.id']}: {status}: {said}")
        if http.clock.monotonic() >= until:
            still = f"but still {status}" if told is not None else f"and the answer has nothing at '{poll.status_path}'"
            raise RequestFailed(
                f"{label}: the job {values['job.id']} was not done after {poll.timeout:g} {'second' if poll.timeout == 1 else 'seconds'}, {still}"
            )
        pause(poll.interval, http.clock, http.stopped)


def _answer(http: Http, request: Request, policy: Policy, label: str) -> Any:
    found: list[Any] = []

    def check(body: str) -> str | None:
        found.clear()
        try:
            found.append(json.loads(body))
        except ValueError:
            return "the body is not JSON"
        return None

    http.fetch(request, policy, label, check)
    return found[-1] if found else None


def _at(answer: Any, path: str) -> Any:
    for key in keys_of(path):
        if isinstance(answer, list) and key.isdigit() and int(key) < len(answer):
            answer = answer[int(key)]
        else:
            answer = answer.get(key) if isinstance(answer, dict) else None
    return answer
