"""How the text of a file is encoded, by its bytes, and the same text as UTF-8, which is what all readers here read."""

from __future__ import annotations

import codecs
import hashlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

from headrace.errors import FileUnreadable

if TYPE_CHECKING:
    from pathlib import Path

    from headrace.extract.found import Found

_BLOCK = 1 << 20
_HEAD = 4096
_ENOUGH = 10_000
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_UNDEFINED = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_WRONG = re.compile("[\udc80-\udcff]")
_RIGHT = re.compile("[^\x00-\x7f\udc80-\udcff]")


def detected(stream: BinaryIO) -> str | None:
    """The encoding of a text, read from its beginning; None where its bytes are of none that can be told from others.

    A mark at the beginning says it; zeros in every second byte are UTF-16; what has more bytes that are wrong in UTF-8 than
    characters that are right in it is Windows' Western one, if none of its bytes is undefined there.
    """
    head = stream.read(_HEAD)
    if found := marked(head):
        return found
    pairs = max(len(head) // 2, 1)
    if head[1::2].count(0) > pairs * 0.3 and head[::2].count(0) < pairs * 0.05:
        return "utf-16-le"
    if head[::2].count(0) > pairs * 0.3 and head[1::2].count(0) < pairs * 0.05:
        return "utf-16-be"
    stream.seek(0)
    wrong, right, undefined = _counted(stream)
    if wrong <= right:
        return "utf-8"
    return None if undefined else "cp1252"


def marked(head: bytes) -> str | None:
    """What the mark at the beginning of a file says, if there is one. UTF-32's begins as UTF-16's does, and is looked for first."""
    return next((name for mark, name in _MARKS.items() if head.startswith(mark)), None)


def _counted(stream: BinaryIO) -> tuple[int, int, int]:
    """How many bytes are wrong in UTF-8, how many characters beyond ASCII are right, and how many bytes Windows does not define."""
    wrong = right = undefined = 0
    rest = b""
    while (block := stream.read(_BLOCK)) and wrong + right < _ENOUGH:
        block = rest + block
        if block.isascii():
            rest = b""
            continue
        # A character may be cut at the end of a block.
        cut = max(len(block) - 4, 0) + next((at for at, byte in enumerate(block[-4:]) if byte >= 0xC0), 4)
        block, rest = (block[:cut], block[cut:]) if cut else (block, b"")
        text = block.decode("utf-8", "surrogateescape")
        wrong += len(_WRONG.findall(text))
        right += len(_RIGHT.findall(text))
        undefined += len(_UNDEFINED.findall(block))
    return wrong + len(_WRONG.findall(rest.decode("utf-8", "surrogateescape"))), right, undefined


def is_utf8(encoding: str) -> bool:
    """Whether the name is one of UTF-8's."""
    return encoding.lower().replace("_", "-") in ("utf-8", "utf8", "utf-8-sig", "ascii", "us-ascii")


def as_utf8(file: Found, encoding: str, scratch: Path) -> Found:
    """The file, with its text in UTF-8. Bytes that mean nothing become one that is wrong in UTF-8 too. Raises FileUnreadable."""
    if is_utf8(encoding):
        return file
    try:
        decoder = codecs.getincrementaldecoder(encoding)("headrace_wrong")
        "".encode(encoding)
    except LookupError:
        raise FileUnreadable(
            f"{file.key}: there is no encoding '{encoding}'", hint="such as cp1252 or utf-16"
        ) from None
    mark = hashlib.sha256(f"{file.key}\n{file.stamp}\n{encoding}".encode("utf-8", "surrogatepass")).hexdigest()[:16]
    target = scratch / f"{mark}-utf8"
    if not target.exists():
        partial = target.with_name(f"{target.name}.part")
        with file.path.open("rb") as source, partial.open("wb") as sink:
            try:
                while block := source.read(_BLOCK):
                    sink.write(_encoded(decoder.decode(block)))
                sink.write(_encoded(decoder.decode(b"", final=True)))
            except UnicodeError as error:
                raise FileUnreadable(f"{file.key} is not {encoding}: {str(error)[:100]}") from error
        partial.rename(target)
    return replace(file, path=target)


def _encoded(text: str) -> bytes:
    return text.removeprefix("\ufeff").encode("utf-8", "surrogateescape")


def _wrong(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\udcff", error.end


codecs.register_error("headrace_wrong", _wrong)
