"""Which files of a stream are read: those that no load knows, and those that changed since."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from headrace.errors import FileAltered, NotSupported
from headrace.events import Warned, emit

if TYPE_CHECKING:
    from collections.abc import Collection

    from headrace.extract.listing import Sighting
    from headrace.project.file_sources import FilesStream
    from headrace.project.sources import Stream

Standing: TypeAlias = Literal["new", "changed", "loaded", "unsure", "gone"]
"""What is known of a file: `unsure`, where only its bytes would tell whether it is another; `gone`, where it is not there any more."""


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
        kept = self._tagged([one for one in listed if self.after is None or one.listed.name >= self.after])
        return [one for one in kept if self._undecided(one) or self.takes(one.listed.name, self.stamp(one, None))]

    def standings(self, listed: list[Sighting]) -> dict[str, Standing]:
        """What is known of each file that is listed or was loaded, by its name, without fetching one; of a zip, of its members."""
        names = {one.listed.name for one in listed}
        found: dict[str, Standing] = dict.fromkeys(names, "new")
        asked = {one.listed.name: one for one in self._tagged(listed)}
        now: dict[str, str | None] = {}
        for key, stamp in self.known.items():
            name = self._file_of(key, names)
            if name is None:
                found[key] = "gone" if self.after is None or key >= self.after else "loaded"
                continue
            if name != key:
                found.pop(name, None)
            if name in asked and name not in now:
                now[name] = self._now(asked[name])
            found[key] = self._standing(now.get(name), stamp, member=name != key)
        return found

    def _now(self, one: Sighting) -> str | None:
        """The stamp of a file; None where it could only be told from bytes that are not here."""
        unread = self.spec.changed_by == "content" and one.place is not None
        return None if unread else self.stamp(one, Path(one.listed.path))

    @staticmethod
    def _file_of(key: str, listed: Collection[str]) -> str | None:
        """The listed file that a key of the ledger is for: itself, or the zip that it lies in."""
        parts = key.split("!")
        whole = ("!".join(parts[:at]) for at in range(len(parts), 0, -1))
        return next((name for name in whole if name in listed), None)

    def _standing(self, now: str | None, before: str, *, member: bool) -> Standing:
        asked = self.spec.on_changed != "ignore" or self.spec.changed_by == "mtime"
        if self.spec.changed_by == "name" or not asked:
            return "loaded"
        if now is None:
            return "unsure"
        return "loaded" if before == now or (member and before.startswith(f"{now}-")) else "changed"

    def _tagged(self, listed: list[Sighting]) -> list[Sighting]:
        """The files whose tags are known now, if it is tags that count; those of which nothing is asked are left out."""
        if self.spec.changed_by != "etag":
            return listed
        kept = [one for one in listed if self.spec.on_changed != "ignore" or one.listed.name not in self.known]
        with ThreadPoolExecutor(16) as pool:
            self.tags = dict(zip((one.listed.name for one in kept), pool.map(self._tag, kept), strict=True))
        return kept

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
