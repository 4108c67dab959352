"""Pages that arrived and are not yet in a segment, on disk: a run that is killed does not ask for them again.

A page is a line of JSON that says what it is, and its body after it. Nothing is synced: what a killed process wrote is there for the
next one; after a power cut, pages of the last seconds may be asked for again. A file is gone as soon as all of its pages are landed.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from headrace.extract.paging import Page

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(slots=True)
class _File:
    path: Path
    out: IO[bytes] | None = None
    live: set[str] = field(default_factory=set)


class Spool:
    """The pages of one reading, by a key for each; threads add to it as their pages arrive."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._found: dict[str, tuple[Path, int, int, dict[str, Any]]] = {}
        self._files = [_File(path) for path in sorted(folder.glob("*.pages"))]
        for file in self._files:
            self._read(file)
        self._number = max((int(file.path.stem) for file in self._files), default=0)

    def take(self, key: str) -> tuple[Page, dict[str, Any]] | None:
        """The page that arrived under this key, and what else was kept with it; None where it did not."""
        with self._lock:
            found = self._found.get(key)
        if found is None:
            return None
        path, start, length, about = found
        with path.open("rb") as pages:
            pages.seek(start)
            body = pages.read(length).decode()
        page = Page(**{**about["page"], "body": body})
        return page, about["known"]

    def add(self, key: str, page: Page, known: dict[str, Any]) -> None:
        """Keep a page: its body, its link and what the paginator saw of it, but no other header."""
        body = page.body.encode()
        about = {
            "url": page.url,
            "headers": dict(page.headers),
            "rows": page.rows,
            "values": dict(page.values),
            "ignored": page.ignored,
            "reached": page.reached,
        }
        head = json.dumps({"key": key, "length": len(body), "page": about, "known": known}).encode()
        with self._lock:
            file = self._open()
            if file.out is not None:
                file.out.write(head + b"\n" + body + b"\n")
                file.out.flush()
            file.live.add(key)

    def begin(self) -> None:
        """From now on pages go into another file: those before it are about to be landed."""
        with self._lock:
            self._end_file()

    def landed(self, keys: Iterable[str]) -> None:
        """These pages are safe elsewhere."""
        gone = set(keys)
        with self._lock:
            for file in self._files:
                file.live -= gone
            for file in [one for one in self._files if not one.live and one.out is None]:
                self._files.remove(file)
                file.path.unlink(missing_ok=True)
            for key in gone:
                self._found.pop(key, None)

    def close(self, *, done: bool) -> None:
        """End writing; a reading that is done needs none of it any more."""
        with self._lock:
            self._end_file()
            for file in self._files if done else ():
                file.path.unlink(missing_ok=True)

    def _open(self) -> _File:
        if not self._files or self._files[-1].out is None:
            self._number += 1
            path = self._folder / f"{self._number:06d}.pages"
            self._files.append(_File(path, path.open("wb")))
        return self._files[-1]

    def _end_file(self) -> None:
        if self._files and self._files[-1].out is not None:
            self._files[-1].out.close()
            self._files[-1].out = None

    def _read(self, file: _File) -> None:
        """Find the pages of a file, up to one that was not written to its end."""
        size = file.path.stat().st_size
        with file.path.open("rb") as pages:
            while head := pages.readline():
                try:
                    about = json.loads(head)
                except ValueError:
                    return
                start, length = pages.tell(), about["length"]
                if start + length + 1 > size:
                    return
                self._found[about["key"]] = (file.path, start, length, about)
                file.live.add(about["key"])
                pages.seek(start + length + 1)
