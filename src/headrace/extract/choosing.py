"""Which files of a stream are read: those that no load knows, and those that changed since."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from headrace.errors import FileAltered, NotSupported
from headrace.events import Warned, emit

if TYPE_CHECKING:
    from pathlib import Path

    from headrace.extract.listing import Sighting
    from headrace.project.file_sources import FilesStream
    from headrace.project.sources import Stream


class Choice:
    """Which files are read: those that no load knows, and those that changed since, as the stream says."""

    def __init__(self, stream: Stream, spec: FilesStream, known: dict[str, str]) -> None:
        self.stream = stream
        self.spec = spec
        self.known = known
        self.tags: dict[str, str] = {}
        self.decided: dict[str, bool] = {}
        last = max(known, default=None) if spec.ascending else None
        self.after = last.partition("!")[0] if last else None

    def of_listed(self, listed: list[Sighting]) -> list[Sighting]:
        """Those of which it can be said before their bytes are looked at, and those of which it cannot."""
        kept = [one for one in listed if self.after is None or one.listed.name >= self.after]
        if self.spec.changed_by == "etag":
            kept = [one for one in kept if self.spec.on_changed != "ignore" or one.listed.name not in self.known]
            with ThreadPoolExecutor(16) as pool:
                self.tags = dict(zip((one.listed.name for one in kept), pool.map(self._tag, kept), strict=True))
        return [one for one in kept if self._undecided(one) or self.takes(one.listed.name, self.stamp(one, None))]

    def _undecided(self, one: Sighting) -> bool:
        zipped = one.listed.name.lower().endswith(".zip")
        unread = self.spec.changed_by == "content" and not (
            self.spec.on_changed == "ignore" and one.listed.name in self.known
        )
        return zipped or unread

    def _tag(self, one: Sighting) -> str:
        if one.place is None:
            hint = "`changed_by: mtime` or `content`"
            raise NotSupported(f"{one.listed.name}: files of this machine have no tags", hint=hint)
        return one.place.tag(one.listed.path)

    def stamp(self, one: Sighting, path: Path | None) -> str:
        """What stands for the file's content in the ledger."""
        if self.spec.changed_by == "etag":
            return self.tags.get(one.listed.name, "")
        if self.spec.changed_by == "content" and path is not None:
            with path.open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()
        return one.listed.version

    def takes(self, key: str, stamp: str) -> bool:
        """Whether the file is to be read. Raises FileAltered."""
        before = self.known.get(key)
        if before is None:
            return True
        if before == stamp or self.spec.changed_by == "name":
            return False
        if key not in self.decided:
            self.decided[key] = self._changed(key)
        return self.decided[key]

    def _changed(self, key: str) -> bool:
        label = self.stream.label
        if self.spec.on_changed == "error":
            raise FileAltered(f"{label}: {key} changed since it was loaded", where=self.stream.place)
        if self.spec.on_changed == "load" and self.stream.disposition == "append":
            emit(Warned(f"{label}: {key} changed and is loaded again; the rows it had before stay (`on_changed:`)"))
        return self.spec.on_changed == "load"
