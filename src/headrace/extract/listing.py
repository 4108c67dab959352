"""The files of a stream, wherever they are: what its path stands for, in the order of the names."""

from __future__ import annotations

import difflib
import glob
import re
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.errors import FilesNotFound
from headrace.extract.places import Listed, Place, is_pattern, matching
from headrace.project.file_places import Access, scheme_of
from headrace.project.file_sources import Days

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from headrace.project.file_sources import FilesStream
    from headrace.retry import Clock


_WILD_IN_URL = re.compile(r"[*\[]")


@dataclass(frozen=True, slots=True)
class Sighting:
    """A file that was listed, and the place where it is; None is this machine."""

    listed: Listed
    place: Place | None = None


class Places:
    """The places that the paths of one stream name, each opened once. No `access` is none that needs a secret."""

    def __init__(self, access: Access | None, clock: Clock) -> None:
        self.access = access or Access()
        self.clock = clock
        self._open: dict[str, Place] = {}

    def at(self, url: str) -> tuple[Place, str]:
        """The place of a URL, and the path or pattern in it. Raises what opening raises."""
        scheme, _, rest = url.partition("://")
        key = f"{scheme}://{rest.partition('/')[0]}" + ("/~" if rest.partition("/")[2].startswith("~/") else "")
        if scheme in ("http", "https"):
            from headrace.extract.web_files import Web

            return self._open.setdefault(key, self._open.get(key) or Web(url, self.access.http, self.clock)), url
        if scheme == "sftp":
            from headrace.extract import sftp

            place = self._open.setdefault(key, self._open.get(key) or sftp.opened(url, self.access.sftp))
            return place, sftp.path_of(url)
        from headrace.extract import object_stores

        place = self._open.setdefault(key, self._open.get(key) or object_stores.opened(url, self.access))
        return place, object_stores.path_of(url)

    def close(self) -> None:
        """End all connections."""
        for place in self._open.values():
            place.close()


def find(folder: str, spec: FilesStream, places: Places, today: date, after: str | None = None) -> list[Sighting]:
    """The files a stream's path matches, in the order of their names. Raises FilesNotFound.

    With `after`, those whose names sort before it need not be among them.
    """
    patterns = expanded(spec.path, spec.for_each, today)
    found: dict[str, Sighting] = {}
    for pattern in patterns:
        for one in _matched(folder, pattern, places, after):
            found[one.listed.name] = one
    if not found and after is None:
        raise _none(folder, spec.path)
    return [found[name] for name in sorted(found)]


def expanded(path: str, names: Mapping[str, tuple[str, ...] | Days], today: date) -> list[str]:
    """The paths that a path with names in braces stands for."""
    choices = [[(name, value) for value in _values(of, today)] for name, of in names.items()]
    made = []
    for chosen in product(*choices):
        one = path
        for name, value in chosen:
            one = one.replace(f"{{{name}}}", value)
        made.append(one)
    return made


def _values(of: tuple[str, ...] | Days, today: date) -> list[str]:
    if not isinstance(of, Days):
        return list(of)
    days = ((of.to or today) - of.first).days
    return [(of.first + timedelta(days=day)).strftime(of.format) for day in range(days + 1)]


def _matched(folder: str, pattern: str, places: Places, after: str | None) -> Iterator[Sighting]:
    if scheme_of(pattern) is None:
        root = Path(folder)
        for path in glob.glob(str(root / pattern), recursive=True):  # noqa: PTH207 - the pattern may be absolute
            if (one := local(Path(path), root)) is not None:
                yield Sighting(one)
        return
    place, path = places.at(pattern)
    if scheme_of(pattern) in ("http", "https") and not _WILD_IN_URL.search(path):
        # `?` begins the parameters of a URL.
        if (one := place.look(path)) is not None:
            yield Sighting(one, place)
        return
    yield from (Sighting(one, place) for one in matching(place, path, after))


def local(path: Path, root: Path) -> Listed | None:
    """A file of this machine; None for a folder, and for what is gone since it was listed."""
    try:
        facts = path.stat()
    except FileNotFoundError:
        return None
    if not path.is_file():
        return None
    name = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
    return Listed(str(path), name, f"{facts.st_size}-{facts.st_mtime_ns}", facts.st_size)


def _none(folder: str, path: str) -> FilesNotFound:
    if scheme_of(path) is not None:
        hint = "the place was reached, and has no such file" if is_pattern(path) else None
        return FilesNotFound(f"no file matches '{path}'", hint=hint)
    wanted = (Path(folder) / path).parent
    beside = sorted(one.name for one in wanted.iterdir()) if wanted.is_dir() else []
    near = difflib.get_close_matches(Path(path).name, beside, n=3, cutoff=0.4)
    hint = f"there is {', '.join(near)}" if near else None
    return FilesNotFound(f"no file matches '{path}' in {Path(folder)}", hint=hint)
