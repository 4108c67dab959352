"""Files of a project as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.errors import Place, TextInvalid

if TYPE_CHECKING:
    from pathlib import Path


def text_of(path: Path, shown: str | None = None) -> str:
    """What is in a file; `shown` is what messages call it, if that is not its name. Raises TextInvalid and OSError."""
    raw = path.read_bytes()
    try:
        return raw.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        byte = raw[error.start]
        raise TextInvalid(
            f"the file is not UTF-8: a line has the byte 0x{byte:02x}",
            where=Place(shown or path.name, line),
            hint="save it as UTF-8",
        ) from None
