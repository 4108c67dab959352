"""Files of other places on this disk: a few at once, gone on with where a transfer broke, and whole before anybody reads them."""

from __future__ import annotations

import hashlib
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.counting import count
from headrace.errors import FileVanished, SourceUnavailable
from headrace.events import RequestRetried, emit
from headrace.extract.listing import Sighting
from headrace.extract.places import Broken
from headrace.retry import Backoff

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from concurrent.futures import Future

    from headrace.extract.places import Listed, Place
    from headrace.retry import Clock

_ATTEMPTS = 5
_VERSIONS = 3


def fetched(
    sightings: Sequence[Sighting], label: str, scratch: Path, clock: Clock, parallel: int
) -> Generator[tuple[Sighting, Path]]:
    """Each file with where it is on this disk, in order; those of this machine where they are.

    `parallel` files are under way while one is read. A file that changes while it is fetched is fetched as it is then, and its sighting
    says so. Raises FileVanished, SourceUnavailable and SourceRefused.
    """
    waiting: deque[tuple[Sighting, Future[tuple[Sighting, Path]] | None]] = deque()
    following = iter(sightings)
    pool = ThreadPoolExecutor(parallel, thread_name_prefix="fetch")
    try:
        while True:
            while len(waiting) < parallel and (one := next(following, None)) is not None:
                far = one.place is not None
                waiting.append((one, pool.submit(_fetched, one, label, scratch, clock) if far else None))
            if not waiting:
                return
            one, future = waiting.popleft()
            yield future.result() if future else (one, Path(one.listed.path))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _fetched(sighting: Sighting, label: str, scratch: Path, clock: Clock) -> tuple[Sighting, Path]:
    place, file = sighting.place, sighting.listed
    if place is None:
        raise TypeError(f"{file.name} is on this machine")
    for _ in range(_VERSIONS):
        target = _target(place, file, scratch)
        if not target.exists():
            part = target.with_name(f"{target.name}.part")
            target.parent.mkdir(parents=True, exist_ok=True)
            _whole(place, file, part, label, clock)
            now = place.look(file.path)
            if now is None:
                raise _vanished(file)
            if now.version != file.version:
                part.unlink()
                file = now
                continue
            part.rename(target)
        return Sighting(file, place), target
    raise FileVanished(f"{file.name} changed each of the {_VERSIONS} times it was fetched")


def _target(place: Place, file: Listed, scratch: Path) -> Path:
    # The mark makes a version of its own place of each version, and keeps the length of the path before the name the same for all.
    mark = hashlib.sha256(f"{file.name}\n{file.version}".encode()).hexdigest()[:16]
    inner = [
        step for step in file.name.partition("://")[2].split("?")[0].split("/") if step not in ("", ".", "..", "~")
    ]
    return scratch.joinpath(place.scratch_name, mark, *inner)


def _whole(place: Place, file: Listed, part: Path, label: str, clock: Clock) -> None:
    """All bytes of the file in `part`; as many attempts as it takes while each brings some."""
    pauses = Backoff()
    attempt, reached = 1, -1
    while True:
        try:
            place.fetch(file, part)
            size = part.stat().st_size
            if file.size is None or size == file.size:
                return
            reason = f"{count(size, 'byte')} came, and {count(file.size, 'was', 'were')} announced"
            if size > file.size:
                part.unlink()
        except FileNotFoundError as error:
            raise _vanished(file) from error
        except Broken as error:
            reason = str(error)
        size = part.stat().st_size if part.exists() else 0
        attempt = attempt + 1 if size <= reached else 1
        reached = max(reached, size)
        if attempt >= _ATTEMPTS:
            raise SourceUnavailable(
                f"{file.name} cannot be fetched: {reason}",
                hint=f"{count(size, 'byte is', 'bytes are')} here: the next load goes on after them",
            )
        delay = pauses.delay(attempt, clock.random)
        emit(RequestRetried(label, attempt, round(delay, 3), reason))
        clock.sleep(delay)


def _vanished(file: Listed) -> FileVanished:
    return FileVanished(f"{file.name} was listed, and is gone")
