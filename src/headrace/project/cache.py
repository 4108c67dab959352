"""What the first pass found in each file, kept between runs so that only changed files are rendered again."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from headrace.project.recording import Facts
from headrace.project.secrets import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

FORMAT = 3
"""Changes when what is kept changes."""


class FactsCache:
    """Facts by file, valid for one context: the same macros, variables and target. It is a file that may be deleted at any time."""

    def __init__(self, path: Path, context: Any, environ: Mapping[str, str]) -> None:
        self._path = path
        self._environ = environ
        self._context = digest(repr((FORMAT, context)))
        self._kept = self._read()
        self._new: dict[str, Any] = {}
        self._changed = False

    def _read(self) -> dict[str, Any]:
        try:
            data = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        kept = data.get("facts") if isinstance(data, dict) and data.get("context") == self._context else None
        return kept if isinstance(kept, dict) else {}

    def get(self, key: str, content: str, find: Callable[[], Facts]) -> Facts:
        """The facts of the file `key` with this content, found anew where they are not known."""
        mark = digest(content)
        known = self._kept.get(key)
        if known is not None and known["mark"] == mark and self._same_environment(known["environ"]):
            self._new[key] = known
            return _facts(known)
        facts = find()
        self._changed = True
        try:
            text = json.dumps(asdict(facts))
            record = json.loads(text)
        except (TypeError, ValueError):
            return facts
        # What holds a secret is found anew each time: no file of ours may have it.
        if _facts(record) == facts and redact(text) == text:
            self._new[key] = {"mark": mark, **record}
        return facts

    def _same_environment(self, read: Mapping[str, str | None]) -> bool:
        # A variable that was absent had its default's value, so both have to be compared as they would be read.
        return all(self._environ.get(name, value) == value for name, value in read.items())

    def save(self) -> None:
        """Keep what is known now for the next run, if anything changed."""
        if not self._changed and self._new.keys() == self._kept.keys():
            return
        text = json.dumps({"context": self._context, "facts": self._new})
        part = self._path.with_suffix(".part")
        with suppress(OSError):  # where nothing can be written, the next run reads all files again
            self._path.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(text, encoding="utf-8")
            part.replace(self._path)


def _facts(record: Mapping[str, Any]) -> Facts:
    return Facts(
        refs=[(package, name, version) for package, name, version in record["refs"]],
        sources=[(source, name) for source, name in record["sources"]],
        config=dict(record["config"]),
        macros=list(record["macros"]),
        reached=list(record["reached"]),
        environ=dict(record["environ"]),
    )


def digest(text: str) -> str:
    """A hash of text."""
    return hashlib.sha256(text.encode()).hexdigest()
